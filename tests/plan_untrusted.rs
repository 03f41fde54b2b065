//! A saved plan is judged by the file that was opened and by every byte of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use support::{Node, Ran};

fn planned() -> (Node, String) {
    let node = Node::demo();
    let path = node.outside().join("plan.json");
    let path = path.to_str().unwrap().to_string();
    assert_eq!(node.run(&["plan", "--out", &path]).code, 0);
    (node, path)
}

/// Applies the plan and expects that it is refused for this reason and that nothing changed.
fn refused(node: &Node, plan: &str, said: &str) -> Ran {
    let before = node.snapshot();
    let ran = node.run(&["apply", "--yes", plan]);
    assert_eq!(ran.code, 1, "{said}: {ran:?}");
    assert!(node.snapshot() == before, "{said}: the tree changed");
    let message = format!("the plan {plan} {said}");
    assert!(ran.err.contains(&message), "{message}: {ran:?}");
    assert!(ran.err.contains("nothing was written"), "{said}: {ran:?}");
    assert!(ran.err.contains("help: make a new one"), "{said}: {ran:?}");
    ran
}

#[test]
fn a_plan_of_a_newer_version_is_refused_by_its_number() {
    let (node, plan) = planned();
    let text = fs::read_to_string(&plan).unwrap();
    // Whatever else the newer version writes.
    let newer = text
        .replace("tighten.plan/v1", "tighten.plan/v2")
        .replace("\"changes\": [", "\"steps\": [");
    fs::write(&plan, newer).unwrap();
    let said = "has the format tighten.plan/v2, written by a newer tighten; this one reads tighten.plan/v1";
    refused(&node, &plan, said);
    for other in ["tighten.plan/v0", "tighten.plan/vx", "tighten.scan/v1"] {
        fs::write(&plan, text.replace("tighten.plan/v1", other)).unwrap();
        refused(&node, &plan, "is not a plan");
    }
}

#[test]
fn bytes_that_are_no_plan_are_refused() {
    let (node, plan) = planned();
    let text = fs::read_to_string(&plan).unwrap();
    let with = |find: &str, put: &str| {
        assert!(text.contains(find), "{find}");
        text.replacen(find, put, 1).into_bytes()
    };
    let deep = format!("\"changes\": {}", "[".repeat(5_000));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        (
            "cannot be read: duplicate field `changes`",
            with("\"changes\": [", "\"changes\": [], \"changes\": ["),
        ),
        (
            "cannot be read: duplicate field `uid`",
            with("\"uid\": ", "\"uid\": 0, \"uid\": "),
        ),
        (
            "is not a plan",
            with(
                "\"schema\": ",
                "\"schema\": \"tighten.plan/v1\", \"schema\": ",
            ),
        ),
        ("is not JSON", with("\"uid\": ", "\"uid\": NaN, \"x\": ")),
        ("cannot be read: ", with("\"uid\": ", "\"uid\": -")),
        (
            "cannot be read: ",
            with("\"uid\": ", "\"uid\": 99999999999"),
        ),
        (
            "cannot be read: number out of range",
            with("\"uid\": ", "\"uid\": 1e999, \"x\": "),
        ),
        ("is not JSON", with("\"changes\": [", &deep)),
        ("is not JSON", [text.as_bytes(), b"{}"].concat()),
        ("is not JSON", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        (
            "is larger than 4 MiB",
            [text.as_bytes(), &vec![b' '; 4 << 20]].concat(),
        ),
    ];
    for (said, bytes) in cases {
        fs::write(&plan, bytes).unwrap();
        refused(&node, &plan, said);
    }
    let mut bytes = text.into_bytes();
    let at = bytes
        .windows(8)
        .position(|part| part == b"\"diff\": ")
        .unwrap();
    bytes[at + 10] = 0xff;
    fs::write(&plan, bytes).unwrap();
    refused(&node, &plan, "");
}

#[test]
fn what_is_judged_is_the_file_behind_a_symlink() {
    let (node, plan) = planned();
    let chmod = |mode| fs::set_permissions(&plan, fs::Permissions::from_mode(mode)).unwrap();
    let link = node.outside().join("link.json");
    symlink(&plan, &link).unwrap();
    let link = link.to_str().unwrap().to_string();
    chmod(0o620);
    refused(&node, &link, "is writable by others (mode 0620)");
    chmod(0o600);
    if nix::unistd::geteuid().is_root() {
        chown(&plan, Some(1000), None).unwrap();
        refused(&node, &link, "belongs to user 1000");
        chown(&plan, Some(0), None).unwrap();
    } else {
        eprintln!("skipped: giving a file to another user needs root");
    }
    // Who may write to the directory can only put another plan of the same owner there, and that one is
    // made again from the node before anything is done.
    let directory = fs::Permissions::from_mode(0o1777);
    fs::set_permissions(node.outside(), directory).unwrap();
    assert_eq!(node.run(&["apply", "--yes", &link]).code, 0);
}

#[test]
fn a_device_and_a_directory_are_no_plan() {
    let (node, _) = planned();
    refused(&node, "/dev/zero", "is a device, not a regular file");
    refused(&node, "/dev", "is a directory, not a regular file");
}
