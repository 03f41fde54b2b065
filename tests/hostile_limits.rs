//! Limits that whoever starts the tool set for it: size of files, number of open files.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::process::Command;

use support::exact::{exact, set_xattr};
use support::mounted::{Mounted, as_root};
use support::{Node, Ran, tighten};

/// Runs tighten with a limit as the shell's `ulimit` sets it.
fn limited(node: &Node, limit: &str, arguments: &[&str]) -> Ran {
    let command = node.command();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit {limit} && exec \"$@\""), "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.args(arguments).stdin(std::process::Stdio::null());
    shell.output().unwrap().into()
}

#[test]
fn a_limit_of_file_sizes_fails_a_write_and_ends_nobody_in_the_middle() {
    // In units of 512 bytes: from a lock that cannot be written to a journal that can.
    let mut refused = 0;
    for blocks in [0, 1, 2, 4, 8, 12, 16, 24, 32] {
        let node = Node::demo();
        let before = exact(&node.root());
        let ran = limited(&node, &format!("-f {blocks}"), &["apply", "--yes"]);
        let what = format!("{blocks} blocks: {ran:?}");
        match ran.code {
            0 => continue,
            1 | 3 => {}
            _ => panic!("{what}"),
        }
        refused += 1;
        assert!(ran.err.contains("File too large"), "{what}");
        assert!(
            ran.err
                .contains("help: allow larger files (ulimit -f), then try again"),
            "{what}"
        );
        assert_eq!(exact(&node.root()), before, "{what}");
        let ran = node.run(&["recover"]);
        assert_eq!(ran.out, "Recovered: nothing to settle.\n", "{what}");
        assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    }
    assert!(refused > 3, "{refused}");
}

#[test]
fn a_limit_of_open_files_is_named_with_what_lifts_it() {
    let mut refused = 0;
    for command in ["apply", "rollback"] {
        for handles in 7..40 {
            let node = Node::demo();
            if command == "rollback" {
                assert_eq!(node.run(&["apply", "--yes"]).code, 0);
            }
            let before = exact(&node.root());
            let ran = limited(&node, &format!("-n {handles}"), &[command, "--yes"]);
            let what = format!("{command} with {handles} handles: {ran:?}");
            match ran.code {
                0 => break,
                1 | 3 => {}
                _ => panic!("{what}"),
            }
            assert_eq!(exact(&node.root()), before, "{what}");
            if ran.err.contains("go on without the checks") {
                continue;
            }
            refused += 1;
            assert!(
                ran.err
                    .contains("help: allow more open files (ulimit -n), then try again"),
                "{what}"
            );
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn more_attributes_than_a_journal_may_hold_are_refused_before_anything_is_written() {
    const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";
    if !as_root() {
        return;
    }
    let node = Node::empty();
    let Some(_mounted) = Mounted::xfs(&node.outside().join("image"), &node.root()) else {
        return;
    };
    let ran: Ran = tighten()
        .arg("demo")
        .arg(node.root())
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, 0, "{ran:?}");
    let file = node.path(KUBECONFIG);
    for number in 0..100 {
        assert!(set_xattr(
            &file,
            &format!("user.note{number}"),
            &[7; 65_000]
        ));
    }
    let (before, state) = (exact(&node.root()), node.state());
    let ran = node.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err
            .starts_with(&format!("error: {KUBECONFIG}: the journal would be ")),
        "{ran:?}"
    );
    assert!(ran.err.contains("\n  nothing was written\n"), "{ran:?}");
    assert_eq!(exact(&node.root()), before);
    assert!(walkdir::WalkDir::new(state).into_iter().all(|entry| {
        let name = entry.unwrap().file_name().to_str().unwrap().to_string();
        name != "journal" && name != "active"
    }));
    // What fits is applied, and rolled back.
    for number in 30..100 {
        rustix::fs::removexattr(&file, format!("user.note{number}")).unwrap();
    }
    let before = exact(&node.root());
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    let ran = node.run(&["rollback", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(exact(&node.root()), before);
}
