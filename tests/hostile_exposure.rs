//! At no instant, between any two system calls, may anybody do more with a file than before or after.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use support::exact::{acl, set_xattr};
use support::mounted::as_root;
use support::places::{CONFIG, DIRECTORY, KEY, KUBECONFIG};
use support::rights::Access;
use support::stepped::stepped;
use support::traced::injected;
use support::{Node, Ran};

const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

type Tree = BTreeMap<String, Access>;

/// Everything that was seen of node and state while a command ran.
struct Seen {
    ran: Ran,
    all: BTreeSet<(String, Access)>,
}

fn watch(node: &Node, arguments: &[&str]) -> Option<Seen> {
    let mut all = BTreeSet::new();
    let ran = stepped(&node.command(), arguments, &mut || {
        all.extend(Access::below(&node.root()));
        all.extend(Access::below(&node.state()));
    })?;
    Some(Seen { ran, all })
}

impl Seen {
    /// Judges what was seen against the trees before and after: state is private, a file beside its
    /// target is like the target, and every other file like itself.
    fn judge(&self, node: &Node, trees: [&Tree; 2], what: &str) {
        let (root, state) = (node.root(), node.state());
        let staged = staged(&state);
        let mut beside = 0;
        for (path, access) in &self.all {
            if Path::new(path).starts_with(&state) {
                let open = if access.mode & 0o170_000 == 0o040_000 {
                    0o700
                } else {
                    0o600
                };
                assert_eq!(
                    (access.mode & 0o7777, access.uid),
                    (open, 0),
                    "{what}: {path}"
                );
                continue;
            }
            let name = path.rsplit('/').next().unwrap();
            let target = if name.starts_with(".tighten-") {
                beside += 1;
                let target = &staged[name.trim_end_matches('r')];
                format!("{}{target}", root.display())
            } else {
                path.clone()
            };
            let (before, after) = (trees[0].get(&target), trees[1].get(&target));
            assert!(
                access.within(&[before, after]),
                "{what}: {path} is for an instant {access:x?}, before {before:x?}, after {after:x?}"
            );
        }
        assert!(beside > 0, "{what}: no staged file was seen");
    }
}

/// Staged names and their targets, from the journals.
fn staged(state: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(state) {
        let entry = entry.unwrap();
        if entry.file_name() != "journal" {
            continue;
        }
        for line in fs::read_to_string(entry.path()).unwrap().lines() {
            // A record without fields is a word.
            let Some(start) = line.find('{') else {
                continue;
            };
            let record: serde_json::Value = serde_json::from_str(&line[start..]).unwrap();
            if let (Some(temp), Some(path)) = (find(&record, "temp"), find(&record, "path")) {
                found.insert(temp, path);
            }
        }
    }
    found
}

fn find(value: &serde_json::Value, key: &str) -> Option<String> {
    match value.get(key) {
        Some(found) => found.as_str().map(String::from),
        None => value
            .as_object()?
            .values()
            .find_map(|inner| find(inner, key)),
    }
}

/// The demo node in several states of carelessness.
fn nodes() -> Vec<(&'static str, Node)> {
    let plain = Node::demo();
    let with_acls = Node::demo();
    for (path, named, group) in [(CONFIG, 6, 0), (KUBECONFIG, 4, 0), (KEY, 4, 0)] {
        let others = u8::try_from(with_acls.mode(path) & 0o7).unwrap();
        set_xattr(
            &with_acls.path(path),
            ACCESS,
            &acl(6, named, group, named, others),
        );
    }
    let inherited = Node::demo();
    set_xattr(&inherited.path(DIRECTORY), DEFAULT, &acl(7, 7, 7, 7, 7));
    inherited.chmod(DIRECTORY, 0o2777);
    chown(inherited.path(DIRECTORY), Some(1000), Some(1000)).unwrap();
    chown(inherited.path(CONFIG), Some(1000), Some(1000)).unwrap();
    inherited.chmod(CONFIG, 0o6640);
    inherited.chmod(KUBECONFIG, 0o4604);
    let narrow = Node::demo();
    chown(narrow.path(CONFIG), Some(0), Some(1000)).unwrap();
    narrow.chmod(CONFIG, 0o420);
    vec![
        ("plain", plain),
        ("with ACLs", with_acls),
        ("inherited", inherited),
        ("narrow", narrow),
    ]
}

