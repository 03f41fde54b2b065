//! One event of audit.k8s.io/v1, as much of it as is asked for.

use std::net::IpAddr;

use super::clients::Clients;
use super::json::{Cursor, Damage, Field, Seen, Text};
use super::parts::{OF_USER, Object, last, object, status, text, time};
use super::time::{Instant, Near};

pub use super::stage::Stage;

/// The fields of an event in the order in which the API server writes them. Those between the ones that are
/// asked for are named, too, so that each is found at once.
pub const FIELDS: &[Field] = &[
    Field::new(b"\"kind\":"),
    Field::new(b"\"apiVersion\":"),
    Field::new(b"\"level\":"),
    Field::new(b"\"auditID\":"),
    Field::new(b"\"stage\":"),
    Field::new(b"\"requestURI\":"),
    Field::new(b"\"verb\":"),
    Field::new(b"\"user\":"),
    Field::new(b"\"impersonatedUser\":"),
    Field::new(b"\"sourceIPs\":"),
    Field::new(b"\"userAgent\":"),
    Field::new(b"\"objectRef\":"),
    Field::new(b"\"responseStatus\":"),
    Field::new(b"\"requestObject\":"),
    Field::new(b"\"responseObject\":"),
    Field::new(b"\"requestReceivedTimestamp\":"),
    Field::new(b"\"stageTimestamp\":"),
    Field::new(b"\"annotations\":"),
];
const KIND: usize = 0;
const AUDIT_ID: usize = 3;
const STAGE: usize = 4;
const REQUEST_URI: usize = 5;
const VERB: usize = 6;
const USER: usize = 7;
const IMPERSONATED_USER: usize = 8;
const SOURCE_IPS: usize = 9;
const USER_AGENT: usize = 10;
const OBJECT_REF: usize = 11;
const RESPONSE_STATUS: usize = 12;
const RECEIVED: usize = 15;
const REACHED: usize = 16;
const ANNOTATIONS: usize = 17;

/// What the API server writes before the audit id, at each level that it logs.
const BEGINNINGS: &[&[u8]] = &[
    br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","#,
    br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","#,
    br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","#,
];

/// Whether a field of an event is asked for.
pub fn is_asked_for(name: &[u8]) -> bool {
    const OTHERS: [&[u8]; 5] = [
        b"apiVersion",
        b"level",
        b"requestObject",
        b"responseObject",
        b"annotations",
    ];
    !OTHERS.contains(&name) && FIELDS.iter().any(|field| field.name() == name)
}

/// What was read of the lines before, of which much stands in the next one again.
#[derive(Default)]
pub struct Before<'a> {
    clients: Clients,
    sources: Seen<'a, Text<'a>>,
    user_agent: Seen<'a, Text<'a>>,
    object: Seen<'a, Object<'a>>,
    code: Seen<'a, u16>,
    annotations: Seen<'a, ()>,
    time: Near,
}

impl Before<'_> {
    /// Nothing but clients that are known.
    pub fn of(clients: Clients) -> Self {
        Before {
            clients,
            ..Before::default()
        }
    }

    /// The clients that are known, which outlast the lines.
    pub fn clients(self) -> Clients {
        self.clients
    }
}

/// What an event says. Texts that are not there are empty.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// When in the request's life.
    pub stage: Stage,
    /// The request's own id, which all of its events share.
    pub audit_id: Text<'a>,
    /// The verb: of a path, the HTTP method in lower case.
    pub verb: Text<'a>,
    /// The path and query.
    pub uri: Text<'a>,
    /// Who asked: the user that was authenticated.
    pub user: Text<'a>,
    /// The user's groups: a list as it stands in the line, or nothing.
    pub groups: &'a [u8],
    /// What the authenticator adds: an object as it stands in the line, or nothing.
    pub extra: &'a [u8],
    /// As whom the user asked, where that was somebody else.
    pub impersonated: Option<Text<'a>>,
    /// The address at the other end of the connection. Those before it in the list are what the client says.
    pub source: Text<'a>,
    /// What the client calls itself.
    pub user_agent: Text<'a>,
    /// The resource.
    pub resource: Text<'a>,
    /// Its API group; empty for the core group.
    pub group: Text<'a>,
    /// Its subresource.
    pub subresource: Text<'a>,
    /// Its namespace.
    pub namespace: Text<'a>,
    /// The object's name.
    pub name: Text<'a>,
    /// The answer's HTTP status; 0 when there is none yet.
    pub code: u16,
    /// When the request arrived.
    pub received: Option<Instant>,
    /// When the stage was reached.
    pub reached: Option<Instant>,
}

