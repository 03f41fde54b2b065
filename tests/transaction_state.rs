//! The state directory and its journals: forged, damaged, torn, held, listed.
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
use std::os::unix::fs::{MetadataExt, symlink};

use tighten::failure::Exit;
use tighten::root::Root;
use tighten::transaction::{Resolution, State, StateDir, history, left_as, show};
use transaction_support::*;

#[test]
fn the_state_is_private_and_apart_for_each_root() {
    let node = Node::new();
    let other = Node::new();
    let state = node.lock();
    drop(StateDir::open(&node.state, &other.root()).unwrap());
    assert_eq!(fs::read_dir(node.state.join("roots")).unwrap().count(), 2);
    assert!(
        state
            .path()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .contains("-root-")
    );
    for entry in walkdir::WalkDir::new(&node.state) {
        let entry = entry.unwrap();
        let expected = if entry.file_type().is_dir() {
            0o700
        } else {
            0o600
        };
        assert_eq!(
            entry.metadata().unwrap().mode() & 0o7777,
            expected,
            "{:?}",
            entry.path()
        );
    }
}

#[test]
fn reading_commands_create_nothing() {
    let node = Node::new();
    assert!(
        StateDir::open_existing(&node.state, &node.root())
            .unwrap()
            .is_none()
    );
    assert!(!node.state.exists());
}

#[test]
fn a_forged_state_directory_is_refused() {
    let node = Node::new();
    let open = || StateDir::open(&node.state, &node.root()).map(drop);
    fs::create_dir(&node.state).unwrap();
    set_mode(&node.state, 0o770);
    let failure = open().unwrap_err();
    assert_eq!(failure.exit, Exit::Refused);
    assert!(
        failure
            .message
            .ends_with("others may write to it (mode 0770)"),
        "{failure}"
    );
    fs::remove_dir(&node.state).unwrap();

    let real = node._directory.path().join("real");
    fs::create_dir(&real).unwrap();
    symlink(&real, &node.state).unwrap();
    assert!(
        open()
            .unwrap_err()
            .message
            .contains("a symlink is not followed here")
    );
    assert_eq!(fs::read_dir(&real).unwrap().count(), 0);
    fs::remove_file(&node.state).unwrap();

    if is_root() {
        fs::create_dir(&node.state).unwrap();
        set_mode(&node.state, 0o700);
        std::os::unix::fs::chown(&node.state, Some(1000), Some(1000)).unwrap();
        let failure = open().unwrap_err();
        assert!(
            failure
                .message
                .ends_with("it belongs to user 1000, and this is user 0"),
            "{failure}"
        );
    }
}

#[test]
fn state_inside_the_root_is_refused() {
    let node = Node::new();
    let failure = StateDir::open(&node.root.join("var/lib/tighten"), &node.root()).unwrap_err();
    assert!(
        failure
            .message
            .ends_with("it lies inside the root that it belongs to"),
        "{failure}"
    );
}

#[test]
fn the_loser_of_the_lock_learns_who_holds_it() {
    let node = Node::new();
    let held = node.lock();
    let second = StateDir::open(&node.state, &node.root()).unwrap();
    let failure = second.lock().unwrap_err();
    assert_eq!(failure.exit, Exit::Refused);
    assert!(
        failure
            .message
            .contains(&format!("process {} since 2", std::process::id())),
        "{failure}"
    );
    drop(held);
    drop(node.lock());
}

#[test]
fn history_is_newest_first_and_finds_by_a_unique_beginning() {
    let node = Node::new();
    let first = node.apply().unwrap().id;
    let second = node.rollback(None, false).unwrap().id;
    apply_with(&node.root, &node.state, &mut || Err("no".into())).unwrap_err();
    let state = node.lock();
    let all: Vec<_> = history(&state).unwrap().map(Result::unwrap).collect();
    let states: Vec<State> = all.iter().map(|one| one.state).collect();
    assert_eq!(
        states,
        [State::RolledBack, State::Committed, State::Committed]
    );
    assert_eq!((&all[1].id, &all[2].id), (&second, &first));
    assert_eq!((all[1].kind, all[2].kind), ("rollback", "apply"));
    assert_eq!(all[1].rollback_of.as_ref(), Some(&first));
    assert_eq!((all[2].files, all[2].changes), (7, 1));
    assert!(
        all.iter()
            .all(|one| one.finished_at.as_ref().unwrap() > &one.started_at)
    );
    assert!(first < second);

    let details = show(&state, first.as_str()).unwrap();
    assert_eq!(details.files.len(), 7);
    assert_eq!(details.changes, description().changes);
    assert_eq!(
        show(&state, second.as_str()).unwrap().changes[0].summary,
        "undo: mode 0644 -> 0600"
    );
    assert!(
        show(&state, "20")
            .unwrap_err()
            .message
            .starts_with("more than one")
    );
    assert!(
        show(&state, "1999")
            .unwrap_err()
            .message
            .starts_with("there is no")
    );
}

