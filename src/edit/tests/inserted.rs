//! Items that are put into a list, and lists that were not there.

use super::*;

const POLICY: &str = include_str!("samples/official-audit-policy.yaml");
const MANIFEST: &str = include_str!("samples/kube-apiserver.yaml");

fn inserted(
    before: &str,
    at: &str,
    position: Option<usize>,
    items: &[Tree],
) -> Result<String, String> {
    let alteration = Alteration::insert(path(at), position, items.to_vec());
    let bytes = alter(before.as_bytes(), &[alteration]).map_err(|refused| refused.to_string())?;
    Ok(String::from_utf8(bytes).unwrap())
}

/// What is written, where the whole is the text before with this in front of a line of it.
#[track_caller]
fn adds(before: &str, at: &str, position: Option<usize>, items: &[Tree], line: &str, text: &str) {
    let expected = match before.split_once(line) {
        Some((head, tail)) if !line.is_empty() => format!("{head}{text}{line}{tail}"),
        _ => format!("{before}{text}"),
    };
    assert_eq!(inserted(before, at, position, items).unwrap(), expected);
}

#[track_caller]
fn inserts(before: &str, at: &str, position: Option<usize>, items: &[Tree], after: &str) {
    assert_eq!(inserted(before, at, position, items), Ok(after.to_owned()));
}

fn rule() -> Tree {
    Tree::map([
        ("level", Tree::text("Metadata")),
        (
            "users",
            Tree::texts([
                "system:kube-proxy",
                "system:serviceaccount:kube-system:kube-proxy",
            ]),
        ),
    ])
}

fn mount(path: &str, name: &str) -> Tree {
    Tree::map([
        ("mountPath", Tree::text(path)),
        ("name", Tree::text(name)),
        ("readOnly", Tree::Scalar(Scalar::Bool(true))),
    ])
}

fn volume(path: &str, name: &str) -> Tree {
    let host = [("path", Tree::text(path)), ("type", Tree::text("File"))];
    Tree::map([("hostPath", Tree::map(host)), ("name", Tree::text(name))])
}

const A: fn() -> Tree = || Tree::text("a");

#[test]
fn a_rule_stands_in_the_official_policy_as_its_neighbours_do() {
    let rule = Tree::map([
        ("level", Tree::text("Metadata")),
        ("users", Tree::texts(["system:kube-proxy"])),
        ("verbs", Tree::texts(["watch"])),
        (
            "resources",
            Tree::List(vec![
                Tree::map([
                    ("group", Tree::text("")),
                    ("resources", Tree::texts(["services"])),
                ]),
                Tree::map([("group", Tree::text("discovery.k8s.io"))]),
            ]),
        ),
        ("omitStages", Tree::texts(["RequestReceived"])),
    ]);
    adds(
        POLICY,
        "rules",
        Some(3),
        &[rule],
        "  # Don't log watch requests by",
        r#"  - level: Metadata
    users: ["system:kube-proxy"]
    verbs: ["watch"]
    resources:
    - group: ""
      resources: ["services"]
    - group: "discovery.k8s.io"
    omitStages:
      - "RequestReceived"

"#,
    );
    adds(
        POLICY,
        "rules",
        None,
        &[rule2()],
        "",
        "\n  - level: Metadata\n    verbs: [\"get\"]\n",
    );
    // Between two rules without an empty line there comes none.
    adds(
        POLICY,
        "rules",
        Some(1),
        &[rule2()],
        "  # Log \"pods/log\"",
        "  - level: Metadata\n    verbs: [\"get\"]\n",
    );
}

fn rule2() -> Tree {
    Tree::map([
        ("level", Tree::text("Metadata")),
        ("verbs", Tree::texts(["get"])),
    ])
}

#[test]
fn flags_mounts_and_volumes_stand_in_kubeadms_manifest_as_its_own_do() {
    let flags = [
        Tree::text("--audit-log-path=/var/log/kubernetes/audit/audit.log"),
        Tree::text("--audit-log-maxage=30"),
    ];
    adds(
        MANIFEST,
        "spec/containers/0/command",
        None,
        &flags,
        "    image: ",
        "    - --audit-log-path=/var/log/kubernetes/audit/audit.log\n    - --audit-log-maxage=30\n",
    );
    adds(
        MANIFEST,
        "spec/containers/0/command",
        Some(2),
        &flags[1..],
        "    - --allow-privileged",
        "    - --audit-log-maxage=30\n",
    );
    adds(
        MANIFEST,
        "spec/containers/0/volumeMounts",
        None,
        &[mount("/etc/kubernetes/audit-policy.yaml", "audit-policy")],
        "  hostNetwork: true\n",
        "    - mountPath: /etc/kubernetes/audit-policy.yaml\n      name: audit-policy\n      readOnly: true\n",
    );
    adds(
        MANIFEST,
        "spec/volumes",
        None,
        &[volume("/etc/kubernetes/audit-policy.yaml", "audit-policy")],
        "status: {}\n",
        "  - hostPath:\n      path: /etc/kubernetes/audit-policy.yaml\n      type: File\n    name: audit-policy\n",
    );
}

