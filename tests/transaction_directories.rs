//! Directories that a transaction makes: with what it puts into them, taken away again when they are
//! empty, and kept with what somebody else put there.
#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod transaction_support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tighten::failure::{Exit, Failure};
use tighten::root::NodePath;
use tighten::transaction::{
    Action, Expected, Interrupt, Operation, Resolution, Rollback, Settlement, State, Transaction,
    history, left_as,
};
use transaction_support::*;

const LOGS: &str = "/var/log/kubernetes";
const AUDIT: &str = "/var/log/kubernetes/audit";
const NOTE: &str = "/var/log/kubernetes/audit/note";
const LOG: &str = "/var/log/kubernetes/audit/audit.log";

fn make(mode: u32) -> Action {
    let (uid, gid) = own();
    Action::MakeDirectory { mode, uid, gid }
}

fn new(path: &str, action: Action) -> Operation {
    Operation::new(node_path(path), Expected::absent(), action)
}

/// Two directories, one in the other, a file in the inner one, and a manifest at last.
fn operations(node: &Node) -> Vec<Operation> {
    vec![
        new(LOGS, make(0o755)),
        new(AUDIT, make(0o700)),
        new(NOTE, create("by us\n", 0o600)),
        node.operation(MANIFEST, replace("kind: Pod # new\n", 0o600)),
    ]
}

fn with_logs() -> Node {
    let node = Node::new();
    fs::create_dir(node.host("/var/log")).unwrap();
    set_mode(&node.host("/var/log"), 0o755);
    node
}

fn mode(node: &Node, path: &str) -> u32 {
    fs::metadata(node.host(path)).unwrap().permissions().mode() & 0o7777
}

/// The only transaction's journal, or the newest one's.
fn journal(node: &Node) -> String {
    fs::read_to_string(transactions(&node.state).pop().unwrap().join("journal")).unwrap()
}

fn paths(list: &[NodePath]) -> Vec<&str> {
    list.iter().map(NodePath::as_str).collect()
}

#[test]
fn directories_are_made_and_filled_and_a_rollback_leaves_nothing_of_them() {
    let node = with_logs();
    let before = node.snapshot();
    node.run(operations(&node)).unwrap();
    assert_eq!((mode(&node, LOGS), mode(&node, AUDIT)), (0o755, 0o700));
    assert_eq!(fs::read(node.host(NOTE)).unwrap(), b"by us\n");
    assert_eq!(leftovers(&node.root), Vec::<std::path::PathBuf>::new());
    let after = without_times(node.snapshot());
    assert_eq!(left_as(&node.lock(), &node.root()).unwrap().unwrap().1, []);

    let preview = Rollback::plan(&node.lock(), &node.root(), None, false).unwrap();
    let undone: Vec<&str> = preview
        .operations()
        .iter()
        .map(|one| one.path.as_str())
        .collect();
    assert_eq!(undone, [MANIFEST, NOTE, AUDIT, LOGS]);
    drop(preview);
    node.rollback(None, false).unwrap();
    assert_eq!(node.snapshot(), before);
    node.rollback(None, false).unwrap();
    assert_eq!(without_times(node.snapshot()), after);
    node.rollback(None, false).unwrap();
    assert_eq!(node.snapshot(), before);
}

#[test]
fn a_journal_is_written_in_the_oldest_format_that_can_hold_it() {
    let node = with_logs();
    node.apply().unwrap();
    assert!(
        journal(&node)
            .lines()
            .all(|line| line.starts_with("tighten-journal-1 "))
    );
    node.run(vec![new(LOGS, make(0o755))]).unwrap();
    assert!(
        journal(&node)
            .lines()
            .all(|line| line.starts_with("tighten-journal-2 "))
    );
    node.rollback(None, false).unwrap();
    assert!(
        journal(&node)
            .lines()
            .all(|line| line.starts_with("tighten-journal-2 "))
    );
}

#[test]
fn a_log_that_was_written_meanwhile_stays_with_its_directories_and_blocks_nothing() {
    let node = with_logs();
    let before = node.snapshot();
    node.run(operations(&node)).unwrap();
    fs::write(node.host(LOG), "evidence\n").unwrap();
    // A log in the directory is what it was made for: nothing has drifted.
    assert_eq!(left_as(&node.lock(), &node.root()).unwrap().unwrap().1, []);
    let preview = Rollback::plan(&node.lock(), &node.root(), None, false).unwrap();
    assert_eq!(paths(preview.filled()), [AUDIT, LOGS]);
    drop(preview);
    node.rollback(None, false).unwrap();
    assert_eq!(fs::read(node.host(LOG)).unwrap(), b"evidence\n");
    assert!(!node.host(NOTE).exists());
    assert_eq!(fs::read(node.host(MANIFEST)).unwrap(), b"kind: Pod\n");
    assert_eq!(left_as(&node.lock(), &node.root()).unwrap().unwrap().1, []);
    fs::remove_dir_all(node.host(LOGS)).unwrap();
    assert_eq!(node.snapshot(), before);
}

