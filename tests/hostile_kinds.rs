//! Pipes, sockets and devices in the place of files and directories: nothing waits on them, nothing opens
//! them, and what they stand for is said.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use support::exact::exact;
use support::places::{CONFIG, DIRECTORY, KEY, KUBECONFIG, POLICY};
use support::watched::watched;
use support::{Node, Ran};

const CA: &str = "/var/lib/kube-proxy/ca.crt";

/// What may lie where a file should be, with its words. Devices take root.
const KINDS: [&str; 4] = ["a named pipe", "a socket", "a device", "a directory"];

fn put(kind: &str, place: &Path) -> bool {
    if place.is_dir() {
        fs::remove_dir_all(place).unwrap();
    } else {
        let _ = fs::remove_file(place);
    }
    match kind {
        "a named pipe" => nix::unistd::mkfifo(place, Mode::from_bits_truncate(0o644)).unwrap(),
        "a socket" => drop(std::os::unix::net::UnixListener::bind(place).unwrap()),
        "a directory" => fs::create_dir(place).unwrap(),
        _ => {
            // Reading it never ends: /dev/zero.
            let mode = Mode::from_bits_truncate(0o644);
            if let Err(error) = mknod(place, SFlag::S_IFCHR, mode, makedev(1, 5)) {
                eprintln!("skipped: mknod: {error}");
                return false;
            }
        }
    }
    true
}

/// Runs to its end, or fails: whoever waits for a writer of a pipe waits for ever.
fn run(node: &Node, arguments: &[&str]) -> Ran {
    let watched = watched(node.command().args(arguments));
    assert!(!watched.late, "it hangs: {arguments:?}");
    watched.ran
}

fn said(ran: &Ran, what: &str) {
    let text = ran.out.clone() + &ran.err;
    assert!(text.contains(what), "{what}: {ran:?}");
}

#[test]
fn a_configuration_or_kubeconfig_that_is_no_file_is_said_and_nothing_is_written() {
    for path in [CONFIG, KUBECONFIG] {
        for kind in KINDS {
            let node = Node::demo();
            if !put(kind, &node.path(path)) {
                continue;
            }
            let before = exact(&node.root());
            let what = format!("{path}: is {kind}, not a regular file");
            let ran = run(&node, &["-v", "scan"]);
            assert_eq!(ran.code, 2, "{ran:?}");
            said(&ran, &what);
            for arguments in [&["plan"][..], &["apply", "--yes"]] {
                let ran = run(&node, arguments);
                assert_eq!(ran.code, 1, "{ran:?}");
                assert!(ran.err.starts_with(&format!("error: {what}\n")), "{ran:?}");
            }
            assert_eq!(exact(&node.root()), before);
        }
    }
}

#[test]
fn a_file_that_the_configuration_names_and_that_is_no_file_is_could_not_be_judged() {
    for (path, check) in [
        (KEY, "proxy-credential-mode"),
        (CA, "proxy-certificate-mode"),
    ] {
        for kind in KINDS {
            let node = Node::demo();
            if !put(kind, &node.path(path)) {
                continue;
            }
            said(&run(&node, &["-v", "scan"]), &format!("{path}: is {kind}"));
            let (_, document) = node.json(&["scan", "--only", check]);
            let verdict = &document["verdicts"][0];
            assert_eq!(verdict["verdict"], "unknown", "{document:#}");
            // The rest can be done, and this one stays what it is.
            let ran = run(&node, &["apply", "--yes"]);
            assert_eq!(ran.code, 0, "{ran:?}");
            let still = fs::symlink_metadata(node.path(path)).unwrap().file_type();
            assert!(!still.is_file(), "{kind}");
            assert_eq!(run(&node, &["rollback", "--yes"]).code, 0);
        }
    }
}

#[test]
fn what_lies_where_a_new_file_would_go_stays() {
    for kind in KINDS {
        let node = Node::demo();
        if !put(kind, &node.path(POLICY)) {
            continue;
        }
        let ran = run(&node, &["-v", "scan"]);
        said(&ran, &format!("{POLICY}: it is {kind}, not a regular file"));
        assert_eq!(run(&node, &["apply", "--yes"]).code, 0);
        assert!(!fs::symlink_metadata(node.path(POLICY)).unwrap().is_file());
    }
}

