//! How deep a value is nested, without recursion.

use super::damage::Damage;

/// Deepest nesting, in levels. Go's limit is 10,000; what the API server logs stays far below this one.
pub(super) const MAX_DEPTH: usize = 1024;

/// Which of the open levels are objects: a bit each.
#[derive(Default)]
pub(super) struct Levels {
    pub(super) objects: [u64; MAX_DEPTH / 64],
    pub(super) depth: usize,
    /// As many as there may be inside of what is around.
    pub(super) most: usize,
}

impl Levels {
    pub(super) fn push(&mut self, object: bool) -> Result<(), Damage> {
        if self.depth >= self.most {
            return Err(Damage::Deep);
        }
        let word = self.objects.get_mut(self.depth / 64).ok_or(Damage::Deep)?;
        let bit = 1 << (self.depth % 64);
        *word = if object { *word | bit } else { *word & !bit };
        self.depth += 1;
        Ok(())
    }

    pub(super) fn pop(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn last(&self) -> Option<bool> {
        let depth = self.depth.checked_sub(1)?;
        let word = self.objects.get(depth / 64)?;
        Some(word & (1 << (depth % 64)) != 0)
    }
}
