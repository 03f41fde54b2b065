//! A journal of today's format, kept as bytes, rolls back for ever.
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

use tighten::transaction::Rollback;
use transaction_support::*;

/// The journal format of today. The bytes under tests/fixtures/journal-v1 stay as they are for
/// ever; `TIGHTEN_WRITE_FIXTURE=/mnt/node` wrote them once.
#[test]
fn a_journal_of_format_1_rolls_back_for_ever() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-v1");
    if !is_root() {
        println!("skipped: the fixture's files belong to root");
        return;
    }
    if let Some(root) = std::env::var_os("TIGHTEN_WRITE_FIXTURE") {
        write_fixture(&fixture, Path::new(&root));
    }
    let node = Node {
        root: Path::new(env!("CARGO_TARGET_TMPDIR")).join("journal-v1/root"),
        state: Path::new(env!("CARGO_TARGET_TMPDIR")).join("journal-v1/state"),
        _directory: tempfile::tempdir().unwrap(),
    };
    let _ = fs::remove_dir_all(node.root.parent().unwrap());
    lay_out_fixture(&node.root);
    let before = without_times(node.snapshot());
    let committed = fixture_after(&node);
    drop(node.lock());
    let key = fs::read_dir(node.state.join("roots"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let name = copy_transaction(&fixture.join("tx"), &key.join("tx"));

    // The kept journal speaks of the tree that it was written for: only force takes a copy.
    assert!(
        node.rollback(None, false)
            .unwrap_err()
            .message
            .contains("changed another tree")
    );
    let preview = Rollback::plan(&node.lock(), &node.root(), Some(&name), true).unwrap();
    assert_eq!(preview.drift(), []);
    assert_eq!(preview.operations().len(), committed);
    node.rollback(Some(&name), true).unwrap();
    assert_eq!(without_times(node.snapshot()), before);
}

fn lay_out_fixture(root: &Path) {
    put(
        root,
        "/etc/kubernetes/proxy.yaml",
        b"bindAddress: 0.0.0.0\n",
        0o644,
        (0, 0),
    );
    put(
        root,
        "/etc/kubernetes/admin.conf",
        b"apiVersion: v1\n",
        0o644,
        (0, 0),
    );
    set_mode(&root.join("etc/kubernetes"), 0o775);
    for directory in ["", "etc"] {
        set_mode(&root.join(directory), 0o755);
    }
}

/// Makes the tree what the kept transaction made it, without the tool.
fn fixture_after(node: &Node) -> usize {
    set_mode(&node.host("/etc/kubernetes"), 0o755);
    set_mode(&node.host(ADMIN), 0o600);
    put(&node.root, POLICY, b"kind: Policy\n", 0o600, (0, 0));
    put(
        &node.root,
        PROXY,
        b"bindAddress: \"10.0.0.10\"\n",
        0o600,
        (0, 0),
    );
    4
}

/// The root's path stays in the journal, so it is one that could be a node's anywhere.
fn write_fixture(fixture: &Path, root: &Path) {
    let mut node = Node::new();
    node.root = root.into();
    lay_out_fixture(root);
    node.run(vec![
        node.operation("/etc/kubernetes", set_meta(0o755)),
        node.operation(ADMIN, set_meta(0o600)),
        node.operation(POLICY, create("kind: Policy\n", 0o600)),
        node.operation(PROXY, replace("bindAddress: \"10.0.0.10\"\n", 0o600)),
    ])
    .unwrap();
    let _ = fs::remove_dir_all(fixture);
    fs::create_dir_all(fixture.join("tx")).unwrap();
    copy_transaction(node.transaction().parent().unwrap(), &fixture.join("tx"));
}

/// Copies the one transaction in a directory, as private as the tool makes it, and gives its name.
fn copy_transaction(from: &Path, to: &Path) -> String {
    let source = fs::read_dir(from).unwrap().next().unwrap().unwrap().path();
    let name = source.file_name().unwrap().to_str().unwrap().to_string();
    let target = to.join(&name);
    fs::create_dir(&target).unwrap();
    set_mode(&target, 0o700);
    for entry in fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        let copy = target.join(entry.file_name());
        fs::write(&copy, fs::read(entry.path()).unwrap()).unwrap();
        set_mode(&copy, 0o600);
    }
    name
}
