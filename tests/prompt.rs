//! The questions on a terminal: a pseudo terminal is stdin and stderr, as for a person.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use support::Node;

const DOWN: &str = "\x1b[B";
const ENTER: &str = "\r";
const CTRL_C: &str = "\x03";
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";

/// A run on a terminal, and what the terminal has shown so far.
struct Session {
    child: Child,
    terminal: File,
    shown: String,
}

impl Session {
    fn start(node: &Node, arguments: &[&str]) -> Session {
        let size = Winsize {
            ws_row: 60,
            ws_col: 120,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pair = openpty(&size, None).unwrap();
        let child = node
            .command()
            .args(arguments)
            .stdin(Stdio::from(pair.slave.try_clone().unwrap()))
            .stderr(Stdio::from(pair.slave))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Session {
            child,
            terminal: File::from(pair.master),
            shown: String::new(),
        }
    }

    /// Waits until the terminal has shown the text behind what was waited for before.
    fn expect(&mut self, text: &str) {
        let started = Instant::now();
        while !self.shown.contains(text) {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "no {text:?} in {:?}",
                self.shown
            );
            self.read();
        }
        let behind = self.shown.find(text).unwrap() + text.len();
        self.shown = self.shown.split_off(behind);
    }

    fn read(&mut self) {
        let mut waits = [PollFd::new(
            std::os::fd::AsFd::as_fd(&self.terminal),
            PollFlags::POLLIN,
        )];
        if poll(&mut waits, PollTimeout::from(100_u8)).unwrap() > 0 {
            let mut bytes = [0; 4096];
            // EIO: the other end is closed.
            let count = self.terminal.read(&mut bytes).unwrap_or(0);
            self.shown
                .push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }

    fn send(&mut self, keys: &[&str]) {
        for key in keys {
            self.terminal.write_all(key.as_bytes()).unwrap();
            // A key sequence is read as one.
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// The exit code, and what went to stdout.
    fn end(mut self) -> (Option<i32>, String) {
        let mut out = String::new();
        let mut pipe = self.child.stdout.take().unwrap();
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if started.elapsed() > Duration::from_secs(20) {
                self.child.kill().unwrap();
                panic!("it does not end: {:?}", self.shown);
            }
            self.read();
        };
        pipe.read_to_string(&mut out).unwrap();
        (status.code(), out)
    }
}

#[test]
fn the_default_is_to_leave() {
    let node = Node::demo();
    let before = node.snapshot();
    let mut session = Session::start(&node, &["apply"]);
    session.expect("Leave; change nothing");
    session.send(&[ENTER]);
    session.expect("declined");
    assert_eq!(session.end().0, Some(1));
    assert!(node.snapshot() == before);
}

#[test]
fn ctrl_c_changes_nothing_and_shows_the_cursor_again() {
    let node = Node::demo();
    let before = node.snapshot();
    let mut session = Session::start(&node, &["apply"]);
    session.expect("Leave; change nothing");
    // A key that comes before the question reads keys is lost: a person presses it again.
    while session.child.try_wait().unwrap().is_none() {
        session.send(&[CTRL_C]);
        session.read();
    }
    session.read();
    session.expect("\x1b[?25h");
    assert_eq!(session.end().0, Some(1));
    assert!(node.snapshot() == before);
}

#[test]
fn whoever_ends_the_process_at_the_question_ends_it() {
    let node = Node::demo();
    let before = node.snapshot();
    let mut session = Session::start(&node, &["apply"]);
    session.expect("Leave; change nothing");
    let id = nix::unistd::Pid::from_raw(i32::try_from(session.child.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(session.end().0, None);
    assert!(node.snapshot() == before);
    assert_eq!(node.run(&["history"]).out, "No transactions yet.\n");
}

#[test]
fn all_is_applied_when_it_is_asked_for() {
    let node = Node::demo();
    let mut session = Session::start(&node, &["apply"]);
    session.expect("Leave; change nothing");
    session.send(&[DOWN, ENTER]);
    let (code, out) = session.end();
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("Applied: "), "{out}");
    assert_eq!(node.run(&["verify"]).code, 0);
}

#[test]
fn only_what_was_picked_is_applied() {
    let node = Node::demo();
    node.chmod("/var/lib/kube-proxy", 0o777);
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(node.path("/var/lib/kube-proxy"), Some(1000), Some(1000)).unwrap();
    }
    let before = node.snapshot();
    let mut session = Session::start(&node, &["apply", "--only", "proxy-directory-writable"]);
    session.expect("Choose changes one by one");
    session.send(&[DOWN, DOWN, ENTER]);
    session.expect("Space picks");
    session.send(&[" ", ENTER]);
    let (code, out) = session.end();
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("Applied: 1 change "), "{out}");
    let mut expected = before;
    expected.get_mut("/var/lib/kube-proxy").unwrap().mode = 0o755;
    assert!(node.snapshot() == expected);
}

#[test]
fn the_second_change_of_a_new_file_makes_it_when_it_is_picked_alone() {
    let node = Node::empty();
    node.write(
        "/etc/systemd/system/kube-proxy.service",
        "[Service]\nExecStart=/usr/bin/kube-proxy --profiling --metrics-bind-address=0.0.0.0\n",
    );
    let directory = "/etc/systemd/system/kube-proxy.service.d";
    support::make_directory(&node.path(directory));
    let arguments = ["apply", "--only", "metrics-exposed,profiling-enabled"];
    let mut session = Session::start(&node, &arguments);
    session.expect("Choose changes one by one");
    session.send(&[DOWN, DOWN, ENTER]);
    session.expect("Space picks");
    session.send(&[DOWN, " ", ENTER]);
    let (code, out) = session.end();
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("Applied: 1 change "), "{out}");
    let made = node.read(&format!("{directory}/90-tighten.conf"));
    let flags = "kube-proxy \\\n  --profiling=false \\\n  --metrics-bind-address=0.0.0.0\n";
    assert!(made.ends_with(flags), "{made}");
}