impl<'a> Event<'a> {
    /// Reads a line. Of a doubled key the last value counts; `null` is nothing.
    ///
    /// # Errors
    /// Why it is no event.
    pub fn read(line: &'a [u8]) -> Result<Event<'a>, Damage> {
        let mut event = Event::empty();
        event.fill(Cursor::new(line), &mut Before::default())?;
        Ok(event)
    }

    /// Reads one of many lines, and calls back with what it says; `plain` says that it is known to hold no
    /// control characters.
    ///
    /// # Errors
    /// As [`Event::read`].
    #[inline]
    pub fn read_after<T>(
        before: &mut Before<'a>,
        line: &'a [u8],
        plain: bool,
        then: impl FnOnce(&Event<'a>) -> T,
    ) -> Result<T, Damage> {
        let cursor = if plain {
            Cursor::without_control(line)
        } else {
            Cursor::new(line)
        };
        let mut event = Event::empty();
        event.fill(cursor, before)?;
        Ok(then(&event))
    }

    /// One that says nothing.
    fn empty() -> Event<'a> {
        Event {
            stage: Stage::Other,
            audit_id: Text::default(),
            verb: Text::default(),
            uri: Text::default(),
            user: Text::default(),
            groups: &[],
            extra: &[],
            impersonated: None,
            source: Text::default(),
            user_agent: Text::default(),
            resource: Text::default(),
            group: Text::default(),
            subresource: Text::default(),
            namespace: Text::default(),
            name: Text::default(),
            code: 0,
            received: None,
            reached: None,
        }
    }

    /// Reads what is said into one that says nothing, since it is large and seldom kept.
    fn fill(&mut self, mut cursor: Cursor<'a>, before: &mut Before<'a>) -> Result<(), Damage> {
        let mut kind = None;
        let mut stage = None;
        if cursor.peek()? != b'{' {
            cursor.skip()?;
            cursor.end()?;
            return Err(Damage::NotEvent);
        }
        // What does not fit is told only of a line that is JSON to its end.
        let mut fits = Ok(());
        let each = |at: &mut Cursor<'a>, field: usize| {
            let start = *at;
            match self.field(at, before, field, &mut kind, &mut stage) {
                Err(Damage::Misfit) => {
                    fits = Err(Damage::Misfit);
                    *at = start;
                    at.skip()
                }
                other => other,
            }
        };
        // They say that it is an event, as nothing does, too.
        cursor.object_behind((BEGINNINGS, AUDIT_ID), FIELDS, each)?;
        cursor.end()?;
        match (kind, stage) {
            (None, Some(stage)) => self.stage = Stage::read(stage),
            (Some(kind), Some(stage)) if kind.is(b"Event") => self.stage = Stage::read(stage),
            _ => return Err(Damage::NotEvent),
        }
        fits
    }

    #[inline]
    fn field(
        &mut self,
        at: &mut Cursor<'a>,
        before: &mut Before<'a>,
        field: usize,
        kind: &mut Option<Text<'a>>,
        stage: &mut Option<Text<'a>>,
    ) -> Result<(), Damage> {
        match field {
            KIND => *kind = text(at)?,
            AUDIT_ID => self.audit_id = text(at)?.unwrap_or_default(),
            STAGE => *stage = text(at)?,
            REQUEST_URI => self.uri = text(at)?.unwrap_or_default(),
            VERB => self.verb = text(at)?.unwrap_or_default(),
            USER => {
                let (user, followed) = before.clients.read(at)?;
                (self.user, self.groups, self.extra) = (user.name, user.groups, user.extra);
                if let Some(followed) = followed {
                    (self.source, self.user_agent) = (followed.source, followed.user_agent);
                }
            }
            IMPERSONATED_USER => {
                let mut name = Text::default();
                let there = object(at, OF_USER, |at, field| {
                    match field {
                        0 => name = text(at)?.unwrap_or_default(),
                        _ => at.skip()?,
                    }
                    Ok(())
                })?;
                self.impersonated = there.then_some(name);
            }
            SOURCE_IPS => self.source = at.again(&mut before.sources, last)?,
            USER_AGENT => {
                let agent = |at: &mut Cursor<'a>| Ok(text(at)?.unwrap_or_default());
                self.user_agent = at.again(&mut before.user_agent, agent)?;
            }
            OBJECT_REF => {
                let said = at.again(&mut before.object, Object::read)?;
                (self.resource, self.group, self.subresource) =
                    (said.resource, said.group, said.subresource);
                (self.namespace, self.name) = (said.namespace, said.name);
            }
            RESPONSE_STATUS => self.code = at.again(&mut before.code, status)?,
            RECEIVED => self.received = time(at, &mut before.time)?,
            REACHED => self.reached = time(at, &mut before.time)?,
            ANNOTATIONS => at.again(&mut before.annotations, Cursor::skip)?,
            _ => at.skip()?,
        }
        Ok(())
    }

    /// Whether the user has this group.
    pub fn has_group(&self, group: &[u8]) -> bool {
        let mut found = false;
        let mut cursor = Cursor::new(self.groups);
        // What is no list of texts names no group.
        let _ = cursor.list(|at| {
            found |= text(at)?.is_some_and(|text| text.is(group));
            Ok(())
        });
        found
    }

