//! The last day of a waiver.

use std::fmt;

use serde::Deserialize;

use crate::certificates::Moment;

/// A day in UTC, written `YYYY-MM-DD`. It is over when the next one begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Day {
    first_second: Moment,
    text: String,
}

impl Day {
    /// Reads a day from 1970 to 9999.
    pub fn read(text: &str) -> Option<Day> {
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shaped {
            return None;
        }
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let first_second =
            Moment::of_day(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
        Some(Day {
            first_second,
            text: text.into(),
        })
    }

    /// True from the first second of the next day on.
    pub fn is_over(&self, now: Moment) -> bool {
        self.first_second.plus_days(1) <= now
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Day::read(&text)
            .ok_or_else(|| format!("not a day such as 2027-03-31, or there is none: {text:?}"))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}
