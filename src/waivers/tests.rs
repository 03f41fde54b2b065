//! Patterns, days and files, without a node.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;

use super::{Day, Glob, parse};
use crate::certificates::Moment;

#[test]
fn a_pattern_stands_for_the_whole_path_and_a_star_for_one_part_of_it() {
    let cases = [
        ("/a/b", "/a/b", true),
        ("/a/b", "/a/bc", false),
        ("/a/b", "/a/b/c", false),
        ("/a/*", "/a/b", true),
        ("/a/*", "/a/b/c", false),
        ("/a/**", "/a/b/c", true),
        ("/a/**", "/a", false),
        ("/a/*.yaml", "/a/.yaml", true),
        ("/a/?", "/a/b", true),
        ("/a/?", "/a/ä", true),
        ("/a/?", "/a/bc", false),
        ("/a?b", "/a/b", false),
        ("**/b", "/a/b", true),
        ("**/b", "/b", true),
        ("/**/b", "/a/c/b", true),
        ("/***/b", "/a/c/b", true),
        ("/A", "/a", false),
        ("/", "/", true),
        ("/", "/a", false),
    ];
    for (pattern, path, matches) in cases {
        let glob = Glob::of_path(pattern).unwrap();
        assert_eq!(glob.matches(path), matches, "{pattern} {path}");
    }
    let node = |pattern: &str, name| Glob::of_node(pattern).unwrap().matches(name);
    assert!(node("Worker-*", "worker-1") && node("worker-1", "WORKER-1"));
    assert!(node("*", "n") && !node("worker-1", "worker-1.example.org"));
}

#[test]
fn a_pattern_that_could_match_nothing_or_means_something_elsewhere_is_refused() {
    for pattern in [
        "", "a", "*", "a/b", "//a", "/a/", "/a/./b", "/a/../b", "/[ab]", "/{a,b}", "/a\\b",
    ] {
        assert!(Glob::of_path(pattern).is_err(), "{pattern}");
    }
    for pattern in ["", "a b", "a,b", "a/b", "[ab]", "{a}"] {
        assert!(Glob::of_node(pattern).is_err(), "{pattern}");
    }
    assert!(Glob::of_path(&format!("/{}", "a".repeat(5_000))).is_err());
}

/// What the patterns mean, written down as plainly as can be.
fn plainly(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', '*', rest @ ..] => (0..=text.len()).any(|at| plainly(rest, &text[at..])),
        ['*', rest @ ..] => {
            let end = text.iter().position(|c| *c == '/').unwrap_or(text.len());
            (0..=end).any(|at| plainly(rest, &text[at..]))
        }
        ['?', rest @ ..] => matches!(text, [c, tail @ ..] if *c != '/' && plainly(rest, tail)),
        [wanted, rest @ ..] => matches!(text, [c, tail @ ..] if c == wanted && plainly(rest, tail)),
    }
}

proptest! {
    #[test]
    fn a_pattern_matches_what_its_plain_meaning_does(
        pattern in "(/([ab?]|\\*|\\*\\*){1,3}){1,3}",
        path in "(/[ab]{1,3}){1,4}",
    ) {
        let chars = |text: &str| text.chars().collect::<Vec<char>>();
        let glob = Glob::of_path(&pattern).unwrap();
        prop_assert_eq!(glob.matches(&path), plainly(&chars(&pattern), &chars(&path)));
    }
}

#[test]
fn many_stars_cost_no_more_than_their_number() {
    let glob = Glob::of_path(&format!("/{}b", "*a**?".repeat(200))).unwrap();
    assert!(!glob.matches(&format!("/{}", "a".repeat(2_000))));
}

#[test]
fn the_last_day_counts_to_its_last_second_in_utc() {
    let day = Day::read("2027-03-31").unwrap();
    let last = Moment::of_day(2027, 4, 1).unwrap().0 - 1;
    assert_eq!(Moment(last).to_string(), "2027-03-31T23:59:59Z");
    assert!(!day.is_over(Moment(last)));
    assert!(day.is_over(Moment(last + 1)));
    for text in [
        "2027-02-29",
        "2027-13-01",
        "2027-00-01",
        "2027-01-00",
        "1969-12-31",
        "2027-3-31",
        "27-03-31",
        "2027/03/31",
        "2027-03-31T00:00:00Z",
        " 2027-03-31",
        "+027-03-31",
        "tomorrow",
        "",
    ] {
        assert!(Day::read(text).is_none(), "{text}");
    }
    assert!(Day::read("2028-02-29").is_some() && Day::read("9999-12-31").is_some());
}

#[test]
fn any_text_is_read_or_refused_and_never_half() {
    let known = ["metrics-exposed"];
    let entry = "- {check: metrics-exposed, justification: x}\n";
    let whole = format!("waivers:\n{}", entry.repeat(20));
    assert_eq!(parse(&whole, "f", &known).unwrap().len(), 20);
    // Cut off anywhere it is refused, or holds only whole entries.
    for length in 0..whole.len() {
        let part = whole.get(..length).unwrap();
        if let Ok(read) = parse(part, "f", &known) {
            let begun = part.matches("- {").count();
            assert_eq!(read.len(), begun, "{length}");
        }
    }
}
