//! Where texts stand in a longer one, so that they are found in the same bytes elsewhere.

use super::text::Text;

/// Where a text stands in bytes that are shorter than 64 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    start: u16,
    end: u16,
    plain: u16,
}

impl Part {
    /// Of a text that stands in these bytes; none when they are too long. Of an empty text it does not matter
    /// where it stands.
    pub fn of(text: Text, whole: &[u8]) -> Option<Part> {
        if text.is_empty() {
            return Some(Part::default());
        }
        let before = text
            .raw
            .as_ptr()
            .addr()
            .checked_sub(whole.as_ptr().addr())?;
        let number = |number: usize| u16::try_from(number).ok();
        Some(Part {
            start: number(before)?,
            end: number(before + text.raw.len()).filter(|end| usize::from(*end) <= whole.len())?,
            plain: number(text.plain)?,
        })
    }

    /// The text that stands there in the same bytes.
    #[inline]
    pub fn text_in(self, whole: &[u8]) -> Text<'_> {
        let range = usize::from(self.start)..usize::from(self.end);
        Text {
            raw: whole.get(range).unwrap_or_default(),
            plain: usize::from(self.plain),
        }
    }
}
