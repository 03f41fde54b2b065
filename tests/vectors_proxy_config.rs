//! The answers of kube-proxy 1.36.2 itself to random configurations.

#![allow(
    clippy::unwrap_used,
    reason = "a vector that cannot be read fails the test"
)]

mod support;

use serde_json::Value;
use tighten::proxyconfig;

use support::agreement::{all_agree, vectors};

const VECTORS: &str = include_str!("vectors/proxy-config.jsonl");

/// The log quotes the message as Go does, and the vectors cut what is long.
fn logged(error: &str) -> Option<(String, bool)> {
    let quoted = error.strip_prefix('"')?;
    let (text, whole) = match quoted.strip_suffix('"') {
        // Cut in the middle of an escaped quote.
        Some(text) if text.ends_with('\\') => (text.trim_end_matches('\\'), false),
        Some(text) => (text, true),
        None => (quoted.trim_end_matches('\\'), false),
    };
    Some((text.replace("\\\"", "\""), whole))
}

/// Everything in `expected` is the same in `ours`.
fn covers(ours: &Value, expected: &Value) -> bool {
    match expected {
        Value::Object(entries) => entries.iter().all(|(key, value)| covers(&ours[key], value)),
        value => ours == value,
    }
}

#[test]
fn every_vector_is_judged_as_kube_proxy_judged_it() {
    let vectors = vectors(VECTORS);
    let mut wrong = Vec::new();
    for (number, vector) in vectors.iter().enumerate() {
        let reading = proxyconfig::read(vector["config"].as_str().unwrap().as_bytes());
        let values = reading.values.as_ref().map(proxyconfig::Effective::to_json);
        let same = reading.accepted == vector["accepted"]
            && reading.lenient == vector["lenient"]
            && !reading.unjudged
            && match (&values, vector.get("effective")) {
                (Some(ours), Some(expected)) => covers(ours, expected),
                (None, None) => reading.error.is_some(),
                _ => false,
            };
        if !same {
            wrong.push(format!("line {}: {reading:?}\n{vector}", number + 1));
        }
    }
    all_agree(&wrong, vectors.len(), "");
}

#[test]
fn the_messages_are_kube_proxys_own() {
    let (mut same, mut all) = (0, 0);
    let mut first = String::new();
    for vector in vectors(VECTORS) {
        let Some((expected, whole)) = vector["error"].as_str().and_then(logged) else {
            continue;
        };
        all += 1;
        let reading = proxyconfig::read(vector["config"].as_str().unwrap().as_bytes());
        let message = reading
            .error
            .map(|problem| problem.message)
            .unwrap_or_default();
        if message == expected || !whole && message.starts_with(&expected) {
            same += 1;
        } else if first.is_empty() {
            first = format!("{message}\n{expected}");
        }
    }
    println!("messages that agree: {same} of {all}\n{first}");
    assert_eq!(same, all, "{first}");
}

#[test]
fn a_bad_value_is_shown_with_its_line() {
    let config = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmetricsBindAddress: localhost:1\n";
    let problem = proxyconfig::read(config.as_bytes()).error.unwrap();
    assert_eq!(problem.line, Some(3));
}

/// Bytes that make trouble, put anywhere: no panic, and no answer that contradicts itself.
#[test]
fn damaged_files_are_judged_without_contradiction() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let trouble = b":\n\t \"'{}[],#&*!|>%@\\?-~0x\xff\0";
    for vector in vectors(VECTORS) {
        for _ in 0..20 {
            let mut bytes = vector["config"].as_str().unwrap().as_bytes().to_vec();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                let byte = trouble[random(trouble.len())];
                if random(2) == 0 {
                    bytes[at] = byte;
                } else {
                    bytes.insert(at, byte);
                }
            }
            let reading = proxyconfig::read(&bytes);
            assert_eq!(reading.accepted, reading.values.is_some());
            assert_eq!(reading.accepted, reading.error.is_none());
            assert!(!(reading.accepted && reading.unjudged));
            let _ = tighten::kubeconfig::read(&bytes);
        }
    }
}
