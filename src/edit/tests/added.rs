//! Keys and items that were not there.

use super::*;

#[test]
fn a_missing_key_goes_behind_its_last_sibling() {
    sets("a: 1\n# tail\n", "b", &OFF, "a: 1\nb: false\n# tail\n");
    sets("a: 1", "b", &OFF, "a: 1\nb: false");
    sets("a: 1 # c", "b", &OFF, "a: 1 # c\nb: false");
    sets("a: 1\r\nb: 2", "c", &OFF, "a: 1\r\nb: 2\r\nc: false");
    sets(
        "c:\r\n  d: 1\r\ne: 1\r\n",
        "c/f",
        &OFF,
        "c:\r\n  d: 1\r\n  f: false\r\ne: 1\r\n",
    );
    sets(
        "a:\n  x: 1 # c1\n  # c2\n\n# c3\nb: 1\n",
        "a/z",
        &OFF,
        "a:\n  x: 1 # c1\n  z: false\n  # c2\n\n# c3\nb: 1\n",
    );
    sets(
        "a:\n  x:\nb: 1\n",
        "a/z",
        &OFF,
        "a:\n  x:\n  z: false\nb: 1\n",
    );
    sets(
        "a:\n  x: |\n    text\n\nb: 1\n",
        "a/z",
        &OFF,
        "a:\n  x: |\n    text\n\n  z: false\nb: 1\n",
    );
    sets(
        "l:\n- a: 1\n- b: 2\n",
        "l/0/z",
        &OFF,
        "l:\n- a: 1\n  z: false\n- b: 2\n",
    );
}

#[test]
fn a_new_key_is_quoted_where_its_neighbours_are_or_where_it_must_be() {
    sets("\"a\": 1\n", "b", &OFF, "\"a\": 1\n\"b\": false\n");
    sets("a: 1\n", "no", &OFF, "a: 1\n\"no\": false\n");
    sets("a: 1\n", "x: y", &OFF, "a: 1\n\"x: y\": false\n");
    sets("{}\n", "a", &OFF, "{\"a\": false}\n");
}

#[test]
fn missing_mappings_are_made_on_the_way() {
    sets("a: 1\n", "i/l/p", &OFF, "a: 1\ni:\n  l:\n    p: false\n");
    sets(
        "a:\n    b: 1\nc: 2",
        "i/p",
        &list(&["primary"]),
        "a:\n    b: 1\nc: 2\ni:\n    p: [\"primary\"]",
    );
    sets("i:\nb: 1\n", "i/p", &OFF, "i:\n  p: false\nb: 1\n");
    sets("i: # c\nb: 1\n", "i/p", &OFF, "i: # c\n  p: false\nb: 1\n");
    sets(
        "i: ~ # c\r\nb: 1\r\n",
        "i/p",
        &OFF,
        "i: # c\r\n  p: false\r\nb: 1\r\n",
    );
    sets("i: null", "i/p", &OFF, "i:\n  p: false");
    sets("b: 1\ni:", "i/p/q", &OFF, "b: 1\ni:\n  p:\n    q: false");
    sets("i:\n  ~\nb: 1\n", "i/p", &OFF, "i:\n  {p: false}\nb: 1\n");
    sets("i: {} # c\n", "i/p/q", &OFF, "i: {p: {q: false}} # c\n");
    sets(
        "l:\n- i:\n  b: 1\n",
        "l/0/i/p",
        &OFF,
        "l:\n- i:\n    p: false\n  b: 1\n",
    );
    sets("l:\n-\n- x\n", "l/0/p", &OFF, "l:\n- {p: false}\n- x\n");
}

#[test]
fn flow_style_and_json_stay_what_they_are() {
    sets(
        "a: {x: true, w: 1} # c\n",
        "a/x",
        &OFF,
        "a: {x: false, w: 1} # c\n",
    );
    sets("a: {x: 1}\n", "a/w", &OFF, "a: {x: 1, w: false}\n");
    sets("a: {x: null}\n", "a/x/w", &OFF, "a: {x: {w: false}}\n");
    sets(
        "a: {\n  x: 1 # c, d\n}\n",
        "a/w",
        &OFF,
        "a: {\n  x: 1, # c, d\n  w: false\n}\n",
    );
    sets(
        "{\n  \"a\": true,\n  \"b\": {\"c\": 1}\n}\n",
        "a",
        &text("x"),
        "{\n  \"a\": \"x\",\n  \"b\": {\"c\": 1}\n}\n",
    );
    sets(
        "{\r\n\t\"a\": true\r\n}",
        "i/p",
        &OFF,
        "{\r\n\t\"a\": true,\r\n\t\"i\": {\"p\": false}\r\n}",
    );
    sets(
        "{\"a\":1,\"b\":{}}\n",
        "c",
        &OFF,
        "{\"a\":1,\"b\":{},\"c\":false}\n",
    );
    sets(
        "{\"a\":1,\"b\":{}}\n",
        "b/c",
        &OFF,
        "{\"a\":1,\"b\":{\"c\": false}}\n",
    );
    sets(
        "{\"a\": 1}",
        "b",
        &list(&["p", "q"]),
        "{\"a\": 1, \"b\": [\"p\", \"q\"]}",
    );
    sets("{\n}\n", "b", &OFF, "{\"b\": false}\n");
}

#[test]
fn a_byte_order_mark_and_letters_beyond_ascii_stay() {
    sets(
        "\u{feff}a: 1\nb: é\n",
        "a",
        &OFF,
        "\u{feff}a: false\nb: é\n",
    );
    sets(
        "\u{feff}\"é\": ž\n",
        "b",
        &OFF,
        "\u{feff}\"é\": ž\n\"b\": false\n",
    );
    sets("\u{feff}a:", "a/b", &OFF, "\u{feff}a:\n  b: false");
}

#[test]
fn an_item_is_appended_as_its_neighbours_are_written() {
    let appends = |before: &str, at: &str, after: &str| {
        let bytes = append(before.as_bytes(), &path(at), &text("z")).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), after);
    };
    appends("a:\n- x # c\nb: 1\n", "a", "a:\n- x # c\n- \"z\"\nb: 1\n");
    appends(
        "a:\r\n  - x: 1\r\n    w: 2",
        "a",
        "a:\r\n  - x: 1\r\n    w: 2\r\n  - \"z\"",
    );
    appends("a:\n- - x\n  - y\n", "a/0", "a:\n- - x\n  - y\n  - \"z\"\n");
    appends("a: [x]\n", "a", "a: [x, \"z\"]\n");
    appends("a: []\n", "a", "a: [\"z\"]\n");
    appends(
        "{\n \"a\": [\n  1\n ]\n}",
        "a",
        "{\n \"a\": [\n  1,\n  \"z\"\n ]\n}",
    );
    let refused = append(b"a: 1\n", &path("a"), &text("z")).unwrap_err();
    assert_eq!(refused.to_string(), "line 1: a is not a list");
}
