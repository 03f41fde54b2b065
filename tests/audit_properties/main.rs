//! Random logs: tighten's reader of the audit log says the same as one that parses each line and counts in
//! maps, with the search for a name and without; and a line that is too long to be held means what it would
//! mean if it were short.
//!
//! The search may leave out what its code says: a line that has the shape of an event and does not hold
//! what is searched for, in a block whose first line was not written by somebody else than the API server.
//! `TIGHTEN_AUDIT_CASES=20000 cargo test --release --test audit_properties` for the long run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod event;
mod generated;
mod json;
mod lines;
mod naive;
mod outcome;
#[path = "../support/random.rs"]
mod random;
mod serde;
mod writer;

use std::cell::Cell;
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use tighten::auditlog::block::{HandOn, Query};
use tighten::auditlog::event::Event;
use tighten::auditlog::json::Damage;
use tighten::auditlog::long::{LONG, Long};
use tighten::auditlog::read::PIECE;
use tighten::auditlog::time::Instant;
use tighten::auditlog::who::Who;

use event::Said;
use lines::Numbers;
use outcome::From;

/// Enough for every kind of line at every kind of place, few enough for half a minute without optimisation.
const CASES: u32 = 250;

fn cases(times: u32) -> u32 {
    random::cases("TIGHTEN_AUDIT_CASES", CASES) * times
}

/// The naive parser goes down a level with each level of the line.
fn with_room(test: fn()) {
    let thread = thread::Builder::new().stack_size(64 << 20).spawn(test);
    if let Err(cause) = thread.unwrap().join() {
        std::panic::resume_unwind(cause);
    }
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

/// Whose events are asked for, and what each line of theirs holds.
fn who(number: usize) -> (Who, Option<&'static [&'static str]>) {
    let users = |users: &[&str]| Who {
        users: texts(users),
        ..Who::default()
    };
    match number {
        0 => (users(&["alice"]), Some(&["alice"])),
        1 => (users(&["müller & söhne/admin"]), Some(&["admin"])),
        2 => {
            let groups = texts(&["system:nodes"]);
            let who = Who {
                groups,
                ..users(&["alice"])
            };
            (who, Some(&["alice", "system:nodes"]))
        }
        3 => (users(&["ü"]), None),
        4 => {
            let who = Who {
                everybody: true,
                ..Who::default()
            };
            (who, None)
        }
        _ => {
            let names = [
                "system:kube-proxy",
                "system:serviceaccount:kube-system:kube-proxy",
            ];
            let agents = texts(&["kube-proxy/"]);
            let who = Who {
                agents,
                ..users(&names)
            };
            (who, Some(&["kube-proxy"]))
        }
    }
}

/// The lines as a log, between others so that they lie about the border of two pieces, or as they are.
fn log(seeds: &[u64], layout: &mut Numbers) -> Vec<u8> {
    let mut middle = Vec::new();
    for seed in seeds {
        middle.extend(lines::line(*seed));
        middle.push(b'\n');
    }
    if layout.one_in(6) {
        // The last line has no end, or there is a blank one behind.
        middle.pop();
    }
    if layout.one_in(12) {
        let line = lines::long_line(layout.below(usize::MAX) as u64);
        let at = middle
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        middle.splice(at..at, [&line[..], b"\n"].concat());
    }
    if layout.one_in(2) {
        return middle;
    }
    let border = PIECE * (1 + layout.below(2)) - layout.below(middle.len().min(PIECE));
    let mut log = Vec::new();
    // Some piece begins with a line that somebody else wrote.
    let foreign = layout.one_in(2);
    for number in 0.. {
        let verb = if foreign && number % 40 == 0 {
            "w\\u0061tch"
        } else {
            "watch"
        };
        let line = format!(
            r#"{{"kind":"Event","auditID":"{number}","stage":"ResponseComplete","verb":"{verb}","user":{{"username":"user-{}"}},"requestObject":"{}"}}"#,
            number % 3000,
            "x".repeat(number % 1500),
        );
        if log.len() + line.len() + 1 > border {
            break;
        }
        log.extend(line.bytes());
        log.push(b'\n');
    }
    if border > log.len() {
        log.extend(vec![b' '; border - log.len() - 1]);
        log.push(b'\n');
    }
    log.extend(middle);
    log
}

