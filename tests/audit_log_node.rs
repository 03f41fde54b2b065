//! The node's own audit log, which its API server's flags name, with what was rotated away from it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use support::Node;
use support::logged::{broken, document, event, gzip, lines, zstd};
use support::watched::watched;

const LOG: &str = "/var/log/kubernetes/audit/audit.log";

/// A control-plane node whose API server has these flags besides, and mounts the log's directory.
fn server(flags: &[&str]) -> Node {
    let node = Node::empty();
    let flags: String = flags.iter().map(|flag| format!("    - {flag}\n")).collect();
    let manifest = format!(
        "apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver
  namespace: kube-system
spec:
  containers:
  - name: kube-apiserver
    image: registry.k8s.io/kube-apiserver:v1.36.2
    command:
    - kube-apiserver
    - --advertise-address=10.0.0.10
{flags}    volumeMounts:
    - mountPath: /logs
      name: logs
    - mountPath: /etc/kubernetes/audit-policy.yaml
      name: policy
      readOnly: true
  volumes:
  - name: logs
    hostPath:
      path: /var/log/kubernetes/audit
      type: DirectoryOrCreate
  - name: policy
    hostPath:
      path: /etc/kubernetes/audit-policy.yaml
      type: File
"
    );
    node.write("/etc/kubernetes/manifests/kube-apiserver.yaml", manifest);
    node
}

fn logging() -> Node {
    server(&[
        "--audit-log-path=/logs/audit.log",
        "--audit-policy-file=/etc/kubernetes/audit-policy.yaml",
    ])
}

fn rotated(name: &str) -> String {
    format!("/var/log/kubernetes/audit/{name}")
}

