//! Removals: exact bytes, the comments that go and those that stay, exact reasons.

use super::*;

#[track_caller]
fn removes(before: &str, at: &str, after: &str) {
    match apply(before.as_bytes(), &path(at), &Operation::Remove) {
        Ok(bytes) => assert_eq!(String::from_utf8(bytes).unwrap(), after),
        Err(refused) => panic!("refused: {refused}"),
    }
}

#[track_caller]
fn keeps(before: &str, at: &str, message: &str) {
    match apply(before.as_bytes(), &path(at), &Operation::Remove) {
        Ok(bytes) => panic!("written: {:?}", String::from_utf8(bytes).unwrap()),
        Err(refused) => assert_eq!(refused.to_string(), message),
    }
}

const LOST: &str = "the edit could not be proved to be right: a comment would be lost or changed";
const BESIDE: &str =
    "the edit could not be proved to be right: a comment would stand beside another item";

#[test]
fn an_item_of_a_block_list_goes_with_its_lines() {
    let before = "l:\n- a\n- b: 1\n  c:\n  - 2\n- |\n  text\n\n- d\nm: 1\n";
    removes(before, "l/0", &before.replace("- a\n", ""));
    removes(before, "l/1", &before.replace("- b: 1\n  c:\n  - 2\n", ""));
    removes(before, "l/2", &before.replace("- |\n  text\n", ""));
    removes(before, "l/3", &before.replace("\n- d\n", "\n"));
    removes("l:\n  - a\n  - b", "l/1", "l:\n  - a");
    removes("l:\r\n  - a\r\n  - b", "l/1", "l:\r\n  - a");
    removes("l:\r\n- a\r\n- b\r\n", "l/0", "l:\r\n- b\r\n");
    removes("l:\n-\n- b\n", "l/0", "l:\n- b\n");
    removes("l:\n- - a\n  - b\n", "l/0/1", "l:\n- - a\n");
}

#[test]
fn an_entry_of_a_block_mapping_goes_with_its_lines() {
    let before = "a: 1\nb:\n  c: 2\n  d: 3\ne:\nf: |\n  t\n";
    removes(before, "a", &before.replace("a: 1\n", ""));
    removes(before, "b", &before.replace("b:\n  c: 2\n  d: 3\n", ""));
    removes(before, "b/d", &before.replace("  d: 3\n", ""));
    removes(before, "e", &before.replace("e:\n", ""));
    removes(before, "f", &before.replace("f: |\n  t\n", ""));
    removes("l:\n- a: 1\n  b: 2\n", "l/0/a", "l:\n- b: 2\n");
    removes("l:\n- a: 1\n  b: 2\n", "l/0/b", "l:\n- a: 1\n");
    removes("\u{feff}a: 1\nb: 2\n", "a", "\u{feff}b: 2\n");
}

#[test]
fn the_only_item_leaves_brackets() {
    removes("l:\n- a\nm: 1\n", "l/0", "l: []\nm: 1\n");
    removes(
        "l:  # who\n\n# first\n- a # x\nm: 1\n",
        "l/0",
        "l: []  # who\n\nm: 1\n",
    );
    removes("l:\n  - a", "l/0", "l: []");
    removes("m:\n  a:\n    b: 1\n", "m/a", "m: {}\n");
    removes("l:\n- a: 1\n- b\n", "l/0/a", "l:\n- {}\n- b\n");
    removes("l: [a]\n", "l/0", "l: []\n");
    removes("{\"l\": [\n  1\n]}\n", "l/0", "{\"l\": []}\n");
    removes("m: { a: 1 }\n", "m/a", "m: {}\n");
    keeps("a: 1\n", "a", "line 1: a is all that the document holds");
}

#[test]
fn an_entry_in_brackets_goes_with_one_comma() {
    removes("l: [a, b,c]\n", "l/0", "l: [b,c]\n");
    removes("l: [a, b,c]\n", "l/1", "l: [a,c]\n");
    removes("l: [a, b,c]\n", "l/2", "l: [a, b]\n");
    removes("l: [a, b, ]\n", "l/1", "l: [a, ]\n");
    removes("{\"a\":1,\"b\":2}\n", "a", "{\"b\":2}\n");
    removes("{\"a\":1,\"b\":2}\n", "b", "{\"a\":1}\n");
    let json = "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    {\"c\": 2},\n    3\n  ],\n  \"d\": 4\n}\n";
    removes(json, "a", &json.replace("  \"a\": 1,\n", ""));
    removes(json, "d", &json.replace(",\n  \"d\": 4\n", "\n"));
    removes(json, "b/0", &json.replace("    1,\n", ""));
    removes(json, "b/1", &json.replace("    {\"c\": 2},\n", ""));
    removes(json, "b/2", &json.replace(",\n    3\n", "\n"));
    removes(json, "b/1/c", &json.replace("\"c\": 2", ""));
    let yaml = "l: [\n  a, # one\n  # two\n  b, # two\n  c # three\n]\n";
    removes(yaml, "l/1", "l: [\n  a, # one\n  c # three\n]\n");
    removes(yaml, "l/2", "l: [\n  a, # one\n  # two\n  b # two\n]\n");
    removes("l: [\n  a,\n  b,\n]\n", "l/1", "l: [\n  a,\n]\n");
    removes("l: [\n  a\n  , b\n]\n", "l/1", "l: [\n  a\n]\n");
}

