//! What lies in the place of a target after a crash, and what the operator's word does about it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;

use support::Node;
use support::exact::{acl, exact, leftovers, set_xattr};
use support::places::{CONFIG, KUBECONFIG, POLICY};
use support::traced::injected;

/// What somebody puts in the place of a file.
fn plant(kind: &str, node: &Node, path: &str) {
    let place = node.path(path);
    let _ = fs::remove_file(&place);
    match kind {
        "a symbolic link" => symlink(node.outside().join("outside"), place).unwrap(),
        "a named pipe" => nix::unistd::mkfifo(&place, nix::sys::stat::Mode::S_IRUSR).unwrap(),
        _ => drop(std::os::unix::net::UnixListener::bind(place).unwrap()),
    }
}

#[test]
fn what_was_put_in_the_place_of_a_target_is_a_conflict_until_force_takes_it_away() {
    for kind in ["a symbolic link", "a named pipe", "a socket"] {
        let node = Node::demo();
        fs::write(node.outside().join("outside"), "outside\n").unwrap();
        let before = exact(&node.root());
        // The new file is the last of the plan: all others are changed by then.
        if injected(&node, "renameat2:signal=KILL:when=1", &["apply", "--yes"]).is_none() {
            return;
        }
        plant(kind, &node, CONFIG);
        plant(kind, &node, POLICY);
        let ran = node.run(&["recover"]);
        assert_eq!(ran.code, 4, "{ran:?}");
        for path in [CONFIG, POLICY] {
            let said = format!("{path}: is {kind}, not a regular file");
            assert!(ran.err.contains(&said), "{ran:?}");
        }
        assert!(
            ran.err
                .contains("recover --force puts the former files back over these")
        );
        let ran = node.run(&["apply", "--yes"]);
        assert_eq!(ran.code, 4, "{ran:?}");
        let ran = node.run(&["recover", "--force"]);
        assert_eq!(ran.code, 0, "{kind}: {ran:?}");
        assert_eq!(exact(&node.root()), before, "{kind}");
        let outside = fs::read_to_string(node.outside().join("outside")).unwrap();
        assert_eq!(outside, "outside\n");
        assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    }
}

#[test]
fn what_was_put_in_the_place_of_a_target_stays_when_it_is_accepted() {
    let node = Node::demo();
    if injected(&node, "renameat2:signal=KILL:when=1", &["apply", "--yes"]).is_none() {
        return;
    }
    plant("a named pipe", &node, CONFIG);
    let ran = node.run(&["recover", "--accept-current"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains(&format!("kept as they are: {CONFIG}")),
        "{ran:?}"
    );
    assert_eq!(node.snapshot()[CONFIG].kind, 'p');
    // What was settled on the operator's word is settled for every command.
    fs::remove_file(node.path(CONFIG)).unwrap();
    node.write(
        CONFIG,
        "kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\n",
    );
    for command in ["scan", "verify", "recover"] {
        let ran = node.run(&[command]);
        assert!(
            !format!("{}{}", ran.out, ran.err).contains("settled"),
            "{ran:?}"
        );
    }
    assert_eq!(leftovers(&node.root()), Vec::<String>::new());
}

#[test]
fn force_does_not_invent_a_file_of_which_only_mode_and_owner_were_noted() {
    let node = Node::demo();
    if injected(&node, "renameat2:signal=KILL:when=1", &["apply", "--yes"]).is_none() {
        return;
    }
    plant("a symbolic link", &node, KUBECONFIG);
    let ran = node.run(&["recover", "--force"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    let said = format!("{KUBECONFIG}: is a symbolic link, not a regular file");
    assert!(ran.err.contains(&said), "{ran:?}");
    assert_eq!(node.snapshot()[KUBECONFIG].kind, 'l');
    assert_eq!(node.run(&["recover", "--accept-current"]).code, 0);
}

#[test]
fn a_forced_rollback_cut_off_while_it_brings_an_acl_back_is_settled_without_a_conflict() {
    const ACCESS: &str = "system.posix_acl_access";
    let mut killed = 0;
    for call in ["fchmodat", "chmod", "fchownat", "setxattr", "removexattr"] {
        for when in 1..=4 {
            let node = Node::demo();
            node.chmod(KUBECONFIG, 0o755);
            if !set_xattr(&node.path(KUBECONFIG), ACCESS, &acl(7, 4, 0, 5, 5)) {
                return;
            }
            assert_eq!(node.run(&["apply", "--yes"]).code, 0);
            rustix::fs::removexattr(node.path(KUBECONFIG), ACCESS).unwrap();
            let before = exact(&node.root());
            let fault = format!("{call}:signal=KILL:when={when}");
            let Some(ran) = injected(&node, &fault, &["rollback", "--yes", "--force"]) else {
                return;
            };
            if ran.code == 0 {
                break;
            }
            killed += 1;
            let ran = node.run(&["recover"]);
            assert_eq!(ran.code, 0, "{fault}: {ran:?}");
            assert_eq!(exact(&node.root()), before, "{fault}");
        }
    }
    assert!(killed > 3, "{killed}");
}

#[test]
fn force_gives_mode_and_owner_back_to_a_file_that_somebody_put_in_the_place_with_other_attributes()
{
    const NOTE: &str = "user.note";
    let node = Node::demo();
    if !set_xattr(&node.path(KUBECONFIG), NOTE, b"kept") {
        return;
    }
    let before = exact(&node.root());
    if injected(&node, "renameat2:signal=KILL:when=1", &["apply", "--yes"]).is_none() {
        return;
    }
    let other = node.path("/var/lib/kube-proxy/other");
    fs::write(&other, "apiVersion: v1\n").unwrap();
    fs::rename(other, node.path(KUBECONFIG)).unwrap();
    assert_eq!(node.run(&["recover"]).code, 4);
    let ran = node.run(&["recover", "--force"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut after = exact(&node.root());
    let (was, is) = (&before[KUBECONFIG], after.remove(KUBECONFIG).unwrap());
    assert_eq!((is.mode, is.uid, is.gid), (was.mode, was.uid, was.gid));
    assert_eq!(is.bytes.unwrap(), b"apiVersion: v1\n");
    assert!(!is.xattrs.contains_key(NOTE), "{:?}", is.xattrs);
    after.insert(KUBECONFIG.into(), was.clone());
    assert_eq!(after, before);
}
