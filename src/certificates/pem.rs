//! The blocks of a PEM text, as Go finds them: encoding/pem, Decode, since Go 1.25.

use zeroize::Zeroizing;

use crate::golang::types::decode_base64;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// One block. What it holds may be a private key, so that it is wiped with it.
pub(super) struct Block<'a> {
    /// What it calls itself.
    pub(super) tag: &'a [u8],
    /// OpenSSL's old form of an encrypted key.
    pub(super) locked: bool,
    pub(super) contents: Zeroizing<Vec<u8>>,
}

/// The blocks in their order. What is no block, or a broken one, is passed over, as Go does.
pub(super) fn blocks(text: &[u8]) -> Blocks<'_> {
    Blocks { rest: text }
}

pub(super) struct Blocks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        loop {
            // The last BEGIN before the first END: those without an END cost nothing.
            let end = find(self.rest, END)?;
            let (before, from_end) = self.rest.split_at_checked(end)?;
            let begin = find_last(before, BEGIN);
            let at_start_of_line = |at: &usize| *at == 0 || before.get(at - 1) == Some(&b'\n');
            let Some(begin) = begin.filter(at_start_of_line) else {
                self.rest = from_end.get(END.len()..)?;
                continue;
            };
            let inside = self.rest.get(begin + BEGIN.len()..)?;
            match block(inside)? {
                Ok((block, rest)) => {
                    self.rest = rest;
                    return Some(block);
                }
                Err(rest) => self.rest = rest,
            }
        }
    }
}

/// Reads from behind a BEGIN on. `Err` holds where to look for the next; `None` where Go looks no further.
#[allow(clippy::type_complexity, reason = "the pair is taken apart at once")]
fn block(inside: &[u8]) -> Option<Result<(Block<'_>, &[u8]), &[u8]>> {
    let (line, mut rest) = first_line(inside);
    let Some(tag) = line.strip_suffix(DASHES) else {
        return Some(Err(rest));
    };
    let (mut locked, mut headers) = (false, false);
    // The first END is behind the tag's line, unless it is the very next one or a header holds it.
    let body = loop {
        if rest.is_empty() {
            return None;
        }
        let (line, next) = first_line(rest);
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            break rest;
        };
        locked |= line.get(..colon)?.trim_ascii() == b"DEK-Info";
        headers = true;
        rest = next;
    };
    let (packed, from_end) = match body.strip_prefix(END.get(1..)?) {
        Some(behind) if !headers => (&[][..], behind),
        _ => match find(body, END) {
            Some(end) => (body.get(..end)?, body.get(end + END.len()..)?),
            None => return Some(Err(body)),
        },
    };
    let behind = from_end.strip_prefix(tag);
    let behind = behind.and_then(|behind| behind.strip_prefix(DASHES));
    let Some((b"", behind)) = behind.map(first_line) else {
        return Some(Err(body));
    };
    let mut letters = Zeroizing::new(Vec::with_capacity(packed.len()));
    letters.extend(packed.iter().filter(|byte| !matches!(byte, b' ' | b'\t')));
    let Some(contents) = decode_base64(&letters).map(Zeroizing::new) else {
        return Some(Err(body));
    };
    let block = Block {
        tag,
        locked,
        contents,
    };
    Some(Ok((block, behind)))
}

/// The first line without the white space at its end, and what is behind it.
fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = text.splitn(2, |byte| *byte == b'\n');
    let line = parts.next().unwrap_or_default();
    let (mut line, rest) = match parts.next() {
        Some(rest) => (line.strip_suffix(b"\r").unwrap_or(line), rest),
        None => (line, &[][..]),
    };
    while let Some(shorter) = line.strip_suffix(b" ").or(line.strip_suffix(b"\t")) {
        line = shorter;
    }
    (line, rest)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn find_last(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).rposition(|window| window == what)
}