#[test]
fn a_list_that_is_missing_is_made_with_its_items() {
    let at = MANIFEST.find("    volumeMounts:").unwrap();
    let rest = MANIFEST.find("  hostNetwork:").unwrap();
    let without = format!("{}{}", &MANIFEST[..at], &MANIFEST[rest..]);
    adds(
        &without,
        "spec/containers/0/volumeMounts",
        None,
        &[mount("/x", "x")],
        "  hostNetwork",
        "    volumeMounts:\n    - mountPath: /x\n      name: x\n      readOnly: true\n",
    );
    inserts(
        "spec:\n    containers:\n        -   name: a\n",
        "spec/volumes",
        Some(0),
        &[volume("/x", "x")],
        "spec:\n    containers:\n        -   name: a\n    volumes:\n        -   hostPath:\n                path: /x\n                type: File\n            name: x\n",
    );
    inserts(
        "a: 1\nv: # none yet\nb: 2\n",
        "v",
        None,
        &[mount("/x", "x")],
        "a: 1\nv: # none yet\n- mountPath: /x\n  name: x\n  readOnly: true\nb: 2\n",
    );
    inserts("v: ~ # c\nb: 2\n", "v", None, &[A()], "v: # c\n- a\nb: 2\n");
    inserts("v:\nb: 2\n", "v/w", None, &[A()], "v:\n  w: [a]\nb: 2\n");
    inserts(
        "v: []\n",
        "v",
        None,
        &[rule2()],
        "v: [{level: Metadata, verbs: [get]}]\n",
    );
    inserts(
        "{\"a\": 1}",
        "v/w",
        None,
        &[rule2()],
        "{\"a\": 1, \"v\": {\"w\": [{\"level\": \"Metadata\", \"verbs\": [\"get\"]}]}}",
    );
    inserts(
        "{\"a\": null}",
        "a",
        None,
        &[rule2()],
        "{\"a\": [{\"level\": \"Metadata\", \"verbs\": [\"get\"]}]}",
    );
}

#[test]
fn the_guides_policy_gets_its_rule_in_its_own_manner() {
    let before = "rules:\n# Log all actions by kube-proxy\n- level: Metadata\n  users: [\"system:kube-proxy\"]\n\n# Skip logging for all other requests\n- level: None\n";
    let rule = "- level: Metadata\n  users: [\"system:kube-proxy\", \"system:serviceaccount:kube-system:kube-proxy\"]\n";
    adds(
        before,
        "rules",
        Some(1),
        &[rule_()],
        "# Skip",
        &format!("{rule}\n"),
    );
    adds(
        before,
        "rules",
        Some(0),
        &[rule_()],
        "# Log",
        &format!("{rule}\n"),
    );
    adds(before, "rules", None, &[rule_()], "", &format!("\n{rule}"));
    // Without any list to go by, and where the names stand one below the other.
    inserts(
        "rules:\n  - level: None",
        "rules",
        Some(0),
        &[rule_()],
        "rules:\n  - level: Metadata\n    users: [\"system:kube-proxy\", \"system:serviceaccount:kube-system:kube-proxy\"]\n  - level: None",
    );
    inserts(
        "rules:\n- level: None\n  verbs:\n    - get\n",
        "rules",
        Some(0),
        &[rule_()],
        "rules:\n- level: Metadata\n  users:\n    - system:kube-proxy\n    - system:serviceaccount:kube-system:kube-proxy\n- level: None\n  verbs:\n    - get\n",
    );
}

fn rule_() -> Tree {
    rule()
}

