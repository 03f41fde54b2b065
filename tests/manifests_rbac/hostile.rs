//! Names and values that are not to be told as they stand.

use super::*;

#[test]
fn a_hostile_name_is_shown_on_its_line_and_is_one_word_of_a_command() {
    let name = "x\\e[2J\\n$(reboot); 'y";
    let text = ADDON.to_string()
        + &cluster_binding("x", "view", PROXY).replace("name: \"x\"", &format!("name: \"{name}\""));
    let node = with("/m/all.yaml", &text);
    let said = run(&node, &["plan"]).out;
    assert!(!said.contains('\u{1b}'), "{said}");
    let expected = "kubectl delete clusterrolebinding 'x\\u{1b}[2J $(reboot); '\\''y'";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn no_value_of_another_object_is_told() {
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: kube-system}\nstringData: {password: hunter2}\n";
    let wrong = cluster_binding("x", "view", "[{kind: User, name: [hunter2]}]");
    let node = with(
        "/m/all.yaml",
        &(ADDON.to_string() + secret + &wrong + &cluster_binding("y", "view", PROXY)),
    );
    for command in ["scan", "plan"] {
        for format in ["text", "json"] {
            let ran = run(&node, &["--format", format, command]);
            assert!(
                !ran.out.contains("hunter2") && !ran.err.contains("hunter2"),
                "{ran:?}"
            );
        }
    }
}