fn paths(found: &Value) -> Vec<String> {
    let files = found["files"].as_array().unwrap().iter();
    files
        .map(|file| file["path"].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn the_nodes_own_log_is_found_by_its_api_servers_flag() {
    let node = logging();
    node.write(LOG, lines(0..5));
    node.write("/var/log/kubernetes/audit/notes.txt", "no log\n");
    let (code, found) = node.json(&["audit"]);
    assert_eq!((code, paths(&found)), (0, vec![LOG.to_string()]));
    assert_eq!(found["events"], 5);
}

#[test]
fn rotated_logs_are_read_oldest_first_in_each_naming_scheme() {
    let names = [
        "audit-2026-11-23T09-00-00.000.log",
        "audit-2026-11-23T08-00-00.123.log.gz",
        "audit.log.1",
        "audit.log.2.gz",
        "audit.log.10.zst",
        "audit.log-20261123",
        "audit.log-20261122.gz",
        "audit.log-2026-11-21",
    ];
    // In the order of what is in them, not of their names nor of when somebody touched them.
    for turn in 0..names.len() {
        let node = logging();
        let mut expected = Vec::new();
        for number in 0..names.len() {
            let name = names[(number * 3 + turn) % names.len()];
            let start = u32::try_from(number).unwrap() * 10;
            let text = lines(start..start + 10);
            let path = rotated(name);
            match name.rsplit('.').next() {
                Some("gz") => node.write(&path, gzip(&text)),
                Some("zst") => node.write(&path, zstd(&text)),
                _ => node.write(&path, &text),
            }
            let touched = SystemTime::now() - Duration::from_secs(u64::from(start) + 1);
            fs::File::options()
                .write(true)
                .open(node.path(&path))
                .unwrap()
                .set_modified(touched)
                .unwrap();
            expected.push(path);
        }
        node.write(LOG, lines(80..85));
        expected.push(LOG.into());
        let (code, found) = node.json(&["audit"]);
        assert_eq!(paths(&found), expected);
        assert_eq!((code, found["events"].as_u64()), (0, Some(85)));
    }
}

#[test]
fn rotated_logs_that_were_last_written_before_since_are_left_out() {
    let node = logging();
    let aged = |path: &str, seconds: u64| {
        let when = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_392_000 + seconds);
        fs::File::options()
            .write(true)
            .open(node.path(path))
            .unwrap()
            .set_modified(when)
            .unwrap();
    };
    let (old, new) = (rotated("audit.log.2"), rotated("audit.log.1"));
    // The day begins with second 0; its file was last written then.
    node.write(&old, lines(0..100));
    aged(&old, 100);
    node.write(&new, lines(100..40_000));
    aged(&new, 40_000);
    node.write(LOG, lines(40_000..40_010));
    let (_, found) = node.json(&["audit", "--since", "2026-11-23T11:00:00Z"]);
    assert_eq!(paths(&found), [new.clone(), LOG.into()]);
    assert_eq!(found["events"], 40_010 - 39_600);
    let (_, found) = node.json(&["audit", "--since", "2026-11-23T00:30:00Z"]);
    assert_eq!(paths(&found), [old, new, LOG.into()]);
}

#[test]
fn a_rotated_log_that_cannot_be_read_is_named_and_the_others_are_read() {
    let node = logging();
    node.write(&rotated("audit.log.1"), lines(0..5));
    node.write(&rotated("audit.log.2.xz"), b"\xfd7zXZ\0");
    fs::create_dir(node.path(&rotated("audit.log.3"))).unwrap();
    symlink("/etc/passwd", node.path(&rotated("audit.log.4"))).unwrap();
    symlink(
        "../../../../../../../../etc/hostname",
        node.path(&rotated("audit.log.5")),
    )
    .unwrap();
    nix::unistd::mkfifo(
        &node.path(&rotated("audit.log.6")),
        nix::sys::stat::Mode::S_IRWXU,
    )
    .unwrap();
    node.write(
        &rotated("audit.log.7.zst"),
        [0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3, 1, 0, 0],
    );
    node.write(LOG, lines(5..7));
    let watched = watched(node.command().args(["audit", "--format=json"]));
    assert!(!watched.late);
    let found = document(&watched.ran);
    assert_eq!(paths(&found), [rotated("audit.log.1"), LOG.into()]);
    assert_eq!(found["events"], 7);
    let not_read = found["not_read"].as_array().unwrap();
    assert_eq!(not_read.len(), 6);
    assert_eq!(
        not_read[0],
        json!({"path": rotated("audit.log.2.xz"), "reason": "is compressed with xz, which is not read"})
    );
    let left: Vec<&str> = watched.ran.err.lines().collect();
    assert_eq!(left.len(), 6, "{left:?}");
    for (number, line) in ["2.xz", "3", "4", "5", "6", "7.zst"].into_iter().zip(left) {
        let start = format!(
            "warning: {} is not read: ",
            rotated(&format!("audit.log.{number}"))
        );
        assert!(line.starts_with(&start), "{line}");
    }
    let ran = node.run(&["audit", "-q"]);
    assert_eq!(ran.err, "");
}

#[test]
fn a_log_that_is_just_being_compressed_is_counted_once() {
    let node = logging();
    let text = lines(0..2000);
    let packed = gzip(&text);
    for (plain, half) in [
        (
            "audit-2026-11-23T09-00-00.000.log",
            "audit-2026-11-23T09-00-00.000.log.gz",
        ),
        ("audit.log.1", "audit.log.1.gz"),
    ] {
        node.write(&rotated(plain), &text);
        node.write(&rotated(half), &packed[..packed.len() / 2]);
        node.write(LOG, lines(2000..2001));
        let ran = node.run(&["audit", "--format=json"]);
        let found = document(&ran);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        assert_eq!(paths(&found), [rotated(plain), LOG.into()]);
        assert_eq!(found["events"], 2001);
        fs::remove_file(node.path(&rotated(plain))).unwrap();
        fs::remove_file(node.path(&rotated(half))).unwrap();
    }
}

#[test]
fn a_log_with_two_names_is_counted_once() {
    let node = logging();
    node.write(LOG, lines(0..3));
    fs::hard_link(node.path(LOG), node.path(&rotated("audit.log.1"))).unwrap();
    symlink("audit.log", node.path(&rotated("audit.log.2"))).unwrap();
    node.write(&rotated("audit.log.3"), lines(3..5));
    fs::hard_link(
        node.path(&rotated("audit.log.3")),
        node.path(&rotated("audit.log.4")),
    )
    .unwrap();
    let (_, found) = node.json(&["audit"]);
    assert_eq!(found["events"], 5);
}

#[test]
fn between_a_rotation_and_the_next_write_there_is_no_live_log() {
    let node = logging();
    node.write(&rotated("audit.log.1"), lines(0..3));
    let (code, found) = node.json(&["audit"]);
    assert_eq!((code, paths(&found)), (0, vec![rotated("audit.log.1")]));
}

#[test]
fn a_node_without_a_log_says_why() {
    let plain =
        "static pod /etc/kubernetes/manifests/kube-apiserver.yaml has no audit log to read: ";
    for (flags, why) in [
        (
            &[][..],
            format!("{plain}no flag --audit-log-path names one"),
        ),
        (
            &["--audit-log-path=-"],
            format!("{plain}it goes to the API server's standard output, with its other messages"),
        ),
        (
            &["--audit-log-path=/elsewhere/audit.log"],
            format!("{plain}/elsewhere/audit.log is not visible on the node"),
        ),
        (
            &["--audit-log-path=audit.log"],
            format!("{plain}audit.log is relative to an unknown directory"),
        ),
        (
            &["--audit-log-path=/logs/audit.log"],
            format!("{LOG}: does not exist"),
        ),
    ] {
        let node = server(flags);
        support::make_directory(&node.path("/var/log/kubernetes/audit"));
        let ran = node.run(&["audit"]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{flags:?}");
        assert!(
            ran.err.starts_with(&format!("error: {why}\nhelp: ")),
            "{flags:?}: {}",
            ran.err
        );
    }
    let ran = Node::empty().run(&["audit"]);
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.err,
        "error: no kube-apiserver was found on this node, whose flags name its audit log\nhelp: name the log: tighten audit FILE, or - for stdin\n"
    );
}

#[test]
fn below_root_no_link_leads_out() {
    let node = logging();
    let secret = node.outside().join("secret.log");
    fs::write(&secret, lines(0..50)).unwrap();
    support::make_directory(&node.path("/var/log/kubernetes/audit"));
    // An absolute link is one inside the root, where nothing is.
    symlink(&secret, node.path(LOG)).unwrap();
    let up = "../".repeat(20) + secret.to_str().unwrap().trim_start_matches('/');
    symlink(up, node.path("/named.log")).unwrap();
    for arguments in [
        &["audit"][..],
        &["audit", LOG],
        &["audit", "/named.log"],
        &["audit", "../secret.log"],
    ] {
        let ran = node.run(arguments);
        assert_eq!(ran.out, "", "{arguments:?}");
        assert!(ran.code == 1 || ran.code == 64, "{arguments:?}: {ran:?}");
    }
    // One that stays inside is followed.
    node.write("/srv/real.log", lines(0..4));
    symlink("/srv/real.log", node.path("/linked.log")).unwrap();
    let (code, found) = node.json(&["audit", "/linked.log"]);
    assert_eq!((code, found["events"].as_u64()), (0, Some(4)));
}

#[test]
fn a_silent_log_of_the_node_names_the_rule_of_the_nodes_own_policy() {
    let node = logging();
    let mut other = event(0);
    other["user"]["username"] = json!("alice");
    other["userAgent"] = json!("kubectl/v1.36.2");
    node.write(LOG, format!("{other}\n"));
    node.write("/etc/kubernetes/audit-policy.yaml", "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n  users: [alice]\n- level: None\n");
    let (code, found) = node.json(&["audit"]);
    assert_eq!((code, broken(&found)), (2, vec!["silence"]));
    let observed = found["unusual"][0]["observed"].as_str().unwrap();
    assert!(observed.starts_with("no event of kube-proxy: by /etc/kubernetes/audit-policy.yaml, 34 of 34 requests of kube-proxy are not logged: rules[1] in line 6 has level None ("), "{observed}");
}
