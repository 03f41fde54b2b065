//! A span of time as rules write it.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::auditlog::time::micros_of;
use crate::golang::duration;

/// `90s`, `5m`, `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

/// Longest that a rule may look back.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

impl Span {
    /// In microseconds.
    pub fn micros(self) -> u64 {
        micros_of(self.0)
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Span, String> {
        let nanos = duration::parse(&text)?;
        let span = u64::try_from(nanos).map(Duration::from_nanos);
        span.ok()
            .filter(|span| *span >= Duration::from_secs(1) && *span <= LONGEST)
            .map(Span)
            .ok_or_else(|| format!("{text:?} is not a span from 1s to 744h"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(out)
    }
}
