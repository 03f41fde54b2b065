//! `tighten explain` knows checks and the rules of `tighten audit`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::Node;

#[test]
fn a_rule_is_explained_like_a_check() {
    let node = Node::empty();
    let ran = node.run(&["explain", "credential-asked"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let rows: Vec<&str> = ran.out.lines().filter_map(|line| line.get(2..11)).collect();
    for row in [
        "severity ",
        "told by  ",
        "why      ",
        "help     ",
        "refs     ",
    ] {
        assert!(rows.contains(&row), "{row}: {ran:?}");
    }
    assert!(
        ran.out
            .starts_with("credential-asked: A Secret, a token or a certificate was asked for\n"),
        "{ran:?}"
    );
}

#[test]
fn all_checks_and_all_rules_are_listed() {
    let node = Node::empty();
    let ran = node.run(&["explain"]);
    let (code, document) = node.json(&["explain"]);
    assert_eq!((ran.code, code), (0, 0));
    for (list, key) in [("checks", "check"), ("rules", "rule")] {
        let all = document[list].as_array().unwrap();
        assert!(all.len() > 9, "{list}");
        for one in all {
            let id = one[key].as_str().unwrap();
            let line = ran.out.lines().find(|line| {
                let mut words = line.split_whitespace();
                words.next() == Some(id) && words.next() == one["severity"].as_str()
            });
            assert!(line.is_some(), "{id}: {ran:?}");
        }
    }
}

#[test]
fn what_is_misspelt_is_answered_with_the_nearest_rule() {
    let ran = Node::empty().run(&["explain", "credental-asked"]);
    assert_eq!(ran.code, 64, "{ran:?}");
    assert_eq!(
        ran.err,
        "error: no check or rule is called \"credental-asked\"\nhelp: did you mean credential-asked?\n"
    );
}
