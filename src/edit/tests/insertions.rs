//! What an insertion leaves where it is, how it spells, what it refuses and how it is told.

use super::inserted::{a, inserted, inserts, rule, rule2, volume};
use super::*;

#[test]
fn comments_stay_with_their_items() {
    // Directly above, and indented no deeper than the dash: it belongs to the item below.
    inserts(
        "l:\n- x\n# y\n- y\n",
        "l",
        Some(1),
        &[a()],
        "l:\n- x\n- a\n# y\n- y\n",
    );
    inserts(
        "l:\n- x\n# 1\n\n# 2\n# 3\n- y\n",
        "l",
        Some(1),
        &[a()],
        "l:\n- x\n# 1\n\n- a\n\n# 2\n# 3\n- y\n",
    );
    inserts(
        "l:\n# x\n- x\n",
        "l",
        Some(0),
        &[a()],
        "l:\n- a\n# x\n- x\n",
    );
    // Deeper: it belongs to the item above.
    inserts(
        "l:\n- x: 1\n  # w: 2\n- z: 1\n",
        "l",
        Some(1),
        &[a()],
        "l:\n- x: 1\n  # w: 2\n- a\n- z: 1\n",
    );
    inserts(
        "l:\n- x: 1\n  # w: 2\n# y\n- z: 1\n",
        "l",
        Some(1),
        &[a()],
        "l:\n- x: 1\n  # w: 2\n- a\n# y\n- z: 1\n",
    );
    inserts(
        "l:\n- x: 1\n  # w: 2\n",
        "l",
        None,
        &[a()],
        "l:\n- x: 1\n  # w: 2\n- a\n",
    );
    inserts(
        "l:\n- x: 1\n  # w: 2",
        "l",
        None,
        &[a()],
        "l:\n- x: 1\n  # w: 2\n- a",
    );
    inserts(
        "l:\n- x\n# b\nb: 1\n",
        "l",
        None,
        &[a()],
        "l:\n- x\n- a\n# b\nb: 1\n",
    );
    inserts(
        "l:\n- x # c\n# b\n",
        "l",
        None,
        &[a()],
        "l:\n- x # c\n- a\n# b\n",
    );
    inserts(
        "b:\n  c: 1\n  # d: 2\n",
        "b/l",
        None,
        &[a()],
        "b:\n  c: 1\n  l: [a]\n  # d: 2\n",
    );
    // In brackets.
    inserts(
        "l: [\n  # x\n  x, # X\n  y # Y\n]\n",
        "l",
        Some(0),
        &[a()],
        "l: [\n  a,\n  # x\n  x, # X\n  y # Y\n]\n",
    );
    inserts(
        "l: [\n  # x\n  x, # X\n  y # Y\n]\n",
        "l",
        Some(1),
        &[a()],
        "l: [\n  # x\n  x, # X\n  a,\n  y # Y\n]\n",
    );
    inserts(
        "l: [\n  x, # X\n  y # Y\n]\n",
        "l",
        None,
        &[a(), a()],
        "l: [\n  x, # X\n  y, # Y\n  a,\n  a\n]\n",
    );
    inserts(
        "l: [x, y] # c\n",
        "l",
        Some(1),
        &[a(), a()],
        "l: [x, a, a, y] # c\n",
    );
    inserts(
        "l: [\"x\",\"y\"]\n",
        "l",
        Some(0),
        &[a()],
        "l: [\"a\",\"x\",\"y\"]\n",
    );
}

