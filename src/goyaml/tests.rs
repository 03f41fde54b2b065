use super::*;

fn root(text: &str) -> Item {
    load(text.as_bytes()).unwrap().root
}

fn shown(item: &Item) -> String {
    match &item.data {
        Data::Null => "null".to_owned(),
        Data::Bool(truth) => truth.to_string(),
        Data::Number(number) => number.clone(),
        Data::Text(text) => format!("{text:?}"),
        Data::List(items) => {
            let items: Vec<_> = items.iter().map(shown).collect();
            format!("[{}]", items.join(","))
        }
        Data::Map(entries) => {
            let entry = |entry: &Entry| format!("{:?}:{}", entry.key, shown(&entry.item));
            let entries: Vec<_> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

#[test]
fn plain_scalars_follow_yaml_1_1() {
    for (text, expected) in [
        ("y", "true"),
        ("Y", "true"),
        ("yes", "true"),
        ("YES", "true"),
        ("yEs", "\"yEs\""),
        ("on", "true"),
        ("On", "true"),
        ("True", "true"),
        ("tRUE", "\"tRUE\""),
        ("n", "false"),
        ("No", "false"),
        ("OFF", "false"),
        ("off", "false"),
        ("FALSE", "false"),
        ("~", "null"),
        ("null", "null"),
        ("NULL", "null"),
        ("nUll", "\"nUll\""),
        ("", "null"),
        ("0", "0"),
        ("-0", "0"),
        ("+12", "12"),
        ("1_000", "1000"),
        ("017", "15"),
        ("08", "8"),
        ("09.5", "9.5"),
        ("0x1F", "31"),
        ("-0x10", "-16"),
        ("0b101", "5"),
        ("-0b11", "-3"),
        ("0o17", "15"),
        ("0o8", "\"0o8\""),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "18446744073709552000"),
        ("1e3", "1000"),
        ("1e21", "1e+21"),
        ("1.5e-7", "1.5e-7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("._5", "\"._5\""),
        ("1e999", "\"1e999\""),
        ("+", "\"+\""),
        ("-", "[null]"),
        ("--1", "\"--1\""),
        ("+-1", "\"+-1\""),
        ("1:30", "\"1:30\""),
        ("2001-12-14", "\"2001-12-14\""),
        ("0x", "\"0x\""),
        ("0x-1", "\"0x-1\""),
        ("10.0.0.1", "\"10.0.0.1\""),
        ("::1", "\"::1\""),
        ("_1", "\"_1\""),
        ("'yes'", "\"yes\""),
        ("\"1\"", "\"1\""),
    ] {
        assert_eq!(shown(&root(text)), expected, "{text:?}");
    }
    for text in [".nan", ".inf", "-.INF", "!!float .inf"] {
        assert!(load(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn tags_are_obeyed_or_refused() {
    for (text, expected) in [
        ("!!str 5", "\"5\""),
        ("!!str", "\"\""),
        ("!!int \"5\"", "5"),
        ("!!float 5", "5"),
        ("!!bool 'yes'", "true"),
        ("!!null ''", "null"),
        ("!!binary aGk=", "\"hi\""),
        ("! 5", "\"5\""),
        ("!foo 5", "\"5\""),
        ("!!timestamp 2001-1-2", "\"2001-1-2\""),
        ("!<tag:yaml.org,2002:int> '7'", "7"),
        ("!!seq [1]", "[1]"),
        ("!!str {a: 1}", "{\"a\":1}"),
    ] {
        assert_eq!(shown(&root(text)), expected, "{text:?}");
    }
    for text in [
        "!!int x",
        "!!int 1.5",
        "!!bool 1",
        "!!null x",
        "!!binary '*'",
        "!!timestamp x",
    ] {
        assert!(load(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn keys_become_strings_and_are_sorted() {
    assert_eq!(
        shown(&root("yes: 1\n1: 2\n1.5: 3\nB: 4\na: 5\n0x10: 6\n1e7: 7\n")),
        r#"{"1":2,"1.5":3,"16":6,"1e+07":7,"B":4,"a":5,"true":1}"#
    );
    for text in [
        "~: 1",
        "? [a]\n: 1",
        "? {a: 1}\n: 1",
        "18446744073709551615: 1",
    ] {
        assert!(load(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn of_doubled_keys_the_last_counts_and_each_is_told() {
    let loaded =
        load(b"a: 1\nb: {c: 1, c: 2}\na: 3\nd: [{e: 1, e: 1}]\nyes: 1\ntrue: 2\n").unwrap();
    assert_eq!(
        shown(&loaded.root),
        r#"{"a":3,"b":{"c":2},"d":[{"e":1}],"true":2}"#
    );
    let told: Vec<_> = loaded
        .doubled
        .iter()
        .map(|one| (one.path.as_str(), one.line))
        .collect();
    assert_eq!(told, [("b.c", 2), ("a", 3), ("d[0].e", 4), ("true", 6)]);
    assert_eq!(root("a: 1\na: 3\n").get("a").unwrap().line, 2);
}

#[test]
fn merges_take_effect_where_they_stand() {
    let base = "base: &b {x: 1, w: 2}\nother: &o {x: 9, z: 3}\n";
    for (text, expected) in [
        ("v: {<<: *b, x: 5}", r#"{"w":2,"x":5}"#),
        ("v: {x: 5, <<: *b}", r#"{"w":2,"x":1}"#),
        ("v: {<<: [*b, *o]}", r#"{"w":2,"x":1,"z":3}"#),
        ("v: {<<: {k: 1}}", r#"{"k":1}"#),
        ("v: {'<<': 1}", r#"{"<<":1}"#),
    ] {
        let loaded = root(&format!("{base}{text}"));
        assert_eq!(shown(&loaded.get("v").unwrap().item), expected, "{text}");
    }
    assert!(load(b"a: &a [1]\nv: {<<: *a}").is_err());
    assert!(load(b"v: {<<: 1}").is_err());
    assert_eq!(
        load(format!("{base}v: {{<<: *b, x: 5}}").as_bytes())
            .unwrap()
            .doubled
            .len(),
        1
    );
}

#[test]
fn aliases_are_expanded_within_a_budget() {
    assert_eq!(
        shown(&root("a: &x [1]\nb: *x\nc: &x 2\nd: *x")),
        r#"{"a":[1],"b":[1],"c":2,"d":2}"#
    );
    assert!(load(b"a: *x").is_err());
    assert!(!load(b"a: &a [*a]").unwrap_err().budget);
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 9].join(","));
    }
    assert!(load(bomb.as_bytes()).is_err());
    let long = format!(
        "a: &a {}\nb: [{}]",
        "x".repeat(1 << 20),
        ["*a"; 900].join(",")
    );
    assert!(load(long.as_bytes()).unwrap_err().budget);
}

#[test]
fn hostile_texts_are_refused_or_not_judged() {
    assert!(load(&vec![b'['; 10_000]).is_err());
    assert!(load(&b"a: ".repeat(10_000)).is_err());
    assert!(load(&vec![b' '; (4 << 20) + 1]).unwrap_err().budget);
    assert!(!load(b"a: \0").unwrap_err().budget);
    assert!(!load(b"a: \xff\n").unwrap_err().budget);
    assert!(load(b"a: 1\n---\nb: \xff\n").unwrap_err().budget);
    assert!(parse_json(&b"[".repeat(100_000)).is_err());
    let words = "x,".repeat(90_000);
    let tabs = format!("a: [{words}]\nb: \"{}\"\n", "\tx\n".repeat(500_000));
    assert!(load(tabs.as_bytes()).is_ok());
}

#[test]
fn byte_order_marks_line_ends_and_later_documents_do_not_matter() {
    for text in [
        "\u{feff}a: 1\n",
        "a: 1\r\n",
        "---\na: 1\n",
        "a: 1\n---\n}{\n",
        "a: 1\n...\nb\n",
    ] {
        assert_eq!(shown(&root(text)), r#"{"a":1}"#, "{text:?}");
    }
    assert_eq!(shown(&root("")), "null");
    assert_eq!(shown(&root("# only a comment\n")), "null");
}

#[test]
fn json_is_strict() {
    let item =
        parse_json(br#" {"a": [1, -2.5e3, "\u00e4\ud83d\ude00\ud800x"], "a": null} "#).unwrap();
    assert_eq!(
        shown(&item),
        "{\"a\":[1,-2.5e3,\"ä😀\u{fffd}x\"],\"a\":null}"
    );
    for (text, message) in [
        (
            "{a: 1}",
            "invalid character 'a' looking for beginning of object key string",
        ),
        ("{", "unexpected end of JSON input"),
        ("{} x", "invalid character 'x' after top-level value"),
        (
            "{\"a\":1,}",
            "invalid character '}' looking for beginning of object key string",
        ),
        ("[01]", "invalid character '1' after array element"),
        (
            "[yes]",
            "invalid character 'y' looking for beginning of value",
        ),
        ("{\"a\" 1}", "invalid character '1' after object key"),
    ] {
        assert_eq!(
            parse_json(text.as_bytes()).unwrap_err().message,
            message,
            "{text}"
        );
    }
    assert_eq!(
        parse_json(b"{\n\"a\":\n1}").unwrap().get("a").unwrap().line,
        2
    );
}

#[test]
fn what_libyaml_refuses_is_refused() {
    for text in [
        "a: [::1]\n",
        "a: [:x]\n",
        "a: {b: ::1}\n",
        "a: {:b: c}\n",
        "a: b\n\t\n",
        "a: b\n\t# c\n",
        "a:\n  \tb: c\n",
        "a:\n-\tx\n",
        "a:\n- \tb: c\n",
        "?\ta\n",
        "a: b:\n",
        "a: ::\n",
        "a: @b\n",
        "a: `b\n",
        "a: b: c\n",
    ] {
        let trouble = load(text.as_bytes()).unwrap_err();
        assert!(!trouble.budget, "{text:?}");
    }
    for text in [
        "a: ::1\n",
        "a: [\"::1\"]\n",
        "a: [a:b, c::1]\n",
        "a:\tb\n",
        "a: b\t\n",
        "a: b\n \t\nc: d\n",
        "a: b\t# c\n",
        "a: |\n  b\n  \tc\n",
        "a: \"b\n\tc\"\n",
        "a: [b,\n\tc]\n",
        "a: - b\n",
        "a: {https://b/c: d}\n",
    ] {
        let loaded = load(text.as_bytes());
        assert_eq!(loaded.is_ok(), text != "a: - b\n", "{text:?} {loaded:?}");
    }
}

#[test]
fn where_go_may_end_a_document_earlier_nothing_is_claimed() {
    assert!(load(b"a: b\n%YAML 1.1\n").unwrap_err().budget);
    assert!(load(b"  a: b\n}\n").unwrap_err().budget);
    assert_eq!(shown(&root("  a: b\nc: [\n\t\n")), r#"{"a":"b"}"#);
}

#[test]
fn a_block_at_the_end_of_the_file_gets_no_line_end() {
    assert_eq!(shown(&root("a: |\n  b")), r#"{"a":"b"}"#);
    assert_eq!(shown(&root("a: |\n  b\n")), r#"{"a":"b\n"}"#);
    assert_eq!(shown(&root("a: |\n  b\n  ")), r#"{"a":"b\n"}"#);
}
