//! An audit log is read the same wherever its pieces are cut and however its lines are found, and every
//! line is an event or damaged as another parser of JSON says.

use std::collections::BTreeSet;

use serde_json::Value;
use tighten::auditlog::block::{Cut, Found, HandOn, Placed, Query, cut};
use tighten::auditlog::counted::Counted;
use tighten::auditlog::event::Event;
use tighten::auditlog::json::{Damage, Field, Text};
use tighten::auditlog::long::Long;
use tighten::auditlog::names::{Count, Name};
use tighten::auditlog::open::Ids;
use tighten::auditlog::order::{Broken, Log, Place, Sink};
use tighten::auditlog::tally::By;
use tighten::auditlog::who::{Standing, Who};
use tighten::auditlog::worker::Worker;

const NAME: &str = "kube-proxy";

/// Whether the bytes have an event in them.
pub fn holds(bytes: &[u8]) -> bool {
    let everybody = Query::new(who(true), true, HandOn::All);
    let all = read(bytes, &everybody, usize::MAX);
    // Where the pieces end depends on the bytes, so that a fuzzer can move it.
    let size = 1 + bytes.iter().fold(0, |sum: usize, byte| {
        sum.wrapping_mul(31) + usize::from(*byte)
    }) % 301;
    assert_eq!(read(bytes, &everybody, size), all, "in pieces of {size}");

    for line in bytes.split(|byte| *byte == b'\n') {
        one(line);
    }

    let thorough = read(bytes, &Query::new(who(false), true, HandOn::All), size);
    let searched = read(bytes, &Query::new(who(false), false, HandOn::All), size);
    assert_eq!(
        (searched.lines, searched.bytes),
        (thorough.lines, thorough.bytes)
    );
    assert!(searched.events.is_subset(&thorough.events));
    // Nobody hides a letter of the name behind an escape.
    if !bytes.windows(4).any(|escape| escape == b"\\u00") {
        assert_eq!(searched.events, thorough.events);
        assert_eq!(searched.total, thorough.total);
        assert_eq!(searched.names, thorough.names);
    }
    // Damage is passed over only where nothing is to be seen of it.
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    for (place, damage) in thorough
        .broken
        .iter()
        .filter(|broken| !searched.broken.contains(broken))
    {
        let line = lines[usize::try_from(place.0).unwrap() - 1];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(
            line.starts_with(b"{") && line.ends_with(b"}"),
            "{place:?}: {damage:?}"
        );
        assert!(!line.windows(NAME.len()).any(|part| part == NAME.as_bytes()));
    }
    !all.events.is_empty()
}

fn who(everybody: bool) -> Who {
    Who {
        users: vec![
            "system:kube-proxy".into(),
            "system:serviceaccount:kube-system:kube-proxy".into(),
        ],
        agents: vec!["kube-proxy/".into()],
        everybody,
        ..Who::default()
    }
}

type Names = Vec<(String, u64, u64)>;

#[derive(Debug, PartialEq)]
struct Read {
    lines: u64,
    bytes: u64,
    /// By line and offset.
    events: BTreeSet<((u64, u64), String)>,
    broken: BTreeSet<((u64, u64), Damage)>,
    damaged: [u64; Damage::ALL.len()],
    total: (u64, u64),
    names: Vec<Names>,
}

#[derive(Default)]
struct Taken(BTreeSet<((u64, u64), String)>);

impl Sink for Taken {
    fn take(&mut self, events: &[Placed], at: Place) {
        for placed in events {
            let event = format!("{:?}", told(&placed.event));
            let standing = match placed.standing {
                Standing::Theirs => "theirs",
                Standing::Posed => "posed",
                Standing::Unknown => "unknown",
            };
            let place = at.of(placed);
            let new = self
                .0
                .insert(((place.line, place.offset), format!("{standing} {event}")));
            assert!(new, "an event is handed on once");
        }
    }
}

