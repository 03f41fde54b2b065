//! The answers of client-go itself to random kubeconfigs.

use serde_json::Value;
use tighten::kubeconfig;

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
    let (mut wrong, mut all, mut same_text) = (Vec::new(), 0, 0);
    for (number, line) in VECTORS.lines().enumerate() {
        let vector: Value = serde_json::from_str(line).unwrap();
        all += 1;
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
    println!(
        "agree: {} of {all}, with the same words: {same_text}",
        all - wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} wrong, first:\n{}",
        wrong.len(),
        wrong[0]
    );
    assert_eq!(same_text, 400);
}
