//! Random policies and requests, decided here by a second evaluator that shares nothing with the first.
//!
//! What a policy means is known here before it is written down, so neither its reading nor its decisions
//! come from the code that is tested. `TIGHTEN_AUDIT_CASES=100000 cargo test --release --test
//! audit_policy_properties -- --nocapture` for the long run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod insertions;
mod model;
mod naive;
#[path = "../support/random.rs"]
mod random;

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use tighten::auditpolicy::{Policy, Request};

use model::{Asked, Model};
use random::config;

/// Enough for every pair of conditions, few enough for a few seconds without optimisation.
const CASES: u32 = 2_000;
/// Requests that each policy is asked about.
const REQUESTS: usize = 8;

fn cases() -> u32 {
    random::cases("TIGHTEN_AUDIT_CASES", CASES)
}

#[derive(Default)]
struct Tally {
    decisions: u64,
    by_rule: u64,
    refused: u64,
}

fn agree(model: &Model, asked: &[Asked], tally: &RefCell<Tally>) -> Result<(), TestCaseError> {
    let mut tally = tally.borrow_mut();
    let text = model.written();
    let read = Policy::read(text.as_bytes());
    let expected = naive::refused(model);
    let policy = match (read, expected) {
        (Ok(policy), None) => policy,
        (Err(refused), Some(rule)) => {
            let line = model.line(rule);
            prop_assert!(!refused.unjudged, "{refused:?}\n{text}");
            prop_assert!(refused.line >= Some(line), "{refused:?} {line}\n{text}");
            tally.refused += 1;
            return Ok(());
        }
        (read, expected) => {
            return Err(TestCaseError::fail(format!(
                "{read:?}, but {expected:?}\n{text}"
            )));
        }
    };
    for asked in asked {
        let request = Request::from_json(&asked.written()).unwrap();
        let decision = policy.level_of(&request);
        let (level, left_out, rule) = naive::decide(model, asked);
        let stages: Vec<&str> = decision
            .omit_stages
            .iter()
            .map(|stage| stage.name())
            .collect();
        prop_assert_eq!(decision.rule, rule, "{}\n{:?}", text, asked);
        prop_assert_eq!(decision.level.name(), level, "{}\n{:?}", text, asked);
        prop_assert_eq!(stages, left_out, "{}\n{:?}", text, asked);
        let line = rule.map(|rule| model.line(rule));
        prop_assert_eq!(decision.line, line, "{}\n{:?}", text, asked);
        tally.decisions += 1;
        tally.by_rule += u64::from(rule.is_some());
    }
    Ok(())
}

#[test]
fn a_second_evaluator_agrees_on_random_policies_and_requests() {
    let tally = RefCell::new(Tally::default());
    let strategy = (
        model::policy(),
        prop::collection::vec(model::request(), REQUESTS),
    );
    TestRunner::new(config(cases()))
        .run(&strategy, |(policy, asked)| agree(&policy, &asked, &tally))
        .unwrap();
    let Tally {
        decisions,
        by_rule,
        refused,
    } = tally.into_inner();
    println!(
        "agree: {} policies, {refused} of them refused, {decisions} requests, {by_rule} of them decided by a rule",
        cases()
    );
    // Otherwise little was put to the test.
    assert!(refused * 20 > u64::from(cases()) && refused * 2 < u64::from(cases()));
    assert!(by_rule * 4 > decisions && by_rule * 10 < decisions * 9);
}

/// Cuts, doubles or replaces bytes.
fn mangled(text: &str, edits: &[(prop::sample::Index, usize, u8)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, length, byte) in edits {
        let start = at.index(bytes.len() + 1);
        let end = (start + length).min(bytes.len());
        let piece: Vec<u8> = match byte {
            0..=63 => Vec::new(),
            64..=127 => [&bytes[start..end], &bytes[start..end]].concat(),
            _ => vec![b"[]{}:-*&'\"#\n\t ~,!|>%@0ntf\\\xff"[usize::from(*byte) % 27]],
        };
        bytes.splice(start..end, piece);
    }
    bytes
}

#[test]
fn a_mangled_policy_is_accepted_with_rules_or_refused_in_printable_words() {
    let edits = prop::collection::vec(
        (any::<prop::sample::Index>(), 1..20_usize, any::<u8>()),
        1..3,
    );
    let strategy = (model::policy(), edits, model::request());
    let accepted = std::cell::Cell::new(0_u32);
    TestRunner::new(config(cases()))
        .run(&strategy, |(policy, edits, asked)| {
            let bytes = mangled(&policy.written(), &edits);
            match Policy::read(&bytes) {
                Ok(policy) => {
                    accepted.set(accepted.get() + 1);
                    let request = Request::from_json(&asked.written()).unwrap();
                    let decision = policy.level_of(&request);
                    let rule = decision.rule.map(|rule| policy.rules[rule].line);
                    prop_assert_eq!(rule, decision.line);
                    for rule in &policy.rules {
                        let before = &bytes[..rule.span.start];
                        let lines = before.iter().filter(|byte| **byte == b'\n').count();
                        // An alias stands in another line than what it stands for.
                        prop_assert!(rule.span.end <= bytes.len() && rule.line > 0);
                        prop_assert!(lines < rule.line || bytes.contains(&b'*'));
                    }
                }
                Err(refused) => {
                    prop_assert!(!refused.message.contains(char::is_control));
                    prop_assert!(refused.message.chars().count() <= 2_001);
                }
            }
            Ok(())
        })
        .unwrap();
    println!("mangled: {} policies, {} accepted", cases(), accepted.get());
    // Otherwise only the parser was put to the test.
    assert!(accepted.get() > cases() / 100);
}
