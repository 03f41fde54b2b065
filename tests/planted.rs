//! Links that somebody without root could have put there lead nowhere; root's own are followed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::{lchown, symlink};

use support::Node;

const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";
const SHADOW: &str = "/etc/shadow";

/// The demo node with a file that must stay as it is.
fn node() -> Node {
    let node = Node::demo();
    node.write(SHADOW, "root:*:1::::::\n");
    node.chmod(SHADOW, 0o640);
    node
}

/// Applies and expects the precious file untouched, and the link named in a scan.
fn untouched(node: &Node, link: &str, what: &str) {
    let before = node.snapshot()[SHADOW].clone();
    let ran = node.run(&["-v", "scan"]);
    assert_eq!(ran.code, 2, "{what}: {ran:?}");
    let said = format!("the symlink {link} is not followed");
    assert!(ran.out.contains(&said), "{what}: {ran:?}");
    assert!(!ran.out.contains("root:*"), "{what}: {ran:?}");
    let ran = node.run(&["apply", "--yes"]);
    assert!(ran.code <= 1, "{what}: {ran:?}");
    assert!(node.snapshot()[SHADOW] == before, "{what}: {ran:?}");
    assert!(
        fs::symlink_metadata(node.path(link)).unwrap().is_symlink(),
        "{what}"
    );
}

#[test]
fn a_link_in_a_directory_that_others_write_is_not_followed() {
    for path in [
        CONFIG,
        KUBECONFIG,
        "/var/lib/kube-proxy/kube-proxy.key",
        "/var/lib/kube-proxy/ca.crt",
    ] {
        for mode in [0o777, 0o1777, 0o775] {
            let node = node();
            fs::remove_file(node.path(path)).unwrap();
            symlink("../../../etc/shadow", node.path(path)).unwrap();
            node.chmod("/var/lib/kube-proxy", mode);
            untouched(&node, path, &format!("{path} in {mode:o}"));
        }
    }
}

#[test]
fn a_link_of_another_user_is_not_followed() {
    for path in [CONFIG, KUBECONFIG] {
        let node = node();
        fs::remove_file(node.path(path)).unwrap();
        symlink("/etc/shadow", node.path(path)).unwrap();
        lchown(node.path(path), Some(1000), Some(1000)).unwrap();
        untouched(&node, path, path);
    }
}

#[test]
fn a_planted_link_on_the_way_is_not_followed() {
    let node = node();
    fs::rename(node.path("/var/lib/kube-proxy"), node.path("/var/real")).unwrap();
    symlink("/var/real", node.path("/var/lib/kube-proxy")).unwrap();
    lchown(node.path("/var/lib/kube-proxy"), Some(1000), Some(1000)).unwrap();
    untouched(&node, "/var/lib/kube-proxy", "a directory");
}

#[test]
fn a_link_of_root_is_followed_and_stays() {
    let node = node();
    fs::rename(node.path("/var/lib/kube-proxy"), node.path("/var/real")).unwrap();
    symlink("../real", node.path("/var/lib/kube-proxy")).unwrap();
    fs::rename(
        node.path("/var/real/kubeconfig"),
        node.path("/var/real/kc-1"),
    )
    .unwrap();
    symlink("/var/lib/../real/kc-1", node.path("/var/real/kubeconfig")).unwrap();
    let before = node.snapshot();
    let (_, plan) = node.json(&["plan"]);
    for change in plan["changes"].as_array().unwrap() {
        let path = change["path"].as_str().unwrap();
        assert!(
            ["/var/real/", "/var/log/", "/etc/"]
                .iter()
                .any(|one| path.starts_with(one)),
            "{change:#}"
        );
    }
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    assert_eq!(node.mode("/var/real/kc-1"), 0o600);
    for link in ["/var/lib/kube-proxy", "/var/real/kubeconfig"] {
        assert!(fs::symlink_metadata(node.path(link)).unwrap().is_symlink());
    }
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    assert!(node.snapshot() == before);
}

#[test]
fn a_hard_link_to_another_file_is_never_changed_through() {
    let node = node();
    fs::remove_file(node.path(KUBECONFIG)).unwrap();
    fs::hard_link(node.path(SHADOW), node.path(KUBECONFIG)).unwrap();
    let before = node.snapshot();
    for arguments in [
        &["apply", "--yes"][..],
        &["apply", "--yes", "--only", "proxy-kubeconfig-mode"],
    ] {
        let ran = node.run(arguments);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(KUBECONFIG), "{ran:?}");
        assert!(node.snapshot() == before, "{ran:?}");
    }
}

#[test]
fn a_link_planted_after_the_plan_is_not_followed_by_apply() {
    let node = node();
    let plan = node.outside().join("plan.json");
    let plan = plan.to_str().unwrap();
    assert_eq!(node.run(&["plan", "--out", plan]).code, 0);
    fs::remove_file(node.path(KUBECONFIG)).unwrap();
    symlink("/etc/shadow", node.path(KUBECONFIG)).unwrap();
    let before = node.snapshot();
    let ran = node.run(&["apply", "--yes", plan]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains(KUBECONFIG), "{ran:?}");
    assert!(node.snapshot() == before);
}
