//! The log as one sequence: what workers found in its pieces is put together in its order.

use super::block::{Cut, Flaw, Flaws, Found, Placed};
use super::event::Event;
use super::json::Damage;
use super::long::{LONG, Long};
use super::tally::Tally;
use super::time::Instant;
use super::worker::Worker;

/// Where a line stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of the files, counted from 0.
    pub file: usize,
    /// The line, counted from 1.
    pub line: u64,
    /// Bytes before the line, of a compressed file as it is without compression.
    pub offset: u64,
}

impl Place {
    /// Where an event stands whose line is counted from here on.
    pub fn of(self, placed: &Placed) -> Place {
        Place {
            line: self.line + placed.line,
            offset: self.offset + placed.at,
            ..self
        }
    }
}

/// A line that is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Why.
    pub damage: Damage,
    /// Where.
    pub place: Place,
}

/// To whom events are handed on, in the order of the log.
pub trait Sink {
    /// The next events, whose lines are counted from here on: [`Place::of`] tells where each stands.
    fn take(&mut self, events: &[Placed], at: Place);

    /// All events so far were handed on; false when no more are wanted.
    fn flush(&mut self) -> bool {
        true
    }
}

/// A line that goes on in the next piece.
struct Carry {
    /// It has room for the longest line that is held, since what grows is there twice.
    held: Vec<u8>,
    long: Option<Long>,
    length: u64,
    /// Something else than white space is in it.
    filled: bool,
}

impl Carry {
    /// Nothing, with this room.
    fn with(mut room: Vec<u8>) -> Carry {
        room.clear();
        Carry {
            held: room,
            long: None,
            length: 0,
            filled: false,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.filled = self.filled || !bytes.iter().all(u8::is_ascii_whitespace);
        if let Some(long) = &mut self.long {
            long.push(bytes);
        } else if self.held.len() + bytes.len() <= LONG {
            self.held.extend_from_slice(bytes);
        } else {
            let mut long = Long::default();
            long.push(&self.held);
            long.push(bytes);
            self.held.clear();
            self.long = Some(long);
        }
    }
}

/// What is known of a log, or of as much as was read of it.
#[derive(Default)]
pub struct Totals {
    /// What was counted.
    pub tally: Tally,
    /// Lines that were looked at.
    pub lines: u64,
    /// Bytes that were looked at.
    pub bytes: u64,
    /// How many lines are no events, by why.
    pub damaged: [u64; Damage::ALL.len()],
    /// The first of them.
    pub broken: Vec<Broken>,
    /// The last line of a file that is still written to is not whole yet.
    pub half_written: bool,
    /// A file's first line, or another that was looked at, is in the API server's legacy format.
    pub legacy: bool,
    /// Lines without the names that are asked for were searched, and not parsed.
    pub searched: bool,
    /// When the first and the last event was written, whoever's, as far as a look at some lines tells: the
    /// first and the last of each file.
    pub span: Option<(Instant, Instant)>,
}

impl Totals {
    /// How many lines are no events.
    pub fn unreadable(&self) -> u64 {
        self.damaged.iter().sum()
    }
}

/// A log that is being read.
pub struct Log<'q> {
    worker: Worker<'q>,
    sink: &'q mut (dyn Sink + Send),
    totals: Totals,
    /// Lines are parsed one by one.
    parse: bool,
    carry: Carry,
    /// The last whole line.
    last: Vec<u8>,
    /// Where the carried line begins.
    at: Place,
}

