//! What the operator sees when an apply fails, is stopped, or is cut off in the middle.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::process::Command;

use support::traced::injected;
use support::{Node, Ran};

/// What a command that succeeds writes and makes durable, call by call.
fn traced(node: &Node, arguments: &[&str]) -> Option<String> {
    let trace = node.outside().join("trace");
    let plain = node.command();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-e", "trace=fsync,write,pwrite64", "-o"]);
    strace.arg(&trace).arg(plain.get_program());
    strace.args(plain.get_args()).args(arguments);
    let ran: Ran = strace.output().ok()?.into();
    assert_eq!(ran.code, 0, "{ran:?}");
    Some(std::fs::read_to_string(trace).unwrap())
}

#[test]
fn a_failed_rename_puts_everything_back_and_says_so() {
    let node = Node::demo();
    let before = node.snapshot();
    let fault = "renameat:error=EIO:when=1";
    let Some(ran) = injected(&node, fault, &["apply", "--yes", "--format", "json"]) else {
        return;
    };
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(node.snapshot() == before);
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["outcome"], "rolled-back");
    assert!(document["transaction"].is_string(), "{document:#}");
    let changes = document["changes"].as_array().unwrap();
    assert!(!changes.is_empty());
    assert!(
        changes
            .iter()
            .all(|change| change["outcome"] == "rolled-back")
    );
    assert!(document["error"]["message"].is_string());
    let (_, history) = node.json(&["history"]);
    assert_eq!(history["transactions"][0]["state"], "rolled-back");
    // The next one works.
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
}

#[test]
fn a_signal_in_the_middle_puts_everything_back() {
    for signal in ["TERM", "INT", "HUP"] {
        let node = Node::demo();
        let before = node.snapshot();
        let fault = format!("renameat:signal={signal}:when=1");
        let Some(ran) = injected(&node, &fault, &["apply", "--yes"]) else {
            return;
        };
        assert_eq!(ran.code, 3, "{signal}: {ran:?}");
        assert!(ran.err.contains(signal), "{ran:?}");
        assert!(node.snapshot() == before, "{signal}");
    }
}

#[test]
fn a_killed_apply_is_told_by_scan_and_settled_by_recover() {
    let node = Node::demo();
    let before = node.snapshot();
    if injected(&node, "renameat:signal=KILL:when=1", &["apply", "--yes"]).is_none() {
        return;
    }
    let scan = node.run(&["scan"]);
    assert!(scan.err.contains("is not settled"), "{scan:?}");
    let hint = format!("tighten --root {} --state-dir", node.root().display());
    assert!(scan.err.contains(&hint), "{scan:?}");
    let (code, verify) = node.json(&["verify"]);
    assert_eq!((code, verify["as_left"].as_bool()), (2, Some(false)));
    let (_, history) = node.json(&["history"]);
    assert_eq!(history["transactions"][0]["state"], "interrupted");
    let recover = node.run(&["recover"]);
    assert_eq!(recover.code, 0, "{recover:?}");
    assert!(node.snapshot() == before);
    assert_eq!(
        node.run(&["recover"]).out,
        "Recovered: nothing to settle.\n"
    );
}

#[test]
fn a_record_whose_flush_failed_is_written_again_before_recovery_believes_it() {
    let node = Node::demo();
    // The first one makes the state directories durable, too.
    for command in ["apply", "rollback"] {
        assert_eq!(node.run(&[command, "--yes"]).code, 0);
    }
    let Some(trace) = traced(&node, &["apply", "--yes"]) else {
        return;
    };
    let last = trace.matches("fsync(").count();
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    let fault = format!("fsync:error=EIO:when={last}");
    let ran = injected(&node, &fault, &["apply", "--yes"]).unwrap();
    assert_eq!(ran.code, 4, "{ran:?}");
    let trace = traced(&node, &["recover"]).unwrap();
    let journal: Vec<&str> = trace
        .lines()
        .filter(|line| line.contains("/journal>"))
        .collect();
    let [write, fsync] = journal.as_slice() else {
        panic!("{trace}");
    };
    assert!(
        write.contains("pwrite64(") && fsync.contains("fsync("),
        "{trace}"
    );
    assert_eq!(
        node.run(&["verify", "--only", "proxy-kubeconfig-mode"])
            .code,
        0
    );
}