#[test]
fn its_own_comments_go_and_every_other_stays() {
    let before = "# head\n\n# list\nl:\n# one\n# more\n- a # a\n\n# apart\n\n# two\n- b:\n    # inside\n    c: 1\n# three\n- d\n# foot\nm: 1\n";
    removes(
        before,
        "l/0",
        &before.replace("# one\n# more\n- a # a\n\n", ""),
    );
    removes(
        before,
        "l/1",
        &before.replace("# two\n- b:\n    # inside\n    c: 1\n", ""),
    );
    removes(before, "l/2", &before.replace("# three\n- d\n", ""));
    removes(before, "l", "# head\n\n# foot\nm: 1\n");
    removes(
        "a: 1\n  # deeper\nb: 2 # two\n# three\nc: 3\n",
        "b",
        "a: 1\n  # deeper\n# three\nc: 3\n",
    );
}

#[test]
fn empty_lines_around_it_become_one() {
    removes("l:\n- a\n\n- b\n\n- c\n", "l/1", "l:\n- a\n\n- c\n");
    removes("l:\n- a\n\n- b\n\n- c\n", "l/0", "l:\n- b\n\n- c\n");
    removes("l:\n- a\n\n- b\n\n- c\n", "l/2", "l:\n- a\n\n- b\n");
    removes("a: 1\nb: 2\n\nc: 3\n", "b", "a: 1\n\nc: 3\n");
    removes("a: 1\n\nb: 2\n", "b", "a: 1\n");
}

#[test]
fn a_comment_of_which_the_item_is_not_certain_stands_in_the_way() {
    // Behind its lines and deeper than its dash; behind it without an empty line before what follows.
    keeps("l:\n- a\n  # more of a\n- b\n", "l/0", BESIDE);
    keeps("l:\n- a\n\n  # deep\n\n- b\n", "l/0", BESIDE);
    keeps("l:\n- a\n# which?\n\n- b\n", "l/0", BESIDE);
    keeps("l:\n  - a\n# less deep\n  - b\n", "l/1", BESIDE);
    keeps("l: [a, # one\n  b]\n", "l/0", LOST);
    keeps("l:\n- a: 1 # one\n  b: 2\n", "l/0/a", LOST);
}

#[test]
fn a_removal_that_is_not_certain_is_refused_with_its_reason() {
    keeps(
        "a: 1\n",
        "",
        "line 1: the root is the document, which is not removed",
    );
    keeps("a: 1\nb: 2\n", "c", "line 1: c is not there");
    keeps("a: [1]\nb: 2\n", "a/1", "line 1: a has no item 1");
    keeps("a: 1\nb: 2\n", "a/0", "line 1: a is not a list");
    keeps(
        "l:\n- - a\n  - b\n",
        "l/0/0",
        "line 2: l[0][0] starts behind the dash of another list",
    );
    keeps(
        "a: &x 1\nb: *x\n",
        "a",
        "line 1: an anchor: its value counts in more than one place",
    );
    keeps("a: 1\na: 2\n", "a", "line 2: a key that is there twice");
}

#[test]
fn the_proof_lets_no_other_removal_pass() {
    use super::proved::judges_an;
    const MEANING: Result<(), &str> = Err("the result would not mean what was intended");
    let judges = |before: &str, range, written: &str, at: &str, verdict| {
        judges_an(&Operation::Remove, before, range, written, at, verdict);
    };
    judges("l:\n- a\n- b\n", 3..7, "", "l/0", Ok(()));
    judges("l:\n- a\n- b\n", 3..7, "", "l/1", MEANING);
    judges("l:\n- a\n- b\n", 3..11, "", "l/0", MEANING);
    judges("l:\n- a\n- b\n", 2..11, " [b]\n", "l/0", MEANING);
    judges("l:\n- a\n", 2..7, "\n", "l/0", MEANING);
    judges("l: [a, b]\n", 4..7, "", "l/0", Ok(()));
    judges("a: 1\nb: 2\n", 0..5, "", "b", MEANING);
    let lost = Err("a comment would be lost or changed");
    judges("a: 1\n# b\n\nb: 2\nc: 3\n", 5..15, "", "b", lost);
    judges("a: 1\n# b\nb: 2\nc: 3\n", 9..14, "", "b", lost);
}