#[test]
fn a_log_that_appears_in_the_middle_of_a_rollback_stays_and_the_rollback_succeeds() {
    let node = with_logs();
    node.run(operations(&node)).unwrap();
    let (root, state) = (node.root(), node.lock());
    let none = Default::default();
    let interrupt = Interrupt::hold().unwrap();
    let staged = Rollback::plan(&state, &root, None, false)
        .unwrap()
        .begin(&state, &root, &interrupt, "tester".into(), none)
        .unwrap()
        .stage(&mut |_, _| Ok(()))
        .unwrap();
    fs::write(node.host(LOG), "evidence\n").unwrap();
    let committed = staged
        .carry_out()
        .unwrap()
        .verify(&mut || Ok(()))
        .unwrap()
        .commit()
        .unwrap();
    assert_eq!(paths(&committed.filled), [AUDIT, LOGS]);
    assert_eq!(fs::read(node.host(LOG)).unwrap(), b"evidence\n");
    assert_eq!(left_as(&state, &root).unwrap().unwrap().1, []);
}

/// Leaves these operations as a crash right before their commit does.
fn interrupted(node: &Node, operations: Vec<Operation>) {
    let (root, state) = (node.root(), node.lock());
    let interrupt = Interrupt::hold().unwrap();
    let verified = Transaction::begin(&state, &root, &interrupt, description(), operations)
        .unwrap()
        .stage(&mut |_, _| Ok(()))
        .unwrap()
        .carry_out()
        .unwrap()
        .verify(&mut || Ok(()))
        .unwrap();
    drop(verified);
}

fn settled(node: &Node) -> (usize, Vec<String>) {
    let recovered = node.recover(Resolution::Stop).unwrap();
    let [
        (
            _,
            Settlement::PutBack {
                files,
                kept,
                filled,
                ..
            },
        ),
    ] = recovered.settled.as_slice()
    else {
        panic!("{recovered:?}");
    };
    assert_eq!(kept, &[]);
    (
        files.len(),
        filled.iter().map(ToString::to_string).collect(),
    )
}

#[test]
fn recovery_takes_empty_directories_away_and_keeps_those_that_were_filled() {
    let node = with_logs();
    let before = node.snapshot();
    interrupted(&node, operations(&node));
    assert_eq!(settled(&node), (4, vec![]));
    assert_eq!(node.snapshot(), before);

    interrupted(&node, operations(&node));
    fs::write(node.host(LOG), "evidence\n").unwrap();
    assert_eq!(settled(&node), (4, vec![AUDIT.into(), LOGS.into()]));
    assert_eq!(fs::read(node.host(LOG)).unwrap(), b"evidence\n");
    assert_eq!(fs::read(node.host(MANIFEST)).unwrap(), b"kind: Pod\n");
    assert!(!node.host(NOTE).exists());
    let newest = history(&node.lock()).unwrap().next().unwrap().unwrap();
    assert_eq!(newest.state, State::RolledBack);
    node.apply().unwrap();
}

#[test]
fn recovery_removes_only_what_is_like_the_directory_that_was_made() {
    type Change = fn(&Node);
    let changes: [Change; 4] = [
        |node| set_mode(&node.host(AUDIT), 0o750),
        |node| {
            fs::remove_dir(node.host(AUDIT)).unwrap();
            fs::write(node.host(AUDIT), "a file\n").unwrap();
        },
        |node| {
            fs::remove_dir(node.host(AUDIT)).unwrap();
            std::os::unix::fs::symlink("/etc", node.host(AUDIT)).unwrap();
        },
        |node| fs::create_dir(node.host(LOG)).unwrap(),
    ];
    for change in changes {
        let node = with_logs();
        interrupted(&node, vec![new(LOGS, make(0o755)), new(AUDIT, make(0o700))]);
        change(&node);
        let now = node.snapshot();
        for resolution in [Resolution::Stop, Resolution::Force] {
            let _ = node.recover(resolution).unwrap();
            assert_eq!(node.snapshot(), now);
        }
    }
    // Cut off between mkdir and the last mode, in a directory whose group is inherited.
    let node = with_logs();
    let before = node.snapshot();
    interrupted(&node, vec![new(LOGS, make(0o755))]);
    set_mode(&node.host(LOGS), 0o2700);
    assert_eq!(settled(&node), (1, vec![]));
    assert_eq!(node.snapshot(), before);
}

