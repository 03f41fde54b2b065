//! One event of audit.k8s.io/v1, as much of it as is asked for.

use std::net::IpAddr;

use super::json::{Cursor, Damage, Text};
use super::time::Instant;

/// When in a request's life an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// As soon as it arrives.
    RequestReceived,
    /// When the head of a long answer is sent.
    ResponseStarted,
    /// When the answer is complete.
    ResponseComplete,
    /// When the API server panicked.
    Panic,
    /// One that is not known here.
    Other,
}

impl Stage {
    fn read(text: Text) -> Stage {
        match &*text.bytes() {
            b"RequestReceived" => Stage::RequestReceived,
            b"ResponseStarted" => Stage::ResponseStarted,
            b"ResponseComplete" => Stage::ResponseComplete,
            b"Panic" => Stage::Panic,
            _ => Stage::Other,
        }
    }

    /// Whether another event of the same request may follow.
    pub fn is_open(self) -> bool {
        matches!(self, Stage::RequestReceived | Stage::ResponseStarted)
    }

    /// The name as the log has it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::RequestReceived => "RequestReceived",
            Stage::ResponseStarted => "ResponseStarted",
            Stage::ResponseComplete => "ResponseComplete",
            Stage::Panic => "Panic",
            Stage::Other => "other",
        }
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
        let mut event = Event {
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
        };
        let mut kind = None;
        let mut stage = None;
        let mut cursor = Cursor::new(line);
        if cursor.peek()? != b'{' {
            cursor.skip()?;
            cursor.end()?;
            return Err(Damage::NotEvent);
        }
        // What does not fit is told only of a line that is JSON to its end.
        let mut fits = Ok(());
        cursor.object(|at, key| {
            let before = *at;
            match event.field(at, key, &mut kind, &mut stage) {
                Err(damage @ (Damage::Misfit | Damage::NotEvent)) => {
                    fits = Err(damage);
                    *at = before;
                    at.skip()
                }
                other => other,
            }
        })?;
        cursor.end()?;
        match (kind, stage) {
            (None, Some(stage)) => event.stage = Stage::read(stage),
            (Some(kind), Some(stage)) if kind.is(b"Event") => event.stage = Stage::read(stage),
            _ => return Err(Damage::NotEvent),
        }
        fits.map(|()| event)
    }

    #[inline]
    fn field(
        &mut self,
        at: &mut Cursor<'a>,
        key: &[u8],
        kind: &mut Option<Text<'a>>,
        stage: &mut Option<Text<'a>>,
    ) -> Result<(), Damage> {
        match key {
            b"kind" => *kind = text(at)?,
            b"stage" => *stage = text(at)?,
            b"auditID" => self.audit_id = text(at)?.unwrap_or_default(),
            b"verb" => self.verb = text(at)?.unwrap_or_default(),
            b"requestURI" => self.uri = text(at)?.unwrap_or_default(),
            b"userAgent" => self.user_agent = text(at)?.unwrap_or_default(),
            b"requestReceivedTimestamp" => self.received = time(at)?,
            b"stageTimestamp" => self.reached = time(at)?,
            b"sourceIPs" => self.source = last(at)?,
            b"user" => {
                (self.user, self.groups, self.extra) = (Text::default(), &[], &[]);
                object(at, |at, key| {
                    match key {
                        b"username" => self.user = text(at)?.unwrap_or_default(),
                        b"groups" => self.groups = at.value()?,
                        b"extra" => self.extra = at.value()?,
                        _ => at.skip()?,
                    }
                    Ok(())
                })?;
            }
            b"impersonatedUser" => {
                let mut name = Text::default();
                let there = object(at, |at, key| {
                    match key {
                        b"username" => name = text(at)?.unwrap_or_default(),
                        _ => at.skip()?,
                    }
                    Ok(())
                })?;
                self.impersonated = there.then_some(name);
            }
            b"objectRef" => {
                let empty = Text::default();
                (self.resource, self.group, self.subresource) = (empty, empty, empty);
                (self.namespace, self.name) = (empty, empty);
                object(at, |at, key| {
                    let field = match key {
                        b"resource" => &mut self.resource,
                        b"apiGroup" => &mut self.group,
                        b"subresource" => &mut self.subresource,
                        b"namespace" => &mut self.namespace,
                        b"name" => &mut self.name,
                        _ => return at.skip(),
                    };
                    *field = text(at)?.unwrap_or_default();
                    Ok(())
                })?;
            }
            b"responseStatus" => {
                self.code = 0;
                object(at, |at, key| {
                    match key {
                        b"code" => self.code = code(at)?,
                        _ => at.skip()?,
                    }
                    Ok(())
                })?;
            }
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

    /// What the authenticator adds under a key, the first of the values.
    pub fn extra(&self, wanted: &[u8]) -> Option<Text<'a>> {
        let mut found = None;
        let _ = Cursor::new(self.extra).object(|at, key| {
            if key != wanted {
                return at.skip();
            }
            found = None;
            at.list(|at| {
                let item = text(at)?;
                found = found.or(item);
                Ok(())
            })
        });
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

/// A text or `null`.
#[inline]
fn text<'a>(at: &mut Cursor<'a>) -> Result<Option<Text<'a>>, Damage> {
    match at.peek()? {
        b'"' => at.string().map(Some),
        b'n' if at.word()? == b"null" => Ok(None),
        _ => Err(Damage::Misfit),
    }
}

/// An object or `null`; tells whether there is one.
#[inline]
fn object<'a>(
    at: &mut Cursor<'a>,
    each: impl FnMut(&mut Cursor<'a>, &[u8]) -> Result<(), Damage>,
) -> Result<bool, Damage> {
    match at.peek()? {
        b'{' => at.object(each).map(|()| true),
        b'n' if at.word()? == b"null" => Ok(false),
        _ => Err(Damage::Misfit),
    }
}

/// The last text of a list.
fn last<'a>(at: &mut Cursor<'a>) -> Result<Text<'a>, Damage> {
    let mut last = Text::default();
    match at.peek()? {
        b'[' => at.list(|at| {
            last = text(at)?.unwrap_or_default();
            Ok(())
        })?,
        b'n' if at.word()? == b"null" => {}
        _ => return Err(Damage::Misfit),
    }
    Ok(last)
}

fn time(at: &mut Cursor) -> Result<Option<Instant>, Damage> {
    match text(at)? {
        None => Ok(None),
        Some(text) => Instant::read(&text.bytes()).map(Some).ok_or(Damage::Misfit),
    }
}

fn code(at: &mut Cursor) -> Result<u16, Damage> {
    match at.peek()? {
        b'0'..=b'9' | b'-' | b'n' => {}
        _ => return Err(Damage::Misfit),
    }
    let word = at.word()?;
    if word == b"null" {
        return Ok(0);
    }
    let number = std::str::from_utf8(word)
        .ok()
        .and_then(|word| word.parse().ok());
    number.ok_or(Damage::Misfit)
}
