//! What an apply leaves: exact bytes and metadata when it works, exactly the old ones when not.
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
use std::os::unix::fs::MetadataExt;

use tighten::failure::Exit;
use tighten::transaction::{Interrupt, Transaction, left_as};
use transaction_support::*;

#[test]
fn applies_seven_changes_and_leaves_nothing_else_different() {
    let node = Node::new();
    let before = without_times(node.snapshot());
    let committed = node.apply().unwrap();
    assert_eq!(committed.files.len(), 7);
    let after = without_times(node.snapshot());
    let changed: Vec<&str> = after
        .iter()
        .filter(|(path, entry)| before.get(*path) != Some(entry))
        .map(|(path, _)| path.as_str())
        .collect();
    let mut expected: Vec<&str> = [
        DIRECTORY, KUBECONFIG, CONFIG, ADMIN, POLICY, PROXY, MANIFEST,
    ]
    .iter()
    .map(|path| path.trim_start_matches('/'))
    .collect();
    expected.sort_unstable();
    assert_eq!(changed, expected);
    assert_eq!(
        fs::read(node.host(PROXY)).unwrap(),
        b"bindAddress: \"10.0.0.10\"\r\n"
    );
    let kubeconfig = fs::metadata(node.host(KUBECONFIG)).unwrap();
    assert_eq!(
        (
            kubeconfig.mode() & 0o7777,
            kubeconfig.uid(),
            kubeconfig.gid()
        ),
        (0o600, own().0, own().1)
    );
    assert!(leftovers(&node.root).is_empty());
    assert!(!node.lock().path().join("active").exists());
    let state = node.lock();
    assert_eq!(left_as(&state, &node.root()).unwrap().unwrap().1, []);
}

#[test]
fn an_edit_keeps_attributes_and_acl_and_the_acl_does_not_widen_the_new_mode() {
    let node = Node::new();
    node.apply().unwrap();
    let config = node.host(CONFIG);
    assert_eq!(fs::metadata(&config).unwrap().mode() & 0o7777, 0o600);
    let now = xattrs(&config);
    assert_eq!(now["user.note"], b"kept");
    assert_eq!(now["system.posix_acl_access"], acl(6, 4, 4, 0, 0));
}

#[test]
fn a_new_file_takes_no_acl_from_its_directory() {
    let node = Node::new();
    let directory = node.host("/etc/kubernetes");
    set_xattr(&directory, "system.posix_acl_default", &acl(7, 7, 5, 7, 0));
    node.run(vec![
        node.operation(POLICY, create("kind: Policy\n", 0o640)),
    ])
    .unwrap();
    let policy = node.host(POLICY);
    assert_eq!(xattrs(&policy), Default::default());
    assert_eq!(fs::metadata(policy).unwrap().mode() & 0o7777, 0o640);
}

#[test]
fn a_failed_verification_puts_everything_back_to_the_nanosecond() {
    let node = Node::new();
    let before = node.snapshot();
    let failure = apply_with(&node.root, &node.state, &mut || {
        Err("kube-proxy is down".into())
    })
    .unwrap_err();
    assert_eq!(
        failure.to_string(),
        "error: the changes did not have their effect: kube-proxy is down\n  everything was put back\n\
         help: look for checks that contradict each other, and for what else writes these files; --skip leaves a check out"
    );
    assert_eq!(failure.exit, Exit::PutBack);
    assert_eq!(node.snapshot(), before);
    node.apply().unwrap();
}

#[test]
fn a_staged_file_that_is_not_right_stops_everything() {
    let node = Node::new();
    let before = node.snapshot();
    let (root, state) = (node.root(), node.lock());
    let interrupt = Interrupt::hold().unwrap();
    let failure = Transaction::begin(&state, &root, &interrupt, description(), seven(&root))
        .unwrap()
        .stage(&mut |path, bytes| {
            if path.as_str() == MANIFEST {
                assert_eq!(bytes, b"kind: Pod # new\n");
                return Err("no containers".into());
            }
            Ok(())
        })
        .unwrap_err();
    assert_eq!(failure.exit, Exit::PutBack);
    assert_eq!(
        failure.message,
        format!("{MANIFEST}: the new contents are not right: no containers")
    );
    assert_eq!(node.snapshot(), before);
}

#[test]
fn a_signal_at_any_step_puts_everything_back() {
    use nix::sys::signal::{Signal, raise};
    for step in ["begun", "staged", "carried-out", "verified"] {
        let node = Node::new();
        let before = node.snapshot();
        let (root, state) = (node.root(), node.lock());
        let interrupt = Interrupt::hold().unwrap();
        let now = |at: &str| {
            if at == step {
                raise(Signal::SIGTERM).unwrap();
            }
        };
        let prepared =
            Transaction::begin(&state, &root, &interrupt, description(), seven(&root)).unwrap();
        now("begun");
        let failure = prepared
            .stage(&mut |_, _| Ok(()))
            .and_then(|staged| {
                now("staged");
                staged.carry_out()
            })
            .and_then(|carried_out| {
                now("carried-out");
                carried_out.verify(&mut || Ok(()))
            })
            .and_then(|verified| {
                now("verified");
                verified.commit()
            })
            .unwrap_err();
        assert_eq!(failure.message, "stopped by SIGTERM", "{step}");
        assert_eq!(failure.exit, Exit::PutBack);
        assert_eq!(node.snapshot(), before, "{step}");
    }
}