#[test]
fn items_are_plain_only_where_no_reader_takes_them_for_anything_else() {
    for (text, written) in [
        ("--a=b", "--a=b"),
        ("/a:b", "/a:b"),
        ("a,b", "a,b"),
        ("no", "\"no\""),
        ("30", "\"30\""),
        ("-1", "\"-1\""),
        ("---", "\"---\""),
        ("a: b", "\"a: b\""),
        ("a:", "\"a:\""),
        ("a #b", "\"a #b\""),
        ("*", "\"*\""),
        ("", "\"\""),
        ("é", "\"é\""),
    ] {
        let after = format!("l:\n- x\n- {written}\n");
        inserts("l:\n- x\n", "l", None, &[Tree::text(text)], &after);
    }
    inserts(
        "l:\n- {b: [x]}\n- {b: [x]}\n",
        "l",
        Some(1),
        &[rule2()],
        "l:\n- {b: [x]}\n- {level: Metadata, verbs: [get]}\n- {b: [x]}\n",
    );
    inserts("l:\n- 'x'\n", "l", None, &[a()], "l:\n- 'x'\n- \"a\"\n");
    inserts(
        "l: [x]\n",
        "l",
        None,
        &[Tree::text("a:b")],
        "l: [x, \"a:b\"]\n",
    );
    inserts(
        "a: 1\r\nl:\r\n- x\r\n",
        "l",
        Some(0),
        &[rule2()],
        "a: 1\r\nl:\r\n- level: Metadata\r\n  verbs:\r\n  - get\r\n- x\r\n",
    );
    inserts(
        "l:\n- - x\n  - y\n",
        "l/0",
        Some(1),
        &[a()],
        "l:\n- - x\n  - a\n  - y\n",
    );
    inserts(
        "l:\n-\n  x: 1\n-\n  z: 1\n",
        "l",
        Some(1),
        &[a()],
        "l:\n-\n  x: 1\n- a\n-\n  z: 1\n",
    );
    inserts(
        "l:\n- |\n  - text\n\n- y\n",
        "l",
        Some(1),
        &[a()],
        "l:\n- |\n  - text\n\n- a\n\n- y\n",
    );
}

#[test]
fn an_insertion_that_is_not_certain_is_refused_with_its_reason() {
    let refuses = |before: &str, at: &str, position, items: &[Tree], why: &str| {
        assert_eq!(inserted(before, at, position, items), Err(why.to_owned()));
    };
    refuses("l:\n- x\n", "l", Some(2), &[a()], "line 2: l has no item 2");
    refuses("l:\n- x\n", "l", None, &[], "line 2: no item to insert");
    refuses("l: 1\n", "l", None, &[a()], "line 1: l is not a list");
    refuses("l: {a: 1}\n", "l", None, &[a()], "line 1: l is not a list");
    refuses("a: 1\n", "l", Some(1), &[a()], "line 1: l is not a list");
    refuses(
        "l:\n- - x\n",
        "l/0",
        Some(0),
        &[a()],
        "line 2: a list that starts behind the dash of another one",
    );
    refuses(
        "l: [x,]\n",
        "l",
        None,
        &[a()],
        "line 1: a comma behind the last entry",
    );
    refuses(
        "l: &a\n- x\n",
        "l",
        None,
        &[a()],
        "line 2: an anchor: its value counts in more than one place",
    );
    refuses(
        "l:\n- x\nl:\n- y\n",
        "l",
        None,
        &[a()],
        "line 3: a key that is there twice",
    );
    refuses(
        "l:\n- x\n---\na: 1\n",
        "l",
        None,
        &[a()],
        "more than one document, and an edit concerns one",
    );
    refuses(
        "l:\r\n- x\n",
        "l",
        None,
        &[a()],
        "its lines end in two ways, with and without a carriage return",
    );
    // It stands deeper than the dash, but there is no item above that it could belong to.
    let why = "the edit could not be proved to be right: a comment would stand beside another item";
    refuses("l:\n    # x\n  - x\n", "l", Some(0), &[a()], why);
    let twice = Tree::map([("a", a()), ("a", a())]);
    refuses(
        "l:\n- x\n",
        "l",
        None,
        &[twice],
        "line 4: the edit could not be proved to be right: in the result, a key that is there twice",
    );
}

#[test]
fn an_insertion_says_in_a_few_words_what_it_does() {
    let shown = |at: &str, position, items: &[Tree]| {
        Alteration::insert(path(at), position, items.to_vec()).to_string()
    };
    assert_eq!(
        shown("rules", Some(2), &[rule()]),
        "rules[2]: insert 1 rule"
    );
    assert_eq!(
        shown("rules", Some(0), &[rule(), rule()]),
        "rules[0]: insert 2 rules"
    );
    assert_eq!(
        shown("spec/volumes", None, &[volume("/x", "x")]),
        "spec.volumes: add 1 volume"
    );
    assert_eq!(
        shown("spec/containers/0/command", None, &[Tree::text("--a=b")]),
        "spec.containers[0].command + \"--a=b\""
    );
    assert_eq!(shown("command", None, &[a(), a()]), "command: add 2 items");
    let saved =
        serde_json::to_string(&Alteration::insert(path("rules"), Some(2), vec![rule()])).unwrap();
    let read: Alteration = serde_json::from_str(&saved).unwrap();
    assert_eq!(
        read,
        Alteration::insert(path("rules"), Some(2), vec![rule()])
    );
}
