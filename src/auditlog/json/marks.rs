//! Quotes and backslashes, found for 64 bytes at once.
//!
//! To look for the end of each string anew costs more than to pass the string, since most are short.

/// Bytes that are looked at in one step.
const BLOCK: usize = 64;

/// Where quotes and backslashes stand in the rest of a line.
pub(super) struct Marks<'a> {
    blocks: &'a [[u8; BLOCK]],
    /// What is left over of whole blocks.
    last: &'a [u8],
    /// Where the block at hand begins, and a bit for each of its marks. At first none is.
    start: usize,
    marked: u64,
}

impl<'a> Marks<'a> {
    /// None is known yet.
    #[inline]
    pub(super) fn of(bytes: &'a [u8]) -> Marks<'a> {
        let (blocks, last) = bytes.as_chunks();
        Marks {
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
            self.marked = look(self.blocks, self.last, at / BLOCK);
        }
        let mut marked = self.marked & u64::MAX << (at % BLOCK);
        while marked == 0 {
            self.start += BLOCK;
            if self.start / BLOCK > self.blocks.len() {
                return usize::MAX;
            }
            self.marked = look(self.blocks, self.last, self.start / BLOCK);
            marked = self.marked;
        }
        self.start + marked.trailing_zeros() as usize
    }
}

/// The marks of a block, or of what is left over of whole ones.
#[inline(never)]
fn look(blocks: &[[u8; BLOCK]], last: &[u8], block: usize) -> u64 {
    if let Some(block) = blocks.get(block) {
        return marks(block);
    }
    let mut filled = [0; BLOCK];
    if let Some(filled) = filled.get_mut(..last.len()) {
        filled.copy_from_slice(last);
    }
    marks(&filled)
}

/// A bit for each quote and each backslash, the lowest for the first byte.
#[inline]
fn marks(block: &[u8; BLOCK]) -> u64 {
    // Without a way out of the loop, so that many bytes are compared in one step.
    let mut same = [0; BLOCK];
    for (same, byte) in same.iter_mut().zip(block) {
        *same = if matches!(byte, b'"' | b'\\') {
            u8::MAX
        } else {
            0
        };
    }
    let (words, _) = same.as_chunks();
    let mut all = 0;
    for word in words.iter().rev() {
        // Of each byte a bit of its own, which the product gathers in the highest byte.
        let bits = u64::from_le_bytes(*word) & 0x8040_2010_0804_0201;
        all = all << 8 | bits.wrapping_mul(0x0101_0101_0101_0101) >> 56;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_found_as_byte_by_byte() {
        // Each byte value, at each place of a block, before and behind the border between two.
        let mut bytes: Vec<u8> = (0..400u32).map(|at| (at * 37 % 251) as u8).collect();
        for at in [0, 1, 62, 63, 64, 65, 127, 128, 255, 256, 383, 384, 399] {
            bytes[at] = if at % 2 == 0 { b'"' } else { b'\\' };
        }
        for length in [0, 1, 63, 64, 65, 128, 200, 399, 400] {
            let bytes = &bytes[..length];
            for step in [1, 2, 7, 64, 130] {
                let mut marks = Marks::of(bytes);
                let mut at = 0;
                while at <= length {
                    let naive = bytes[at..]
                        .iter()
                        .position(|byte| matches!(byte, b'"' | b'\\'));
                    let found = marks.next(at);
                    let expected = naive.map_or(usize::MAX, |behind| at + behind);
                    assert_eq!(found, expected, "{length} bytes from {at} on");
                    at = if naive.is_some() {
                        found + step
                    } else {
                        at + step
                    };
                }
            }
        }
    }
}
