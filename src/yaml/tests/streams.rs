//! Where the documents of a stream stand, and how many there are.

use crate::yaml::{MAX_BYTES, MAX_STREAM_BYTES, Part, parse, parse_stream};

fn parts(text: &str) -> Vec<Part> {
    parse_stream(text).unwrap().map(Result::unwrap).collect()
}

/// The bytes of each document.
fn split(text: &str) -> Vec<&str> {
    let spans = parts(text).into_iter().map(|part| part.span);
    spans.map(|span| text.get(span).unwrap()).collect()
}

#[test]
fn a_document_reaches_from_its_marker_to_the_next_one() {
    assert_eq!(split("a: 1\n---\nb: 2\n"), ["a: 1\n", "---\nb: 2\n"]);
    assert_eq!(
        split("---\na: 1\n# tail\n---  # Source: x\nb: 2"),
        ["---\na: 1\n# tail\n", "---  # Source: x\nb: 2"]
    );
    assert_eq!(split("--- {a: 1}\n--- x\n"), ["--- {a: 1}\n", "--- x\n"]);
    assert_eq!(
        split("a: 1\r\n---\r\nb: 2\r\n"),
        ["a: 1\r\n", "---\r\nb: 2\r\n"]
    );
    assert_eq!(split("\u{feff}a: 1\n---\n"), ["\u{feff}a: 1\n", "---\n"]);
}

#[test]
fn comments_before_the_first_marker_are_no_document_and_those_behind_one_are() {
    assert_eq!(split("# c\n---\na: 1\n"), ["# c\n---\na: 1\n"]);
    let text = "---\n# only\n---\na: 1\n---\n";
    assert_eq!(split(text), ["---\n# only\n", "---\na: 1\n", "---\n"]);
    let empty: Vec<bool> = parts(text).iter().map(Part::is_empty).collect();
    assert_eq!(empty, [true, false, true]);
    assert_eq!(split("# c\n"), [""; 0]);
    assert_eq!(split(""), [""; 0]);
    assert!(!parts("--- ~\n")[0].is_empty());
}

#[test]
fn a_marker_inside_a_block_of_text_is_none() {
    let text = "a: |\n  x\n  ---\n  y\n---\nb: |2\n  ---\n   ...\n";
    assert_eq!(
        split(text),
        ["a: |\n  x\n  ---\n  y\n", "---\nb: |2\n  ---\n   ...\n"]
    );
}

#[test]
fn an_end_marker_belongs_to_no_document() {
    let text = "a: 1\n... # end\n# mid\nb: 2\n...\n---\nc: 3\n...\n# late\n";
    assert_eq!(split(text), ["a: 1\n", "# mid\nb: 2\n", "---\nc: 3\n"]);
    let text = "%YAML 1.1\n---\na: 1\n...\n%YAML 1.1\n---\nb: 2\n";
    assert_eq!(
        split(text),
        ["%YAML 1.1\n---\na: 1\n", "%YAML 1.1\n---\nb: 2\n"]
    );
}

#[test]
fn comments_and_lines_are_those_of_the_stream() {
    let text = "# a\nx: 1 # b\n# c\n---\n# d\n---\ny: # e\n  z\n";
    let parts = parts(text);
    let told: Vec<(usize, Vec<&str>)> = parts
        .iter()
        .map(|part| {
            let comments = part.comments.iter().map(|comment| comment.text.as_str());
            (part.line, comments.collect())
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, vec![" a", " b", " c"]),
            (4, vec![" d"]),
            (6, vec![" e"])
        ]
    );
    let value = parts[2].root.get("y").unwrap();
    assert_eq!((value.line, text.get(value.span.clone())), (8, Some("z")));
}

#[test]
fn the_bytes_of_a_document_are_the_same_document_as_a_text_of_their_own() {
    let text = "# a\nx: &n 1\ny: *n\n---\n- &a 1\n- &b |+\n  t\n\n- *a\n- *b\n\n---\nz:\n  - # c\n    k: v\n---\n";
    for part in parts(text) {
        let own = parse(text.get(part.span.clone()).unwrap()).unwrap();
        assert_eq!(own.documents, 1);
        let mut moved = own.root.unwrap();
        shift(&mut moved, part.span.start, part.line - 1);
        assert_eq!(moved, part.root);
    }
}

fn shift(node: &mut crate::yaml::Node, bytes: usize, lines: usize) {
    use crate::yaml::Value;
    node.span = node.span.start + bytes..node.span.end + bytes;
    node.line += lines;
    match &mut node.value {
        Value::Sequence(items, _) => items.iter_mut().for_each(|item| shift(item, bytes, lines)),
        Value::Mapping(entries, _) => entries.iter_mut().for_each(|(key, value)| {
            shift(key, bytes, lines);
            shift(value, bytes, lines);
        }),
        Value::Scalar(..) | Value::Alias(_) => {}
    }
}

#[test]
fn a_fault_in_a_later_document_is_told_with_its_line_and_ends_the_stream() {
    let mut parts = parse_stream("a: 1\n---\nb: @\n---\nc: 1\n").unwrap();
    assert!(parts.next().unwrap().is_ok());
    assert_eq!(parts.next().unwrap().unwrap_err().line, 3);
    assert!(parts.next().is_none());
}

#[test]
fn a_stream_may_be_larger_than_a_document_but_has_a_bound() {
    let document = format!("---\na: {}\n", "x".repeat(1 << 20));
    let stream = document.repeat(6);
    assert_eq!(parts(&stream).len(), 6);
    let large = format!("---\n---\na: {}\n---\n", "x".repeat(MAX_BYTES));
    let mut read = parse_stream(&large).unwrap();
    assert!(read.next().unwrap().is_ok());
    let refusal = read.next().unwrap().unwrap_err();
    assert_eq!(refusal.to_string(), "line 2: larger than 4 MiB");
    let endless = " ".repeat(MAX_STREAM_BYTES + 1);
    assert!(parse_stream(&endless).is_err());
}
