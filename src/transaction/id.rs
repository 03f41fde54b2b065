//! Names of transactions: they sort by time and stay in order when the clock does not.

use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The shape of an id; `9` stands for a digit and `x` for a digit or one of `a` to `f`.
const SHAPE: &str = "99999999T999999.999999Z-xxxxxx";

/// The name of a transaction: the moment it began (UTC, microseconds) and a random part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TransactionId(String);

impl TransactionId {
    /// A name later than `newest`, also when the clock stepped back.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub(super) fn after(newest: Option<&TransactionId>) -> Result<TransactionId, Failure> {
        let mut now = SystemTime::now();
        if let Some(last) = newest.and_then(TransactionId::moment) {
            now = now.max(last + Duration::from_micros(1));
        }
        let mut shown = String::new();
        // Past the year 9999 it cannot be written; `to_string` would panic.
        write!(shown, "{}", humantime::format_rfc3339_micros(now)).map_err(|_| {
            Failure::refused("no name is left for a new transaction: the newest is of the year 9999")
                .state("nothing was written")
                .help("move the newest one, which tighten history lists first, out of the state directory")
        })?;
        let stamp: String = shown
            .chars()
            .filter(|letter| !matches!(letter, '-' | ':'))
            .collect();
        let mut random = [0_u8; 3];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()).map_err(
            |error| {
                Failure::refused(format!("no random bytes for a new name: {error}")).because(error)
            },
        )?;
        let [first, second, third] = random;
        let name = format!("{stamp}-{first:02x}{second:02x}{third:02x}");
        TransactionId::parse(&name).ok_or_else(|| {
            Failure::refused(format!("the clock shows no usable time: {stamp}"))
                .help("set the clock (timedatectl), then try again")
        })
    }

    /// Takes a whole id; `None` for anything else.
    pub fn parse(text: &str) -> Option<TransactionId> {
        TransactionId::is_one(text).then(|| TransactionId(text.into()))
    }

    /// Whether a text is a whole id.
    pub(super) fn is_one(text: &str) -> bool {
        text.len() == SHAPE.len()
            && text
                .bytes()
                .zip(SHAPE.bytes())
                .all(|(byte, shape)| match shape {
                    b'9' => byte.is_ascii_digit(),
                    b'x' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
                    other => byte == other,
                })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn moment(&self) -> Option<SystemTime> {
        let part = |from: usize, to: usize| self.0.get(from..to);
        let stamp = format!(
            "{}-{}-{}T{}:{}:{}",
            part(0, 4)?,
            part(4, 6)?,
            part(6, 8)?,
            part(9, 11)?,
            part(11, 13)?,
            part(13, 23)?
        );
        humantime::parse_rfc3339(&stamp).ok()
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for TransactionId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        TransactionId::parse(&text).ok_or_else(|| format!("not a transaction's id: {text:?}"))
    }
}

impl From<TransactionId> for String {
    fn from(id: TransactionId) -> String {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::TransactionId;

    #[test]
    fn an_id_stays_later_than_the_newest_when_the_clock_steps_back() {
        let future = TransactionId::parse("29991231T235959.999999Z-ffffff").unwrap();
        let next = TransactionId::after(Some(&future)).unwrap();
        assert!(next > future, "{next}");
        assert!(next.as_str().starts_with("30000101T000000.000000Z-"));
        assert!(TransactionId::after(Some(&next)).unwrap() > next);
    }

    #[test]
    fn behind_the_last_moment_that_can_be_written_no_id_is_made() {
        let last = TransactionId::parse("99991231T235959.999999Z-ffffff").unwrap();
        let failure = TransactionId::after(Some(&last)).unwrap_err();
        assert!(failure.message.starts_with("no name is left"), "{failure}");
    }

    #[test]
    fn anything_that_is_not_a_whole_id_is_no_id() {
        for text in [
            "",
            "..",
            "20261123T171336.123456Z-4f2a9",
            "20261123T171336.123456Z-4f2a9G",
        ] {
            assert_eq!(TransactionId::parse(text), None, "{text}");
        }
    }
}
