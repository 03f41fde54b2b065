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

mod model;
mod naive;

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tighten::auditpolicy::{Policy, Request};

use model::{Asked, Model};

/// Enough for every pair of conditions, few enough for a few seconds without optimisation.
const CASES: u32 = 2_000;
/// Requests that each policy is asked about.
const REQUESTS: usize = 8;

fn cases() -> u32 {
    let asked = std::env::var("TIGHTEN_AUDIT_CASES").ok();
    asked.map_or(CASES, |cases| cases.parse().expect("a number of cases"))
}

fn config() -> Config {
    Config {
        cases: cases(),
        failure_persistence: None,
        ..Config::default()
    }
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
    TestRunner::new(config())
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
