use super::*;

fn path(spelled: &str) -> Vec<Step> {
    let steps = spelled.split('/').filter(|step| !step.is_empty());
    steps
        .map(|step| match step.parse() {
            Ok(index) => Step::Index(index),
            Err(_) => Step::Key(step.to_owned()),
        })
        .collect()
}

fn text(value: &str) -> Scalar {
    Scalar::Text(value.to_owned())
}

fn list(items: &[&str]) -> Scalar {
    Scalar::List(items.iter().map(|item| (*item).to_owned()).collect())
}

const OFF: Scalar = Scalar::Bool(false);

#[track_caller]
fn sets(before: &str, at: &str, value: &Scalar, after: &str) {
    match set(before.as_bytes(), &path(at), value) {
        Ok(bytes) => assert_eq!(String::from_utf8(bytes).unwrap(), after),
        Err(refused) => panic!("refused: {refused}"),
    }
}

#[track_caller]
fn refuses(before: &[u8], at: &str, value: &Scalar, message: &str) {
    match set(before, &path(at), value) {
        Ok(bytes) => panic!("written: {:?}", String::from_utf8(bytes).unwrap()),
        Err(refused) => assert_eq!(refused.to_string(), message),
    }
}

#[test]
fn a_scalar_is_replaced_and_its_line_kept() {
    sets("a: true # why\nb: 1\n", "a", &OFF, "a: false # why\nb: 1\n");
    sets("a:   'x'\n", "a", &text("y"), "a:   \"y\"\n");
    sets("a: x\n", "a", &text("no"), "a: \"no\"\n");
    sets("a: \"x\"   # c\n", "a", &Scalar::Int(-7), "a: -7   # c\n");
    sets(
        "a: x y\n  z # c\nb: 1\n",
        "a",
        &text("q"),
        "a: \"q\" # c\nb: 1\n",
    );
    sets("a:\n  true\nb: 1\n", "a", &OFF, "a:\n  false\nb: 1\n");
    sets("\"a\" : 1\n", "a", &OFF, "\"a\" : false\n");
    sets("a:\t1\t# c\n", "a", &OFF, "a:\tfalse\t# c\n");
    sets(
        "a: ~ # c\n",
        "a",
        &list(&["primary"]),
        "a: [\"primary\"] # c\n",
    );
    sets("---\na: 1\n", "a", &OFF, "---\na: false\n");
}

#[test]
fn a_value_that_is_not_written_is_written_behind_its_colon() {
    sets("a:\nb: 1\n", "a", &OFF, "a: false\nb: 1\n");
    sets(
        "a: # c\n\n# d\nb: 1\n",
        "a",
        &OFF,
        "a: false # c\n\n# d\nb: 1\n",
    );
    sets("a:   # c\n", "a", &OFF, "a: false   # c\n");
    sets("a:", "a", &OFF, "a: false");
    sets("a:\r\n", "a", &OFF, "a: false\r\n");
    sets("l:\n- \n- x\n", "l/0", &text("y"), "l:\n- \"y\" \n- x\n");
}

#[test]
fn an_item_of_a_list_is_replaced() {
    sets(
        "spec:\n  containers:\n  - command:\n    - kube-proxy\n    - --v=4 # c\n    image: x\n",
        "spec/containers/0/command/1",
        &text("--v=2"),
        "spec:\n  containers:\n  - command:\n    - kube-proxy\n    - \"--v=2\" # c\n    image: x\n",
    );
    sets("a: [x, {b: 1}]\n", "a/1/b", &OFF, "a: [x, {b: false}]\n");
}

#[test]
fn texts_are_escaped_so_that_every_reader_takes_them_alike() {
    sets(
        "a: x\n",
        "a",
        &text("\"\\\n\r\t\u{0}\u{85}\u{202e}\u{feff}é # : {"),
        "a: \"\\\"\\\\\\n\\r\\t\\u0000\\u0085\\u202e\\ufeffé # : {\"\n",
    );
}

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
fn a_list_is_replaced_by_a_list() {
    sets(
        "m: [a, 'b'] # c\n",
        "m",
        &list(&["primary"]),
        "m: [\"primary\"] # c\n",
    );
    sets("m: []\n", "m", &list(&["primary"]), "m: [\"primary\"]\n");
    sets(
        "m:\n- a\n- b # c\nx: 1\n",
        "m",
        &list(&["p"]),
        "m: [\"p\"] # c\nx: 1\n",
    );
    sets("m:\r\n  - a\r\n  - b", "m", &list(&[]), "m: []");
    refuses(
        b"m:\n- a # c\n- b\n",
        "m",
        &list(&["p"]),
        "the edit could not be proved to be right: a comment would be lost or changed",
    );
    refuses(
        b"x: 1\nm: [a]\n",
        "m",
        &OFF,
        "line 2: m is a list, which only a list replaces",
    );
    refuses(
        b"m: {a: 1}\n",
        "m",
        &list(&["p"]),
        "line 1: m is a mapping, which is not replaced",
    );
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
fn writing_what_is_there_changes_nothing() {
    let before = "a: false # c\nb: \"x\"\n";
    sets(before, "a", &OFF, before);
    sets(before, "b", &text("x"), before);
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

#[test]
fn an_operation_survives_being_saved_and_nothing_more_is_taken() {
    let operation = Operation::Set(list(&["primary"]));
    let saved = serde_json::to_string(&operation).unwrap();
    assert_eq!(saved, "{\"Set\":{\"List\":[\"primary\"]}}");
    assert_eq!(
        serde_json::from_str::<Operation>(&saved).unwrap(),
        operation
    );
    assert!(serde_json::from_str::<Operation>("{\"Set\":{\"Shell\":\"x\"}}").is_err());
}
