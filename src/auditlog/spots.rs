//! One pass over bytes for the ends of lines and for two bytes of a text, as many bytes at a time as the processor
//! can look at.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};
use memchr::memchr_iter;

use super::bits::Bits;
use super::json::least;

/// Where lines end, and where something is found.
#[derive(Debug, Default)]
pub struct Spots {
    /// The ends of lines, from the front to the back.
    pub ends: Vec<usize>,
    /// Where something begins that is searched for, from the front to the back.
    pub hits: Vec<usize>,
}

/// Two bytes of a text which stand together seldom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    first: u8,
    second: u8,
    /// How many bytes the second one is behind the first, less than 64.
    apart: u32,
    /// How many bytes of the text are before the second.
    before: usize,
}

/// Bytes of audit logs, the most frequent first. Others are rare.
const FREQUENT: &[u8] = br#""eatsoi:rnu,cdm.0-1lp2b6/vk8437f59}{ghyRT \w[]Izx=q"#;

/// Bytes that are looked at before it is asked whether anything was found.
const BLOCK: usize = 4 * PART;
/// Bytes of which each has a bit of a number.
const PART: usize = 64;

/// Adds where lines end in these bytes, and tells whether they hold no control characters but those ends.
pub fn ends(level: Level, bytes: &[u8], into: &mut Vec<usize>) -> bool {
    if is_fast(level) {
        return dispatch!(level, simd => ends_with(simd, bytes, into));
    }
    into.extend(memchr_iter(b'\n', bytes));
    // Ends of lines become the largest byte, and control characters those below 31.
    least(bytes, |byte| (byte ^ b'\n').wrapping_sub(1)) >= b' ' - 1
}

#[inline(always)]
fn ends_with<S: Simd>(simd: S, bytes: &[u8], into: &mut Vec<usize>) -> bool {
    let (end, least) = (u8x64::splat(simd, b'\n'), u8x64::splat(simd, b' '));
    let (parts, rest) = bytes.as_chunks::<PART>();
    let mut last = [b' '; PART];
    if let Some(last) = last.get_mut(..rest.len()) {
        last.copy_from_slice(rest);
    }
    let (mut at, mut control) = (0, 0);
    for part in parts.iter().chain([&last]) {
        let part = u8x64::from_slice(simd, part);
        let ends = part.simd_eq(end).to_bitmask();
        control |= part.simd_lt(least).to_bitmask() ^ ends;
        into.extend(Bits(ends).map(|bit| at + bit));
        at += PART;
    }
    control == 0
}

/// Whether one pass is faster than two of a search for one thing each. It is where 32 bytes or more are compared at
/// once and the outcome is a number.
pub fn is_fast(level: Level) -> bool {
    #[cfg(target_arch = "x86_64")]
    return level.as_avx2().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = level;
        false
    }
}

impl Pair {
    /// Of a text of two bytes or more.
    pub fn of(text: &[u8]) -> Option<Pair> {
        let rank = |byte: u8| {
            let found = FREQUENT.iter().position(|frequent| *frequent == byte);
            found.unwrap_or(FREQUENT.len())
        };
        let bytes = || text.iter().copied().enumerate().take(PART);
        let (rarest, _) = bytes().max_by_key(|(_, byte)| rank(*byte))?;
        let others = bytes().filter(|(at, _)| *at != rarest);
        let (other, _) = others.max_by_key(|(_, byte)| rank(*byte))?;
        let (first, second) = (rarest.min(other), rarest.max(other));
        Some(Pair {
            first: *text.get(first)?,
            second: *text.get(second)?,
            apart: u32::try_from(second - first).ok()?,
            before: second,
        })
    }

    /// Where lines end, and where the text may begin.
    pub fn spot(&self, level: Level, bytes: &[u8], into: &mut Spots) {
        dispatch!(level, simd => self.spot_with(simd, bytes, into));
    }

    #[inline(always)]
    fn spot_with<S: Simd>(&self, simd: S, bytes: &[u8], into: &mut Spots) {
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        let mut firsts = 0;
        let mut at = 0;
        for block in blocks {
            self.look(simd, block, (at, &mut firsts), into);
            at += BLOCK;
        }
        let mut last = [0; BLOCK];
        if let Some(last) = last.get_mut(..rest.len()) {
            last.copy_from_slice(rest);
        }
        self.look(simd, &last, (at, &mut firsts), into);
    }

    /// Looks at a block; `firsts` has a bit for each first byte at the end of the block before whose second byte may
    /// be in this one.
    #[inline(always)]
    fn look<S: Simd>(
        &self,
        simd: S,
        block: &[u8; BLOCK],
        (at, firsts): (usize, &mut u64),
        into: &mut Spots,
    ) {
        let all_same = |byte| u8x64::splat(simd, byte);
        let (end, first, second) = (all_same(b'\n'), all_same(self.first), all_same(self.second));
        let (parts, _) = block.as_chunks::<PART>();
        let mut found = [(0, 0); BLOCK / PART];
        let mut any = 0;
        for (part, (ends, hits)) in parts.iter().zip(&mut found) {
            let part = u8x64::from_slice(simd, part);
            let is_first = part.simd_eq(first).to_bitmask();
            let is_second = part.simd_eq(second).to_bitmask();
            *ends = part.simd_eq(end).to_bitmask();
            *hits = (is_first << self.apart | *firsts) & is_second;
            *firsts = is_first >> (PART as u32 - self.apart);
            any |= *ends | *hits;
        }
        if any == 0 {
            return;
        }
        let mut at = at;
        for (ends, hits) in found {
            into.ends.extend(Bits(ends).map(|bit| at + bit));
            // A text cannot begin before the bytes do.
            let starts = Bits(hits).filter_map(|bit| (at + bit).checked_sub(self.before));
            into.hits.extend(starts);
            at += PART;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auditlog::json::levels;

    #[test]
    fn ends_and_control_characters_are_those_that_a_look_at_each_byte_finds() {
        let plain = |at: usize| {
            if at.is_multiple_of(7) {
                b'\n'
            } else {
                b' ' + (at % 200) as u8
            }
        };
        for level in levels() {
            for length in [0, 1, 63, 64, 65, 127, 128, 200, 300] {
                let mut bytes: Vec<u8> = (0..length).map(plain).collect();
                let expected: Vec<usize> = (0..length).step_by(7).collect();
                let mut found = Vec::new();
                assert!(ends(level, &bytes, &mut found), "{length}");
                assert_eq!(found, expected, "{length}");
                for control in [0, b'\t', b'\r', 31] {
                    for at in [0, 63, 64, 199, 299].into_iter().filter(|at| *at < length) {
                        let before = std::mem::replace(&mut bytes[at], control);
                        found.clear();
                        assert!(
                            !ends(level, &bytes, &mut found),
                            "{control} at {at} of {length}"
                        );
                        bytes[at] = before;
                    }
                }
            }
        }
    }
}
