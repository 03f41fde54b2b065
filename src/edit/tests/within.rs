//! One document of a stream and one inside a scalar: exact bytes, exact reasons, lines of the file.

use super::*;

fn within(document: usize, embedded: &str) -> Within {
    Within {
        document,
        embedded: path(embedded),
    }
}

/// The way to a key with dots in it.
fn config() -> Vec<Step> {
    vec![Step::Key("data".into()), Step::Key("config.conf".into())]
}

#[track_caller]
fn alters(before: &str, within: &Within, alteration: Alteration, after: &str) {
    match alter_within(before.as_bytes(), within, &[alteration]) {
        Ok(bytes) => assert_eq!(String::from_utf8(bytes).unwrap(), after),
        Err(refused) => panic!("refused: {refused}"),
    }
}

#[track_caller]
fn refuses_within(before: &str, within: &Within, alteration: Alteration, message: &str) {
    match alter_within(before.as_bytes(), within, &[alteration]) {
        Ok(bytes) => panic!("written: {:?}", String::from_utf8(bytes).unwrap()),
        Err(refused) => assert_eq!(refused.to_string(), message),
    }
}

fn off(at: &str) -> Alteration {
    Alteration::set(path(at), OFF)
}

#[test]
fn one_document_of_a_stream_changes_and_no_byte_of_the_others() {
    let stream = "# Source: a\n---\na: 1 # one\n# between\n---\na: &x [1, 2]\nb: *x\n---\na: true\n...\n---\n# nothing\n";
    let first = stream.replace("a: 1 #", "a: false #");
    alters(stream, &within(0, ""), off("a"), &first);
    let third = stream.replace("a: true", "a: false");
    alters(stream, &within(2, ""), off("a"), &third);
    let added = stream.replace("a: true\n", "a: true\nb: false\n");
    alters(stream, &within(2, ""), off("b"), &added);
    alters(
        "a: 1\r\n---\r\nb: 2",
        &within(1, ""),
        off("c"),
        "a: 1\r\n---\r\nb: 2\r\nc: false",
    );
    let marked = "a: |\n  x\n  ---\n  y\n---\nb: 1\n";
    alters(
        marked,
        &within(1, ""),
        off("b"),
        &marked.replace('1', "false"),
    );
}

#[test]
fn lines_of_a_refusal_are_those_of_the_file() {
    let stream = "a: 1\n---\n# c\nb:\n  c: *d\n";
    refuses_within(
        stream,
        &within(1, ""),
        off("b/c"),
        "line 5: not YAML: while parsing node, found unknown anchor",
    );
    let stream = "a: 1\n---\n# c\nb:\n  c: &d 1\n";
    refuses_within(
        stream,
        &within(1, ""),
        off("b/c"),
        "line 5: an anchor: its value counts in more than one place",
    );
    refuses_within(
        "a: 1\n---\n---\nb: 1\n",
        &within(1, ""),
        off("a"),
        "line 2: the root is not a mapping",
    );
    refuses_within(
        "a: 1\n",
        &within(1, ""),
        off("a"),
        "there is no document 1 in it",
    );
    refuses_within(
        "a: 1\n---\nb: [\n",
        &within(0, ""),
        off("a"),
        "line 3: not YAML: unclosed bracket '['",
    );
    let data = "a: 1\n---\ndata:\n  config.conf: |\n    a: 1\n    b: !t 2\n";
    let place = Within {
        document: 1,
        embedded: config(),
    };
    refuses_within(
        data,
        &place,
        off("a"),
        "line 6: a tag, which readers of YAML take differently",
    );
}

