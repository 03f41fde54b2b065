//! What is refused before anything is written, and in which words.
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
use std::os::unix::fs::symlink;

use tighten::failure::{Exit, Failure};
use tighten::transaction::Operation;
use transaction_support::*;

/// The operations are refused, nothing changes, and no transaction stays behind.
fn refused(node: &Node, operations: Vec<Operation>) -> Failure {
    let before = node.snapshot();
    let failure = node.run(operations).unwrap_err();
    assert_eq!(failure.exit, Exit::Refused, "{failure}");
    assert_eq!(
        failure.state.as_deref(),
        Some("nothing was written"),
        "{failure}"
    );
    assert!(failure.help.is_some(), "{failure}");
    assert_eq!(node.snapshot(), before);
    assert!(transactions(&node.state).is_empty());
    failure
}

#[test]
fn refuses_when_the_file_changed_after_the_plan_and_says_what_differs() {
    let node = Node::new();
    let edit = |node: &Node| vec![node.operation(PROXY, replace("new\n", 0o640))];
    let operations = edit(&node);
    fs::write(node.host(PROXY), "somebody else\n").unwrap();
    assert_eq!(
        refused(&node, operations).to_string(),
        format!(
            "error: {PROXY} changed since the plan was made: content\n  nothing was written\nhelp: run tighten plan again"
        )
    );
    let operations = edit(&node);
    set_mode(&node.host(PROXY), 0o600);
    assert!(
        refused(&node, operations)
            .message
            .ends_with(": mode (0600 instead of 0640)")
    );
    let operations = edit(&node);
    fs::remove_file(node.host(PROXY)).unwrap();
    assert!(
        refused(&node, operations)
            .message
            .ends_with(": existence (it is gone)")
    );
    let operations = vec![node.operation(POLICY, create("new\n", 0o600))];
    fs::write(node.host(POLICY), "").unwrap();
    assert!(
        refused(&node, operations)
            .message
            .ends_with(": existence (it exists now)")
    );
    if is_root() {
        let operations = vec![node.operation(ADMIN, set_meta(0o600))];
        std::os::unix::fs::chown(node.host(ADMIN), Some(7), Some(8)).unwrap();
        assert!(
            refused(&node, operations)
                .message
                .ends_with(": owner (7:8 instead of 0:0)")
        );
    }
}

#[test]
fn refuses_what_is_not_a_plain_file_with_one_name() {
    let node = Node::new();
    let operations = |node: &Node| vec![node.operation(PROXY, replace("new\n", 0o640))];
    fs::hard_link(node.host(PROXY), node.host("/etc/second")).unwrap();
    let failure = refused(&node, operations(&node));
    assert!(failure.message.contains("has 2 hard links"), "{failure}");
    fs::remove_file(node.host("/etc/second")).unwrap();

    let planned = operations(&node);
    fs::remove_file(node.host(PROXY)).unwrap();
    nix::unistd::mkfifo(&node.host(PROXY), nix::sys::stat::Mode::S_IRUSR).unwrap();
    let failure = refused_with_fifo(&node, planned);
    assert_eq!(
        failure.message,
        format!("{PROXY}: is a named pipe, not a regular file")
    );
}

fn refused_with_fifo(node: &Node, operations: Vec<Operation>) -> Failure {
    let failure = node.run(operations).unwrap_err();
    assert_eq!(failure.exit, Exit::Refused);
    failure
}

#[test]
fn a_symlink_that_leads_out_of_the_root_leads_nowhere() {
    let node = Node::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("target"), "outside\n").unwrap();
    let planned = vec![node.operation(PROXY, replace("new\n", 0o640))];
    fs::remove_file(node.host(PROXY)).unwrap();
    symlink(outside.path().join("target"), node.host(PROXY)).unwrap();
    let failure = node.run(planned).unwrap_err();
    assert_eq!(failure.exit, Exit::Refused, "{failure}");
    assert_eq!(
        fs::read(outside.path().join("target")).unwrap(),
        b"outside\n"
    );
}

#[test]
fn a_trusted_symlink_is_followed_and_its_target_changed() {
    let node = Node::new();
    symlink("proxy.yaml", node.host("/etc/kubernetes/link.yaml")).unwrap();
    let operation = node.operation("/etc/kubernetes/link.yaml", replace("new\n", 0o640));
    let committed = node.run(vec![operation]).unwrap();
    assert_eq!(committed.files, [node_path(PROXY)]);
    assert!(node.host("/etc/kubernetes/link.yaml").is_symlink());
    assert_eq!(fs::read(node.host(PROXY)).unwrap(), b"new\n");
}

#[test]
fn a_symlink_that_others_could_have_planted_is_not_followed() {
    if !is_root() {
        return;
    }
    let node = Node::new();
    let link = node.host("/var/lib/kube-proxy/link.yaml");
    symlink("/etc/kubernetes/proxy.yaml", &link).unwrap();
    let mut operation = node.operation(PROXY, replace("new\n", 0o640));
    operation.path = node_path("/var/lib/kube-proxy/link.yaml");
    let failure = refused(&node, vec![operation]);
    assert!(failure.message.contains("is not followed"), "{failure}");
}

