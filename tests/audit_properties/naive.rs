//! A reader of the log that parses each line and counts in maps.

use std::collections::{BTreeMap, HashMap};

use tighten::auditlog::block::{HandOn, Query};
use tighten::auditlog::json::Damage;
use tighten::auditlog::long::LONG;
use tighten::auditlog::order::{Broken, Place};
use tighten::auditlog::read::PIECE;
use tighten::auditlog::tally::By;
use tighten::auditlog::who::{Standing, Who};

use crate::event::Said;
use crate::json::{self, Line};
use crate::outcome::{From, Outcome};
use crate::serde;

/// Most names of a kind that are told apart.
const MOST: usize = 2048;

/// How a line may be left out by the search.
struct Search<'a> {
    needles: &'a [&'a str],
    /// Of each line: it stands in one block with other lines, of which the first tells whether all of them
    /// are parsed.
    parsed: Vec<Option<bool>>,
}

/// Reads a whole log. Without needles each line is parsed; with them only what the search may not leave out.
pub fn read(log: &[u8], query: &Query, needles: Option<&[&str]>, live: bool) -> Outcome {
    let lines = lines(log);
    let search = needles.map(|needles| Search {
        needles,
        parsed: blocks(log, &lines),
    });
    let mut reader = Reader::new(query);
    for (number, (start, line)) in lines.iter().enumerate() {
        let place = Place {
            file: 0,
            line: number as u64 + 1,
            offset: *start as u64,
        };
        let before = (reader.outcome.broken.len(), reader.outcome.damaged);
        reader.line(line, place, search.as_ref().map(|search| (search, number)));
        if live && start + line.len() == log.len() && before.1 != reader.outcome.damaged {
            reader.outcome.broken.truncate(before.0);
            reader.outcome.damaged = before.1;
            reader.outcome.half_written = true;
        }
    }
    reader.outcome.lines = lines.len() as u64;
    reader.outcome.bytes = log.len() as u64;
    reader.close()
}

/// The lines without their ends, and where they begin.
pub fn lines(log: &[u8]) -> Vec<(usize, &[u8])> {
    let mut start = 0;
    let mut lines = Vec::new();
    for line in log.split(|byte| *byte == b'\n') {
        lines.push((start, line));
        start += line.len() + 1;
    }
    // Behind the last end of a line there is none.
    if lines.last().is_some_and(|(_, line)| line.is_empty()) {
        lines.pop();
    }
    lines
}

/// Which lines are read together: those that begin and end within one piece, but the first that ends there,
/// which is put together with what stands before. Tells of those whether their block is parsed whole.
fn blocks(log: &[u8], lines: &[(usize, &[u8])]) -> Vec<Option<bool>> {
    let mut first_of: HashMap<usize, bool> = HashMap::new();
    let mut block = |(start, line): &(usize, &[u8])| {
        let end = start + line.len();
        // The line's own end and the one before it lie in the same piece.
        let piece = end / PIECE;
        if end == log.len() || *start == 0 || (start - 1) / PIECE != piece {
            return None;
        }
        Some(*first_of.entry(piece).or_insert_with(|| is_foreign(line)))
    };
    lines.iter().map(&mut block).collect()
}

/// Whether the samples of a log, of which the search is given up when one is foreign, are.
pub fn has_foreign_sample(log: &[u8], from: From) -> bool {
    let starts = match from {
        From::Stream(_) => vec![0],
        From::File => {
            let last = log.len().saturating_sub(PIECE);
            vec![0, last / 2, last]
        }
    };
    let sample = |start: usize| &log[start..log.len().min(start + PIECE)];
    starts.into_iter().any(|start| is_foreign(sample(start)))
}

/// Whether a line spells a plain letter as an escape, as Go never does.
fn is_foreign(line: &[u8]) -> bool {
    line.windows(6).any(|escape| {
        let Some(code) = escape.strip_prefix(b"\\u00") else {
            return false;
        };
        let go_s = [b"26", b"3c", b"3C", b"3e", b"3E"]
            .iter()
            .any(|go| **go == code);
        (b'2'..=b'7').contains(&code[0]) && !go_s
    })
}

fn contains(bytes: &[u8], needle: &str) -> bool {
    bytes
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

impl Search<'_> {
    /// Whether a line is parsed. Of one that is too long `kept` is what can be held.
    fn parses(&self, number: usize, line: &[u8], kept: Option<&[u8]>) -> bool {
        let seen = kept.unwrap_or(line);
        let rewritten = self.parsed[number].unwrap_or_else(|| is_foreign(seen));
        let end = seen.strip_suffix(b"\r").unwrap_or(seen);
        let has_shape = seen.len() > 1 && seen.starts_with(b"{") && end.ends_with(b"}");
        rewritten || !has_shape || self.needles.iter().any(|needle| contains(seen, needle))
    }
}

type Names = [Vec<u8>; By::ALL.len()];

struct Reader<'q> {
    query: &'q Query,
    outcome: Outcome,
    names: Vec<HashMap<Vec<u8>, (u64, u64)>>,
    others: Vec<(u64, u64)>,
    open: BTreeMap<Vec<u8>, (Names, u64)>,
    minutes: BTreeMap<u64, u64>,
}

