//! Values that were read before.

/// So many values are held: clients take turns.
const HELD: usize = 4;

/// The last values of a field as they stood there, and what they say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a, T> {
    values: [(&'a [u8], T); HELD],
    oldest: usize,
}

impl<'a, T: Copy> Seen<'a, T> {
    /// What is behind a value that was read before, and what it says, when these bytes begin with one. Those of
    /// less than eight bytes are not worth it.
    #[inline]
    pub fn find<'b>(&self, bytes: &'b [u8]) -> Option<(&'b [u8], T)> {
        self.values.iter().find_map(|(raw, value)| {
            let (same, behind) = bytes.split_at_checked(raw.len())?;
            // Values of a field differ in their ends more often than where they begin.
            let ends = same.last_chunk::<8>()? == raw.last_chunk::<8>()?;
            (ends && same == *raw).then_some((behind, *value))
        })
    }

    /// Keeps what a value says in place of the oldest.
    #[inline]
    pub(super) fn keep(&mut self, raw: &'a [u8], value: T) {
        if let Some(oldest) = self.values.get_mut(self.oldest) {
            *oldest = (raw, value);
        }
        self.oldest = (self.oldest + 1) % HELD;
    }
}