/// Changes one byte of a journal's line, the last but `from_end`.
fn damage(journal: &std::path::Path, from_end: usize) {
    let mut lines: Vec<String> = fs::read_to_string(journal)
        .unwrap()
        .split_inclusive('\n')
        .map(String::from)
        .collect();
    let index = lines.len() - 1 - from_end;
    let middle = lines[index].len() - 10;
    let byte = if &lines[index][middle..=middle] == "a" {
        "b"
    } else {
        "a"
    };
    lines[index].replace_range(middle..=middle, byte);
    fs::write(journal, lines.concat()).unwrap();
}

#[test]
fn a_journal_with_a_bad_earlier_line_stops_every_change() {
    let node = Node::new();
    node.apply().unwrap();
    let before = node.snapshot();
    damage(&node.transaction().join("journal"), 3);
    for failure in [
        node.recover(Resolution::Stop).unwrap_err(),
        node.rollback(None, false).unwrap_err(),
        node.rollback(None, true).unwrap_err(),
        node.apply().unwrap_err(),
        left_as(&node.lock(), &node.root()).unwrap_err(),
    ] {
        assert_eq!(failure.exit, Exit::Refused);
        assert!(
            failure
                .message
                .contains("is damaged in line 7: its hash does not match"),
            "{failure}"
        );
        assert!(failure.help.unwrap().contains("by hand"));
    }
    assert_eq!(node.snapshot(), before);
}

#[test]
fn a_settled_journal_that_lost_its_end_is_damage_and_not_an_interruption() {
    let node = Node::new();
    node.apply().unwrap();
    let after = node.snapshot();
    damage(&node.transaction().join("journal"), 0);
    let failure = node.apply().unwrap_err();
    assert!(failure.message.contains("its end is missing"), "{failure}");
    assert_eq!(node.snapshot(), after);
}

#[test]
fn a_journal_of_a_newer_format_is_refused_by_its_number() {
    let node = Node::new();
    node.apply().unwrap();
    let journal = node.transaction().join("journal");
    let newer = fs::read_to_string(&journal)
        .unwrap()
        .replace("tighten-journal-1 ", "tighten-journal-4 ");
    fs::write(&journal, newer).unwrap();
    let failure = node.rollback(None, false).unwrap_err();
    assert!(
        failure
            .message
            .ends_with("has format 4, written by a newer tighten; this one reads up to 3"),
        "{failure}"
    );
}

#[test]
fn a_journal_of_another_tree_is_refused() {
    let node = Node::new();
    node.apply().unwrap();
    let other = Node::new();
    drop(other.lock());
    let key = |node: &Node| {
        fs::read_dir(node.state.join("roots"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path()
    };
    let target = key(&other)
        .join("tx")
        .join(node.transaction().file_name().unwrap());
    fs::rename(node.transaction(), target).unwrap();
    let failure = other.rollback(None, false).unwrap_err();
    assert!(
        failure.message.contains("changed another tree"),
        "{failure}"
    );
}

#[test]
fn a_backup_that_was_damaged_is_not_put_back() {
    let node = Node::new();
    node.apply().unwrap();
    let before = node.snapshot();
    fs::write(node.transaction().join("pre.0005"), "rubbish").unwrap();
    let failure = node.rollback(None, false).unwrap_err();
    assert!(
        failure.message.ends_with("pre.0005: the backup is damaged"),
        "{failure}"
    );
    assert_eq!(node.snapshot(), before);
}

#[test]
fn a_stale_lock_of_a_dead_process_does_not_block() {
    let node = Node::new();
    drop(node.lock());
    let root: Root = node.root();
    let lock = StateDir::open(&node.state, &root)
        .unwrap()
        .path()
        .join("lock");
    fs::write(&lock, "process 1 since 2020-01-01T00:00:00Z\n").unwrap();
    node.apply().unwrap();
}
