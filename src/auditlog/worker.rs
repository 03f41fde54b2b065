//! How a worker reads lines: it searches them for whom is asked for, and parses those that are theirs.

use memchr::memchr;

use super::before::{Before, Remembered};
use super::block::{Flaw, Found, Placed, Query};
use super::caller::Caller;
use super::counted::Counted;
use super::event::Event;
use super::json::level;
use super::pieces::is_rewritten;
use super::read::workers;
use super::search::Search;
use super::spots::{Spots, ends};
use super::tally::Tally;
use super::who::Standing;

/// Reads lines for a query, and counts what is asked for.
pub struct Worker<'q> {
    query: &'q Query,
    counted: Counted,
    remembered: Remembered,
    /// The lines at hand hold no control characters.
    plain: bool,
    /// What was found in a window, held for its room.
    spots: Spots,
    /// The lines of a block that are to be parsed, held for its room: their numbers, beginnings and ends.
    lines: Vec<(u64, usize, usize)>,
}

impl<'q> Worker<'q> {
    /// A worker that has counted nothing.
    pub fn new(query: &'q Query, counted: Counted) -> Worker<'q> {
        Worker {
            remembered: Remembered::with_room(workers()),
            ..Worker::for_few(query, counted)
        }
    }

    /// One for the few lines that go on in the next piece, which knows no clients.
    pub fn for_few(query: &'q Query, counted: Counted) -> Worker<'q> {
        Worker {
            query,
            counted,
            remembered: Remembered::default(),
            plain: false,
            spots: Spots::default(),
            lines: Vec::new(),
        }
    }

    /// Reads whole lines, each with its end, until there are as many events as are held at once. They are searched
    /// where a search is asked for and they need not be parsed one by one.
    pub fn read<'a>(&mut self, body: &'a [u8], parse: bool) -> Found<'a> {
        let mut found = Found {
            // All at once, since what grows leaves holes behind.
            events: Vec::with_capacity(MOST_EVENTS),
            ..Found::default()
        };
        match &self.query.search {
            Some(search) if !parse && !rewritten(body) => self.search(search, body, &mut found),
            _ => self.parse(body, &mut found),
        }
        found
    }

