//! One event of audit.k8s.io/v1, as much of it as is asked for.

use std::net::IpAddr;

use super::before::Before;
use super::json::{Cursor, Damage, Field, Text};
use super::open::Ids;
use super::parts::text;
use super::time::Instant;

pub use super::stage::Stage;

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

    /// Reads one of many lines into one that says nothing, since it is large and seldom kept; `plain` says that the
    /// line is known to hold no control characters.
    ///
    /// # Errors
    /// As [`Event::read`].
    #[inline]
    pub fn read_after(
        &mut self,
        before: &mut Before<'a>,
        line: &'a [u8],
        plain: bool,
    ) -> Result<(), Damage> {
        let cursor = if plain {
            Cursor::without_control(line)
        } else {
            Cursor::new(line)
        };
        self.fill(cursor, before)
    }

    /// One that says nothing.
    #[inline]
    pub fn empty() -> Event<'a> {
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

    /// A number that another request has only when it asks the same of resources of the same kind in the same
    /// namespace; none of what is no resource.
    pub fn asked(&self, ids: &Ids) -> Option<u64> {
        let texts = [
            self.verb,
            self.resource,
            self.group,
            self.subresource,
            self.namespace,
        ];
        (!self.resource.is_empty()).then(|| ids.number_of(texts))
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
    use crate::auditlog::before::Remembered;

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
        let mut before = Before::of(Remembered::with_room(1));
        for line in lines.iter().chain(lines.iter().rev()) {
            let alone = Event::read(line.as_bytes()).map(|event| format!("{event:?}"));
            let mut behind = Event::empty();
            let behind = behind
                .read_after(&mut before, line.as_bytes(), false)
                .map(|()| format!("{behind:?}"));
            assert_eq!(behind, alone, "{line}");
        }
        // The client was found by its bytes.
        assert!(before.remembered().clients.were_met() > 0);
    }
}
