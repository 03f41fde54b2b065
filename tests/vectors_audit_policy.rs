//! The answers of kube-apiserver 1.36.2 itself to random audit policies and requests.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a vector that cannot be read fails the test"
)]

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use tighten::auditpolicy::{Policy, Request};

use support::agreement::{all_agree, vectors};

const VECTORS: &str = include_str!("vectors/audit-policy.jsonl");
/// The API server names the file behind its message.
const FROM: &str = ": from file FILE";

fn read(vector: &Value) -> Result<Policy, tighten::auditpolicy::Refused> {
    Policy::read(vector["policy"].as_str().unwrap().as_bytes())
}

fn names(list: &Value) -> BTreeSet<&str> {
    let names = list.as_array().unwrap().iter();
    names.map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn every_policy_is_judged_as_the_api_server_judged_it() {
    let (mut wrong, mut refused, mut same_text) = (Vec::new(), 0, 0);
    let vectors = vectors(VECTORS);
    for (number, vector) in vectors.iter().enumerate() {
        let answer = read(vector);
        let same = match &answer {
            Ok(policy) => vector["valid"] == true && vector["warned"] == !policy.unknown.is_empty(),
            Err(refusal) => {
                let expected = vector["error"].as_str().unwrap_or_default();
                refused += 1;
                same_text += i32::from(expected.strip_suffix(FROM) == Some(&refusal.message));
                vector["valid"] == false && !refusal.unjudged && refusal.line.is_some()
            }
        };
        if !same {
            wrong.push(format!("line {}: {answer:?}\n{vector}", number + 1));
        }
    }
    let beside = format!(", refused with the same words: {same_text} of {refused}");
    all_agree(&wrong, vectors.len(), &beside);
    assert_eq!((vectors.len(), refused, same_text), (400, 81, 81));
}

#[test]
fn every_request_is_decided_as_the_api_server_decided_it() {
    let (mut wrong, mut all) = (Vec::new(), 0);
    for (number, vector) in vectors(VECTORS).iter().enumerate() {
        let Ok(policy) = read(vector) else {
            continue;
        };
        for recorded in vector["requests"].as_array().unwrap() {
            all += 1;
            let request = Request::from_json(&recorded.to_string()).unwrap();
            let decision = policy.level_of(&request);
            let left_out: BTreeSet<&str> = decision
                .omit_stages
                .iter()
                .map(|stage| stage.name())
                .collect();
            if recorded["level"] != decision.level.name()
                || names(&recorded["omitStages"]) != left_out
            {
                wrong.push(format!("line {}: {decision:?}\n{recorded}", number + 1));
            }
        }
    }
    all_agree(&wrong, all, " requests");
    assert_eq!(all, 7_975);
}
