//! Trees that are made of several file systems, of single mounted files, and of what cannot be written.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use support::exact::{exact, leftovers};
use support::mounted::{Mounted, as_root};
use support::places::{CONFIG, DIRECTORY, KEY, KUBECONFIG, POLICY};
use support::traced::injected;
use support::{Node, Ran};

fn device(path: &Path) -> u64 {
    fs::metadata(path).unwrap().dev()
}

/// Exit 1, nothing written, and these words.
fn refused(node: &Node, arguments: &[&str], what: &str) -> Ran {
    let before = exact(&node.root());
    let ran = node.run(arguments);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains(what), "{what}: {ran:?}");
    assert!(ran.err.contains("\n  nothing was written\n"), "{ran:?}");
    assert_eq!(exact(&node.root()), before);
    ran
}

#[test]
fn one_transaction_spans_two_file_systems_and_all_of_it_is_put_back_or_none() {
    if !as_root() {
        return;
    }
    let node = Node::demo();
    let Some(_mounted) = Mounted::over("size=1m,mode=0755", &node.path(DIRECTORY)) else {
        return;
    };
    assert_ne!(device(&node.path(CONFIG)), device(&node.path("/etc")));
    let before = exact(&node.root());
    for fault in [
        "renameat2:error=EIO:when=1",
        "renameat2:signal=KILL:when=1",
        "fsync:error=EIO:when=12",
    ] {
        if injected(&node, fault, &["apply", "--yes"]).is_none() {
            break;
        }
        assert_eq!(node.run(&["recover"]).code, 0);
        assert_eq!(exact(&node.root()), before, "{fault}");
    }
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    assert!(node.read(CONFIG).contains("bindAddress: \"10.0.0.10\""));
    assert_eq!((node.mode(KUBECONFIG), node.mode(POLICY)), (0o600, 0o600));
    assert_eq!(node.run(&["verify", "--only", "proxy-config-mode"]).code, 0);
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    assert_eq!(exact(&node.root()), before);
}

#[test]
fn a_file_that_is_mounted_on_its_own_is_said_by_the_plan_and_refused_by_apply() {
    if !as_root() {
        return;
    }
    let node = Node::demo();
    let source = node.outside().join("source");
    fs::copy(node.path(CONFIG), &source).unwrap();
    let bind = ["--bind", source.to_str().unwrap()];
    let Some(mounted) = Mounted::new(&bind, &node.path(CONFIG)) else {
        return;
    };
    let what =
        format!("{CONFIG}: is a mount point of its own, so that it cannot be replaced in one step");
    let plan = node.run(&["plan"]);
    assert!(plan.out.contains(&what), "{plan:?}");
    let (_, document) = node.json(&["plan"]);
    assert_eq!(
        document["obstacles"][0]["reason"],
        what.as_str(),
        "{document:#}"
    );
    let ran = refused(&node, &["apply", "--yes"], &format!("error: {what}"));
    assert!(
        ran.err
            .contains("help: unmount it, or change it where it is mounted from")
    );
    // Its mode alone is changed in place, which no mount hinders.
    assert_eq!(
        node.run(&["apply", "--yes", "--only", "proxy-config-mode"])
            .code,
        0
    );
    assert_eq!(fs::metadata(&source).unwrap().mode() & 0o7777, 0o644);
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    drop(mounted);
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
}

#[test]
fn a_file_that_is_mounted_over_after_the_apply_is_not_rolled_back() {
    if !as_root() {
        return;
    }
    let node = Node::demo();
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    let source = node.outside().join("source");
    let done = std::process::Command::new("cp")
        .arg("-a")
        .arg(node.path(CONFIG))
        .arg(&source)
        .status();
    assert!(done.unwrap().success());
    let bind = ["--bind", source.to_str().unwrap()];
    let Some(_mounted) = Mounted::new(&bind, &node.path(CONFIG)) else {
        return;
    };
    refused(
        &node,
        &["rollback", "--yes"],
        &format!("{CONFIG}: is a mount point of its own"),
    );
}

