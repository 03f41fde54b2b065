//! What is not edited, and why.

use super::*;

#[test]
fn what_the_path_does_not_fit_is_refused() {
    refuses(b"a: 1\n", "a/b", &OFF, "line 1: a is not a mapping");
    refuses(b"a:\n- x\n", "a/b", &OFF, "line 2: a is not a mapping");
    refuses(b"a: [x]\n", "a/1", &OFF, "line 1: a has no item 1");
    refuses(b"a: {}\n", "a/0", &OFF, "line 1: a is not a list");
    refuses(
        b"a: 1\n",
        "b/0",
        &OFF,
        "the list on the way to b[0] does not exist",
    );
    refuses(
        b"a: 1\n",
        "",
        &OFF,
        "line 1: the root is a mapping, which is not replaced",
    );
}

#[test]
fn what_readers_may_take_differently_is_refused_up_front() {
    let cases: &[(&[u8], &str)] = &[
        (b"a: 1\nb: \xff\n", "line 2: not UTF-8"),
        (b"a: [1\n", "line 1: not YAML: unclosed bracket '['"),
        (b"", "there is no document in it"),
        (b"# c\n", "there is no document in it"),
        (b"- a\n", "line 1: the root is not a mapping"),
        (b"x\n", "line 1: the root is not a mapping"),
        (
            b"a: 1\n---\na: 2\n",
            "more than one document, and an edit concerns one",
        ),
        (
            b"--- {a: 1}\n",
            "line 1: the document starts on the line of its marker",
        ),
        (b"a: 1\n...\n", "line 2: an end-of-document marker"),
        (
            b"%YAML 1.1\n---\na: 1\n",
            "line 1: a directive, or a line that looks like one",
        ),
        (
            b"a: 1\nb: &x 1\n",
            "line 2: an anchor: its value counts in more than one place",
        ),
        (
            b"a: 1\nb: !!str 1\n",
            "line 2: a tag, which readers of YAML take differently",
        ),
        (b"a: 1\n<<: {b: 1}\n", "line 2: a merge key"),
        (
            b"a: 1\nb:\n  c: 1\n  'c': 2\n",
            "line 4: a key that is there twice",
        ),
        (
            b"? a\n: 1\n",
            "line 1: a key that is not written as `key:` on one line",
        ),
        (b"[a]: 1\n", "line 1: a key that is not a simple text"),
        (
            b"a: 1\nno: 1\n",
            "line 2: a key without quotes that does not read as text",
        ),
        (
            b"a: 1\r\nb: 2\n",
            "its lines end in two ways, with and without a carriage return",
        ),
        (
            b"a: 1\rb: 2\n",
            "line 1: a carriage return without a newline, which readers of YAML take differently",
        ),
        (
            b"a: 1 # \x00\n",
            "line 1: a control character, a byte order mark or a line separator where YAML has none",
        ),
        (
            "a: 1\nb: x\u{feff}\n".as_bytes(),
            "line 2: a control character, a byte order mark or a line separator where YAML has none",
        ),
        (
            "a: \"x\u{85}\"\n".as_bytes(),
            "line 1: a control character, a byte order mark or a line separator where YAML has none",
        ),
        (b"a: 1\nb:\n-\tx\n", "line 3: a tab in the indentation"),
        (b"a: 1\n\t# c\n", "line 2: a tab in the indentation"),
        (
            b"\xef\xbb\xbf\t{\"a\": 1}\n",
            "line 1: a tab in the indentation",
        ),
        (b"a: 1\nb: ['c'\n \t]\n", "line 3: a tab in the indentation"),
        (
            b"a: |\n  x\n",
            "line 2: a is a block of text, which is not replaced",
        ),
        (
            b"b: {a: , c: 1}\n",
            "line 1: a value without quotes that readers of YAML take differently",
        ),
        (
            b"b: [:x]\n",
            "line 1: a value without quotes that readers of YAML take differently",
        ),
        (
            b"b: [x: 1]\n",
            "line 1: a mapping without braces inside brackets",
        ),
    ];
    for (before, message) in cases {
        refuses(before, "a", &OFF, message);
    }
}

#[test]
fn a_block_of_text_that_the_end_of_the_file_ends_gets_no_line_end() {
    refuses(
        b"a: |\n  x",
        "b",
        &OFF,
        "the edit could not be proved to be right: the result would not mean what was intended",
    );
    sets("b: 1\na: |\n  x", "b", &OFF, "b: false\na: |\n  x");
}

#[test]
fn a_reason_quotes_no_value_of_the_file() {
    for before in [
        "a: hunter2: x\n",
        "a: \"hunter2\n",
        "a: hunter2\n b\n c: d\n",
        "a: @hunter2\n",
        "a: *hunter2\n",
    ] {
        let refused = set(before.as_bytes(), &path("a/b"), &OFF).unwrap_err();
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
}