#[test]
fn refuses_below_a_directory_that_others_may_write_to_unless_it_is_tightened_first() {
    let node = Node::new();
    let edit = || node.operation(CONFIG, replace("new\n", 0o600));
    let tighten = || node.operation(DIRECTORY, set_meta(0o755));
    let failure = refused(&node, vec![edit()]);
    assert!(
        failure
            .message
            .starts_with(&format!("{DIRECTORY}: others may put files")),
        "{failure}"
    );
    refused(&node, vec![edit(), tighten()]);
    node.run(vec![tighten(), edit()]).unwrap();
}

#[test]
fn refuses_below_a_directory_of_somebody_else() {
    if !is_root() {
        return;
    }
    let node = Node::new();
    std::os::unix::fs::chown(node.host("/etc"), Some(1000), Some(1000)).unwrap();
    let failure = refused(&node, vec![node.operation(PROXY, replace("new\n", 0o640))]);
    assert!(
        failure
            .message
            .starts_with("/etc: this directory belongs to user 1000"),
        "{failure}"
    );
}

#[test]
fn refuses_a_file_whose_directory_does_not_exist_and_the_same_file_twice() {
    let node = Node::new();
    let operation = node.operation("/etc/none/file", create("new\n", 0o600));
    let failure = refused(&node, vec![operation]);
    assert!(failure.message.contains("does not exist"), "{failure}");
    let twice = vec![
        node.operation(PROXY, replace("one\n", 0o640)),
        node.operation(PROXY, replace("two\n", 0o640)),
    ];
    let failure = refused(&node, twice);
    assert_eq!(failure.message, format!("{PROXY}: is to be changed twice"));
}

#[test]
fn refuses_an_immutable_file() {
    let node = Node::new();
    let file = node.host(PROXY);
    let chattr = |flag: &str| {
        std::process::Command::new("chattr")
            .arg(flag)
            .arg(&file)
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if !is_root() || !chattr("+i") {
        println!("skipped: chattr does not work here");
        return;
    }
    let failure = node.run(vec![node.operation(PROXY, replace("new\n", 0o640))]);
    chattr("-i");
    let failure = failure.unwrap_err();
    assert_eq!(
        failure.message,
        format!("{PROXY}: its flag i forbids the change")
    );
    assert_eq!(failure.exit, Exit::Refused);
}

#[test]
fn without_root_what_needs_root_is_said_and_not_tried() {
    if is_root() {
        // Runs this very test again as an ordinary user, where that can be done.
        let own = std::env::current_exe().unwrap();
        let directory = tempfile::tempdir().unwrap();
        set_mode(directory.path(), 0o777);
        let copy = directory.path().join("test");
        fs::copy(own, &copy).unwrap();
        set_mode(&copy, 0o755);
        let output = std::process::Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&copy)
            .args([
                "--exact",
                "without_root_what_needs_root_is_said_and_not_tried",
            ])
            .env("TMPDIR", directory.path())
            .output();
        match output {
            Ok(output) => assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stdout)
            ),
            Err(error) => println!("skipped: setpriv: {error}"),
        }
        return;
    }
    let node = Node::new();
    let before = without_times(node.snapshot());
    let mut operation = node.operation(ADMIN, set_meta(0o600));
    operation.action = tighten::transaction::Action::SetMeta {
        mode: 0o600,
        uid: 0,
        gid: 0,
    };
    let failure = refused(&node, vec![operation]);
    assert_eq!(failure.help.as_deref(), Some("run tighten as root"));
    node.apply().unwrap();
    node.rollback(None, false).unwrap();
    assert_eq!(without_times(node.snapshot()), before);
}

/// A mount that ends with the test.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn new(arguments: &[&str], target: &std::path::Path) -> Option<Mounted> {
        let done = std::process::Command::new("mount")
            .args(arguments)
            .arg(target)
            .output()
            .is_ok_and(|output| output.status.success());
        if !done {
            println!("skipped: mount does not work here");
        }
        done.then(|| Mounted(target.to_path_buf()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).output();
    }
}

#[test]
fn refuses_a_file_that_is_mounted_on_its_own() {
    let node = Node::new();
    let file = node.host(PROXY);
    let source = node._directory.path().join("source");
    fs::copy(&file, &source).unwrap();
    let Some(_mounted) = Mounted::new(&["--bind", source.to_str().unwrap()], &file) else {
        return;
    };
    let operation = node.operation(PROXY, replace("new\n", 0o640));
    let failure = refused(&node, vec![operation]);
    assert!(
        failure.message.contains("is a mount point of its own"),
        "{failure}"
    );
}

#[test]
fn refuses_a_read_only_and_a_full_file_system() {
    let node = Node::new();
    let directory = node.host("/mnt");
    fs::create_dir(&directory).unwrap();
    let options = ["-t", "tmpfs", "-o", "size=64k,mode=0755", "tmpfs"];
    let Some(_mounted) = Mounted::new(&options, &directory) else {
        return;
    };
    put(&node.root, "/mnt/file", b"old\n", 0o644, own());
    let big = "x".repeat(40_000);
    let operation = node.operation("/mnt/file", replace(&big, 0o644));
    let failure = refused(&node, vec![operation]);
    let expected =
        "not enough space on the file system of /mnt: 61440 bytes are free, 81920 are asked for";
    assert_eq!(failure.message, expected);

    let remount = ["-o", "remount,ro"];
    let Some(_again) = Mounted::new(&remount, &directory) else {
        return;
    };
    let operation = node.operation("/mnt/file", replace("new\n", 0o644));
    let failure = refused(&node, vec![operation]);
    assert!(failure.message.contains("mounted read-only"), "{failure}");
}
