//! What is asked of a log, and what a worker finds in a piece of it.

use memchr::{memchr, memrchr};

use super::caller::Caller;
use super::event::Event;
use super::json::Damage;
use super::pieces::SMALL;
use super::search::Search;
use super::time::Instant;
use super::who::{Standing, Who};

/// What is asked of a log.
#[derive(Debug)]
pub struct Query {
    /// Whose events.
    pub who: Who,
    /// What each line of theirs holds; none when each line has to be parsed.
    pub search: Option<Search>,
    /// Logs of as many bytes or less are parsed line by line all the same.
    pub small: u64,
    /// Nothing before.
    pub since: Option<Instant>,
    /// Nothing from then on.
    pub until: Option<Instant>,
    /// Which events are handed on, beside being counted.
    pub hand_on: HandOn,
}

/// Which events are handed on in the order of the log.
#[derive(Clone, Debug)]
pub enum HandOn {
    /// All that are asked for.
    All,
    /// Those of these users, and those that only pose as whom is asked for.
    Of(Vec<String>),
}

impl Query {
    /// Everything about those who are asked for; `thorough` parses each line.
    pub fn new(who: Who, thorough: bool, hand_on: HandOn) -> Query {
        Query {
            search: who.search().filter(|_| !thorough),
            small: SMALL,
            who,
            since: None,
            until: None,
            hand_on,
        }
    }

    /// Whether an event lies in the time that is asked for.
    pub(super) fn takes(&self, event: &Event) -> bool {
        let Some(time) = event.time() else {
            // What cannot be placed in time is shown rather than lost.
            return true;
        };
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }

    /// Whether an event is handed on.
    pub(super) fn hands_on(&self, event: &Event, standing: Standing) -> bool {
        match &self.hand_on {
            HandOn::All => true,
            HandOn::Of(users) => {
                standing != Standing::Theirs
                    || users.iter().any(|user| event.user.is(user.as_bytes()))
            }
        }
    }
}

/// An event that is handed on, and where its line stands in its piece.
#[derive(Debug)]
pub struct Placed<'a> {
    /// How it has to do with those who are asked for.
    pub standing: Standing,
    /// What it says.
    pub event: Event<'a>,
    /// From where it came and with which credential.
    pub caller: Caller,
    /// The number of what was asked of a resource, as far as rules look at it; none where it is no resource.
    pub asked: Option<u64>,
    /// Which line of the piece, counted from 0.
    pub line: u64,
    /// Bytes before its line.
    pub at: u64,
}

/// A line that is no event, and where it stands in its piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Why.
    pub damage: Damage,
    /// Which line of the piece, counted from 0.
    pub line: u64,
    /// Bytes before its line.
    pub at: u64,
}

/// Lines that are no events: how many by why, and where the first of them stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// How many, by why.
    pub counts: [u64; Damage::ALL.len()],
    /// The first of them, [`Flaws::NAMED`] at most.
    pub first: Vec<Flaw>,
}

impl Flaws {
    /// Most lines that are no events of which is told where they stand.
    pub const NAMED: usize = 20;

    /// One more, behind the others.
    pub fn add(&mut self, flaw: Flaw) {
        if let Some(count) = self.counts.get_mut(flaw.damage as usize) {
            *count += 1;
        }
        if self.first.len() < Flaws::NAMED {
            self.first.push(flaw);
        }
    }
}

/// What was found in whole lines.
#[derive(Debug, Default)]
pub struct Found<'a> {
    /// How many lines were read.
    pub lines: u64,
    /// How many bytes they have.
    pub bytes: usize,
    /// The events that are handed on.
    pub events: Vec<Placed<'a>>,
    /// The lines that are no events.
    pub flaws: Flaws,
}

/// A piece of a log, cut where its lines end: a line belongs to it whose end and beginning do.
pub struct Cut<'a> {
    /// The end of a line that began before; all of the piece when no line ends in it.
    pub head: &'a [u8],
    /// What is behind the first line's end, when a line ends in the piece.
    pub rest: Option<Rest<'a>>,
}

/// What is behind the first end of a line.
pub struct Rest<'a> {
    /// Whole lines.
    pub body: &'a [u8],
    /// The beginning of a line that goes on behind.
    pub tail: &'a [u8],
}

/// Cuts a piece of a log.
pub fn cut(piece: &[u8]) -> Cut<'_> {
    let Some(first) = memchr(b'\n', piece) else {
        return Cut {
            head: piece,
            rest: None,
        };
    };
    let last = memrchr(b'\n', piece).unwrap_or(first);
    let part = |range| piece.get(range).unwrap_or_default();
    Cut {
        head: part(0..first),
        rest: Some(Rest {
            body: part(first + 1..last + 1),
            tail: part(last + 1..piece.len()),
        }),
    }
}
