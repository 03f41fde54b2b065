//! Points in time as the log writes them, to the microsecond.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970-01-01T00:00:00Z. Shown as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

/// Microseconds in a minute.
pub const MINUTE: u64 = 60_000_000;

impl Instant {
    /// Now, by the machine's clock.
    pub fn now() -> Instant {
        Instant::at(SystemTime::now())
    }

    /// Of the system's time. What lies before 1970 counts as 1970.
    pub fn at(time: SystemTime) -> Instant {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Instant(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// Reads RFC 3339 as the API server writes it: UTC with a `Z`, and fractions of a second or none.
    pub fn read(text: &[u8]) -> Option<Instant> {
        let (seconds, fraction) = text.split_first_chunk::<19>()?;
        let micros = match fraction.first_chunk::<8>() {
            Some([b'.', a, b, c, d, e, f, b'Z']) if fraction.len() == 8 => {
                number([*a, *b, *c, *d, *e, *f])?
            }
            _ => micros(fraction)?,
        };
        let [
            y1,
            y2,
            y3,
            y4,
            b'-',
            m1,
            m2,
            b'-',
            d1,
            d2,
            b'T' | b't',
            h1,
            h2,
            b':',
            i1,
            i2,
            b':',
            s1,
            s2,
        ] = *seconds
        else {
            return None;
        };
        let days = days(
            number([y1, y2, y3, y4])?,
            number([m1, m2])?,
            number([d1, d2])?,
        )?;
        let (hour, minute, second) = (number([h1, h2])?, number([i1, i2])?, number([s1, s2])?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
        Some(Instant(seconds * 1_000_000 + micros))
    }

    /// Which minute since 1970 it lies in.
    pub fn minute(self) -> u64 {
        self.0 / MINUTE
    }

    /// So much earlier; not before 1970.
    #[must_use]
    pub fn before(self, time: Duration) -> Instant {
        Instant(self.0.saturating_sub(micros_of(time)))
    }

    /// How long it is since an earlier one; nothing when that is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Reads points in time that lie near each other, as those in a log do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Near {
    /// A day as it stands there, and its first microsecond.
    day: Option<([u8; 11], u64)>,
}

/// How long a point in time is between its quotes, as the API server writes it.
pub const QUOTED: usize = 29;

impl Near {
    /// As [`Instant::read`].
    pub fn read(&mut self, text: &[u8]) -> Option<Instant> {
        let time = Instant::read(text)?;
        if let Some(day) = text.first_chunk() {
            self.day = Some((*day, time.0 - time.0 % DAY));
        }
        Some(time)
    }

    /// Reads `"2026-11-23T16:14:35.011937Z"` when it lies on the same day as the last one.
    #[inline]
    pub fn quoted(&self, text: &[u8; QUOTED]) -> Option<Instant> {
        let ([b'"', day @ ..], rest) = text.split_first_chunk::<12>()? else {
            return None;
        };
        let (clock, fraction) = rest.split_first_chunk()?;
        let ([b'.', fraction @ .., b'Z'], [b'"']) = fraction.split_first_chunk::<8>()? else {
            return None;
        };
        let (same, first) = self.day.as_ref()?;
        let (clock, fraction) = (clock_of(*clock)?, number_of(*fraction)?);
        (day == same).then_some(Instant(first + clock + fraction))
    }
}

/// Microseconds in a day.
const DAY: u64 = 86_400_000_000;

/// The same in each of eight bytes.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The digits in these bytes, if all are.
#[inline]
fn digits(bytes: u64) -> Option<u64> {
    let digits = bytes ^ each(b'0');
    // A byte below 128 that is no digit reaches 128 with this; others have done so.
    let others = digits.wrapping_add(each(118)) | digits;
    (others & each(128) == 0).then_some(digits)
}

/// The microseconds before `16:14:35` in its day.
#[inline]
fn clock_of(text: [u8; 8]) -> Option<u64> {
    const COLONS: u64 = u64::from_le_bytes([0, 0, b':', 0, 0, b':', 0, 0]);
    const PLACES: u64 = u64::from_le_bytes([0, 0, 255, 0, 0, 255, 0, 0]);
    const ZEROS: u64 = u64::from_le_bytes([0, 0, b'0', 0, 0, b'0', 0, 0]);
    let text = u64::from_le_bytes(text);
    let digits = digits(text & !PLACES | ZEROS)?;
    // Each pair's number is where its first digit was.
    let [hour, _, _, minute, _, _, second, _] = (digits * 10 + (digits >> 8)).to_le_bytes();
    let fits = text & PLACES == COLONS && hour < 24 && minute < 60 && second < 60;
    let seconds = u64::from(hour) * 3600 + u64::from(minute) * 60 + u64::from(second);
    fits.then_some(seconds * 1_000_000)
}

/// The number of six digits.
#[inline]
fn number_of([a, b, c, d, e, f]: [u8; 6]) -> Option<u64> {
    let digits = digits(u64::from_le_bytes([b'0', b'0', a, b, c, d, e, f]))?;
    // Pairs, then fours, then all of them.
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

/// A span in microseconds.
pub fn micros_of(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A number of so many digits.
#[inline]
fn number<const N: usize>(digits: [u8; N]) -> Option<u64> {
    let digits = digits.map(|digit| digit.wrapping_sub(b'0'));
    let plain = digits.iter().all(|digit| *digit < 10);
    let number = digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + u64::from(*digit));
    plain.then_some(number)
}

/// `.035011Z`, `Z`: the microseconds, of which finer ones are cut off.
fn micros(text: &[u8]) -> Option<u64> {
    let (b'Z' | b'z', fraction) = text.split_last()? else {
        return None;
    };
    if fraction.is_empty() {
        return Some(0);
    }
    let digits = fraction.strip_prefix(b".")?;
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let padded = digits.iter().chain(b"000000").take(6);
    Some(padded.fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0')))
}

/// The days of each month, but for leap years.
const LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Days from 1970-01-01 to a day of the Gregorian calendar, when there is such a day and it is not before.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let month_at = usize::try_from(month).ok()?.checked_sub(1)?;
    let length = LENGTHS.get(month_at)? + u64::from(leap && month == 2);
    if year < 1970 || day == 0 || day > length {
        return None;
    }
    // Years that begin in March end with the day that some have and some have not.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let before = year * 365 + year / 4 - year / 100 + year / 400;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    (before + (153 * month + 2) / 5 + day - 1).checked_sub(719_468)
}

impl fmt::Display for Instant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH + Duration::from_micros(self.0.min(LAST));
        humantime::format_rfc3339_micros(time).fmt(out)
    }
}

/// The last microsecond of the year 9999, past which nothing is shown.
const LAST: u64 = 253_402_300_799_999_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_another_reader_reads() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2026-11-23T16:14:35.011937Z",
            "2024-02-29T23:59:59.9Z",
            "2000-03-01T00:00:00.000001Z",
            "2100-02-28T12:00:00Z",
            "9999-12-31T23:59:59.999999Z",
        ] {
            let other = humantime::parse_rfc3339(text).unwrap();
            let read = Instant::read(text.as_bytes()).unwrap();
            assert_eq!(read, Instant::at(other), "{text}");
        }
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T16:14:35",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T16:14:35.Z",
            "2026-11-23T16:14:35+01:00",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(Instant::read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn on_the_same_day_the_same_is_read() {
        let text = *b"\"2026-11-23T16:14:35.011937Z\"";
        assert_eq!(Near::default().quoted(&text), None);
        let mut near = Near::default();
        let time = near.read(&text[1..QUOTED - 1]);
        assert_eq!(near.quoted(&text), time);
        for at in 0..QUOTED {
            for byte in 0..=u8::MAX {
                let mut other = text;
                other[at] = byte;
                let quotes = other[0] == b'"' && other[QUOTED - 1] == b'"';
                let read = Instant::read(&other[1..QUOTED - 1]).filter(|_| quotes);
                let same = other[..12] == text[..12] && other[27..] == text[27..];
                let point = other[20] == b'.';
                let expected = read.filter(|_| same && point);
                assert_eq!(near.quoted(&other), expected, "{other:?}");
            }
        }
        for second in (0..86_400).step_by(7) {
            let micros = second * 11 % 1_000_000;
            let (hour, minute) = (second / 3600, second / 60 % 60);
            let second = second % 60;
            let text = format!("\"2026-11-23T{hour:02}:{minute:02}:{second:02}.{micros:06}Z\"");
            let other = Instant::read(&text.as_bytes()[1..QUOTED - 1]);
            let text = text.as_bytes().try_into().unwrap();
            assert_eq!(near.quoted(text), other);
        }
    }

    #[test]
    fn shows_what_was_read() {
        let text = "2026-11-23T16:14:35.011937Z";
        assert_eq!(Instant::read(text.as_bytes()).unwrap().to_string(), text);
    }
}
