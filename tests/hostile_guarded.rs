//! Flags of chattr, directories that others can write to, and links put in place of targets: said before
//! anything is written.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::{chown, symlink};

use support::Node;
use support::exact::exact;
use support::mounted::{Mounted, as_root, tool};
use support::places::{CONFIG, DIRECTORY, KEY, KUBECONFIG};

/// Exit 1, nothing written, and these words.
fn refused(node: &Node, arguments: &[&str], what: &str) {
    let before = exact(&node.root());
    let ran = node.run(arguments);
    assert_eq!(ran.code, 1, "{what}: {ran:?}");
    assert!(ran.err.contains(what), "{what}: {ran:?}");
    assert!(ran.err.contains("nothing was written"), "{ran:?}");
    assert_eq!(exact(&node.root()), before);
}

#[test]
fn flags_that_forbid_the_change_are_said_by_the_plan_and_refused_by_apply_and_rollback() {
    if !as_root() {
        return;
    }
    let node = Node::empty();
    let image = node.outside().join("image");
    let Some(_mounted) = Mounted::ext4(&image, &node.root()) else {
        return;
    };
    let demo = node.path("/demo");
    let ran = support::tighten().arg("demo").arg(&demo).output().unwrap();
    assert!(ran.status.success());
    let run = |arguments: &[&str]| -> support::Ran {
        let mut command = support::tighten();
        command
            .arg("--root")
            .arg(&demo)
            .arg("--state-dir")
            .arg(node.state());
        command.args(arguments).output().unwrap().into()
    };
    let refused = |command: &str, what: &str| {
        let before = exact(&demo);
        let ran = run(&[command, "--yes"]);
        assert_eq!(ran.code, 1, "{what}: {ran:?}");
        assert!(
            ran.err.starts_with(&format!("error: {what}")),
            "{what}: {ran:?}"
        );
        assert_eq!(exact(&demo), before);
    };
    for command in ["apply", "rollback"] {
        for flag in ["i", "a"] {
            for path in [CONFIG, KUBECONFIG, KEY, DIRECTORY] {
                let host = demo.join(path.trim_start_matches('/'));
                let host = host.to_str().unwrap();
                if !tool("chattr", &[&format!("+{flag}"), host]) {
                    return;
                }
                let what = if path == DIRECTORY {
                    format!("{CONFIG}: its directory's flags (chattr) forbid new names in it")
                } else {
                    format!("{path}: its flag {flag} forbids the change")
                };
                if command == "apply" {
                    let plan = run(&["plan"]);
                    assert!(plan.out.contains(&what), "{plan:?}");
                }
                refused(command, &what);
                assert!(tool("chattr", &[&format!("-{flag}"), host]));
            }
        }
        assert_eq!(run(&[command, "--yes"]).code, 0);
    }
}

#[test]
fn a_directory_that_others_can_write_to_is_refused_at_each_level_above_the_one_that_is_mended() {
    if !as_root() {
        return;
    }
    for directory in ["/var", "/var/lib", "/"] {
        for (mode, uid) in [(0o777, 0), (0o1777, 0), (0o775, 0), (0o755, 1000)] {
            let node = Node::demo();
            chown(node.path(directory), Some(uid), Some(uid)).unwrap();
            node.chmod(directory, mode);
            let what = if uid == 0 {
                format!("{directory}: others may put files into this directory (mode {mode:04o})")
            } else {
                format!(
                    "{directory}: this directory belongs to user {uid}, who could put files into it"
                )
            };
            refused(&node, &["apply", "--yes"], &what);
            assert!(node.run(&["plan"]).out.contains(&what));
        }
    }
}

#[test]
fn the_directory_that_holds_the_files_is_mended_first_and_comes_back_with_a_rollback() {
    if !as_root() {
        return;
    }
    for (mode, uid) in [(0o777, 0), (0o775, 0), (0o755, 1000)] {
        let node = Node::demo();
        chown(node.path(DIRECTORY), Some(uid), Some(uid)).unwrap();
        node.chmod(DIRECTORY, mode);
        let before = exact(&node.root());
        let ran = node.run(&["apply", "--yes"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(node.mode(DIRECTORY) & 0o022, 0);
        assert_eq!(node.snapshot()[DIRECTORY].uid, 0);
        assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
        assert_eq!(exact(&node.root()), before);
    }
}

#[test]
fn a_link_put_in_place_between_plan_and_apply_makes_the_plan_stale_wherever_it_leads() {
    for path in [CONFIG, KUBECONFIG, KEY, DIRECTORY] {
        for kind in [
            "copy inside",
            "outside",
            "loop",
            "dangling",
            "/proc/self/mem",
        ] {
            let node = Node::demo();
            let plan = node.outside().join("plan.json");
            let plan = plan.to_str().unwrap();
            assert_eq!(node.run(&["plan", "--out", plan]).code, 0);
            let place = node.path(path);
            let copy = place.with_extension("copy");
            fs::rename(&place, &copy).unwrap();
            match kind {
                "copy inside" => symlink(copy.file_name().unwrap(), &place).unwrap(),
                "outside" => symlink(&copy, &place).unwrap(),
                "loop" => symlink(place.file_name().unwrap(), &place).unwrap(),
                "dangling" => symlink("/nowhere", &place).unwrap(),
                other => symlink(other, &place).unwrap(),
            }
            let before = exact(&node.root());
            let ran = node.run(&["apply", "--yes", plan]);
            assert_eq!(ran.code, 1, "{path} {kind}: {ran:?}");
            assert!(ran.err.contains("nothing was written"), "{ran:?}");
            assert_eq!(exact(&node.root()), before, "{path} {kind}");
        }
    }
}

#[test]
fn a_sticky_directory_that_holds_the_files_is_left_to_a_person_and_refused() {
    let node = Node::demo();
    node.chmod(DIRECTORY, 0o1777);
    let plan = node.run(&["plan"]);
    let left = format!("({DIRECTORY} is sticky, so others are meant to write there");
    assert!(plan.out.contains(&left), "{plan:?}");
    let what = format!("{DIRECTORY}: others may put files into this directory (mode 1777)");
    refused(&node, &["apply", "--yes"], &what);
}