#[test]
fn a_random_log_is_read_as_a_naive_reader_reads_it() {
    with_room(|| {
        let strategy = (vec(any::<u64>(), 1..60), any::<u64>(), 0..9_usize);
        let events = Cell::new((0, 0, 0));
        let mut runner = TestRunner::new(random::config(cases(1)));
        let outcome = runner.run(&strategy, |(seeds, layout, asked)| {
            let layout = &mut Numbers::new(layout);
            let log = log(&seeds, layout);
            let (who, needles) = who(asked);
            let live = layout.one_in(2);
            let from = if layout.one_in(2) {
                From::File
            } else {
                From::Stream(layout.below(99) as u64)
            };
            let hand_on = if layout.one_in(3) {
                HandOn::Of(texts(&["system:kube-proxy", "alice"]))
            } else {
                HandOn::All
            };
            let time = |text: &[u8]| Some(Instant::read(text).unwrap());
            for thorough in [false, true] {
                let mut query = Query::new(who.clone(), thorough, hand_on.clone());
                // Else nothing of a log of this size would be searched.
                query.small = 0;
                if layout.one_in(4) {
                    query.since = time(b"2026-11-23T16:14:36Z");
                    query.until = time(b"2026-11-23T16:16:00.999999Z");
                }
                let needles = needles.filter(|_| !thorough);
                prop_assert_eq!(query.search.is_some(), needles.is_some());
                let needles = needles.filter(|_| !naive::has_foreign_sample(&log, from));
                let naive = naive::read(&log, &query, needles, live);
                let (read, width) = outcome::read(&log, &query, from, live);
                let (total, all, broken) = events.get();
                events.set((
                    total + 1,
                    all + naive.total.0,
                    broken + naive.damaged.iter().sum::<u64>(),
                ));
                let naive = naive.in_spans(width).askable();
                same(&read, &naive).map_err(|what| {
                    TestCaseError::fail(format!("thorough: {thorough}, {from:?}: {what}"))
                })?;
            }
            Ok(())
        });
        let (logs, events, broken) = events.get();
        println!("{logs} logs, {events} events that were asked for, {broken} damaged lines");
        if let Err(error) = outcome {
            panic!("{error}");
        }
        assert!(
            events > 2 * logs && broken > logs,
            "nothing was read, which proves nothing"
        );
    });
}

/// Says in which part two outcomes differ, since the whole is long.
fn same(read: &outcome::Outcome, naive: &outcome::Outcome) -> Result<(), String> {
    if read == naive {
        return Ok(());
    }
    let told = |outcome: &outcome::Outcome| {
        let mut parts = vec![
            format!(
                "{:?}",
                (
                    outcome.lines,
                    outcome.bytes,
                    outcome.total,
                    outcome.seen,
                    outcome.open
                )
            ),
            format!(
                "{:?} half written: {}",
                outcome.damaged, outcome.half_written
            ),
            format!("{:?}", outcome.minutes),
        ];
        parts.extend(outcome.broken.iter().map(|broken| format!("{broken:?}")));
        parts.extend(outcome.names.iter().map(|name| format!("{name:?}")));
        parts.extend(outcome.events.iter().map(|event| format!("{event:?}")));
        parts
    };
    let (read, naive) = (told(read), told(naive));
    let only = |one: &[String], other: &[String]| {
        let only = one.iter().filter(|part| !other.contains(part));
        only.take(5).cloned().collect::<Vec<_>>().join("\n  ")
    };
    Err(format!(
        "only tighten:\n  {}\nonly the naive reader:\n  {}",
        only(&read, &naive),
        only(&naive, &read)
    ))
}

#[test]
fn a_line_that_is_too_long_means_what_it_would_mean_if_it_were_short() {
    with_room(|| {
        let strategy = (any::<u64>(), any::<u64>(), any::<bool>());
        let mut runner = TestRunner::new(random::config(cases(8)));
        let good = Cell::new(0_u32);
        let outcome = runner.run(&strategy, |(seed, pieces, whole)| {
            let line = if whole && Numbers::new(seed).one_in(30) {
                lines::long_line(seed)
            } else {
                lines::line(seed)
            };
            let blank = line.iter().all(u8::is_ascii_whitespace);
            prop_assume!(!blank && !line.contains(&b'\n'));
            let mut long = Long::default();
            let numbers = &mut Numbers::new(pieces);
            let mut rest = &line[..];
            while !rest.is_empty() {
                let most = 1 << numbers.below(18);
                let (piece, behind) = rest.split_at((1 + numbers.below(most)).min(rest.len()));
                long.push(piece);
                rest = behind;
            }
            let kept = long.end();
            let parsed = json::parse(&line, true);
            let expected = Event::read(&line).map(|event| Said::read(&event));
            if parsed
                .as_ref()
                .is_err_and(|damage| *damage == Damage::Large)
            {
                prop_assert_eq!(kept, Err(Damage::Large));
                return Ok(());
            }
            if let (Ok(kept), Ok(parsed)) = (&kept, &parsed) {
                prop_assert_eq!(
                    String::from_utf8_lossy(kept),
                    String::from_utf8_lossy(&parsed.kept)
                );
            }
            let read = kept.and_then(|kept| Event::read(&kept).map(|event| Said::read(&event)));
            prop_assert_eq!(
                &read,
                &expected,
                "{:?}",
                String::from_utf8_lossy(&line[..line.len().min(4000)])
            );
            let naive = parsed.and_then(|line| Said::of(&line.value));
            prop_assert_eq!(&read, &naive.map(Said::askable), "by the naive reader");
            good.set(good.get() + u32::from(read.is_ok()));
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
        assert!(good.get() > cases(8) / 4, "hardly any was an event");
    });
}

#[test]
fn a_blank_line_is_none_however_long_it_is() {
    let who = Who {
        everybody: true,
        ..Who::default()
    };
    let query = Query::new(who, false, HandOn::All);
    for length in [1, LONG, LONG + 1, 2 * LONG] {
        let log = [&b" ".repeat(length)[..], b"\n{\"stage\":\"Panic\"}\n"].concat();
        let (outcome, _) = outcome::read(&log, &query, From::Stream(7), false);
        assert_eq!(outcome.damaged.iter().sum::<u64>(), 0, "{length}");
        assert_eq!((outcome.lines, outcome.total), (2, (1, 1)), "{length}");
    }
}