    /// What the authenticator adds under each of these keys, the first of the values.
    pub fn extras<const N: usize>(&self, keys: &[Field; N]) -> [Option<Text<'a>>; N] {
        let mut found = [None; N];
        // It was read before, so that no string in it holds control characters.
        let _ = Cursor::without_control(self.extra).object(keys, |at, key| {
            let mut first = None;
            let read = at.list(|at| {
                let item = text(at)?;
                first = first.or(item);
                Ok(())
            });
            if let Some(found) = found.get_mut(key) {
                *found = first;
            }
            read
        });
        found
    }

    /// As [`Event::extras`], under one key.
    pub fn extra(&self, key: Field) -> Option<Text<'a>> {
        let [found] = self.extras(&[key]);
        found
    }

    /// The address at the other end of the connection, when it is one.
    pub fn address(&self) -> Option<IpAddr> {
        let address: IpAddr = self.source.text().parse().ok()?;
        Some(address.to_canonical())
    }

    /// When the stage was reached, else when the request arrived.
    pub fn time(&self) -> Option<Instant> {
        self.reached.or(self.received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_behind_others_says_what_it_says_alone() {
        let user = r#"{"username":"alice","groups":["system:masters"],"extra":{}}"#;
        let begun = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","#;
        let time = r#""stageTimestamp":"2026-11-23T16:14:35.011937Z""#;
        let agent = r#""userAgent":"kubectl\u0026/v1.36""#;
        let object = r#""objectRef":{"resource":"pods","namespace":"default"}"#;
        let client = format!(r#""user":{user},"sourceIPs":["10.0.0.9","10.0.0.1"],{agent}"#);
        let lines = [
            format!(r#"{begun}"auditID":"a","stage":"Panic","user":{user},{agent},{time}}}"#),
            format!(r#"{begun}"auditID":"b","stage":"Panic","user":{user},{agent},{object}}}"#),
            format!(r#"{begun}"auditID":"c","stage":"Panic",{object},{time},"user":{user} }}"#),
            // As before, and something else behind.
            format!(r#"{begun}"auditID":"d","stage":"Panic","user":{user}{user}}}"#),
            format!(r#"{begun}"auditID":"e","stage":"Panic","user":{user},"user":null}}"#),
            format!(r#"{begun}"auditID":"f","stage":"Panic",{agent},"userAgent":7}}"#),
            format!(r#"{begun}"auditID":"g","stage":"Panic",{object},{agent}"#),
            format!(r#"{begun}"auditID":"h","stage":"Panic",{agent},"kind":"Pod"}}"#),
            format!(
                r#"{begun}"auditID":"i","stage":"Panic",{agent},"verb":"{}"}}"#,
                '\u{1}'
            ),
            // As before, in other places.
            format!(r#"{begun}"auditID":"j","stage":"Panic","annotations":{user}}}"#),
            format!(r#"{{"stage":"Panic","impersonatedUser":{user},"responseStatus":{user}}}"#),
            begun.to_string(),
            format!("{begun}}}"),
            format!(r#"{begun}"auditID":"k","stage":"Panic",{time},{time}}}"#),
            // A client, and what is not quite the same.
            format!(r#"{begun}"auditID":"l","stage":"Panic",{client},{object}}}"#),
            format!(r#"{begun}"auditID":"m","stage":"Panic",{client},{client},{time}}}"#),
            format!(
                r#"{begun}"auditID":"n","stage":"Panic",{client},"user":{{"username":"bob"}}}}"#
            ),
            format!(r#"{begun}"auditID":"o","stage":"Panic",{client},"sourceIPs":["10.0.0.2"]}}"#),
            format!(r#"{begun}"auditID":"p","stage":"Panic",{client} ,"userAgent":null}}"#),
            format!(r#"{begun}"auditID":"q","stage":"Panic",{client}{object}}}"#),
            format!(r#"{begun}"auditID":"r","stage":"Panic",{client}"#),
            format!(
                r#"{begun}"auditID":"s","stage":"Panic",{client},"verb":"{}"}}"#,
                '\u{1}'
            ),
            format!(
                r#"{begun}"auditID":"t","stage":"Panic","user":{user},"sourceIPs":7,{agent}}}"#
            ),
            format!(
                r#"{begun}"auditID":"u","stage":"Panic","user":{user},"sourceIPs":null,{agent}}}"#
            ),
            format!(
                r#"{begun}"auditID":"v","stage":"Panic","user":{user},"sourceIPs":["10.0.0.1"],"userAgent":7}}"#
            ),
            format!(
                r#"{begun}"auditID":"w","stage":"Panic","user":7,"sourceIPs":["10.0.0.1"],{agent}}}"#
            ),
            format!(r#"{begun}"auditID":"x","stage":"Panic","user":null,"sourceIPs":[],{agent}}}"#),
        ];
        let mut before = Before::of(Clients::with_room());
        for line in lines.iter().chain(lines.iter().rev()) {
            let alone = Event::read(line.as_bytes()).map(|event| format!("{event:?}"));
            let told = |event: &Event| format!("{event:?}");
            let behind = Event::read_after(&mut before, line.as_bytes(), false, told);
            assert_eq!(behind, alone, "{line}");
        }
        // The client was found by its bytes.
        assert!(before.clients().were_met() > 0);
    }
}
