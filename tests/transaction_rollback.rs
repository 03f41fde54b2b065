//! Rollback brings everything back, and nothing that somebody else wrote is lost; recovery too.
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
use std::path::Path;

use tighten::failure::Exit;
use tighten::transaction::{
    Interrupt, Resolution, Rollback, Settlement, State, Transaction, history, left_as,
};
use transaction_support::*;

#[test]
fn rollback_brings_back_bytes_metadata_and_times() {
    let node = Node::new();
    let before = node.snapshot();
    let applied = node.apply().unwrap();
    let preview = Rollback::plan(&node.lock(), &node.root(), None, false).unwrap();
    assert_eq!(preview.of(), &applied.id);
    let paths: Vec<&str> = preview
        .operations()
        .iter()
        .map(|one| one.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            MANIFEST, CONFIG, PROXY, POLICY, ADMIN, KUBECONFIG, DIRECTORY
        ]
    );
    node.rollback(None, false).unwrap();
    assert_eq!(node.snapshot(), before);
}

#[test]
fn a_rollback_can_be_rolled_back_and_that_again() {
    let node = Node::new();
    let before = node.snapshot();
    node.apply().unwrap();
    let after = node.snapshot();
    node.rollback(None, false).unwrap();
    node.rollback(None, false).unwrap();
    assert_eq!(node.snapshot(), after);
    node.rollback(None, false).unwrap();
    assert_eq!(node.snapshot(), before);
}

#[test]
fn refuses_on_drift_naming_each_file_unless_forced_and_then_backs_up() {
    let node = Node::new();
    let before = node.snapshot();
    node.apply().unwrap();
    fs::write(node.host(PROXY), "theirs\n").unwrap();
    set_mode(&node.host(ADMIN), 0o640);
    fs::remove_file(node.host(POLICY)).unwrap();
    let changed = node.snapshot();
    let failure = node.rollback(None, false).unwrap_err();
    assert_eq!(failure.exit, Exit::Refused);
    for part in [
        "/etc/kubernetes/proxy.yaml: content",
        "/etc/kubernetes/admin.conf: mode (0640 instead of 0600)",
    ] {
        assert!(failure.message.contains(part), "{failure}");
    }
    assert_eq!(node.snapshot(), changed);
    let drift = left_as(&node.lock(), &node.root()).unwrap().unwrap().1;
    assert_eq!(drift.len(), 3);

    node.rollback(None, true).unwrap();
    assert_eq!(node.snapshot(), before);
    let newest = transactions(&node.state).pop().unwrap();
    let kept: Vec<Vec<u8>> = fs::read_dir(newest)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("pre.")
        })
        .map(|path| fs::read(path).unwrap())
        .collect();
    assert!(kept.contains(&b"theirs\n".to_vec()));
}

#[test]
fn only_a_committed_transaction_can_be_rolled_back() {
    let node = Node::new();
    assert!(
        node.rollback(None, false)
            .unwrap_err()
            .message
            .starts_with("there is no committed")
    );
    apply_with(&node.root, &node.state, &mut || Err("no".into())).unwrap_err();
    let id = node
        .transaction()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_string();
    assert!(
        node.rollback(Some(&id), false)
            .unwrap_err()
            .message
            .ends_with("did not commit")
    );
}

/// Leaves a transaction as a crash right before its commit does.
fn interrupted(node: &Node) {
    let (root, state) = (node.root(), node.lock());
    let interrupt = Interrupt::hold().unwrap();
    let verified = Transaction::begin(&state, &root, &interrupt, description(), seven(&root))
        .unwrap()
        .stage(&mut |_, _| Ok(()))
        .unwrap()
        .carry_out()
        .unwrap()
        .verify(&mut || Ok(()))
        .unwrap();
    drop(verified);
}

#[test]
fn recovery_puts_an_interrupted_transaction_back_and_can_be_repeated() {
    let node = Node::new();
    let before = node.snapshot();
    interrupted(&node);
    let state = node.lock();
    let standing = history(&state).unwrap().next().unwrap().unwrap().state;
    assert_eq!(standing, State::Interrupted);
    drop(state);
    let recovered = node.recover(Resolution::Stop).unwrap();
    let [(_, Settlement::PutBack { files, kept, .. })] = recovered.settled.as_slice() else {
        panic!("{recovered:?}");
    };
    assert_eq!((files.len(), kept.len()), (7, 0));
    assert_eq!(node.snapshot(), before);
    assert_eq!(node.recover(Resolution::Stop).unwrap().settled, []);
}

#[test]
fn a_torn_last_line_is_ignored() {
    let node = Node::new();
    let before = node.snapshot();
    interrupted(&node);
    let journal = node.transaction().join("journal");
    let mut text = fs::read(&journal).unwrap();
    text.extend(b"tighten-journal-1 10 00ff {\"commi");
    fs::write(&journal, text).unwrap();
    node.recover(Resolution::Stop).unwrap();
    assert_eq!(node.snapshot(), before);
    let text = fs::read_to_string(&journal).unwrap();
    assert!(!text.contains("\"commi") && text.contains("rolled-back"));
}