#[test]
fn a_recovery_of_one_file_speaks_of_one_file() {
    let node = Node::demo();
    let one = ["apply", "--yes", "--only", "proxy-kubeconfig-mode"];
    if injected(&node, "fchmodat:signal=KILL:when=1", &one).is_none() {
        return;
    }
    let ran = node.run(&["recover"]);
    assert!(
        ran.out
            .ends_with(" was interrupted; 1 file is as before.\n"),
        "{ran:?}"
    );
}

#[test]
fn directories_of_the_state_that_a_killed_apply_made_are_made_durable_by_the_next() {
    let node = Node::demo();
    if injected(&node, "fsync:signal=KILL:when=1", &["apply", "--yes"]).is_none() {
        return;
    }
    let trace = traced(&node, &["apply", "--yes"]).unwrap();
    let journal = trace.find("/journal>").unwrap();
    for directory in [
        node.outside().to_path_buf(),
        node.state(),
        node.state().join("roots"),
    ] {
        let flushed = trace.find(&format!("<{}>", directory.display()));
        assert!(
            flushed.is_some_and(|at| at < journal),
            "{}: {trace}",
            directory.display()
        );
    }
}

#[test]
fn an_apply_settles_a_killed_one_by_itself() {
    let node = Node::demo();
    if injected(&node, "renameat2:signal=KILL:when=1", &["apply", "--yes"]).is_none() {
        return;
    }
    let ran = node.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("Recovered: transaction"), "{ran:?}");
    assert_eq!(node.run(&["verify"]).code, 0);
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
}

#[test]
fn a_second_apply_has_nothing_to_do_and_a_second_rollback_brings_the_first_back() {
    let node = Node::demo();
    let before = node.snapshot();
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    let applied = node.snapshot();
    let (code, again) = node.json(&["apply", "--yes"]);
    assert_eq!(
        (code, again["outcome"].as_str()),
        (0, Some("nothing-to-do"))
    );
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    assert!(node.snapshot() == before);
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    assert!(node.snapshot() == applied);
}

#[test]
fn a_rollback_refuses_a_file_that_changed_since_unless_it_is_forced() {
    let node = Node::demo();
    let before = node.snapshot();
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    let config = "/var/lib/kube-proxy/kube-proxy-config.yaml";
    std::fs::write(node.path(config), "changed: by hand\n").unwrap();
    let changed = node.snapshot();
    let ran = node.run(&["rollback", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains(config), "{ran:?}");
    assert!(node.snapshot() == changed);
    assert_eq!(node.run(&["verify", "--skip", "config-refused"]).code, 1);
    let ran = node.run(&["rollback", "--yes", "--force"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(node.snapshot() == before);
    // What was overwritten is there again after undoing the undoing.
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    assert!(node.snapshot() == changed);
}

#[test]
fn a_quiet_rollback_tells_only_what_it_overwrites_and_how_it_ended() {
    let node = Node::demo();
    let file = "/var/lib/kube-proxy/kubeconfig";
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    let ran = node.run(&["rollback", "--yes", "--quiet"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("Rolled back: "), "{ran:?}");
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    node.chmod(file, 0o640);
    let ran = node.run(&["rollback", "--yes", "--quiet", "--force"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told: Vec<&str> = ran.out.lines().collect();
    assert!(told[0].starts_with(&format!("  ! {file}  ")), "{ran:?}");
    assert!(told[1].starts_with("Rolled back: "), "{ran:?}");
}
