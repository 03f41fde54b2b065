//! Values that were read before.

/// So many values are held: clients take turns.
const HELD: usize = 2;

/// The last values of a field as they stood there, and what they say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a, T> {
    values: [(&'a [u8], T); HELD],
}

impl<'a, T: Copy> Seen<'a, T> {
    /// What a value says that was read before, as `stands` tells.
    #[inline]
    pub(super) fn find(&mut self, mut stands: impl FnMut(&[u8]) -> bool) -> Option<T> {
        let found = self
            .values
            .iter()
            .find(|(raw, _)| !raw.is_empty() && stands(raw));
        found.map(|(_, value)| *value)
    }

    /// Keeps what a value says in place of the oldest.
    #[inline]
    pub(super) fn keep(&mut self, raw: &'a [u8], value: T) {
        self.values.rotate_right(1);
        if let Some(first) = self.values.first_mut() {
            *first = (raw, value);
        }
    }
}