#[test]
fn the_manifest_alone_is_refused_without_the_policy_that_it_names() {
    let node = Node::demo();
    let before = node.snapshot();
    let arguments = [
        "apply",
        "--only",
        "audit-policy-missing,audit-log-disabled,audit-log-unbounded",
    ];
    // The policy, two directories, the manifest's two changes.
    for (picks, code) in [
        (vec![DOWN, DOWN, DOWN, " "], Some(1)),
        (vec![" ", DOWN, DOWN, DOWN, " "], Some(0)),
    ] {
        let mut session = Session::start(&node, &arguments);
        session.expect("Choose changes one by one");
        session.send(&[DOWN, DOWN, ENTER]);
        session.expect("Space picks");
        session.send(&picks);
        session.send(&[ENTER]);
        if code == Some(1) {
            session.expect("what was picked cannot be done alone: ");
            session.expect("audit-policy.yaml does not exist");
        }
        let ended = session.end();
        assert_eq!(ended.0, code, "{}", ended.1);
        if code == Some(1) {
            assert!(node.snapshot() == before);
            assert_eq!(node.run(&["history"]).out, "No transactions yet.\n");
        }
    }
    let manifest = node.read("/etc/kubernetes/manifests/kube-apiserver.yaml");
    assert!(manifest.contains("--audit-policy-file=/etc/kubernetes/audit-policy.yaml"));
    assert!(!manifest.contains("--audit-log-maxage"));
}

#[test]
fn a_change_is_shown_with_its_reason_before_anything_is_decided() {
    let node = Node::demo();
    let before = node.snapshot();
    let mut session = Session::start(&node, &["apply"]);
    session.expect("Show a change");
    session.send(&[DOWN, DOWN, DOWN, ENTER]);
    session.expect("Which one?");
    session.send(&[ENTER]);
    session.expect("Whoever reads it is kube-proxy");
    session.expect("Leave; change nothing");
    session.send(&["\x1b"]);
    assert_eq!(session.end().0, Some(1));
    assert!(node.snapshot() == before);
}

#[test]
fn a_file_that_changes_while_the_question_is_open_stops_the_apply() {
    for keys in [&[DOWN, ENTER][..], &[DOWN, DOWN, ENTER, " ", ENTER]] {
        let node = Node::demo();
        let mut session = Session::start(&node, &["apply", "--only", "proxy-kubeconfig-mode"]);
        session.expect("Choose changes one by one");
        let text = node.read(KUBECONFIG).replace("default", "other");
        std::fs::write(node.path(KUBECONFIG), text).unwrap();
        let before = node.snapshot();
        session.send(keys);
        session.expect("changed since the plan was made");
        assert_eq!(session.end().0, Some(1));
        assert!(node.snapshot() == before);
    }
}

#[test]
fn json_shows_the_plan_on_the_terminal_before_it_asks() {
    let node = Node::demo();
    let mut session = Session::start(&node, &["apply", "--format", "json"]);
    session.expect("mode 0644 -> 0600");
    session.expect("Leave; change nothing");
    session.send(&[ENTER]);
    let (code, out) = session.end();
    assert_eq!(code, Some(1));
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["outcome"], "refused");
}

#[test]
fn a_rollback_asks_and_takes_no_for_the_default() {
    let node = Node::demo();
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    let applied = node.snapshot();
    let mut session = Session::start(&node, &["rollback"]);
    session.expect("Roll this back?");
    session.send(&[ENTER]);
    assert_eq!(session.end().0, Some(1));
    assert!(node.snapshot() == applied);
    let mut session = Session::start(&node, &["rollback"]);
    session.expect("Roll this back?");
    session.send(&["y"]);
    assert_eq!(session.end().0, Some(0));
    assert!(node.snapshot() != applied);
}

#[test]
fn without_a_terminal_it_refuses_and_names_the_flag() {
    let node = Node::demo();
    let before = node.snapshot();
    for command in ["apply", "rollback"] {
        let ran = node.run(&[command]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("--yes"), "{ran:?}");
    }
    assert!(node.snapshot() == before);
}
