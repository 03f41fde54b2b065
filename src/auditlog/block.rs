//! What a worker finds in a piece of the log.

use memchr::{memchr, memchr_iter, memrchr};

use super::before::Before;
use super::caller::Caller;
use super::clients::Clients;
use super::event::Event;
use super::json::{Damage, least};
use super::pieces::{SMALL, is_rewritten};
use super::read::workers;
use super::search::Search;
use super::sweep::Sweep;
use super::tally::Counted;
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

    fn takes(&self, event: &Event) -> bool {
        let Some(time) = event.time() else {
            // What cannot be placed in time is shown rather than lost.
            return true;
        };
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }

    fn hands_on(&self, event: &Event, standing: Standing) -> bool {
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

/// What was found in whole lines.
#[derive(Debug, Default)]
pub struct Found<'a> {
    /// How many lines.
    pub lines: u64,
    /// The events that are handed on.
    pub events: Vec<Placed<'a>>,
    /// The lines that are no events.
    pub flaws: Vec<Flaw>,
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

/// Reads lines for a query, and counts what is asked for.
pub struct Worker<'q> {
    query: &'q Query,
    /// What was counted since it was last taken.
    pub counted: Counted,
    clients: Clients,
    /// The lines at hand hold no control characters.
    plain: bool,
    /// What was found in a window, held for its room.
    sweep: Sweep,
    /// The lines of a block that are to be parsed, held for its room: their numbers, beginnings and ends.
    lines: Vec<(u64, usize, usize)>,
}

impl<'q> Worker<'q> {
    /// A worker that has counted nothing.
    pub fn new(query: &'q Query, counted: Counted) -> Worker<'q> {
        Worker {
            query,
            counted,
            clients: Clients::with_room(workers()),
            plain: false,
            sweep: Sweep::default(),
            lines: Vec::new(),
        }
    }

    /// Reads whole lines, each with its end. They are searched where a search is asked for and they need not
    /// be parsed one by one.
    pub fn read<'a>(&mut self, body: &'a [u8], parse: bool) -> Found<'a> {
        self.counted.make_room();
        let mut found = Found::default();
        match &self.query.search {
            Some(search) if !parse && !rewritten(body) => self.search(search, body, &mut found),
            _ => self.parse(body, &mut found),
        }
        found
    }

    /// Reads one line without its end, as [`Worker::read`] does.
    pub fn read_line<'a>(&mut self, line: &'a [u8], parse: bool) -> Found<'a> {
        self.counted.make_room();
        let mut found = Found {
            lines: 1,
            ..Found::default()
        };
        let search = self.query.search.as_ref();
        let search = search.filter(|_| !parse && !rewritten(line));
        if search.is_none_or(|search| search.finds(line) || !has_shape(line)) {
            self.line(line, (0, 0), &mut Before::default(), &mut found);
        }
        found
    }

    /// Whether lines are searched which need not be parsed one by one.
    pub fn searches(&self) -> bool {
        self.query.search.is_some()
    }

    /// Parses each line.
    fn parse<'a>(&mut self, body: &'a [u8], found: &mut Found<'a>) {
        self.plain = is_plain(body);
        let mut before = Before::of(std::mem::take(&mut self.clients));
        let mut start = 0;
        for end in memchr_iter(b'\n', body) {
            let line = body.get(start..end).unwrap_or_default();
            self.line(line, (found.lines, start as u64), &mut before, found);
            found.lines += 1;
            start = end + 1;
        }
        self.clients = before.clients();
        self.plain = false;
    }

    /// Parses the lines that hold what is searched for, and those that do not look like an event.
    fn search<'a>(&mut self, search: &Search, body: &'a [u8], found: &mut Found<'a>) {
        let mut before = Before::of(std::mem::take(&mut self.clients));
        let mut sweep = std::mem::take(&mut self.sweep);
        let mut lines = std::mem::take(&mut self.lines);
        let mut start = 0;
        while start < body.len() {
            let window = window(body, start);
            search.sweep(body.get(start..window).unwrap_or_default(), &mut sweep);
            let mut hits = sweep.hits.iter().peekable();
            let first = start;
            for end in &sweep.ends {
                let mut is_hit = false;
                while hits.next_if(|at| *at < end).is_some() {
                    is_hit = true;
                }
                let end = first + end;
                let line = body.get(start..end).unwrap_or_default();
                if is_hit || !has_shape(line) {
                    lines.push((found.lines, start, end));
                }
                found.lines += 1;
                start = end + 1;
            }
            start = start.max(window);
            // Searching and parsing take turns seldom, since each has to warm up.
            if lines.len() >= MOST_LINES || start >= body.len() {
                for (number, start, end) in lines.drain(..) {
                    let line = body.get(start..end).unwrap_or_default();
                    self.line(line, (number, start as u64), &mut before, found);
                }
            }
        }
        self.lines = lines;
        self.sweep = sweep;
        self.clients = before.clients();
    }

    fn line<'a>(
        &mut self,
        line: &'a [u8],
        (number, at): (u64, u64),
        before: &mut Before<'a>,
        found: &mut Found<'a>,
    ) {
        if line.first() != Some(&b'{') && line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let (query, counted) = (self.query, &mut self.counted);
        let mut event = Event::empty();
        if let Err(damage) = event.read_after(before, line, self.plain) {
            found.flaws.push(Flaw {
                damage,
                line: number,
                at,
            });
            return;
        }
        let Some(standing) = query.who.standing(&event).filter(|_| query.takes(&event)) else {
            return;
        };
        if standing == Standing::Theirs {
            counted.count(&event, before.client());
        }
        if query.hands_on(&event, standing) {
            let ids = counted.ids();
            let of_event = || Caller::of(&event, ids);
            let caller = match before.client() {
                Some(client) => *client.caller.get_or_insert_with(of_event),
                None => of_event(),
            };
            found.events.push(Placed {
                standing,
                caller,
                asked: event.asked(ids),
                event,
                line: number,
                at,
            });
        }
    }
}

