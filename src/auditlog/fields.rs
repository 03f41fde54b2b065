//! The fields of an event, in whatever order they stand.

use super::before::Before;
use super::event::Event;
use super::json::{Cursor, Damage, Field, Text};
use super::parts::{OF_USER, Object, last, object, status, text, time};
use super::stage::Stage;

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

/// Whether a field of an event is asked for.
pub(super) fn is_asked_for(name: &[u8]) -> bool {
    const OTHERS: [&[u8]; 5] = [
        b"apiVersion",
        b"level",
        b"requestObject",
        b"responseObject",
        b"annotations",
    ];
    !OTHERS.contains(&name) && FIELDS.iter().any(|field| field.name() == name)
}

/// What is read of a line before it is known whether it is an event.
#[derive(Default)]
struct Claim<'a> {
    /// What it says it is. Nothing says that it is an event, too.
    kind: Option<Text<'a>>,
    stage: Option<Stage>,
}

impl<'a> Event<'a> {
    /// Reads what is said into one that says nothing, since it is large and seldom kept.
    pub(super) fn fill(
        &mut self,
        mut at: Cursor<'a>,
        before: &mut Before<'a>,
    ) -> Result<(), Damage> {
        let mut claim = Claim::default();
        before.remembered.clients.forget_at_hand();
        if at.peek()? != b'{' {
            at.skip()?;
            at.end()?;
            return Err(Damage::NotEvent);
        }
        let begun = self.usual(&mut at, before, &mut claim.stage)?;
        // What does not fit is told only of a line that is JSON to its end.
        let mut fits = Ok(());
        let each = |at: &mut Cursor<'a>, field: usize| {
            let start = *at;
            match self.field(at, before, field, &mut claim) {
                Err(Damage::Misfit) => {
                    fits = Err(Damage::Misfit);
                    *at = start;
                    at.skip()
                }
                other => other,
            }
        };
        if begun {
            at.object_behind_value(FIELDS, STAGE, each)?;
        } else {
            at.object(FIELDS, each)?;
        }
        at.end()?;
        match (claim.kind, claim.stage) {
            (None, Some(stage)) => self.stage = stage,
            (Some(kind), Some(stage)) if kind.is(b"Event") => self.stage = stage,
            _ => return Err(Damage::NotEvent),
        }
        fits
    }

    fn field(
        &mut self,
        at: &mut Cursor<'a>,
        before: &mut Before<'a>,
        field: usize,
        claim: &mut Claim<'a>,
    ) -> Result<(), Damage> {
        match field {
            KIND => claim.kind = text(at)?,
            AUDIT_ID => self.audit_id = text(at)?.unwrap_or_default(),
            STAGE => claim.stage = text(at)?.map(Stage::read),
            REQUEST_URI => self.uri = text(at)?.unwrap_or_default(),
            VERB => self.verb = text(at)?.unwrap_or_default(),
            USER => self.read_user(at, before).map(drop)?,
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
            SOURCE_IPS => {
                before.remembered.clients.forget_at_hand();
                self.source = at.again(&mut before.sources, last)?;
            }
            USER_AGENT => {
                before.remembered.clients.forget_at_hand();
                let agent = |at: &mut Cursor<'a>| Ok(text(at)?.unwrap_or_default());
                self.user_agent = at.again(&mut before.user_agent, agent)?;
            }
            OBJECT_REF => self.read_object(at)?,
            RESPONSE_STATUS => self.code = status(at)?,
            RECEIVED => self.received = time(at, &mut before.time)?,
            REACHED => self.reached = time(at, &mut before.time)?,
            ANNOTATIONS => before.remembered.annotations.pass(at)?,
            _ => at.skip()?,
        }
        Ok(())
    }

    /// The user; tells whether the addresses and the user agent were read, too.
    #[inline]
    pub(super) fn read_user(
        &mut self,
        at: &mut Cursor<'a>,
        before: &mut Before<'a>,
    ) -> Result<bool, Damage> {
        let (user, followed) = before.remembered.clients.read(at)?;
        (self.user, self.groups, self.extra) = (user.name, user.groups, user.extra);
        if let Some(followed) = followed {
            (self.source, self.user_agent) = (followed.source, followed.user_agent);
        }
        Ok(followed.is_some())
    }

    #[inline]
    pub(super) fn read_object(&mut self, at: &mut Cursor<'a>) -> Result<(), Damage> {
        let said = Object::read(at)?;
        (self.resource, self.group, self.subresource) =
            (said.resource, said.group, said.subresource);
        (self.namespace, self.name) = (said.namespace, said.name);
        Ok(())
    }
}
