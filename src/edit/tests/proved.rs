//! The proof by itself: a wrong edit, however it came about, does not get past it.

use std::ops::Range;

use super::super::splice::Splice;
use super::*;

#[track_caller]
fn judges(before: &str, range: Range<usize>, written: &str, at: &str, verdict: Result<(), &str>) {
    judges_an(&Operation::Set(OFF), before, range, written, at, verdict);
}

#[track_caller]
pub(super) fn judges_an(
    operation: &Operation,
    before: &str,
    range: Range<usize>,
    written: &str,
    at: &str,
    verdict: Result<(), &str>,
) {
    let source = Source::read(before.as_bytes()).unwrap();
    let splice = Splice {
        range,
        text: written.to_owned(),
    };
    let result = splice.into_text(before).unwrap();
    let proved = proof::prove(&source, &result, &path(at), operation);
    let said = proved.map_err(|refused| refused.reason);
    let expected =
        verdict.map_err(|what| format!("the edit could not be proved to be right: {what}"));
    assert_eq!(said, expected);
}

const MEANING: Result<(), &str> = Err("the result would not mean what was intended");

#[test]
fn the_right_edit_passes() {
    judges("a: 1\nb: 2\n", 3..4, "false", "a", Ok(()));
    judges("a: 1\n", 5..5, "b:\n  c: false\n", "b/c", Ok(()));
    judges("a: ~\n", 2..4, "\n  c: false", "a/c", Ok(()));
}

#[test]
fn another_meaning_does_not_pass() {
    // Another value, in quotes, at another place, at another depth, twice, with more beside it.
    judges("a: 1\nb: 2\n", 3..4, "true", "a", MEANING);
    judges("a: 1\nb: 2\n", 3..4, "\"false\"", "a", MEANING);
    judges("a: 1\nb: 2\n", 3..4, "false", "b", MEANING);
    judges("a:\n  b: 1\n", 10..10, "c: false\n", "a/c", MEANING);
    judges("a: 1\n", 5..5, "b: false\nc: 1\n", "b", MEANING);
    judges("a: 1\n", 5..5, "b:\n  c: false\n  d: 1\n", "b/c", MEANING);
    judges("a: 1\n", 0..0, "b: false\n", "b", MEANING);
    judges("a: {b: 1}\n", 4..8, "c: false", "a/c", MEANING);
    judges("a: 'x'\nb: 2\n", 3..11, "x\nb: false", "b", MEANING);
    judges("a: [x]\nb: 2\n", 3..11, "\n- x\nb: false", "b", MEANING);
    judges(
        "a: x\nb: 2\n",
        3..9,
        "!t x\nb: false",
        "b",
        Err("in the result, a tag, which readers of YAML take differently"),
    );
    judges(
        "a: 1\n",
        5..5,
        "a: false\n",
        "a",
        Err("in the result, a key that is there twice"),
    );
    judges(
        "a: 1\n",
        5..5,
        "no: false\n",
        "no",
        Err("in the result, a key without quotes that does not read as text"),
    );
}

#[test]
fn a_changed_comment_line_end_or_last_line_does_not_pass() {
    let comment = Err("a comment would be lost or changed");
    judges("a: 1 # c\n", 3..8, "false", "a", comment);
    judges("a: 1 # c\n", 3..8, "false # d", "a", comment);
    judges("a: 1\n", 3..4, "false # new", "a", comment);
    judges(
        "a: 1\nb: 2",
        3..9,
        "1\nb: false\n",
        "b",
        Err("the end of the last line changed"),
    );
    judges(
        "a: 1\r\n",
        6..6,
        "b: false\n",
        "b",
        Err("in the result, its lines end in two ways, with and without a carriage return"),
    );
    judges(
        "a: 1\r\n",
        4..6,
        "\r\nb: false\n",
        "b",
        Err("in the result, its lines end in two ways, with and without a carriage return"),
    );
    judges(
        "a: 1\r\n",
        3..6,
        "false\n",
        "a",
        Err("the line ends changed"),
    );
}

#[test]
fn json_stays_json() {
    judges(
        "{\"a\": 1}\n",
        7..7,
        ", b: false",
        "b",
        Err("the result would no longer be JSON"),
    );
    judges("{\"a\": 1}\n", 7..7, ", \"b\": false", "b", Ok(()));
}

#[test]
fn a_wrong_insertion_does_not_pass() {
    const COMMENT: Result<(), &str> = Err("a comment would stand beside another item");
    let items = vec![Tree::map([("k", Tree::text("v"))])];
    let judges = |at: Option<usize>, before: &str, range, written: &str, verdict| {
        let operation = Operation::Insert {
            before: at,
            items: items.clone(),
        };
        judges_an(&operation, before, range, written, "l", verdict);
    };
    let list = "l:\n- x\n# y\n- z\n";
    judges(Some(1), list, 7..7, "- k: v\n", Ok(()));
    judges(None, list, 15..15, "- k: \"v\"\n", Ok(()));
    judges(None, "l:\n", 3..3, "- k: v\n", Ok(()));
    judges(
        None,
        "a: 1\n",
        5..5,
        "l: [k: v]\n",
        Err("in the result, a mapping without braces inside brackets"),
    );
    judges(None, "a: 1\n", 5..5, "l: [{k: v}]\n", Ok(()));
    // At another position, another item, one more, one less, in another list, between a comment and its
    // item, with a comment of its own.
    judges(Some(0), list, 7..7, "- k: v\n", MEANING);
    judges(Some(0), "l:\n- x\n- z\n", 7..7, "- k: v\n", MEANING);
    judges(Some(1), list, 7..7, "- k: w\n", MEANING);
    judges(Some(1), list, 7..7, "- k: v\n  w: v\n", MEANING);
    judges(Some(1), list, 7..7, "- k: v\n- k: v\n", COMMENT);
    judges(None, "l:\n- x\n", 7..7, "- k: v\n- k: v\n", MEANING);
    judges(None, "l:\n- x\n", 3..7, "- k: v\n", MEANING);
    judges(None, "l:\n- x\nm:\n- x\n", 14..14, "- k: v\n", MEANING);
    judges(Some(1), list, 11..11, "- k: v\n", COMMENT);
    judges(
        None,
        "l:\n- x\n",
        7..7,
        "- k: v # c\n",
        Err("a comment would be lost or changed"),
    );
    judges(None, "l:\n- x\n", 7..7, "- k: 'v'\n", MEANING);
    judges(None, "l: ~\n", 3..4, "{k: v}", MEANING);
    judges(Some(1), "l: ~\n", 3..4, "[{k: v}]", MEANING);
}
