//! Everything about a file but its bytes: kept by apply, brought back by rollback.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::time::{Duration, SystemTime};

use support::Node;
use support::exact::{acl, exact, exact_file, set_xattr, xattrs};
use support::mounted::as_root;
use support::places::{CONFIG, DIRECTORY, KEY, KUBECONFIG, POLICY};
use support::traced::injected;

const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";
/// cap_net_bind_service in the kernel's form, for any file name.
const CAPABILITY: &[u8] = &[1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The demo node, each target with attributes of every family and an old time of change; the names of
/// the families that this kernel takes.
fn node() -> (Node, Vec<&'static str>) {
    let node = Node::demo();
    let mut families = Vec::new();
    for path in [CONFIG, KUBECONFIG, KEY] {
        let file = node.path(path);
        let old = SystemTime::UNIX_EPOCH + Duration::new(1_600_000_000, 987_654_321);
        let handle = fs::File::options().write(true).open(&file).unwrap();
        handle.set_modified(old).unwrap();
        families = vec![];
        for (name, value) in [
            ("user.note", b"kept".as_slice()),
            ("trusted.note", b"root's"),
            ("security.selinux", b"system_u:object_r:etc_t:s0\0"),
            ("security.capability", CAPABILITY),
        ] {
            if set_xattr(&file, name, value) {
                families.push(name);
            }
        }
    }
    for (path, named) in [(CONFIG, 6), (KUBECONFIG, 4), (KEY, 4)] {
        let mode = u8::try_from(node.mode(path) & 0o7).unwrap();
        if set_xattr(&node.path(path), ACCESS, &acl(6, named, 4, 6, mode)) {
            families.push(ACCESS);
        }
    }
    (node, families)
}

fn ok(node: &Node, arguments: &[&str]) {
    let ran = node.run(arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn an_edit_keeps_owner_label_capability_and_attributes_and_narrows_the_acl_with_the_mode() {
    if !as_root() {
        return;
    }
    let (node, families) = node();
    chown(node.path(CONFIG), None, Some(1000)).unwrap();
    set_xattr(&node.path(CONFIG), "security.capability", CAPABILITY);
    let before = exact_file(&node.path(CONFIG));
    // The group is wrong too, and a finding of its own.
    ok(&node, &["apply", "--yes", "--skip", "proxy-config-owner"]);
    let after = exact_file(&node.path(CONFIG));
    assert_ne!(after.bytes, before.bytes);
    assert_eq!((after.uid, after.gid), (0, 1000));
    assert_eq!(after.mode & 0o7777, 0o644);
    for name in families.iter().filter(|name| **name != ACCESS) {
        assert_eq!(after.xattrs.get(*name), before.xattrs.get(*name), "{name}");
    }
    assert_eq!(after.xattrs.len(), before.xattrs.len());
    // The mask is the mode's group bits: the named user's write right ends with them.
    if families.contains(&ACCESS) {
        assert_eq!(after.xattrs[ACCESS], acl(6, 6, 4, 4, 4));
    }
}

#[test]
fn a_change_of_mode_and_owner_alone_keeps_every_attribute_that_the_kernel_leaves() {
    if !as_root() {
        return;
    }
    let (node, families) = node();
    let before = exact(&node.root());
    ok(&node, &["apply", "--yes"]);
    for (path, dropped) in [(KUBECONFIG, true), (KEY, false)] {
        let after = exact_file(&node.path(path));
        assert_eq!((after.uid, after.gid), (0, 0));
        assert_eq!(
            (after.mode & 0o7777, after.mtime),
            (0o600, before[path].mtime)
        );
        let mut expected = before[path].xattrs.clone();
        if dropped {
            expected.remove("security.capability");
        }
        if families.contains(&ACCESS) {
            expected.insert(ACCESS.into(), acl(6, 4, 4, 0, 0));
        }
        assert_eq!(after.xattrs, expected, "{path}");
    }
}

#[test]
fn a_rollback_brings_back_all_metadata_and_the_time_of_change_to_the_nanosecond() {
    if !as_root() {
        return;
    }
    let (node, _) = node();
    let before = exact(&node.root());
    ok(&node, &["apply", "--yes"]);
    assert_ne!(exact(&node.root()), before);
    let applied = exact(&node.root());
    ok(&node, &["rollback", "--yes"]);
    assert_eq!(exact(&node.root()), before);
    // And the rollback of the rollback: what the apply left, its time of change too.
    ok(&node, &["rollback", "--yes"]);
    assert_eq!(exact(&node.root()), applied);
}

#[test]
fn a_failed_apply_and_a_recovered_one_leave_all_metadata_as_they_were() {
    if !as_root() {
        return;
    }
    for (fault, codes) in [
        ("renameat2:error=EIO:when=1", (3, 0)),
        ("renameat2:signal=KILL:when=1", (-1, 0)),
    ] {
        let (node, _) = node();
        let before = exact(&node.root());
        let Some(ran) = injected(&node, fault, &["apply", "--yes"]) else {
            return;
        };
        if codes.0 >= 0 {
            assert_eq!(ran.code, codes.0, "{ran:?}");
        } else {
            assert_ne!(exact(&node.root()), before);
        }
        assert_eq!(node.run(&["recover"]).code, codes.1);
        assert_eq!(exact(&node.root()), before, "{fault}");
    }
}

#[test]
fn default_acls_and_setgid_of_a_directory_do_not_slip_into_new_files() {
    if !as_root() {
        return;
    }
    let (node, families) = node();
    for directory in [DIRECTORY, "/etc/kubernetes"] {
        chown(node.path(directory), None, Some(1000)).unwrap();
        node.chmod(directory, 0o2755);
        if !set_xattr(&node.path(directory), DEFAULT, &acl(7, 7, 7, 7, 7)) {
            return;
        }
    }
    let before = exact(&node.root());
    let only = "proxy-config-mode,bind-address-wildcard,audit-policy-missing";
    ok(&node, &["apply", "--yes", "--only", only]);
    let policy = exact_file(&node.path(POLICY));
    assert_eq!((policy.uid, policy.gid), (0, 0));
    assert_eq!(policy.mode & 0o7777, 0o600);
    assert_eq!(policy.xattrs, Default::default());
    let config = exact_file(&node.path(CONFIG));
    assert_eq!((config.uid, config.gid), (0, 0));
    assert_eq!(config.mode & 0o7777, 0o644);
    assert_eq!(config.xattrs.len(), before[CONFIG].xattrs.len());
    if families.contains(&ACCESS) {
        assert_eq!(config.xattrs[ACCESS], acl(6, 6, 4, 4, 4));
    }
    ok(&node, &["rollback", "--yes"]);
    assert_eq!(exact(&node.root()), before);
}

#[test]
fn a_file_without_acl_gets_none_from_its_directory_when_it_is_edited_and_put_back() {
    if !as_root() {
        return;
    }
    let node = Node::demo();
    if !set_xattr(&node.path(DIRECTORY), DEFAULT, &acl(7, 7, 7, 7, 7)) {
        return;
    }
    let before = exact(&node.root());
    ok(&node, &["apply", "--yes"]);
    for path in [CONFIG, KUBECONFIG, KEY] {
        assert_eq!(xattrs(&node.path(path)), Default::default(), "{path}");
    }
    ok(&node, &["rollback", "--yes"]);
    assert_eq!(exact(&node.root()), before);
}

#[test]
fn state_in_a_directory_with_default_acl_and_setgid_stays_private() {
    if !as_root() {
        return;
    }
    let node = Node::demo();
    fs::create_dir(node.state()).unwrap();
    chown(node.state(), None, Some(1000)).unwrap();
    fs::set_permissions(
        node.state(),
        std::os::unix::fs::PermissionsExt::from_mode(0o2700),
    )
    .unwrap();
    if !set_xattr(&node.state(), DEFAULT, &acl(7, 7, 7, 7, 7)) {
        return;
    }
    ok(&node, &["apply", "--yes"]);
    private(&node.state());
}

/// Nobody but the owner may do anything, ACLs counted.
fn private(state: &Path) {
    for (path, entry) in exact(state) {
        assert_eq!(entry.mode & 0o077, 0, "{path}: {:o}", entry.mode);
        assert_eq!(entry.uid, 0, "{path}");
        assert!(fs::symlink_metadata(state).unwrap().uid() == 0);
    }
}

#[test]
fn a_rollback_that_is_forced_brings_back_an_acl_that_somebody_took_away() {
    if !as_root() {
        return;
    }
    let (node, families) = node();
    if !families.contains(&ACCESS) {
        return;
    }
    let before = exact(&node.root());
    ok(&node, &["apply", "--yes"]);
    for path in [CONFIG, KUBECONFIG, KEY] {
        rustix::fs::removexattr(node.path(path), ACCESS).unwrap();
        rustix::fs::removexattr(node.path(path), "user.note").unwrap();
    }
    let ran = node.run(&["rollback", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains(&format!("{KEY}: extended attributes")),
        "{ran:?}"
    );
    ok(&node, &["rollback", "--yes", "--force"]);
    assert_eq!(exact(&node.root()), before);
}
