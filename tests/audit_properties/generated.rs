//! The log that `cargo bench --bench audit` measures with.

#[path = "../../benches/audit/generate.rs"]
mod generate;

use std::collections::HashSet;

use tighten::auditlog::block::{HandOn, Query};
use tighten::auditlog::who::Who;

use crate::event::Said;
use crate::outcome::{self, From};
use crate::{json, serde, texts};

const BYTES: u64 = 4 << 20;

fn log() -> (Vec<u8>, generate::Written) {
    let mut log = Vec::new();
    let written = generate::write(&mut log, BYTES, 250).unwrap();
    (log, written)
}

/// FNV-1a (Fowler, Noll and Vo).
fn digest(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[test]
fn the_generated_log_is_the_same_on_every_machine() {
    let (log, _) = log();
    assert_eq!(digest(&log), DIGEST);
}

/// Changes with each change of the generator, and then figures of before and after cannot be compared.
const DIGEST: u64 = 2_798_731_911_407_012_850;

#[test]
fn the_generated_log_holds_what_its_generator_counted() {
    let (log, written) = log();
    assert_eq!(log.len() as u64, written.bytes);
    assert!(BYTES - written.bytes < 64 << 10);
    let mut requests = [HashSet::new(), HashSet::new()];
    let mut events = [0, 0];
    for line in log
        .strip_suffix(b"\n")
        .unwrap()
        .split(|byte| *byte == b'\n')
    {
        let parsed = json::parse(line, false);
        serde::agrees(line, &parsed).unwrap();
        let said = Said::of(&parsed.unwrap_or_else(|damage| panic!("{damage}")).value).unwrap();
        let kube_proxy = said.user.ends_with(b":kube-proxy");
        for (at, takes) in [true, kube_proxy].into_iter().enumerate() {
            if takes {
                events[at] += 1;
                requests[at].insert(said.audit_id.clone());
            }
        }
    }
    for (at, asked) in [&written.everybody, &written.kube_proxy]
        .into_iter()
        .enumerate()
    {
        assert_eq!(events[at], asked.events);
        assert_eq!(requests[at].len() as u64, asked.requests);
        assert_eq!(asked.verbs.values().sum::<u64>(), asked.events);
    }
}

#[test]
fn the_generated_log_is_read_as_it_was_written() {
    let (log, written) = log();
    let users = texts(&[
        "system:kube-proxy",
        "system:serviceaccount:kube-system:kube-proxy",
    ]);
    let agents = texts(&["kube-proxy/"]);
    let everybody = Who {
        everybody: true,
        ..Who::default()
    };
    let kube_proxy = Who {
        users,
        agents,
        ..Who::default()
    };
    for (who, thorough, asked) in [
        (&kube_proxy, false, &written.kube_proxy),
        (&kube_proxy, true, &written.kube_proxy),
        (&everybody, false, &written.everybody),
    ] {
        let query = Query {
            small: 0,
            ..Query::new(who.clone(), thorough, HandOn::Of(Vec::new()))
        };
        for from in [From::File, From::Stream(1)] {
            let (outcome, _) = outcome::read(&log, &query, from, false);
            assert_eq!(outcome.total, (asked.events, asked.requests));
            assert_eq!(outcome.damaged.iter().sum::<u64>(), 0);
            for (verb, events) in &asked.verbs {
                let name = ("verb", Some((*verb).to_string()));
                assert_eq!(outcome.names[&name].0, *events, "{verb}");
            }
        }
    }
}