#[test]
fn a_transaction_that_never_got_ready_is_taken_away() {
    let node = Node::new();
    let before = node.snapshot();
    // As a crash leaves it that comes while the journal is written: no `active` yet.
    node.apply().unwrap();
    let key = node.transaction().parent().unwrap().to_path_buf();
    node.rollback(None, false).unwrap();
    let late = key.join("30000101T000000.000000Z-000000");
    fs::create_dir(&late).unwrap();
    fs::write(late.join("pre.0000"), "backup").unwrap();
    fs::write(late.join("journal"), "tighten-journal-1 1 00").unwrap();
    let recovered = node.recover(Resolution::Stop).unwrap();
    assert!(matches!(
        recovered.settled.as_slice(),
        [(_, Settlement::Discarded)]
    ));
    assert!(!late.exists());
    assert_eq!(node.snapshot(), before);
}

#[test]
fn an_open_transaction_whose_journal_was_lost_keeps_its_backups_and_stops_every_change() {
    type Loss = fn(&Path);
    let losses: [Loss; 3] = [
        |journal| fs::remove_file(journal).unwrap(),
        |journal| fs::write(journal, "").unwrap(),
        |journal| {
            let text = fs::read_to_string(journal).unwrap();
            fs::write(journal, text.lines().next().unwrap().to_string() + "\n").unwrap();
        },
    ];
    for lose in losses {
        let node = Node::new();
        interrupted(&node);
        let now = node.snapshot();
        lose(&node.transaction().join("journal"));
        for resolution in [
            Resolution::Stop,
            Resolution::Force,
            Resolution::AcceptCurrent,
        ] {
            let failure = node.recover(resolution).unwrap_err();
            assert_eq!(failure.exit, Exit::Incomplete);
            assert!(failure.help.unwrap().contains("by hand"));
        }
        assert_eq!(node.apply().unwrap_err().exit, Exit::Incomplete);
        assert_eq!(node.snapshot(), now);
        assert!(node.transaction().join("pre.0004").exists());
    }
}

fn conflict() -> (Node, Snapshot) {
    let node = Node::new();
    let before = node.snapshot();
    interrupted(&node);
    fs::write(node.host(PROXY), "theirs\n").unwrap();
    (node, before)
}

#[test]
fn a_file_that_somebody_changed_meanwhile_is_left_and_everything_else_put_back() {
    let (node, before) = conflict();
    let failure = node.recover(Resolution::Stop).unwrap_err();
    assert_eq!(failure.exit, Exit::Incomplete);
    let list = failure.state.clone().unwrap();
    let transaction = node.transaction();
    assert!(
        list.contains(&format!("{PROXY}: somebody else changed it")),
        "{failure}"
    );
    assert!(
        list.contains(transaction.join("pre.0004").to_str().unwrap()),
        "{failure}"
    );
    assert_eq!(
        fs::read(transaction.join("kept.0004.0")).unwrap(),
        b"theirs\n"
    );
    let mut now = node.snapshot();
    assert_eq!(
        now.remove("etc/kubernetes/proxy.yaml")
            .unwrap()
            .bytes
            .unwrap(),
        b"theirs\n"
    );
    let mut expected = before;
    expected.remove("etc/kubernetes/proxy.yaml");
    assert_eq!(now, expected);

    // Nothing starts before it is decided.
    assert_eq!(node.apply().unwrap_err().exit, Exit::Incomplete);
    assert_eq!(
        node.rollback(None, true).unwrap_err().exit,
        Exit::Incomplete
    );
    let (state, root) = (node.lock(), node.root());
    let interrupt = Interrupt::hold().unwrap();
    let refused = Transaction::begin(&state, &root, &interrupt, description(), seven(&root));
    assert_eq!(
        refused.unwrap_err().message,
        "an earlier transaction is not settled"
    );
    assert_eq!(
        history(&state).unwrap().next().unwrap().unwrap().state,
        State::Incomplete
    );
}

#[test]
fn force_puts_the_backup_over_the_conflict() {
    let (node, before) = conflict();
    node.recover(Resolution::Stop).unwrap_err();
    node.recover(Resolution::Force).unwrap();
    assert_eq!(node.snapshot(), before);
    assert_eq!(
        fs::read(node.transaction().join("kept.0004.0")).unwrap(),
        b"theirs\n"
    );
    node.apply().unwrap();
}

#[test]
fn accept_current_keeps_what_is_there() {
    let (node, _) = conflict();
    let recovered = node.recover(Resolution::AcceptCurrent).unwrap();
    let [(_, Settlement::PutBack { kept, .. })] = recovered.settled.as_slice() else {
        panic!("{recovered:?}");
    };
    assert_eq!(kept.as_slice(), [node_path(PROXY)]);
    assert_eq!(fs::read(node.host(PROXY)).unwrap(), b"theirs\n");
    assert_eq!(
        history(&node.lock())
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .state,
        State::Incomplete
    );
    node.apply().unwrap();
}

#[test]
fn a_directory_in_the_place_of_a_file_is_a_conflict_that_force_does_not_remove() {
    let node = Node::new();
    interrupted(&node);
    fs::remove_file(node.host(PROXY)).unwrap();
    fs::create_dir(node.host(PROXY)).unwrap();
    assert_eq!(
        node.recover(Resolution::Force).unwrap_err().exit,
        Exit::Incomplete
    );
    assert!(node.host(PROXY).is_dir());
    node.recover(Resolution::AcceptCurrent).unwrap();
}
