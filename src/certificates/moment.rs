//! A point in time, to the second.

use std::fmt;
use std::time::Duration;

use x509_cert::der::DateTime;

/// Seconds since 1970-01-01T00:00:00Z. Shown as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
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
