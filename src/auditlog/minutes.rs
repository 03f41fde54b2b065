//! Requests over time, in constant memory.

use super::time::MINUTE;

/// Most spans that are told apart. When there are more, each becomes twice as long.
const MOST: usize = 4096;

/// Requests by spans of one minute, or of several where the log is long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minutes {
    /// The first span's number, counted from 1970 in spans of this width.
    first: u64,
    counts: Vec<u64>,
    /// Minutes in a span, a power of two.
    width: u64,
}

impl Default for Minutes {
    fn default() -> Minutes {
        Minutes {
            first: 0,
            counts: Vec::new(),
            width: 1,
        }
    }
}

impl Minutes {
    /// Adds requests in a minute, counted from 1970.
    pub fn add(&mut self, minute: u64, requests: u64) {
        if self.counts.is_empty() {
            (self.first, self.counts) = (minute / self.width, vec![requests]);
            return;
        }
        // The least width at which all spans from the first to the last have room.
        loop {
            let span = minute / self.width;
            let last = self.first + self.counts.len() as u64 - 1;
            let (first, last) = (self.first.min(span), last.max(span));
            if last - first < MOST as u64 {
                break;
            }
            self.widen();
        }
        let span = minute / self.width;
        if span < self.first {
            let missing = usize::try_from(self.first - span).unwrap_or(0);
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = span;
        }
        let at = usize::try_from(span - self.first).unwrap_or(0);
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(at) {
            *count += requests;
        }
    }

    fn widen(&mut self) {
        let mut counts = Vec::with_capacity(self.counts.len() / 2 + 1);
        let odd = usize::from(self.first % 2 == 1);
        let (alone, pairs) = self.counts.split_at(odd.min(self.counts.len()));
        counts.extend_from_slice(alone);
        counts.extend(pairs.chunks(2).map(|pair| pair.iter().sum::<u64>()));
        self.counts = counts;
        self.first /= 2;
        self.width *= 2;
    }

    /// When the first span begins, in microseconds since 1970.
    pub fn start(&self) -> u64 {
        self.first.saturating_mul(self.width).saturating_mul(MINUTE)
    }

    /// Minutes in a span.
    pub fn width(&self) -> u64 {
        self.width
    }

    /// The requests in each span.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_in_which_minutes_come_does_not_matter() {
        let minutes = [1000, 1003, 1000, 999, 5000, 900_000, 123];
        let mut one = Minutes::default();
        let mut other = Minutes::default();
        for minute in minutes {
            one.add(minute, 1);
        }
        for minute in minutes.into_iter().rev() {
            other.add(minute, 1);
        }
        assert_eq!(one, other);
        assert_eq!(one.counts().iter().sum::<u64>(), 7);
        assert!(one.counts().len() <= MOST);
        assert_eq!(one.start(), 0);
    }

    #[test]
    fn the_last_minute_that_a_number_can_hold_has_room_too() {
        let mut minutes = Minutes::default();
        minutes.add(u64::MAX / MINUTE, 1);
        minutes.add(0, 2);
        assert_eq!(minutes.counts().iter().sum::<u64>(), 3);
    }
}