#[test]
fn what_kubectl_would_split_otherwise_is_not_edited() {
    refuses_within(
        "a: 1\n...\nb: 1\n",
        &within(1, ""),
        off("b"),
        "line 3: a document without a marker of its own behind an end marker, which kubectl does not read",
    );
    refuses_within(
        "a: x\n---\nb: y\n---z: 1\n",
        &within(1, ""),
        off("b"),
        "line 4: a line that starts like the marker of a document, at which kubectl splits the file",
    );
    refuses_within(
        "%YAML 1.1\n---\na: 1\n",
        &within(0, ""),
        off("a"),
        "line 1: a directive, or a line that looks like one",
    );
    refuses_within(
        "a: 1\n--- {b: 1}\n",
        &within(1, ""),
        off("b"),
        "line 2: the document starts on the line of its marker",
    );
}

#[track_caller]
fn in_config(before: &str, alteration: Alteration, after: &str) {
    let place = Within {
        document: 0,
        embedded: config(),
    };
    alters(before, &place, alteration, after);
}

#[track_caller]
fn not_in_config(before: &str, alteration: Alteration, message: &str) {
    let place = Within {
        document: 0,
        embedded: config(),
    };
    refuses_within(before, &place, alteration, message);
}

#[test]
fn a_block_of_text_changes_in_its_own_lines_alone() {
    let before = "data:\n  config.conf: |-\n    # why\n    a: 1   # one\n\n    b:\n      c: 2\n  # about the kubeconfig\n  kubeconfig.conf: |\n    x: 1\n";
    in_config(before, off("a"), &before.replace("a: 1  ", "a: false  "));
    in_config(
        before,
        off("b/d"),
        &before.replace("c: 2\n", "c: 2\n      d: false\n"),
    );
    in_config(
        before,
        off("e"),
        &before.replace("c: 2\n", "c: 2\n    e: false\n"),
    );
    let windows = before.replace('\n', "\r\n");
    in_config(
        &windows,
        off("e"),
        &windows.replace("c: 2\r\n", "c: 2\r\n    e: false\r\n"),
    );
}

#[test]
fn the_end_of_a_block_of_text_stays_as_its_indicator_says() {
    for (indicator, end) in [
        ("|", "\n"),
        ("|", ""),
        ("|", "\n\n\n"),
        ("|-", "\n"),
        ("|-", ""),
        ("|-", "\n\n"),
        ("|+", "\n"),
        ("|+", "\n\n\n"),
        ("|+", ""),
        ("|2", "\n"),
        ("|2-  # comment", "\n\n"),
        ("|+2", "\n\n"),
    ] {
        let before = format!("data:\n  config.conf: {indicator}\n    a: 1{end}");
        let after = format!("data:\n  config.conf: {indicator}\n    a: 1\n    b: false{end}");
        in_config(&before, off("b"), &after);
        if end.is_empty() {
            continue;
        }
        let more = format!("{before}  other: 1\n");
        in_config(&more, off("b"), &format!("{after}  other: 1\n"));
    }
}

#[test]
fn text_in_quotes_is_written_anew_as_a_whole() {
    in_config(
        "data:\n  config.conf: \"a: 1 \\nb: 2\\n\" # c\n",
        off("b"),
        "data:\n  config.conf: \"a: 1 \\nb: false\\n\" # c\n",
    );
    in_config(
        "{\"data\": {\"config.conf\": \"{\\\"a\\\": 1}\"}}\n",
        off("a"),
        "{\"data\": {\"config.conf\": \"{\\\"a\\\": false}\"}}\n",
    );
    in_config(
        "data:\n  config.conf: 'a: 1'\n",
        off("a"),
        "data:\n  config.conf: \"a: false\"\n",
    );
}

#[test]
fn a_text_that_cannot_be_edited_in_place_is_refused_with_the_reason() {
    not_in_config(
        "data:\n  config.conf: >\n    a: 1\n",
        off("a"),
        "line 3: data[\"config.conf\"] is a folded block of text (`>`), in which lines are joined",
    );
    not_in_config(
        "data:\n  config.conf:\n    |\n    a: 1\n",
        off("a"),
        "line 4: data[\"config.conf\"] is a block of text whose indicator is not plain to see",
    );
    not_in_config(
        "data:\n  config.conf: |\n    a: 1\n    ---\n    b: 1\n",
        off("a"),
        "line 3: more than one document, and an edit concerns one",
    );
    not_in_config(
        "data:\n  config.conf: \"a: &x 1\"\n",
        off("a"),
        "line 2: in the text of data[\"config.conf\"]: line 1: an anchor: its value counts in more than one place",
    );
    not_in_config(
        "data: {}\n",
        off("a"),
        "line 1: data[\"config.conf\"] is not there",
    );
    not_in_config(
        "data:\n  config.conf: [a]\n",
        off("a"),
        "line 2: data[\"config.conf\"] is no text that could hold a document",
    );
}

