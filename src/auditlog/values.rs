//! Values at the ends of lines that were read before.

use super::json::{Cursor, Damage};
use super::open::Ids;

/// So many are held at once. A cluster's annotations name the bindings by which its clients may do what they do.
const PLACES: usize = 256;

/// Values that were read before as the last of a line, each by a number of its text, in a place of its own.
#[derive(Default)]
pub struct Values {
    /// None where none was held yet.
    places: Vec<Option<u64>>,
    texts: Ids,
}

impl Values {
    /// Passes a value that often is the last of its line and the same as in others.
    pub(super) fn pass(&mut self, at: &mut Cursor) -> Result<(), Damage> {
        let start = at.ahead();
        let text = match start {
            [text @ .., b'}'] if !at.is_wary() => text,
            _ => return at.skip(),
        };
        let number = self.texts.number(text);
        let place = usize::try_from(number % PLACES as u64).unwrap_or(0);
        if self.places.get(place) == Some(&Some(number)) {
            at.go_to(start.get(text.len()..).unwrap_or_default());
            return Ok(());
        }
        at.skip()?;
        // Only a value that ends where the line does ends there whatever stands behind.
        if at.ahead().len() == start.len() - text.len() {
            self.places.resize(PLACES, None);
            if let Some(held) = self.places.get_mut(place) {
                *held = Some(number);
            }
        }
        Ok(())
    }
}