#[test]
fn a_pipe_a_socket_or_a_device_in_the_place_of_a_directory_is_not_entered() {
    for kind in &KINDS[..3] {
        let node = Node::demo();
        if !put(kind, &node.path(DIRECTORY)) {
            continue;
        }
        let before = exact(&node.root());
        let ran = run(&node, &["apply", "--yes"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        let what = format!(
            "error: {CONFIG}: cannot be reached: a component of its path is not a directory\n"
        );
        assert!(ran.err.starts_with(&what), "{ran:?}");
        assert_eq!(exact(&node.root()), before);
    }
}

#[test]
fn nothing_waits_on_what_no_check_needs() {
    for path in [
        "/etc/systemd/system",
        "/etc/systemd/system/kube-proxy.service",
        "/etc/systemd/system/kube-proxy.service.d",
        "/etc/kubernetes/manifests",
        "/etc/kubernetes/manifests/kube-apiserver.yaml",
        "/etc/machine-id",
        "/etc/passwd",
        "/etc/group",
        "/etc/hostname",
        "/var/lib/kubelet/kubeadm-flags.env",
    ] {
        for kind in &KINDS[..3] {
            let node = Node::demo();
            if !put(kind, &node.path(path)) {
                continue;
            }
            for arguments in [&["scan"][..], &["plan"], &["facts"], &["apply", "--yes"]] {
                let ran = run(&node, arguments);
                assert!(ran.code <= 2, "{path}: {ran:?}");
            }
            let still = fs::symlink_metadata(node.path(path)).unwrap().file_type();
            assert!(still.is_fifo() || still.is_socket() || still.is_char_device());
        }
    }
}

#[test]
fn what_was_put_in_the_place_of_a_target_after_the_plan_is_not_opened_by_apply() {
    for path in [CONFIG, KUBECONFIG, KEY] {
        for kind in KINDS {
            let node = Node::demo();
            let plan = node.outside().join("plan.json");
            let plan = plan.to_str().unwrap();
            assert_eq!(run(&node, &["plan", "--out", plan]).code, 0);
            if !put(kind, &node.path(path)) {
                continue;
            }
            let before = exact(&node.root());
            let ran = run(&node, &["apply", "--yes", plan]);
            assert_eq!(ran.code, 1, "{ran:?}");
            assert!(ran.err.contains(path), "{ran:?}");
            assert_eq!(exact(&node.root()), before);
        }
    }
}

#[test]
fn files_that_the_command_line_names_and_that_are_none_are_said() {
    for kind in KINDS {
        let node = Node::demo();
        let outside = node.outside().join("named");
        if !put(kind, &outside) || !put(kind, &node.path("/named")) {
            continue;
        }
        let outside = outside.to_str().unwrap();
        // A socket cannot even be opened.
        let plan = match kind {
            "a socket" => format!("the plan {outside} cannot be opened"),
            _ => format!("the plan {outside} is {kind}, not a regular file"),
        };
        for (arguments, what) in [
            (&["apply", "--yes", outside][..], plan.clone()),
            (
                &["plan", "--out", outside],
                format!(
                    "the plan cannot be written to {outside}: it is {kind}, not a regular file"
                ),
            ),
            (
                &["--config", "/named", "plan"],
                format!("/named: is {kind}, not a regular file"),
            ),
            (
                &["--kubeconfig", "/named", "apply", "--yes"],
                format!("/named: is {kind}, not a regular file"),
            ),
            (&["--baseline", outside, "scan"], outside.to_string()),
        ] {
            let ran = run(&node, arguments);
            assert_eq!(ran.code, 1, "{ran:?}");
            said(&ran, &what);
        }
        if kind != "a directory" {
            let mut command = support::tighten();
            command
                .arg("--root")
                .arg(node.root())
                .args(["--state-dir", outside, "apply", "--yes"]);
            let watched = watched(&mut command);
            assert!(!watched.late);
            assert_eq!(watched.ran.code, 1, "{watched:?}");
            said(
                &watched.ran,
                "it is not a directory (a symlink is not followed here)",
            );
        }
    }
}
