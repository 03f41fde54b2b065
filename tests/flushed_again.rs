//! What a flush failed to bring to the disk is gone from the kernel's list of what to write, and the next
//! flush reports success: so it is written once more before it is believed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;

use support::Node;
use support::traced::{injected, traced};

const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";

/// Whether a file of this name was written and, after that, flushed.
fn written_and_flushed(calls: &[String], name: &str) -> bool {
    let of = |call: &String, what: &str| call.starts_with(what) && call.contains(name);
    let writes = |call: &String| of(call, "write(") || of(call, "pwrite64(");
    let written = calls.iter().position(writes);
    let flushed = calls.iter().rposition(|call| of(call, "fsync("));
    written.is_some_and(|written| flushed.is_some_and(|flushed| written < flushed))
}

#[test]
fn a_last_record_whose_flush_failed_is_written_again_by_the_recovery_that_believes_it() {
    for when in 10.. {
        let node = Node::demo();
        let fault = format!("fsync:error=EIO:when={when}");
        let Some(ran) = injected(&node, &fault, &["apply", "--yes"]) else {
            return;
        };
        assert_ne!(ran.code, 0, "the flush of the last record was never met");
        if ran.code != 4 {
            continue;
        }
        assert!(ran.err.contains("is in doubt"), "{ran:?}");
        let after = node.snapshot();
        let (ran, calls) = traced(&node.command(), &["recover"]).unwrap();
        assert!(
            ran.out.contains("had committed; its changes stay"),
            "{ran:?}"
        );
        assert!(written_and_flushed(&calls, "/journal>"), "{calls:#?}");
        assert!(node.snapshot() == after);
        let rolled_back = node.run(&["rollback", "--yes"]);
        assert_eq!(rolled_back.code, 0, "{rolled_back:?}");
        return;
    }
}

#[test]
fn a_kept_copy_whose_flush_failed_is_written_again_before_force_overwrites_what_it_is_of() {
    let node = Node::demo();
    if injected(&node, "renameat2:signal=KILL:when=1", &["apply", "--yes"]).is_none() {
        return;
    }
    fs::write(node.path(CONFIG), "theirs\n").unwrap();
    for when in 1.. {
        let fault = format!("fsync:error=EIO:when={when}");
        let ran = injected(&node, &fault, &["recover"]).unwrap();
        assert_eq!(ran.code, 4, "{ran:?}");
        if ran.err.contains(&format!("{CONFIG}: Input/output error")) {
            break;
        }
        assert!(when < 9, "the flush of the copy was never met: {ran:?}");
    }
    let (ran, calls) = traced(&node.command(), &["recover", "--force"]).unwrap();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(written_and_flushed(&calls, "/kept."), "{calls:#?}");
}