#[test]
fn a_change_made_during_the_transaction_is_not_overwritten() {
    let node = Node::new();
    let before = node.snapshot();
    let (root, state) = (node.root(), node.lock());
    let interrupt = Interrupt::hold().unwrap();
    let staged = Transaction::begin(&state, &root, &interrupt, description(), seven(&root))
        .unwrap()
        .stage(&mut |_, _| Ok(()))
        .unwrap();
    fs::write(node.host(MANIFEST), "kind: Pod # theirs\n").unwrap();
    let theirs = node.snapshot()["etc/kubernetes/manifests/kube-apiserver.yaml"].clone();
    let failure = staged.carry_out().unwrap_err();
    assert_eq!(
        failure.message,
        format!("{MANIFEST} changed while it was about to be changed")
    );
    // What was ours is put back; this file was never ours, and no conflict waits for a decision.
    assert_eq!(failure.exit, Exit::PutBack);
    let mut expected = before;
    expected.insert(
        "etc/kubernetes/manifests/kube-apiserver.yaml".into(),
        theirs,
    );
    assert_eq!(node.snapshot(), expected);
    assert_eq!(
        fs::read(node.host(MANIFEST)).unwrap(),
        b"kind: Pod # theirs\n"
    );
}

#[test]
fn a_staged_file_that_was_exchanged_is_not_moved_into_place() {
    let node = Node::new();
    let before = node.snapshot();
    let (root, state) = (node.root(), node.lock());
    let interrupt = Interrupt::hold().unwrap();
    let staged = Transaction::begin(&state, &root, &interrupt, description(), seven(&root))
        .unwrap()
        .stage(&mut |_, _| Ok(()))
        .unwrap();
    // As the former owner of the directory could have done before it was tightened.
    let planted = leftovers(&node.host(DIRECTORY)).remove(0);
    fs::remove_file(&planted).unwrap();
    fs::write(&planted, "mode: evil\n").unwrap();
    let failure = staged.carry_out().unwrap_err();
    assert_eq!(failure.exit, Exit::PutBack);
    assert_eq!(
        failure.message,
        format!("{CONFIG}: another file took the place of its successor")
    );
    assert_eq!(node.snapshot(), before);
}

#[test]
fn journal_and_plan_hold_no_contents_and_backups_are_private() {
    let node = Node::new();
    node.apply().unwrap();
    let transaction = node.transaction();
    let mut names = Vec::new();
    for entry in fs::read_dir(&transaction).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o7777, 0o600);
        let name = entry.file_name().into_string().unwrap();
        let bytes = fs::read(entry.path()).unwrap();
        if !name.starts_with("pre.") {
            let text = String::from_utf8(bytes).unwrap();
            assert!(
                !text.contains("secret") && !text.contains("kind: Pod"),
                "{name}"
            );
        }
        names.push(name);
    }
    names.sort_unstable();
    assert_eq!(
        names,
        ["journal", "plan.json", "pre.0004", "pre.0005", "pre.0006"]
    );
    assert_eq!(fs::metadata(&transaction).unwrap().mode() & 0o7777, 0o700);
}

#[test]
fn a_symlink_put_in_place_of_a_target_during_the_transaction_is_not_followed() {
    let node = Node::new();
    let outside = node._directory.path().join("outside");
    fs::write(&outside, "outside\n").unwrap();
    set_mode(&outside, 0o666);
    for path in [ADMIN, PROXY, POLICY] {
        let (root, state) = (node.root(), node.lock());
        let interrupt = Interrupt::hold().unwrap();
        let staged = Transaction::begin(&state, &root, &interrupt, description(), seven(&root))
            .unwrap()
            .stage(&mut |_, _| Ok(()))
            .unwrap();
        let target = node.host(path);
        let kept = fs::read(&target).ok();
        let _ = fs::remove_file(&target);
        std::os::unix::fs::symlink(&outside, &target).unwrap();
        let failure = staged.carry_out().unwrap_err();
        assert!(target.is_symlink(), "{failure}");
        assert_eq!(fs::read(&outside).unwrap(), b"outside\n");
        assert_eq!(fs::metadata(&outside).unwrap().mode() & 0o7777, 0o666);
        assert!(leftovers(&node.root).is_empty());
        assert_eq!(failure.exit, Exit::PutBack, "{failure}");
        fs::remove_file(&target).unwrap();
        if let Some(bytes) = kept {
            fs::write(&target, bytes).unwrap();
            set_mode(&target, 0o640);
        }
    }
}
