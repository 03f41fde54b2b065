//! Many nodes in one play.

use std::fmt::Write as _;

use crate::support::play::{ansible, recap};
use crate::support::{Ran, snapshot, tighten};

/// How many trees there are.
const NODES: usize = 200;

#[test]
fn two_hundred_nodes_are_hardened_in_one_play() {
    let Some(ansible) = ansible() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut inventory = String::new();
    let name = |number: usize| format!("n{number:03}");
    for number in 0..NODES {
        let node = name(number);
        let ran: Ran = tighten()
            .arg("demo")
            .arg(path.join(&node))
            .output()
            .unwrap()
            .into();
        assert_eq!(ran.code, 0, "{ran:?}");
        let _ = writeln!(inventory, "{node}");
    }
    let shown = path.display();
    let _ = writeln!(
        inventory,
        "[all:vars]\nansible_connection=local\nansible_python_interpreter=/nonexistent"
    );
    let playbook = path.join("all.yml");
    // One state directory for all of them: it keeps what belongs to one root apart from the others.
    let text = format!(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - tighten.kube_proxy.tighten:\n        root: \"{shown}/{{{{ inventory_hostname }}}}\"\n        state_dir: {shown}/state\n"
    );
    std::fs::write(&playbook, text).unwrap();
    let playbook = playbook.to_str().unwrap();
    let ran = ansible.play(path, &inventory, playbook, &["--forks", "8"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let first = snapshot(&path.join(name(0)));
    for number in 0..NODES {
        let node = name(number);
        let recap = recap(&ran, &node);
        assert!(
            recap.contains(&"changed=1") && recap.contains(&"failed=0"),
            "{recap:?}"
        );
        assert!(snapshot(&path.join(&node)) == first, "{node} is another");
    }
    let roots = std::fs::read_dir(path.join("state/roots")).unwrap().count();
    assert_eq!(roots, NODES);
}