impl<'q> Log<'q> {
    /// A log of which nothing was read.
    pub fn new(worker: Worker<'q>, sink: &'q mut (dyn Sink + Send)) -> Log<'q> {
        Log {
            worker,
            sink,
            totals: Totals::default(),
            parse: true,
            carry: Carry::with(Vec::with_capacity(LONG)),
            last: Vec::new(),
            at: Place {
                file: 0,
                line: 1,
                offset: 0,
            },
        }
    }

    /// The log has ended, and its workers have handed in: requests whose end did not come are counted.
    pub fn close(mut self) -> Totals {
        self.worker.hand_in(&mut self.totals.tally);
        self.totals.tally.close();
        self.totals
    }

    /// Adds what a worker has counted in all pieces that were added.
    pub fn hand_in(&mut self, worker: &mut Worker) {
        worker.hand_in(&mut self.totals.tally);
    }

    /// Lets whom events are handed on to come up with them; false when no more are wanted.
    pub fn flush(&mut self) -> bool {
        self.sink.flush()
    }

    /// The next file begins.
    pub fn begin_file(&mut self, file: usize) {
        self.carry = Carry::with(std::mem::take(&mut self.carry.held));
        self.last.clear();
        self.at = Place {
            file,
            line: 1,
            offset: 0,
        };
    }

    /// The next file is read from here on.
    pub fn skip_to(&mut self, offset: u64) {
        self.at.offset = offset;
    }

    /// The next piece, and what a worker found in its whole lines, which were parsed one by one or not. Where they
    /// hold more than is held at once, it reads the others now. How often names came up is added when it hands in.
    pub fn add<'a>(&mut self, piece: &Cut<'a>, found: Found<'a>, worker: &mut Worker, parse: bool) {
        self.parse = parse;
        self.totals.searched |= !parse && self.worker.searches();
        self.totals.bytes += piece.head.len() as u64;
        self.carry.push(piece.head);
        let Some(rest) = &piece.rest else {
            return;
        };
        self.end_line();
        let (mut found, mut body) = (found, rest.body);
        loop {
            take(&mut self.totals, self.sink, self.at, &found, worker);
            self.at.line += found.lines;
            self.at.offset += found.bytes as u64;
            body = body.get(found.bytes..).unwrap_or_default();
            if body.is_empty() || found.bytes == 0 {
                break;
            }
            // What was handed on takes no room any more.
            drop(found);
            found = worker.read(body, parse);
        }
        self.last.clear();
        self.last.extend_from_slice(last_line(rest.body));
        self.totals.bytes += 1 + (rest.body.len() + rest.tail.len()) as u64;
        self.carry.push(rest.tail);
    }

    /// The file has ended. What stands behind its last line is a line of its own; of a file that is still
    /// written to it may not be whole yet.
    pub fn end_file(&mut self, live: bool) {
        let last = std::mem::take(&mut self.last);
        self.look(&last);
        let carried = std::mem::take(&mut self.carry.held);
        self.look(&carried);
        self.carry.held = carried;
        if self.carry.length == 0 {
            return;
        }
        let before = self.totals.broken.len();
        let damaged = self.totals.damaged;
        self.end_line();
        if live && damaged != self.totals.damaged {
            self.totals.damaged = damaged;
            self.totals.broken.truncate(before);
            self.totals.half_written = true;
        }
    }

    /// The carried line has ended.
    fn end_line(&mut self) {
        let carry = std::mem::replace(&mut self.carry, Carry::with(Vec::new()));
        match carry.long.map(Long::end) {
            None => self.take_line(&carry.held),
            Some(Ok(line)) => self.take_line(&line),
            // A blank line is none, however long it is.
            Some(Err(_)) if !carry.filled => self.totals.lines += 1,
            Some(Err(damage)) => {
                self.totals.lines += 1;
                let mut flaws = Flaws::default();
                flaws.add(Flaw {
                    damage,
                    line: 0,
                    at: 0,
                });
                note(&mut self.totals, self.at, &flaws);
            }
        }
        self.at.line += 1;
        self.at.offset += carry.length + 1;
        self.carry = Carry::with(carry.held);
    }

    fn take_line(&mut self, line: &[u8]) {
        if self.at.line == 1 {
            self.look(line);
        }
        let found = self.worker.read_line(line, self.parse);
        take(
            &mut self.totals,
            self.sink,
            self.at,
            &found,
            &mut self.worker,
        );
    }

    /// Looks when an event was written.
    fn look(&mut self, line: &[u8]) {
        match Event::read(line).map(|event| event.time()) {
            Ok(Some(time)) => {
                let (first, last) = self.totals.span.unwrap_or((time, time));
                self.totals.span = Some((first.min(time), last.max(time)));
            }
            Ok(None) => {}
            Err(_) => self.totals.legacy |= is_legacy(line),
        }
    }
}

/// Adds what was found in lines, of which the first stands here.
fn take(
    totals: &mut Totals,
    sink: &mut (dyn Sink + Send),
    at: Place,
    found: &Found,
    worker: &mut Worker,
) {
    totals.lines += found.lines;
    worker.add_to(&mut totals.tally);
    note(totals, at, &found.flaws);
    if !found.events.is_empty() {
        sink.take(&found.events, at);
    }
}

fn note(totals: &mut Totals, at: Place, flaws: &Flaws) {
    for (count, more) in totals.damaged.iter_mut().zip(flaws.counts) {
        *count += more;
    }
    let room = Flaws::NAMED.saturating_sub(totals.broken.len());
    let broken = |flaw: &Flaw| Broken {
        damage: flaw.damage,
        place: Place {
            line: at.line + flaw.line,
            offset: at.offset + flaw.at,
            ..at
        },
    };
    totals
        .broken
        .extend(flaws.first.iter().take(room).map(broken));
}

/// Whether the API server wrote this line with --audit-log-format=legacy: `2026-11-23T.. AUDIT: id="..`
fn is_legacy(line: &[u8]) -> bool {
    let start = line.get(..64).unwrap_or(line);
    memchr::memmem::find(start, b" AUDIT: id=\"").is_some()
}

/// The last of whole lines, without its end.
fn last_line(body: &[u8]) -> &[u8] {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    let start = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
    body.get(start..).unwrap_or_default()
}