#[test]
fn comments_stay_with_their_items() {
    // Directly above, and indented no deeper than the dash: it belongs to the item below.
    inserts(
        "l:\n- x\n# y\n- y\n",
        "l",
        Some(1),
        &[A()],
        "l:\n- x\n- a\n# y\n- y\n",
    );
    inserts(
        "l:\n- x\n# 1\n\n# 2\n# 3\n- y\n",
        "l",
        Some(1),
        &[A()],
        "l:\n- x\n# 1\n\n- a\n\n# 2\n# 3\n- y\n",
    );
    inserts(
        "l:\n# x\n- x\n",
        "l",
        Some(0),
        &[A()],
        "l:\n- a\n# x\n- x\n",
    );
    // Deeper: it belongs to the item above.
    inserts(
        "l:\n- x: 1\n  # w: 2\n- z: 1\n",
        "l",
        Some(1),
        &[A()],
        "l:\n- x: 1\n  # w: 2\n- a\n- z: 1\n",
    );
    inserts(
        "l:\n- x: 1\n  # w: 2\n# y\n- z: 1\n",
        "l",
        Some(1),
        &[A()],
        "l:\n- x: 1\n  # w: 2\n- a\n# y\n- z: 1\n",
    );
    inserts(
        "l:\n- x: 1\n  # w: 2\n",
        "l",
        None,
        &[A()],
        "l:\n- x: 1\n  # w: 2\n- a\n",
    );
    inserts(
        "l:\n- x: 1\n  # w: 2",
        "l",
        None,
        &[A()],
        "l:\n- x: 1\n  # w: 2\n- a",
    );
    inserts(
        "l:\n- x\n# b\nb: 1\n",
        "l",
        None,
        &[A()],
        "l:\n- x\n- a\n# b\nb: 1\n",
    );
    inserts(
        "l:\n- x # c\n# b\n",
        "l",
        None,
        &[A()],
        "l:\n- x # c\n- a\n# b\n",
    );
    inserts(
        "b:\n  c: 1\n  # d: 2\n",
        "b/l",
        None,
        &[A()],
        "b:\n  c: 1\n  l: [a]\n  # d: 2\n",
    );
    // In brackets.
    inserts(
        "l: [\n  # x\n  x, # X\n  y # Y\n]\n",
        "l",
        Some(0),
        &[A()],
        "l: [\n  a,\n  # x\n  x, # X\n  y # Y\n]\n",
    );
    inserts(
        "l: [\n  # x\n  x, # X\n  y # Y\n]\n",
        "l",
        Some(1),
        &[A()],
        "l: [\n  # x\n  x, # X\n  a,\n  y # Y\n]\n",
    );
    inserts(
        "l: [\n  x, # X\n  y # Y\n]\n",
        "l",
        None,
        &[A(), A()],
        "l: [\n  x, # X\n  y, # Y\n  a,\n  a\n]\n",
    );
    inserts(
        "l: [x, y] # c\n",
        "l",
        Some(1),
        &[A(), A()],
        "l: [x, a, a, y] # c\n",
    );
    inserts(
        "l: [\"x\",\"y\"]\n",
        "l",
        Some(0),
        &[A()],
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
    inserts("l:\n- 'x'\n", "l", None, &[A()], "l:\n- 'x'\n- \"a\"\n");
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
        &[A()],
        "l:\n- - x\n  - a\n  - y\n",
    );
    inserts(
        "l:\n-\n  x: 1\n-\n  z: 1\n",
        "l",
        Some(1),
        &[A()],
        "l:\n-\n  x: 1\n- a\n-\n  z: 1\n",
    );
    inserts(
        "l:\n- |\n  - text\n\n- y\n",
        "l",
        Some(1),
        &[A()],
        "l:\n- |\n  - text\n\n- a\n\n- y\n",
    );
}

#[test]
fn an_insertion_that_is_not_certain_is_refused_with_its_reason() {
    let refuses = |before: &str, at: &str, position, items: &[Tree], why: &str| {
        assert_eq!(inserted(before, at, position, items), Err(why.to_owned()));
    };
    refuses("l:\n- x\n", "l", Some(2), &[A()], "line 2: l has no item 2");
    refuses("l:\n- x\n", "l", None, &[], "line 2: no item to insert");
    refuses("l: 1\n", "l", None, &[A()], "line 1: l is not a list");
    refuses("l: {a: 1}\n", "l", None, &[A()], "line 1: l is not a list");
    refuses("a: 1\n", "l", Some(1), &[A()], "line 1: l is not a list");
    refuses(
        "l:\n- - x\n",
        "l/0",
        Some(0),
        &[A()],
        "line 2: a list that starts behind the dash of another one",
    );
    refuses(
        "l: [x,]\n",
        "l",
        None,
        &[A()],
        "line 1: a comma behind the last entry",
    );
    refuses(
        "l: &a\n- x\n",
        "l",
        None,
        &[A()],
        "line 2: an anchor: its value counts in more than one place",
    );
    refuses(
        "l:\n- x\nl:\n- y\n",
        "l",
        None,
        &[A()],
        "line 3: a key that is there twice",
    );
    refuses(
        "l:\n- x\n---\na: 1\n",
        "l",
        None,
        &[A()],
        "more than one document, and an edit concerns one",
    );
    refuses(
        "l:\r\n- x\n",
        "l",
        None,
        &[A()],
        "its lines end in two ways, with and without a carriage return",
    );
    // It stands deeper than the dash, but there is no item above that it could belong to.
    let why = "the edit could not be proved to be right: a comment would stand beside another item";
    refuses("l:\n    # x\n  - x\n", "l", Some(0), &[A()], why);
    let twice = Tree::map([("a", A()), ("a", A())]);
    refuses(
        "l:\n- x\n",
        "l",
        None,
        &[twice],
        "the edit could not be proved to be right: in the result, line 4: a key that is there twice",
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
    assert_eq!(shown("command", None, &[A(), A()]), "command: add 2 items");
    let saved =
        serde_json::to_string(&Alteration::insert(path("rules"), Some(2), vec![rule()])).unwrap();
    let read: Alteration = serde_json::from_str(&saved).unwrap();
    assert_eq!(
        read,
        Alteration::insert(path("rules"), Some(2), vec![rule()])
    );
}
