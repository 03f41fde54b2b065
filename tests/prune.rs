//! `tighten prune`: what it removes, what it never removes, and what stays usable afterwards.

// A test that cannot go on should stop there.
#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use support::Node;
use support::history::History;
use support::many::{end_with, names};

const ROLLED_BACK: &str = r#"{"rolled-back":{"at":"2018-01-01T00:00:00Z","kept":[]}}"#;
const CONFLICT: &str =
    r#"{"conflict":{"at":"2018-01-01T00:00:00Z","paths":["/var/lib/kube-proxy/kubeconfig"]}}"#;
const INCOMPLETE: &str =
    r#"{"rolled-back":{"at":"2018-01-01T00:00:00Z","kept":["/var/lib/kube-proxy/kubeconfig"]}}"#;

#[test]
fn prune_keeps_the_newest_and_the_node_as_it_is() {
    let history = History::of(1200);
    let before = history.node.snapshot();
    let ran = history.prune("10");
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (0, "Pruned: 1,190 transactions, 10 kept.\n", "")
    );
    assert_eq!(names(&history.all), history.ids[1190..]);
    assert_eq!(history.listed(), history.ids[1190..]);
    assert!(history.node.snapshot() == before);
    // There is nothing more to do.
    let ran = history.prune("10");
    assert_eq!(ran.out, "Pruned: 0 transactions, 10 kept.\n");
    assert_eq!(
        history.prune("99999").out,
        "Pruned: 0 transactions, 10 kept.\n"
    );
    assert_eq!(names(&history.all), history.ids[1190..]);
}

#[test]
fn the_document_names_what_was_removed_and_what_stays_and_why() {
    let history = History::of(5);
    end_with(&history.own(4), ROLLED_BACK);
    end_with(&history.own(1), "");
    let (code, document) = history.node.json(&["prune", "--keep", "1"]);
    assert_eq!(code, 0);
    assert_eq!(document["schema"], "tighten.prune/v1");
    assert_eq!(
        document["removed"],
        serde_json::json!([history.ids[0], history.ids[2]])
    );
    assert_eq!(document["kept"], 3);
    assert_eq!(
        document["not_removed"],
        serde_json::json!([
            {
                "id": history.ids[1],
                "reason": "unsettled",
                "detail": "not settled: its backups may be needed",
            },
            {
                "id": history.ids[3],
                "reason": "newest-committed",
                "detail": "the newest that committed: a rollback needs it",
            },
        ])
    );
    assert_eq!(document["error"], serde_json::Value::Null);
    let left: Vec<_> = [1, 3, 4].map(|index| history.ids[index].clone()).into();
    assert_eq!(names(&history.all), left);
}

#[test]
fn the_newest_that_committed_and_all_that_are_not_settled_stay_beyond_what_is_to_be_kept() {
    let history = History::of(9);
    for (index, end) in [(1, CONFLICT), (3, INCOMPLETE), (4, ""), (5, ROLLED_BACK)] {
        end_with(&history.own(index), end);
    }
    let ran = history.prune("0");
    let expected = format!(
        "Pruned: 5 transactions, 4 kept.
Kept although none was to be:
  {}  not settled: its backups may be needed
  {}  some files were not put back: their backups may be needed
  {}  not settled: its backups may be needed
  {}  the newest that committed: a rollback needs it
",
        history.ids[1], history.ids[3], history.ids[4], history.ids[8]
    );
    assert_eq!((ran.code, ran.out, ran.err), (0, expected, String::new()));
    let left: Vec<_> = [1, 3, 4, 8].map(|index| history.ids[index].clone()).into();
    assert_eq!(names(&history.all), left);
}

#[test]
fn a_transaction_that_cannot_be_judged_is_never_removed_and_is_named() {
    let history = History::of(9);
    let journal = |index: usize| history.own(index).join("journal");
    // Its first and last line are sound, and a list of all would show it as committed.
    let text = fs::read_to_string(journal(1)).unwrap();
    fs::write(journal(1), text.replacen("prepared", "prepaired", 1)).unwrap();
    let text = fs::read_to_string(journal(2)).unwrap();
    fs::write(
        journal(2),
        text.replace("tighten-journal-2", "tighten-journal-4"),
    )
    .unwrap();
    fs::write(journal(3), "").unwrap();
    fs::set_permissions(history.own(4), fs::Permissions::from_mode(0o777)).unwrap();
    fs::remove_dir_all(history.own(5)).unwrap();
    symlink(history.node.root(), history.own(5)).unwrap();
    let before = history.node.snapshot();
    let ran = history.prune("1");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.starts_with("Pruned: 3 transactions, 6 kept.\n"),
        "{ran:?}"
    );
    let own = |index: usize| history.own(index).display().to_string();
    for says in [
        format!("{}/journal: is damaged in line ", own(1)),
        format!(
            "{}/journal: has format 4, written by a newer tighten",
            own(2)
        ),
        format!("{}/journal: holds no record", own(3)),
        format!(
            "{}: not used as state directory: others may write to it",
            own(4)
        ),
        format!(
            "{}: not used as state directory: it is not a directory",
            own(5)
        ),
    ] {
        assert!(
            ran.err.contains(&format!("warning: {says}")),
            "{says}: {}",
            ran.err
        );
        assert!(ran.out.contains(&says), "{says}: {}", ran.out);
    }
    assert_eq!(
        ran.err.matches("\n  it was not removed\nhelp: ").count(),
        5,
        "{}",
        ran.err
    );
    let by_hand = format!("when nothing of it is needed, remove {} by hand", own(1));
    assert!(ran.err.contains(&by_hand), "{}", ran.err);
    let left: Vec<_> = [1, 2, 3, 4, 5, 8]
        .map(|index| history.ids[index].clone())
        .into();
    assert_eq!(names(&history.all), left);
    assert!(history.node.snapshot() == before);
}