#[test]
fn a_read_only_node_can_be_scanned_and_planned_and_is_refused_by_apply() {
    if !as_root() {
        return;
    }
    for directory in [DIRECTORY, "/etc/kubernetes"] {
        let node = Node::demo();
        let Some(mounted) = Mounted::over("size=1m,mode=0755", &node.path(directory)) else {
            return;
        };
        mounted.again("ro");
        assert_eq!(node.run(&["scan"]).code, 2);
        let plan = node.run(&["plan"]);
        assert_eq!(plan.code, 0, "{plan:?}");
        let said = "lies on a file system that is mounted read-only; mount it read-write";
        assert!(
            plan.out.contains("Apply would refuse: ") && plan.out.contains(said),
            "{plan:?}"
        );
        refused(
            &node,
            &["apply", "--yes"],
            "lies on a file system that is mounted read-only",
        );
        mounted.again("rw");
        assert_eq!(node.run(&["apply", "--yes"]).code, 0);
        mounted.again("ro");
        refused(
            &node,
            &["rollback", "--yes"],
            "lies on a file system that is mounted read-only",
        );
        assert_eq!(node.run(&["verify", "--only", "proxy-config-mode"]).code, 0);
    }
}

#[test]
fn a_read_only_state_directory_is_said_and_nothing_is_changed() {
    if !as_root() {
        return;
    }
    let node = Node::demo();
    fs::create_dir(node.state()).unwrap();
    let Some(mounted) = Mounted::memory("size=1m,mode=0700", &node.state()) else {
        return;
    };
    mounted.again("ro");
    refused(&node, &["apply", "--yes"], "Read-only file system");
    assert_eq!(node.run(&["scan"]).code, 2);
    mounted.again("rw");
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    mounted.again("ro");
    refused(&node, &["rollback", "--yes"], "Read-only file system");
    // What only looks needs no lock.
    for arguments in [&["history"][..], &["verify", "--only", "proxy-config-mode"]] {
        assert_eq!(node.run(arguments).code, 0, "{arguments:?}");
    }
}

#[test]
fn a_file_system_that_turns_read_only_in_the_middle_is_put_back_once_it_can_be_written() {
    if !as_root() {
        return;
    }
    let node = Node::demo();
    let before = exact(&node.root());
    // As ext4 does on an error: every call that writes fails from here on.
    for fault in [
        "renameat,renameat2,unlinkat,fchownat,chmod,fchmodat:error=EROFS:when=2+",
        "renameat2:error=EROFS:when=1+",
    ] {
        let Some(ran) = injected(&node, fault, &["apply", "--yes"]) else {
            return;
        };
        assert!([1, 3, 4].contains(&ran.code), "{ran:?}");
        assert_eq!(node.run(&["recover"]).code, 0);
        assert_eq!(exact(&node.root()), before, "{fault}");
        assert_eq!(leftovers(&node.root()), Vec::<String>::new());
    }
}

#[test]
fn a_key_on_a_read_only_mount_of_its_own_is_refused_by_name() {
    if !as_root() {
        return;
    }
    let node = Node::demo();
    let source = node.outside().join("source");
    fs::copy(node.path(KEY), &source).unwrap();
    let bind = ["--bind", source.to_str().unwrap()];
    let Some(mounted) = Mounted::new(&bind, &node.path(KEY)) else {
        return;
    };
    mounted.again("bind,ro");
    let before = exact(&node.root());
    let ran = node.run(&["apply", "--yes"]);
    assert!([1, 3].contains(&ran.code), "{ran:?}");
    assert!(ran.err.contains(KEY), "{ran:?}");
    assert_eq!(exact(&node.root()), before);
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn without_proc_nothing_is_said_of_a_node_that_could_not_be_looked_at() {
    if !as_root() {
        return;
    }
    let node = Node::demo();
    let before = exact(&node.root());
    let without = |arguments: &[&str]| -> Option<Ran> {
        let command = node.command();
        let mut unshared = std::process::Command::new("unshare");
        unshared.args([
            "--mount",
            "sh",
            "-c",
            "umount -l /proc || exit 77; exec \"$@\"",
            "sh",
        ]);
        unshared.arg(command.get_program()).args(command.get_args());
        let ran: Ran = unshared.args(arguments).output().ok()?.into();
        let possible = ran.code != 77 && !ran.err.starts_with("unshare: ");
        if !possible {
            eprintln!("skipped: no mount namespace without /proc: {ran:?}");
        }
        possible.then_some(ran)
    };
    let commands: [&[&str]; 7] = [
        &["scan"],
        &["plan"],
        &["verify"],
        &["apply", "--yes"],
        &["rollback", "--yes"],
        &["recover"],
        &["prune", "--keep", "1"],
    ];
    for arguments in commands {
        let Some(ran) = without(arguments) else {
            return;
        };
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
        assert_eq!(
            ran.err,
            "error: /proc is not mounted here, and no file can be looked at without it\n  \
             nothing was written\nhelp: mount it with: mount -t proc proc /proc\n"
        );
    }
    assert_eq!(exact(&node.root()), before);
    assert!(!node.state().exists());
}