    /// Reads one line without its end, as [`Worker::read`] does.
    pub fn read_line<'a>(&mut self, line: &'a [u8], parse: bool) -> Found<'a> {
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

    /// Adds what was counted in the lines that were read since, but for how often names came up.
    pub fn add_to(&mut self, tally: &mut Tally) {
        tally.add(&mut self.counted);
        if self.counted.is_full() {
            self.hand_in(tally);
        }
    }

    /// Adds how often names came up in all lines that were added. It is to be called in the end, too.
    pub fn hand_in(&mut self, tally: &mut Tally) {
        for client in self.remembered.clients.counted() {
            self.counted.count_client(client);
        }
        tally.hand_in(&mut self.counted);
    }

    /// Takes back what was counted in lines that were just read and are not added: they are read once more.
    pub fn take_back(&mut self, body: &[u8], parse: bool) {
        self.counted.begin_to_take_back();
        self.read(body, parse);
        self.counted.end_to_take_back();
    }

    /// Remembers for the next lines.
    fn remember(&mut self, before: Before) {
        self.remembered = before.remembered();
        for client in self.remembered.clients.gone() {
            self.counted.count_client(client);
        }
    }

    /// Parses each line.
    fn parse<'a>(&mut self, body: &'a [u8], found: &mut Found<'a>) {
        let mut before = Before::of(std::mem::take(&mut self.remembered));
        let mut spots = std::mem::take(&mut self.spots);
        let mut start = 0;
        'windows: while start < body.len() {
            let window = window(body, start);
            spots.ends.clear();
            let bytes = body.get(start..window).unwrap_or_default();
            self.plain = ends(level(), bytes, &mut spots.ends);
            let first = start;
            for end in &spots.ends {
                if found.events.len() >= MOST_EVENTS {
                    break 'windows;
                }
                let end = first + end;
                let line = body.get(start..end).unwrap_or_default();
                self.line(line, (found.lines, start as u64), &mut before, found);
                found.lines += 1;
                start = end + 1;
            }
            start = start.max(window);
        }
        found.bytes = start;
        self.spots = spots;
        self.remember(before);
        self.plain = false;
    }

    /// Parses the lines that hold what is searched for, and those that do not look like an event.
    fn search<'a>(&mut self, search: &Search, body: &'a [u8], found: &mut Found<'a>) {
        let mut before = Before::of(std::mem::take(&mut self.remembered));
        let mut spots = std::mem::take(&mut self.spots);
        let mut lines = std::mem::take(&mut self.lines);
        let mut start = 0;
        while start < body.len() {
            let window = window(body, start);
            search.spot(body.get(start..window).unwrap_or_default(), &mut spots);
            let mut hits = spots.hits.iter().peekable();
            let first = start;
            for end in &spots.ends {
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
                let mut left = None;
                for (number, at, end) in lines.drain(..) {
                    if found.events.len() >= MOST_EVENTS {
                        left = Some((number, at));
                        break;
                    }
                    let line = body.get(at..end).unwrap_or_default();
                    self.line(line, (number, at as u64), &mut before, found);
                }
                if let Some((number, at)) = left {
                    // From there on it is searched once more.
                    (found.lines, start) = (number, at);
                    break;
                }
            }
        }
        found.bytes = start;
        self.lines = lines;
        self.spots = spots;
        self.remember(before);
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
            found.flaws.add(Flaw {
                damage,
                line: number,
                at,
            });
            return;
        }
        let Some(standing) = query.who.standing(&event).filter(|_| query.takes(&event)) else {
            return;
        };
        let asked = event.asked(counted.ids());
        if standing == Standing::Theirs {
            counted.count(&event, asked, before.client());
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
                asked,
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

/// Most events that are held before they are handed on, in a quarter of a megabyte. A piece that the API server wrote
/// has some four hundred.
const MOST_EVENTS: usize = 512;

/// Lines that are parsed together.
const MOST_LINES: usize = 256;

/// Where the window ends that begins here: behind the end of a line.
fn window(body: &[u8], start: usize) -> usize {
    let least = start.saturating_add(WINDOW);
    let end = body.get(least..).and_then(|rest| memchr(b'\n', rest));
    end.map_or(body.len(), |end| least + end + 1)
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
    use crate::auditlog::block::{Flaws, HandOn};
    use crate::auditlog::names::{Count, Name};
    use crate::auditlog::tally::{By, Tally};
    use crate::auditlog::who::Who;

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
        let flaws: Vec<u64> = found.flaws.first.iter().map(|flaw| flaw.line).collect();
        assert_eq!(
            (events, flaws, found.lines),
            (vec![0, 1, 4], vec![2, 3, 5], 6)
        );
    }

    /// Long, so that what stands behind is not taken for the client.
    const AGENT: &str =
        "kubectl/v1.36.2 (linux/amd64) kubernetes/9a1f3c7, as the API server has it in its log";

    /// Of a client, as the API server writes it, with more behind it.
    fn line_of(source: &str, behind: &str) -> String {
        format!(
            r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a","stage":"ResponseComplete","requestURI":"/","verb":"get","user":{{"username":"alice"}},"sourceIPs":["{source}"],"userAgent":"{AGENT}"{behind}}}"#
        )
    }

    #[test]
    fn a_client_that_is_known_is_counted_by_what_its_line_says_last() {
        let who = Who {
            everybody: true,
            ..Who::default()
        };
        let query = Query::new(who, true, HandOn::All);
        let lines = [
            line_of("10.0.0.1", ""),
            line_of("10.0.0.1", ""),
            line_of("10.0.0.1", r#","sourceIPs":["10.0.0.2"]"#),
            line_of("10.0.0.1", r#","userAgent":"y""#),
            line_of("10.0.0.1", r#","user":{"username":"bob"}"#),
            line_of("10.0.0.1", r#","user":null"#),
        ];
        let body = lines.join("\n") + "\n";
        let mut worker = Worker::new(&query, Counted::default());
        let found = worker.read(body.as_bytes(), true);
        let from = |placed: &Placed| placed.caller.address.map(|address| address.to_string());
        let from: Vec<Option<String>> = found.events.iter().map(from).collect();
        let expected = ["1", "1", "2", "1", "1", "1"].map(|end| Some(format!("10.0.0.{end}")));
        assert_eq!(from, expected);
        let mut tally = Tally::default();
        worker.add_to(&mut tally);
        worker.hand_in(&mut tally);
        let told = |by| {
            let (names, _) = tally.ranked(by);
            let count = |(name, count): (Name, Count)| format!("{}={}", name.text(), count.events);
            names.into_iter().map(count).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told(By::Source), "10.0.0.1=5 10.0.0.2=1");
        assert_eq!(told(By::UserAgent), format!("{AGENT}=5 y=1"));
        assert_eq!(told(By::User), "alice=4 =1 bob=1");
    }

    #[test]
    fn lines_are_found_by_a_search_that_are_found_without() {
        let who = Who {
            users: vec!["alice".into()],
            ..Who::default()
        };
        let query = Query::new(who, false, HandOn::All);
        let mut body = String::new();
        // More than are parsed together, in several windows, of many lengths.
        for number in 0..3000usize {
            let line = match number % 7 {
                0..3 => line_of(&"1".repeat(number % 60), ""),
                3 => "no event".into(),
                4 => line_of("", "").replace("alice", "bob"),
                5 => "{\"stage\":\"alice\"}".into(),
                _ => String::new(),
            };
            body += &line;
            body += "\n";
        }
        let told = |parse: bool| {
            let mut worker = Worker::new(&query, Counted::default());
            let (mut lines, mut rest, mut events) = (0, body.as_bytes(), Vec::new());
            let (mut flaws, mut parts) = (Flaws::default().counts, 0);
            while !rest.is_empty() {
                let found = worker.read(rest, parse);
                let at = body.len() - rest.len();
                events.extend(found.events.iter().map(|placed| {
                    let source = placed.event.source.written().len();
                    (lines + placed.line, at + placed.at as usize, source)
                }));
                for (count, more) in flaws.iter_mut().zip(found.flaws.counts) {
                    *count += more;
                }
                lines += found.lines;
                rest = &rest[found.bytes..];
                parts += 1;
            }
            (lines, format!("{events:?}"), flaws, parts)
        };
        assert!(body.len() > 4 * WINDOW);
        let (searched, parsed) = (told(false), told(true));
        // More events than are held at once.
        assert_eq!((searched.0, searched.3), (3000, 3));
        assert_eq!(searched, parsed);
    }
}