fn read(bytes: &[u8], query: &Query, size: usize) -> Read {
    let mut taken = Taken::default();
    let ids = Ids::default();
    let mut worker = Worker::new(query, Counted::beside(&ids));
    let mut log = Log::new(Worker::for_few(query, Counted::beside(&ids)), &mut taken);
    log.begin_file(0);
    for piece in bytes.chunks(size) {
        let piece: Cut = cut(piece);
        let body = piece.rest.as_ref().map(|rest| rest.body);
        let found = body.map_or_else(Found::default, |body| worker.read(body, false));
        log.add(&piece, found, &mut worker, false);
    }
    log.end_file(false);
    log.hand_in(&mut worker);
    let log = log.close();
    let total = log.tally.total();
    let names = By::ALL.map(|by| {
        let (names, others) = log.tally.ranked(by);
        assert_eq!((others.events, others.requests), (0, 0));
        let count =
            |(name, count): (Name, Count)| (name.text().into(), count.events, count.requests);
        let mut names: Names = names.into_iter().map(count).collect();
        // Names that look alike when they are shown have no order.
        names.sort();
        assert_eq!(
            names.iter().map(|(_, events, _)| events).sum::<u64>(),
            total.events
        );
        assert_eq!(
            names.iter().map(|(_, _, requests)| requests).sum::<u64>(),
            total.requests
        );
        names
    });
    let place = |broken: &Broken| ((broken.place.line, broken.place.offset), broken.damage);
    Read {
        lines: log.lines,
        bytes: log.bytes,
        broken: log.broken.iter().map(place).collect(),
        damaged: log.damaged,
        total: (total.events, total.requests),
        names: names.into(),
        events: taken.0,
    }
}

/// All that an event says.
fn told(event: &Event) -> Vec<String> {
    let text = |text: Text| format!("{:?}", text.bytes());
    let groups = ["system:nodes", "system:authenticated", ""];
    let key = Field::new(b"\"authentication.kubernetes.io/credential-id\":");
    vec![
        event.stage.name().into(),
        text(event.audit_id),
        text(event.verb),
        text(event.uri),
        text(event.user),
        format!(
            "{:?}",
            groups.map(|group| event.has_group(group.as_bytes()))
        ),
        format!("{:?}", event.extra(key).map(text)),
        format!("{:?}", event.impersonated.map(text)),
        format!("{} {:?}", text(event.source), event.address()),
        text(event.user_agent),
        text(event.resource),
        text(event.group),
        text(event.subresource),
        text(event.namespace),
        text(event.name),
        format!("{} {:?} {:?}", event.code, event.received, event.reached),
    ]
}

/// A line, held whole and read byte by byte, and what another parser makes of it.
fn one(line: &[u8]) {
    if line.iter().all(u8::is_ascii_whitespace) {
        return;
    }
    let read = Event::read(line);
    let mut long = Long::default();
    for piece in line.chunks(7) {
        long.push(piece);
    }
    match long.end() {
        // A number of more digits than anybody writes.
        Err(Damage::Large) => {}
        Err(damage) => assert_eq!(read.as_ref().err(), Some(&damage)),
        Ok(kept) => match (Event::read(&kept), &read) {
            (Ok(short), Ok(whole)) => assert_eq!(told(&short), told(whole)),
            (short, whole) => assert_eq!(short.err(), whole.as_ref().err().copied()),
        },
    }
    let other: Result<Value, _> = serde_json::from_str(&String::from_utf8_lossy(line));
    match (&read, &other) {
        (Ok(event), Ok(value)) => {
            let user = value["user"]["username"].as_str().unwrap_or_default();
            assert_eq!(event.user.text(), user);
            let stage = value["stage"].as_str().expect("an event has a stage");
            assert!(event.stage.name() == stage || event.stage.name() == "other");
        }
        (Err(Damage::NotJson | Damage::Cut), Ok(value)) => panic!("it is JSON: {value}"),
        (Ok(_) | Err(Damage::NotEvent | Damage::Misfit), Err(error)) => {
            // It refuses numbers and depths that Go takes, and half a pair of surrogates.
            let beyond = [
                "recursion limit",
                "number out of range",
                "surrogate",
                "unexpected end of hex",
            ];
            let message = error.to_string();
            assert!(
                beyond.iter().any(|what| message.contains(what)),
                "{message}"
            );
        }
        _ => {}
    }
}
