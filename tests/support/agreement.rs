//! What a real program answered to recorded inputs, and how many of its answers are ours.

use serde_json::Value;

/// The vectors of a file, one a line.
pub fn vectors(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Prints how many of `all` answers agree, `beside` it what else was counted, and fails on the first
/// of those that do not.
pub fn all_agree(wrong: &[String], all: usize, beside: &str) {
    println!("agree: {} of {all}{beside}", all - wrong.len());
    assert!(
        wrong.is_empty(),
        "{} wrong, first:\n{}",
        wrong.len(),
        wrong[0]
    );
}