#[test]
fn a_document_of_a_stream_and_inside_a_block_is_proved_at_both_levels() {
    let before =
        "kind: A\n---\ndata:\n  config.conf: |\n    ---\n    # why\n    a: 1\n---\nkind: B\n";
    let place = Within {
        document: 1,
        embedded: config(),
    };
    alters(
        before,
        &place,
        off("a"),
        &before.replace("a: 1", "a: false"),
    );
    alters(
        before,
        &place,
        Alteration::insert(path("l"), None, vec![Tree::text("x")]),
        &before.replace("a: 1\n", "a: 1\n    l: [x]\n"),
    );
}

#[test]
fn the_proof_of_a_stream_lets_no_other_change_pass() {
    use super::super::within::{Expected, known, prove_stream};
    let before = "a: 1\n---\nb: &x 2\nc: *x\n---\n# c\nd: 3\n";
    let own = "---\nb: false\n";
    let judge = |after: &str| {
        let known = known(before).unwrap();
        let expected = known.iter().enumerate().map(|(index, known)| match index {
            1 => Expected::Proved(own),
            _ => Expected::Kept(before.get(known.span.clone()).unwrap(), known),
        });
        let proved = prove_stream(expected, after);
        proved.map_err(|refused| refused.reason.split_once("right: ").unwrap().1.to_owned())
    };
    let right = "a: 1\n---\nb: false\n---\n# c\nd: 3\n";
    assert_eq!(judge(right), Ok(()));
    let other = Err("a document would be read otherwise".to_owned());
    assert_eq!(judge(&right.replace("a: 1", "a: 2")), other);
    assert_eq!(judge(&right.replace("a: 1", "a: '1'")), other);
    assert_eq!(judge(&right.replace("# c", "# d")), other);
    assert_eq!(judge(&right.replace("b: false", "b: true")), other);
    let number = Err("the number of documents changed".to_owned());
    assert_eq!(judge(&format!("{right}---\n")), number);
    assert_eq!(judge("a: 1\n---\nb: false\n"), number);
    let unread = Err("the stream could not be read any more".to_owned());
    assert_eq!(judge(&right.replace("d: 3", "d: [")), unread);
}

#[test]
fn the_proof_of_a_text_lets_no_other_change_pass() {
    use super::super::source::Source;
    use super::super::splice::Splice;
    let before = "a: |\n  x: 1\n  y: 2\n# c\nb: 3\n";
    let source = Source::read(before.as_bytes()).unwrap();
    let judge = |range: std::ops::Range<usize>, written: &str| {
        let text = written.to_owned();
        let result = Splice { range, text }.into_text(before).unwrap();
        let proved = proof::prove_text(&source, &result, &path("a"), "x: false\ny: 2\n");
        proved.map_err(|refused| refused.reason.split_once("right: ").unwrap().1.to_owned())
    };
    assert_eq!(judge(10..11, "false"), Ok(()));
    let meaning = Err("the result would not mean what was intended".to_owned());
    assert_eq!(judge(10..11, "true"), meaning);
    assert_eq!(judge(10..18, "false\n  y: 3"), meaning);
    assert_eq!(judge(3..18, "\"x: false\\ny: 2\\n\""), meaning);
    assert_eq!(judge(10..27, "false\n  y: 2\n# c\nb: 4"), meaning);
    let comment = Err("a comment would be lost or changed".to_owned());
    assert_eq!(judge(10..22, "false\n  y: 2"), comment);
}
