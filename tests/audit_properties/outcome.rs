//! All that a reader tells of a log, in a form that can be compared.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use tighten::auditlog::block::{Placed, Query};
use tighten::auditlog::counted::Counted;
use tighten::auditlog::json::Damage;
use tighten::auditlog::open::Ids;
use tighten::auditlog::order::{Broken, Log, Place, Sink};
use tighten::auditlog::read::{self, Source};
use tighten::auditlog::tally::By;
use tighten::auditlog::who::Standing;
use tighten::auditlog::worker::Worker;

use crate::event::Said;
use crate::lines::Numbers;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub lines: u64,
    pub bytes: u64,
    pub events: Vec<(Standing, Said, Place)>,
    /// Events and requests by kind and name; of those not told apart the name is empty.
    pub names: BTreeMap<(&'static str, Option<String>), (u64, u64)>,
    pub total: (u64, u64),
    pub seen: Option<(u64, u64)>,
    /// Requests by the minute.
    pub minutes: BTreeMap<u64, u64>,
    pub open: usize,
    pub damaged: [u64; Damage::ALL.len()],
    pub broken: Vec<Broken>,
    pub half_written: bool,
}

impl Outcome {
    /// Sets the counts of one kind. Names that look alike when they are shown are one.
    pub fn name(
        &mut self,
        by: By,
        names: impl Iterator<Item = (String, (u64, u64))>,
        others: (u64, u64),
    ) {
        let names = names.map(|(name, count)| (Some(name), count));
        for (name, (events, requests)) in names.chain([(None, others)]) {
            let count = self.names.entry((by.key(), name)).or_default();
            *count = (count.0 + events, count.1 + requests);
        }
    }

    /// With the minutes put together in spans of so many.
    pub fn in_spans(mut self, width: u64) -> Outcome {
        let mut spans = BTreeMap::new();
        for (minute, requests) in self.minutes {
            *spans.entry(minute / width * width).or_default() += requests;
        }
        self.minutes = spans;
        self
    }

    /// With those groups that can be asked of an event.
    pub fn askable(mut self) -> Outcome {
        for (_, said, _) in &mut self.events {
            *said = said.clone().askable();
        }
        self
    }
}

/// How the bytes of a log come in.
#[derive(Clone, Copy, Debug)]
pub enum From {
    /// A file that all workers read.
    File,
    /// A stream that gives as much as it likes at a time.
    Stream(u64),
}

#[derive(Default)]
struct Taken(Vec<(Standing, Said, Place)>);

impl Sink for Taken {
    fn take(&mut self, events: &[Placed], at: Place) {
        let taken = |placed: &Placed| {
            let said = Said::read(&placed.event);
            (placed.standing, said, at.of(placed))
        };
        self.0.extend(events.iter().map(taken));
    }
}

/// Reads a log as tighten does; tells the width of the spans too.
pub fn read(log: &[u8], query: &Query, from: From, live: bool) -> (Outcome, u64) {
    let mut taken = Taken::default();
    let ids = Ids::default();
    let counted = || Counted::beside(&ids);
    let mut read = Log::new(Worker::new(query, counted()), &mut taken);
    read.begin_file(0);
    let source = match from {
        From::File => {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(log).unwrap();
            // Somebody writes on while it is read.
            file.write_all(b"{\"stage\":\"Panic\"}\n").unwrap();
            Source::File(file, log.len() as u64)
        }
        From::Stream(seed) => Source::Stream(Box::new(Dribble {
            bytes: log.to_vec(),
            at: 0,
            numbers: Numbers::new(seed),
        })),
    };
    let done = read::read(source, query, &mut read, live, &counted, None);
    done.map_err(|stopped| stopped.error).unwrap();
    let read = read.close();
    let tally = &read.tally;
    let total = tally.total();
    let mut outcome = Outcome {
        lines: read.lines,
        bytes: read.bytes,
        total: (total.events, total.requests),
        seen: tally.seen().map(|(first, last)| (first.0, last.0)),
        open: tally.open(),
        damaged: read.damaged,
        broken: read.broken,
        half_written: read.half_written,
        ..Outcome::default()
    };
    for by in By::ALL {
        let (names, others) = tally.ranked(by);
        let names = names
            .into_iter()
            .map(|(name, count)| (name.text().into(), (count.events, count.requests)));
        outcome.name(by, names, (others.events, others.requests));
    }
    let minutes = tally.minutes();
    let (start, width) = (minutes.start() / 60_000_000, minutes.width());
    assert!(minutes.counts().len() <= 4096);
    for (at, requests) in minutes
        .counts()
        .iter()
        .enumerate()
        .filter(|(_, requests)| **requests > 0)
    {
        outcome.minutes.insert(start + at as u64 * width, *requests);
    }
    outcome.events = taken.0;
    (outcome, width)
}

/// Gives as many bytes as it likes, and is interrupted now and then.
struct Dribble {
    bytes: Vec<u8>,
    at: usize,
    numbers: Numbers,
}

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.numbers.one_in(20) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let rest = &self.bytes[self.at..];
        let scale = self.numbers.below(19);
        let most = 1 + self.numbers.below(1 << scale);
        let size = rest.len().min(buffer.len()).min(most);
        buffer[..size].copy_from_slice(&rest[..size]);
        self.at += size;
        Ok(size)
    }
}