#[test]
fn what_is_kept_rolls_back_to_the_byte_and_the_next_apply_works() {
    let node = Node::demo();
    let before = node.snapshot();
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    let applied = node.snapshot();
    for _ in 0..4 {
        assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    }
    assert!(node.snapshot() == applied);
    let verify = node.run(&["verify"]);
    let list = node.run(&["history"]).out;
    assert_eq!(list.lines().count(), 5);
    let ran = node.run(&["prune", "--keep", "0"]);
    assert!(
        ran.out.starts_with("Pruned: 4 transactions, 1 kept.\n"),
        "{ran:?}"
    );
    let again = node.run(&["verify"]);
    assert_eq!((again.code, again.out), (verify.code, verify.out));
    let newest = list.lines().next().unwrap();
    assert_eq!(node.run(&["history"]).out, format!("{newest}\n"));
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    assert!(node.snapshot() == before);
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    assert!(node.snapshot() == applied);
}

#[test]
fn wrong_usage_removes_nothing() {
    let history = History::of(3);
    for arguments in [
        &["prune"][..],
        &["prune", "--keep"],
        &["prune", "--keep", "-1"],
        &["prune", "--keep", "some"],
        &["prune", "--keep", "99999999999999999999999"],
        &["prune", "3"],
    ] {
        let ran = history.node.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{ran:?}");
        if arguments.len() == 3 {
            let why = "for '--keep <N>': not a whole number from 0 to ";
            assert!(ran.err.contains(why), "{ran:?}");
        }
    }
    assert_eq!(names(&history.all), history.ids);
}

#[test]
fn without_any_state_there_is_nothing_to_prune_and_nothing_is_made() {
    // No kube-proxy either: prune does not look at the node.
    let node = Node::empty();
    let ran = node.run(&["prune", "--keep", "0"]);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (0, "Pruned: 0 transactions, 0 kept.\n", "")
    );
    assert!(!node.state().exists());
}

#[test]
fn prune_waits_for_no_lock_and_removes_nothing_without_it() {
    let history = History::of(3);
    let path = history.all.with_file_name("lock");
    let lock = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    lock.lock().unwrap();
    let ran = history.prune("0");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains("is held by another tighten: process "),
        "{ran:?}"
    );
    let (code, document) = history.node.json(&["prune", "--keep", "0"]);
    assert_eq!(code, 1);
    assert_eq!(document["removed"], serde_json::json!([]));
    assert_eq!(document["kept"], serde_json::Value::Null);
    assert!(document["error"]["message"].is_string(), "{document:#}");
    assert_eq!(names(&history.all), history.ids);
    lock.unlock().unwrap();
    assert_eq!(history.prune("1").code, 0);
}

#[test]
fn a_directory_that_somebody_made_in_a_transaction_keeps_it_whole() {
    let history = History::of(3);
    let made = history.own(0).join("mine");
    fs::create_dir(&made).unwrap();
    fs::write(made.join("note"), "kept").unwrap();
    let before = names(&history.own(0));
    let ran = history.prune("1");
    assert_eq!(ran.code, 0);
    let says = format!(
        "warning: {}: a directory that tighten did not make\n  it was left alone, and so was what holds it\nhelp: move it away, then prune again\n",
        made.display()
    );
    assert!(ran.err.starts_with(&says), "{ran:?}");
    assert_eq!(names(&history.own(0)), before);
    assert_eq!(fs::read_to_string(made.join("note")).unwrap(), "kept");
    assert_eq!(
        history.listed(),
        [history.ids[0].clone(), history.ids[2].clone()]
    );
    fs::remove_dir_all(made).unwrap();
    assert_eq!(history.prune("1").out, "Pruned: 1 transaction, 1 kept.\n");
}

#[test]
fn a_symlink_in_a_transaction_goes_and_what_it_names_stays() {
    let history = History::of(2);
    let target = history.node.outside().join("precious");
    fs::write(&target, "kept").unwrap();
    symlink(&target, history.own(0).join("pre.0009")).unwrap();
    symlink(history.node.root(), history.own(0).join("pre.0010")).unwrap();
    let before = history.node.snapshot();
    assert_eq!(history.prune("1").out, "Pruned: 1 transaction, 1 kept.\n");
    assert!(!history.own(0).exists());
    assert_eq!(fs::read_to_string(target).unwrap(), "kept");
    assert!(history.node.snapshot() == before);
}
