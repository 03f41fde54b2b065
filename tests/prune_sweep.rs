//! What a prune that was cut off leaves: out of the history, and swept by whatever comes next.

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
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use support::history::History;
use support::many::names;
use support::traced::can_trace;

/// What a prune leaves that is killed after its renames.
fn set_aside(history: &History, index: usize) -> PathBuf {
    let aside = history.all.join(format!("{}.pruned", history.ids[index]));
    fs::rename(history.own(index), &aside).unwrap();
    aside
}

#[test]
fn what_an_interrupted_prune_left_is_not_in_the_history_and_the_next_command_sweeps_it() {
    for (arguments, says) in [
        (
            &["recover"][..],
            "Recovered: 1 transaction that a prune had left is removed.\n",
        ),
        (
            &["apply", "--yes"],
            "Recovered: 1 transaction that a prune had left is removed.\n",
        ),
        (
            &["prune", "--keep", "9"],
            "Recovered: 1 transaction that a prune had left is removed.\n",
        ),
        (
            &["rollback", "--yes"],
            "Recovered: 1 transaction that a prune had left is removed.\n",
        ),
    ] {
        let history = History::of(3);
        let aside = set_aside(&history, 0);
        assert_eq!(history.listed(), history.ids[1..]);
        assert_eq!(history.node.run(&["history", &history.ids[0]]).code, 1);
        let ran = history.node.run(arguments);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(
            format!("{}{}", ran.err, ran.out).matches(says).count(),
            1,
            "{ran:?}"
        );
        assert!(!aside.exists());
        assert_eq!(names(&history.all)[..2], history.ids[1..]);
    }
    let history = History::of(3);
    set_aside(&history, 0);
    set_aside(&history, 1);
    let (code, document) = history.node.json(&["recover"]);
    assert_eq!((code, document["swept"].as_u64()), (0, Some(2)));
}

#[test]
fn a_sweep_removes_only_what_a_prune_can_have_left() {
    let history = History::of(6);
    let kept = history.node.outside().join("elsewhere");
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("precious"), "kept").unwrap();
    let name = |index: usize| history.all.join(format!("{}.pruned", history.ids[index]));
    // Somebody's own: names that a prune never makes.
    for other in [
        "notes.pruned",
        "lost+found",
        &format!("{}.pruned.old", history.ids[0]),
    ] {
        fs::create_dir(history.all.join(other)).unwrap();
    }
    fs::remove_dir_all(history.own(0)).unwrap();
    symlink(&kept, name(0)).unwrap();
    fs::remove_dir_all(history.own(1)).unwrap();
    fs::write(name(1), "a file").unwrap();
    let aside = set_aside(&history, 2);
    fs::create_dir(aside.join("mine")).unwrap();
    let swept = set_aside(&history, 3);
    let before: Vec<String> = names(&history.all)
        .into_iter()
        .filter(|name| history.all.join(name) != swept)
        .collect();
    let inside = names(&aside);
    let ran = history.node.run(&["recover"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.err.matches("warning: ").count(), 3, "{}", ran.err);
    assert!(
        ran.err
            .contains(&format!("{}: not used", name(0).display())),
        "{}",
        ran.err
    );
    assert!(
        ran.err
            .contains(&format!("{}: not used", name(1).display())),
        "{}",
        ran.err
    );
    assert!(
        ran.err
            .contains(&format!("{}/mine: a directory", aside.display())),
        "{}",
        ran.err
    );
    assert_eq!(names(&history.all), before);
    assert_eq!(names(&aside), inside);
    assert_eq!(fs::read_to_string(kept.join("precious")).unwrap(), "kept");
    // An apply is not held up by it; a prune says by its exit code that something is still there.
    let ran = history.node.run(&["rollback", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.err.matches("warning: ").count(), 3, "{}", ran.err);
    let ran = history.prune("1");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.out.starts_with("Pruned: 2 transactions, 1 kept.\n"),
        "{ran:?}"
    );
}

#[test]
fn a_sweep_that_is_killed_at_any_call_is_finished_by_the_next() {
    if !can_trace() {
        return;
    }
    let history = History::of(2);
    let kept = history.node.outside().join("kept");
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
        assert!(copied.unwrap().success());
    };
    set_aside(&history, 0);
    copy(&history.node.state(), &kept);
    let traced = |option: &str| {
        let plain = history.node.command();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o"]);
        strace
            .arg(history.node.outside().join("trace"))
            .args(["-e", option]);
        strace.arg(plain.get_program()).args(plain.get_args());
        let strace = strace.arg("recover").stdin(Stdio::null());
        strace.output().unwrap()
    };
    for name in ["fsync", "openat", "getdents64", "unlinkat", "close"] {
        for count in 1.. {
            fs::remove_dir_all(history.node.state()).unwrap();
            copy(&kept, &history.node.state());
            let killed = traced(&format!("inject={name}:signal=KILL:when={count}"));
            assert_eq!(history.listed(), history.ids[1..], "{name} number {count}");
            let ran = history.node.run(&["recover"]);
            assert_eq!(
                (ran.code, ran.err.as_str()),
                (0, ""),
                "{name} number {count}"
            );
            assert_eq!(
                names(&history.all),
                history.ids[1..],
                "{name} number {count}"
            );
            // It came to its end: there are no more calls of that name.
            if killed.status.success() {
                assert!(count > 1, "{name}");
                break;
            }
        }
    }
}
