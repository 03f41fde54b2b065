//! The answers of client-go itself to random kubeconfigs.

mod support;

use tighten::kubeconfig;

use support::agreement::{all_agree, vectors};

const VECTORS: &str = include_str!("vectors/kubeconfig.jsonl");

/// The program that gave the answers loaded bytes, not a file, so it never found what lies beside.
fn opens(path: &str) -> bool {
    assert!(
        !path.starts_with('/'),
        "no vector names an absolute path that is opened"
    );
    false
}

#[test]
fn every_vector_is_judged_as_client_go_judged_it() {
    let vectors = vectors(VECTORS);
    let (mut wrong, mut same_text) = (Vec::new(), 0);
    for (number, vector) in vectors.iter().enumerate() {
        let config = kubeconfig::read(vector["kubeconfig"].as_str().unwrap().as_bytes());
        let answer = config.and_then(|config| config.usable(&opens));
        let message = answer.as_ref().err().map_or("", |problem| &problem.message);
        let expected = vector["error"].as_str().unwrap();
        // The vectors cut what is long.
        same_text += i32::from(
            message == expected || expected.len() >= 200 && message.starts_with(expected),
        );
        if answer.is_ok() != vector["usable"] {
            wrong.push(format!("line {}: {answer:?}\n{vector}", number + 1));
        }
    }
    let beside = format!(", with the same words: {same_text}");
    all_agree(&wrong, vectors.len(), &beside);
    assert_eq!(same_text, 400);
}
