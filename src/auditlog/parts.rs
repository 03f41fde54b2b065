//! The parts of an event: what stands in its fields.

use super::json::{Cursor, Damage, Field, Text};
use super::time::{Instant, Near, QUOTED};

pub(super) const OF_USER: &[Field] = &[
    Field::new(b"\"username\":"),
    Field::new(b"\"uid\":"),
    Field::new(b"\"groups\":"),
    Field::new(b"\"extra\":"),
];
pub(super) const OF_OBJECT: &[Field] = &[
    Field::new(b"\"resource\":"),
    Field::new(b"\"namespace\":"),
    Field::new(b"\"name\":"),
    Field::new(b"\"uid\":"),
    Field::new(b"\"apiGroup\":"),
    Field::new(b"\"apiVersion\":"),
    Field::new(b"\"resourceVersion\":"),
    Field::new(b"\"subresource\":"),
];
pub(super) const OF_STATUS: &[Field] = &[Field::new(b"\"metadata\":"), Field::new(b"\"code\":")];

/// Who asked.
#[derive(Clone, Copy, Default)]
pub(super) struct User<'a> {
    pub(super) name: Text<'a>,
    pub(super) groups: &'a [u8],
    pub(super) extra: &'a [u8],
}

impl<'a> User<'a> {
    pub(super) fn read(at: &mut Cursor<'a>) -> Result<User<'a>, Damage> {
        let mut user = User::default();
        object(at, OF_USER, |at, field| {
            match field {
                0 => user.name = text(at)?.unwrap_or_default(),
                2 => user.groups = at.value()?,
                3 => user.extra = at.value()?,
                _ => at.skip()?,
            }
            Ok(())
        })?;
        Ok(user)
    }
}

/// What was asked for.
#[derive(Clone, Copy, Default)]
pub(super) struct Object<'a> {
    pub(super) resource: Text<'a>,
    pub(super) group: Text<'a>,
    pub(super) subresource: Text<'a>,
    pub(super) namespace: Text<'a>,
    pub(super) name: Text<'a>,
}

impl<'a> Object<'a> {
    #[inline]
    pub(super) fn read(at: &mut Cursor<'a>) -> Result<Object<'a>, Damage> {
        let mut ahead = *at;
        match Object::usual(&mut ahead) {
            Some(said) => {
                *at = ahead;
                Ok(said)
            }
            None => Object::read_slowly(at),
        }
    }

    /// As the API server writes it.
    #[inline]
    fn usual(at: &mut Cursor<'a>) -> Option<Object<'a>> {
        let resource = optional(at, b"{\"resource\":\"")?;
        let namespace = optional(at, b",\"namespace\":\"")?;
        let name = optional(at, b",\"name\":\"")?;
        optional(at, b",\"uid\":\"")?;
        let group = optional(at, b",\"apiGroup\":\"")?;
        optional(at, b",\"apiVersion\":\"")?;
        optional(at, b",\"resourceVersion\":\"")?;
        let subresource = optional(at, b",\"subresource\":\"")?;
        at.passes_all(b"}").then_some(Object {
            resource,
            group,
            subresource,
            namespace,
            name,
        })
    }

    fn read_slowly(at: &mut Cursor<'a>) -> Result<Object<'a>, Damage> {
        let mut said = Object::default();
        object(at, OF_OBJECT, |at, field| {
            let field = match field {
                0 => &mut said.resource,
                1 => &mut said.namespace,
                2 => &mut said.name,
                4 => &mut said.group,
                7 => &mut said.subresource,
                _ => return at.skip(),
            };
            *field = text(at)?.unwrap_or_default();
            Ok(())
        })?;
        Ok(said)
    }
}

/// A text behind this beginning; an empty one, when that does not stand here; nothing, when there is no text.
#[inline]
fn optional<'a, const N: usize>(at: &mut Cursor<'a>, before: &[u8; N]) -> Option<Text<'a>> {
    if at.passes_all(before) {
        at.string_rest().ok()
    } else {
        Some(Text::default())
    }
}

/// A text or `null`.
#[inline]
pub(super) fn text<'a>(at: &mut Cursor<'a>) -> Result<Option<Text<'a>>, Damage> {
    match at.peek()? {
        b'"' => at.string().map(Some),
        b'n' if at.word()? == b"null" => Ok(None),
        _ => Err(Damage::Misfit),
    }
}

/// An object or `null`; tells whether there is one.
#[inline]
pub(super) fn object<'a>(
    at: &mut Cursor<'a>,
    fields: &[Field],
    each: impl FnMut(&mut Cursor<'a>, usize) -> Result<(), Damage>,
) -> Result<bool, Damage> {
    match at.peek()? {
        b'{' => at.object(fields, each).map(|()| true),
        b'n' if at.word()? == b"null" => Ok(false),
        _ => Err(Damage::Misfit),
    }
}

/// The last text of a list.
pub(super) fn last<'a>(at: &mut Cursor<'a>) -> Result<Text<'a>, Damage> {
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

/// The HTTP status of an answer.
#[inline]
pub(super) fn status(at: &mut Cursor) -> Result<u16, Damage> {
    let mut ahead = *at;
    if ahead.passes_all(b"{\"metadata\":{},\"code\":")
        && let Some([a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b'}']) = ahead.next()
    {
        ahead.pass_so_many::<4>();
        *at = ahead;
        let [a, b, c] = [a, b, c].map(|digit| u16::from(digit - b'0'));
        return Ok(a * 100 + b * 10 + c);
    }
    let mut status = 0;
    object(at, OF_STATUS, |at, field| {
        match field {
            1 => status = code(at)?,
            _ => at.skip()?,
        }
        Ok(())
    })?;
    Ok(status)
}

pub(super) fn time(at: &mut Cursor, near: &mut Near) -> Result<Option<Instant>, Damage> {
    // Its digits leave no room for a quote or an escape.
    if let Some(time) = at.next().and_then(|text| near.quoted(text)) {
        at.pass_so_many::<QUOTED>();
        return Ok(Some(time));
    }
    match text(at)? {
        None => Ok(None),
        Some(text) => near.read(&text.bytes()).map(Some).ok_or(Damage::Misfit),
    }
}

pub(super) fn code(at: &mut Cursor) -> Result<u16, Damage> {
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
