//! Quotes and backslashes, found for 64 bytes at once.
//!
//! To look for the end of each string anew costs more than to pass the string, since most are short.

use fearless_simd::prelude::*;
use fearless_simd::u8x64;

/// Bytes that are looked at in one step.
const BLOCK: usize = 64;

/// Where quotes and backslashes stand in the rest of a line.
pub(super) struct Marks<'a, S> {
    simd: S,
    blocks: &'a [[u8; BLOCK]],
    /// What is left over of whole blocks.
    last: &'a [u8],
    /// Where the block at hand begins, and a bit for each of its marks. At first none is.
    start: usize,
    marked: u64,
}

impl<'a, S: Simd> Marks<'a, S> {
    /// None is known yet.
    #[inline(always)]
    pub(super) fn of(simd: S, bytes: &'a [u8]) -> Marks<'a, S> {
        let (blocks, last) = bytes.as_chunks();
        Marks {
            simd,
            blocks,
            last,
            start: 0usize.wrapping_sub(BLOCK),
            marked: 0,
        }
    }

    /// Where the first of them stands from `at` on, which is not before where it was the last time; behind the
    /// last byte, when there is none.
    #[inline(always)]
    pub(super) fn next(&mut self, at: usize) -> usize {
        if at.wrapping_sub(self.start) >= BLOCK {
            self.start = at - at % BLOCK;
            self.marked = self.look(at / BLOCK);
        }
        let mut marked = self.marked & u64::MAX << (at % BLOCK);
        while marked == 0 {
            self.start += BLOCK;
            if self.start / BLOCK > self.blocks.len() {
                return usize::MAX;
            }
            self.marked = self.look(self.start / BLOCK);
            marked = self.marked;
        }
        self.start + marked.trailing_zeros() as usize
    }

    /// The marks of a block, or of what is left over of whole ones.
    #[inline(always)]
    fn look(&self, block: usize) -> u64 {
        match self.blocks.get(block) {
            Some(block) => marks(self.simd, block),
            None => marks(self.simd, &filled(self.last)),
        }
    }
}

/// A block that begins with these bytes.
#[inline(never)]
fn filled(last: &[u8]) -> [u8; BLOCK] {
    let mut filled = [0; BLOCK];
    if let Some(filled) = filled.get_mut(..last.len()) {
        filled.copy_from_slice(last);
    }
    filled
}

/// A bit for each quote and each backslash, the lowest for the first byte.
#[inline(always)]
fn marks<S: Simd>(simd: S, block: &[u8; BLOCK]) -> u64 {
    let block = u8x64::from_slice(simd, block);
    let quotes = block.simd_eq(u8x64::splat(simd, b'"'));
    let backslashes = block.simd_eq(u8x64::splat(simd, b'\\'));
    (quotes | backslashes).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::auditlog::json::scan::levels;
    use fearless_simd::dispatch;

    #[test]
    fn the_same_is_found_as_byte_by_byte() {
        // Each byte value, at each place of a block, before and behind the border between two.
        let mut bytes: Vec<u8> = (0..400u32).map(|at| (at * 37 % 251) as u8).collect();
        for at in [0, 1, 62, 63, 64, 65, 127, 128, 255, 256, 383, 384, 399] {
            bytes[at] = if at % 2 == 0 { b'"' } else { b'\\' };
        }
        for level in levels() {
            for length in [0, 1, 63, 64, 65, 128, 200, 399, 400] {
                for step in [1, 2, 7, 64, 130] {
                    dispatch!(level, simd => compare(simd, &bytes[..length], step));
                }
            }
        }
    }

    fn compare<S: Simd>(simd: S, bytes: &[u8], step: usize) {
        let mut marks = Marks::of(simd, bytes);
        let mut at = 0;
        while at <= bytes.len() {
            let naive = bytes[at..]
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\'));
            let found = marks.next(at);
            let expected = naive.map_or(usize::MAX, |behind| at + behind);
            assert_eq!(found, expected, "{} bytes from {at} on", bytes.len());
            at = if naive.is_some() { found } else { at } + step;
        }
    }
}
