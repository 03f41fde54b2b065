//! Items in the manner of those beside them, and lists that were not there.

use super::*;

const POLICY: &str = include_str!("samples/official-audit-policy.yaml");
const MANIFEST: &str = include_str!("../../../tests/fixtures/kubeadm-1.36/kube-apiserver.yaml");

pub(super) fn inserted(
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
pub(super) fn inserts(
    before: &str,
    at: &str,
    position: Option<usize>,
    items: &[Tree],
    after: &str,
) {
    assert_eq!(inserted(before, at, position, items), Ok(after.to_owned()));
}

pub(super) fn rule() -> Tree {
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

pub(super) fn volume(path: &str, name: &str) -> Tree {
    let host = [("path", Tree::text(path)), ("type", Tree::text("File"))];
    Tree::map([("hostPath", Tree::map(host)), ("name", Tree::text(name))])
}

pub(super) fn a() -> Tree {
    Tree::text("a")
}

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

pub(super) fn rule2() -> Tree {
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
    let (head, rest) = MANIFEST.split_once("    volumeMounts:").unwrap();
    let (_, tail) = rest.split_once("  hostNetwork:").unwrap();
    let without = format!("{head}  hostNetwork:{tail}");
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
    inserts("v: ~ # c\nb: 2\n", "v", None, &[a()], "v: # c\n- a\nb: 2\n");
    inserts("v:\nb: 2\n", "v/w", None, &[a()], "v:\n  w: [a]\nb: 2\n");
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
    let written = "- level: Metadata\n  users: [\"system:kube-proxy\", \"system:serviceaccount:kube-system:kube-proxy\"]\n";
    adds(
        before,
        "rules",
        Some(1),
        &[rule()],
        "# Skip",
        &format!("{written}\n"),
    );
    adds(
        before,
        "rules",
        Some(0),
        &[rule()],
        "# Log",
        &format!("{written}\n"),
    );
    adds(
        before,
        "rules",
        None,
        &[rule()],
        "",
        &format!("\n{written}"),
    );
    // Without any list to go by, and where the names stand one below the other.
    inserts(
        "rules:\n  - level: None",
        "rules",
        Some(0),
        &[rule()],
        "rules:\n  - level: Metadata\n    users: [\"system:kube-proxy\", \"system:serviceaccount:kube-system:kube-proxy\"]\n  - level: None",
    );
    inserts(
        "rules:\n- level: None\n  verbs:\n    - get\n",
        "rules",
        Some(0),
        &[rule()],
        "rules:\n- level: Metadata\n  users:\n    - system:kube-proxy\n    - system:serviceaccount:kube-system:kube-proxy\n- level: None\n  verbs:\n    - get\n",
    );
}