#[test]
fn a_directory_that_was_removed_by_an_interrupted_rollback_is_there_again() {
    let node = with_logs();
    node.run(operations(&node)).unwrap();
    let after = node.snapshot();
    {
        let (root, state) = (node.root(), node.lock());
        let none = Default::default();
        let interrupt = Interrupt::hold().unwrap();
        let carried_out = Rollback::plan(&state, &root, None, false)
            .unwrap()
            .begin(&state, &root, &interrupt, "tester".into(), none)
            .unwrap()
            .stage(&mut |_, _| Ok(()))
            .unwrap()
            .carry_out()
            .unwrap();
        drop(carried_out);
        assert!(!node.host(LOGS).exists());
    }
    node.recover(Resolution::Stop).unwrap();
    assert_eq!(node.snapshot(), after);
}

#[test]
fn a_failure_takes_the_directories_away_and_says_which_stay() {
    let node = with_logs();
    let before = node.snapshot();
    let fail = |fill: bool| -> Failure {
        let (root, state) = (node.root(), node.lock());
        let interrupt = Interrupt::hold().unwrap();
        Transaction::begin(&state, &root, &interrupt, description(), operations(&node))
            .unwrap()
            .stage(&mut |_, _| Ok(()))
            .unwrap()
            .carry_out()
            .unwrap()
            .verify(&mut || {
                if fill {
                    fs::write(node.host(LOG), "evidence\n").unwrap();
                }
                Err("not healthy".into())
            })
            .unwrap_err()
    };
    let failure = fail(false);
    assert_eq!(failure.exit, Exit::PutBack);
    assert_eq!(failure.state.as_deref(), Some("everything was put back"));
    assert_eq!(node.snapshot(), before);
    let failure = fail(true);
    assert_eq!(failure.exit, Exit::PutBack);
    assert_eq!(
        failure.state.as_deref(),
        Some(
            "everything was put back; /var/log/kubernetes/audit and /var/log/kubernetes stay, with what lies there now"
        )
    );
    assert_eq!(fs::read(node.host(LOG)).unwrap(), b"evidence\n");
}

#[test]
fn what_cannot_be_made_safely_is_refused_before_anything_is_written() {
    let node = with_logs();
    let before = node.snapshot();
    let refused = |operations: Vec<Operation>, why: &str| {
        let failure = node.run(operations).unwrap_err();
        assert_eq!(failure.exit, Exit::Refused, "{failure}");
        assert!(failure.message.contains(why), "{failure}");
        assert_eq!(node.snapshot(), before);
    };
    refused(
        vec![new(AUDIT, make(0o700))],
        "the directory that should hold it does not exist",
    );
    // The one that makes it comes too late.
    refused(
        vec![new(AUDIT, make(0o700)), new(LOGS, make(0o755))],
        "the directory that should hold it does not exist",
    );
    refused(
        vec![new("/var/log", make(0o755))],
        "changed since the plan was made: existence (it exists now)",
    );
    refused(
        vec![new(LOGS, make(0o777)), new(AUDIT, make(0o700))],
        "does not exist",
    );
    refused(
        vec![
            new(LOGS, make(0o755)),
            Operation::new(
                node_path(MANIFEST),
                Expected::absent(),
                Action::RemoveDirectory,
            ),
        ],
        "existence (it exists now)",
    );
}

#[test]
fn contents_for_a_new_directory_are_judged_before_it_is_made() {
    let node = with_logs();
    let before = node.snapshot();
    let (root, state) = (node.root(), node.lock());
    let interrupt = Interrupt::hold().unwrap();
    let failure = Transaction::begin(&state, &root, &interrupt, description(), operations(&node))
        .unwrap()
        .stage(&mut |path, bytes| {
            assert!(!node.host(LOGS).exists());
            match path.as_str() == NOTE && bytes == b"by us\n" {
                true => Err("no".into()),
                false => Ok(()),
            }
        })
        .unwrap_err();
    assert!(
        failure.message.contains("the new contents are not right"),
        "{failure}"
    );
    assert_eq!(node.snapshot(), before);
}

#[test]
fn a_new_directory_inherits_neither_group_nor_acl() {
    let node = with_logs();
    let above = node.host("/var/log");
    set_mode(&above, 0o2755);
    set_xattr(&above, "system.posix_acl_default", &acl(7, 7, 5, 7, 5));
    node.run(vec![new(LOGS, make(0o750)), new(AUDIT, make(0o700))])
        .unwrap();
    assert_eq!((mode(&node, LOGS), mode(&node, AUDIT)), (0o750, 0o700));
    assert!(
        xattrs(&node.host(LOGS)).is_empty(),
        "{:?}",
        xattrs(&node.host(LOGS))
    );
    node.rollback(None, false).unwrap();
    assert!(!node.host(LOGS).exists());
}