impl<'q> Reader<'q> {
    fn new(query: &'q Query) -> Reader<'q> {
        let kinds = By::ALL.len();
        Reader {
            query,
            outcome: Outcome::default(),
            names: vec![HashMap::new(); kinds],
            others: vec![(0, 0); kinds],
            open: BTreeMap::new(),
            minutes: BTreeMap::new(),
        }
    }

    fn line(&mut self, line: &[u8], place: Place, search: Option<(&Search, usize)>) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let long = line.len() > LONG;
        let whole = json::parse(line, false);
        serde::agrees(line, &whole).unwrap();
        let read = if long { json::parse(line, true) } else { whole };
        let said = match &read {
            Err(damage) if long => Err(*damage),
            Ok(Line { value, .. }) if long && !matches!(value, json::Json::Object(_)) => {
                Err(Damage::NotEvent)
            }
            read => {
                let kept = read.as_ref().ok().filter(|_| long).map(|line| &*line.kept);
                if search.is_some_and(|(search, number)| !search.parses(number, line, kept)) {
                    return;
                }
                read.as_ref()
                    .map_err(|damage| *damage)
                    .and_then(|line| Said::of(&line.value))
            }
        };
        match said {
            Ok(said) => self.event(&said, place),
            Err(damage) => {
                self.outcome.damaged[damage as usize] += 1;
                if self.outcome.broken.len() < 20 {
                    self.outcome.broken.push(Broken { damage, place });
                }
            }
        }
    }

    fn event(&mut self, said: &Said, place: Place) {
        let Some(standing) = standing(&self.query.who, said) else {
            return;
        };
        let time = said.reached.or(said.received);
        if let Some(time) = time {
            let (since, until) = (self.query.since, self.query.until);
            if since.is_some_and(|since| time < since.0)
                || until.is_some_and(|until| time >= until.0)
            {
                return;
            }
        }
        if standing == Standing::Theirs {
            self.count(said, time);
        }
        let handed_on = match &self.query.hand_on {
            HandOn::All => true,
            HandOn::Of(users) => {
                standing != Standing::Theirs
                    || users.iter().any(|user| user.as_bytes() == said.user)
            }
        };
        if handed_on {
            self.outcome.events.push((standing, said.clone(), place));
        }
    }

    fn count(&mut self, said: &Said, time: Option<u64>) {
        if let Some(time) = time {
            let (first, last) = self.outcome.seen.unwrap_or((time, time));
            self.outcome.seen = Some((first.min(time), last.max(time)));
        }
        let names = said.names();
        let minute = said.received.or(said.reached).map(|time| time / 60_000_000);
        let open = matches!(&*said.stage, b"RequestReceived" | b"ResponseStarted");
        self.add(&names, (1, u64::from(!open)));
        if open {
            self.open
                .insert(said.audit_id.clone(), (names, minute.unwrap_or(0)));
        } else {
            self.open.remove(&said.audit_id);
            if let Some(minute) = minute {
                *self.minutes.entry(minute).or_default() += 1;
            }
        }
    }

    fn add(&mut self, names: &Names, (events, requests): (u64, u64)) {
        let total = &mut self.outcome.total;
        *total = (total.0 + events, total.1 + requests);
        for (kind, name) in names.iter().enumerate() {
            let name = &name[..name.len().min(128)];
            let full = self.names[kind].len() >= MOST;
            let count = if full && !self.names[kind].contains_key(name) {
                &mut self.others[kind]
            } else {
                self.names[kind].entry(name.to_vec()).or_default()
            };
            *count = (count.0 + events, count.1 + requests);
        }
    }

    fn close(mut self) -> Outcome {
        for (names, minute) in std::mem::take(&mut self.open).into_values() {
            self.outcome.open += 1;
            self.add(&names, (0, 1));
            if minute > 0 {
                *self.minutes.entry(minute).or_default() += 1;
            }
        }
        for (kind, by) in By::ALL.into_iter().enumerate() {
            let names = self.names[kind].iter().map(|(name, count)| {
                let dots = if name.len() == 128 { "..." } else { "" };
                (format!("{}{dots}", String::from_utf8_lossy(name)), *count)
            });
            self.outcome.name(by, names, self.others[kind]);
        }
        self.outcome.minutes = self.minutes;
        self.outcome
    }
}

fn standing(who: &Who, said: &Said) -> Option<Standing> {
    let named = |names: &[String], name: &[u8]| names.iter().any(|one| one.as_bytes() == name);
    let in_group = said.groups.iter().any(|group| named(&who.groups, group));
    if who.everybody || named(&who.users, &said.user) || in_group {
        return Some(Standing::Theirs);
    }
    if said
        .impersonated
        .as_ref()
        .is_some_and(|name| named(&who.users, name))
    {
        return Some(Standing::Posed);
    }
    let agent = who
        .agents
        .iter()
        .any(|agent| said.user_agent.starts_with(agent.as_bytes()));
    (said.code == 401 && said.user.is_empty() && agent).then_some(Standing::Unknown)
}
