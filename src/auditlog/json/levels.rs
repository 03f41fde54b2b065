//! How deep a value is nested, without recursion.

use super::damage::Damage;

/// Deepest nesting, in levels. Go's limit is 10,000; what the API server logs stays far below this one.
pub(super) const MAX_DEPTH: usize = 1024;

/// Which of the open levels are objects: a bit each.
pub(super) struct Levels {
    /// The innermost ones, the last one lowest: those that are left over of whole words.
    inner: u64,
    outer: [u64; MAX_DEPTH / 64],
    depth: usize,
    /// As many as there may be inside of what is around.
    most: usize,
}

impl Levels {
    /// None yet, inside of so many others.
    pub(super) fn inside(depth: usize) -> Levels {
        Levels {
            inner: 0,
            outer: [0; MAX_DEPTH / 64],
            depth: 0,
            most: MAX_DEPTH.saturating_sub(depth),
        }
    }

    /// An object or a list begins.
    #[inline]
    pub(super) fn push(&mut self, object: bool) -> Result<(), Damage> {
        if self.depth >= self.most {
            return Err(Damage::Deep);
        }
        if self.depth.is_multiple_of(64) {
            // At the first level there is nothing to be saved.
            let saved = self.outer.get_mut(self.depth / 64).ok_or(Damage::Deep)?;
            *saved = self.inner;
        }
        self.inner = self.inner << 1 | u64::from(object);
        self.depth += 1;
        Ok(())
    }

    /// The innermost one ends.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.inner >>= 1;
        if self.depth.is_multiple_of(64) {
            self.inner = self.outer.get(self.depth / 64).copied().unwrap_or(0);
        }
    }

    /// None is open.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.depth == 0
    }

    /// The innermost one is an object.
    #[inline]
    pub(super) fn is_object(&self) -> bool {
        self.inner & 1 != 0
    }
}