/// Bytes that are searched before the lines in them are looked at: what fits into a processor's nearest cache, from
/// which a second look takes much less time than the first.
const WINDOW: usize = 32 << 10;

/// Lines that are parsed together.
const MOST_LINES: usize = 256;

/// Where the window ends that begins here: behind the end of a line.
fn window(body: &[u8], start: usize) -> usize {
    let least = start.saturating_add(WINDOW);
    let end = body.get(least..).and_then(|rest| memchr(b'\n', rest));
    end.map_or(body.len(), |end| least + end + 1)
}

/// Whether lines hold no control characters but their ends.
fn is_plain(body: &[u8]) -> bool {
    // Ends of lines become the largest byte, and control characters those below 31.
    least(body, |byte| (byte ^ b'\n').wrapping_sub(1)) >= b' ' - 1
}

/// Whether a line begins and ends as an event does.
#[inline]
fn has_shape(line: &[u8]) -> bool {
    matches!(line, [b'{', .., b'}'] | [b'{', .., b'}', b'\r'])
}

/// Whether somebody else than the API server wrote this piece, in a way that may hide a user's name from a
/// search. Its first line tells, since a program writes all of its lines in one way.
fn rewritten(body: &[u8]) -> bool {
    let first = memchr(b'\n', body).and_then(|end| body.get(..end));
    is_rewritten(first.unwrap_or(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_flaws_come_in_the_order_of_their_lines() {
        let who = Who {
            users: vec!["alice".into()],
            ..Who::default()
        };
        let query = Query::new(who, false, HandOn::All);
        // The second has no shape of an event, and the name is spelled as Go does not.
        let body = [
            r#"{"stage":"Panic","user":{"username":"alice"}}"#,
            r#" {"stage":"Panic","user":{"username":"\u0061lice"}}"#,
            r#"{"user":{"username":"alice"}}"#,
            "[1]",
            r#"{"stage":"Panic","user":{"username":"alice"}}"#,
            r#"{"stage":"Panic","user":{"username":"bob""#,
            "",
        ];
        let body = body.join("\n");
        let found = Worker::new(&query, Counted::default()).read(body.as_bytes(), false);
        let events: Vec<u64> = found.events.iter().map(|placed| placed.line).collect();
        let flaws: Vec<u64> = found.flaws.iter().map(|flaw| flaw.line).collect();
        assert_eq!(
            (events, flaws, found.lines),
            (vec![0, 1, 4], vec![2, 3, 5], 6)
        );
    }
}