#[test]
fn apply_and_rollback_open_no_file_further_for_an_instant() {
    if !as_root() {
        return;
    }
    for (what, node) in nodes() {
        let before = Access::below(&node.root());
        let Some(applied) = watch(&node, &["apply", "--yes"]) else {
            return;
        };
        assert_eq!(applied.ran.code, 0, "{what}: {:?}", applied.ran);
        let after = Access::below(&node.root());
        applied.judge(&node, [&before, &after], what);
        let undone = watch(&node, &["rollback", "--yes"]).unwrap();
        assert_eq!(undone.ran.code, 0, "{what}: {:?}", undone.ran);
        assert_eq!(Access::below(&node.root()), before, "{what}");
        undone.judge(&node, [&after, &before], what);
    }
}

#[test]
fn recovery_opens_no_file_further_for_an_instant() {
    if !as_root() {
        return;
    }
    for (what, node) in nodes() {
        let before = Access::below(&node.root());
        // The new file is the last: everything else is changed, and recovery stages each anew.
        let fault = "renameat2:signal=KILL:when=1";
        if injected(&node, fault, &["apply", "--yes"]).is_none() {
            return;
        }
        let between = Access::below(&node.root());
        let Some(recovered) = watch(&node, &["recover"]) else {
            return;
        };
        assert_eq!(recovered.ran.code, 0, "{what}: {:?}", recovered.ran);
        assert_eq!(Access::below(&node.root()), before, "{what}");
        recovered.judge(&node, [&between, &before], what);
    }
}

#[test]
fn a_forced_rollback_that_brings_back_an_acl_opens_no_file_further_for_an_instant() {
    if !as_root() {
        return;
    }
    for (path, mode) in [(KEY, 0o640), (KUBECONFIG, 0o640)] {
        let node = Node::demo();
        node.chmod(path, mode);
        // The named user reads, the owning group does not.
        if !set_xattr(&node.path(path), ACCESS, &acl(6, 4, 0, 4, 0)) {
            return;
        }
        let before = Access::below(&node.root());
        assert_eq!(node.run(&["apply", "--yes"]).code, 0);
        rustix::fs::removexattr(node.path(path), ACCESS).unwrap();
        let between = Access::below(&node.root());
        let Some(undone) = watch(&node, &["rollback", "--yes", "--force"]) else {
            return;
        };
        assert_eq!(undone.ran.code, 0, "{:?}", undone.ran);
        assert_eq!(Access::below(&node.root()), before);
        undone.judge(&node, [&between, &before], path);
    }
}

#[test]
fn a_forced_rollback_that_takes_an_acl_away_opens_no_file_further_for_an_instant() {
    if !as_root() {
        return;
    }
    let node = Node::demo();
    let before = Access::below(&node.root());
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    // Somebody gave a named user nothing more than what the mask still keeps away.
    if !set_xattr(&node.path(KEY), ACCESS, &acl(6, 7, 0, 0, 0)) {
        return;
    }
    let between = Access::below(&node.root());
    let Some(undone) = watch(&node, &["rollback", "--yes", "--force"]) else {
        return;
    };
    assert_eq!(undone.ran.code, 0, "{:?}", undone.ran);
    assert_eq!(Access::below(&node.root()), before);
    undone.judge(&node, [&between, &before], KEY);
}

#[test]
fn a_saved_plan_is_private_from_its_first_instant() {
    if !as_root() {
        return;
    }
    let node = Node::demo();
    let directory = node.outside().join("plans");
    fs::create_dir(&directory).unwrap();
    if !set_xattr(&directory, DEFAULT, &acl(7, 7, 7, 7, 7)) {
        return;
    }
    let plan = directory.join("plan.json");
    for existing in [false, true] {
        if existing {
            // An older plan with a careless mode is replaced, not opened.
            fs::set_permissions(&plan, std::os::unix::fs::PermissionsExt::from_mode(0o666))
                .unwrap();
        }
        let mut seen = BTreeSet::new();
        let mut own = BTreeMap::new();
        let ran = stepped(
            &node.command(),
            &["plan", "--out", plan.to_str().unwrap()],
            &mut || {
                for (path, access) in Access::below(&directory) {
                    if Path::new(&path) != directory && access.mode & 0o7777 != 0o666 {
                        seen.insert((path.clone(), access.mode & 0o7777, access.uid));
                        own.insert(path, ());
                    }
                }
            },
        );
        let Some(ran) = ran else { return };
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(own.len() > 1, "{own:?}");
        for (path, mode, uid) in seen {
            assert_eq!((mode, uid), (0o600, 0), "{path}");
        }
        assert_eq!(Access::of(&plan).unwrap().mode & 0o7777, 0o600);
    }
}
