//! A point in time, to the second.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_cert::der::DateTime;

/// Seconds since 1970-01-01T00:00:00Z. Shown as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// Now, by the machine's clock. One that stands before 1970 counts as 1970.
    pub fn now() -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Moment(since.unwrap_or_default().as_secs())
    }

    /// The first second of a day, in UTC. `None` when there is no such day, or it lies before 1970.
    pub fn of_day(year: u16, month: u8, day: u8) -> Option<Moment> {
        let time = DateTime::new(year, month, day, 0, 0, 0).ok()?;
        Some(Moment(time.unix_duration().as_secs()))
    }

    /// So many days later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Moment {
        Moment(self.0.saturating_add(u64::from(days) * 86_400))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_unix_duration(Duration::from_secs(self.0)) {
            Ok(time) => time.fmt(out),
            // Past the year 9999, which no certificate can say.
            Err(_) => write!(out, "{} seconds after 1970", self.0),
        }
    }
}
