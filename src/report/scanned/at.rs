//! When a node was looked at.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// When a node was looked at, to the second, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct At(u64);

/// The last second that RFC 3339 can say, 9999-12-31T23:59:59Z.
const LAST: u64 = 253_402_300_799;

impl At {
    /// So many seconds after 1970.
    pub fn of(seconds: u64) -> At {
        At(seconds.min(LAST))
    }

    /// By the machine's clock. One that stands before 1970 counts as 1970.
    pub fn now() -> At {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        At::of(since.unwrap_or_default().as_secs())
    }

    /// Seconds since 1970.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl fmt::Display for At {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH + Duration::from_secs(self.0);
        humantime::format_rfc3339_seconds(time).fmt(out)
    }
}

impl From<At> for String {
    fn from(at: At) -> String {
        at.to_string()
    }
}

impl TryFrom<String> for At {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = humantime::parse_rfc3339(&text).ok();
        let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        since
            .map(|since| At::of(since.as_secs()))
            .ok_or_else(|| format!("not a time such as 2026-01-31T12:00:00Z: {text:?}"))
    }
}
