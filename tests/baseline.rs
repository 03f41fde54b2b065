//! A baseline of the user's own: loaded strictly, with line and column, from a file that nobody else
//! could have written.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use support::{Node, Ran};

const HEAD: &str = "name: own\ntitle: x\nchecks:\n";

/// A sound check; KIND and FIX stand for what a test puts there.
fn check(id: &str, expect: &str, fix: &str) -> String {
    format!("- id: {id}\n  title: t\n  severity: low\n  expect: {expect}\n  fix: {fix}\n  why: w\n")
}

const MODE: &str = "{file-mode: {target: proxy-config, at-most: \"0644\"}}";

fn file(node: &Node, text: &str) -> PathBuf {
    let path = node.outside().join("own.yaml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    path
}

fn run(node: &Node, baselines: &[&str], command: &str) -> Ran {
    let mut with = node.command();
    for baseline in baselines {
        with.arg("--baseline").arg(baseline);
    }
    with.arg(command).output().unwrap().into()
}

#[test]
fn a_baseline_of_ones_own_takes_the_place_of_the_built_in_one() {
    let node = Node::demo();
    let path = file(
        &node,
        &format!(
            "{HEAD}{}",
            check("own-mode", MODE, "{mode: \"0640\", risk: safe}")
        ),
    );
    let path = path.to_str().unwrap();
    let ran = run(&node, &[path], "plan");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("mode 0664 -> 0640"), "{ran:?}");
    assert!(!ran.out.contains("bind-address"), "{ran:?}");
    let ran = run(&node, &["kube-proxy", path], "plan");
    assert!(
        ran.out.contains("own-mode") && ran.out.contains("bind-address"),
        "{ran:?}"
    );
}

#[test]
fn each_fault_is_named_with_file_line_and_column() {
    let good = "{mode: \"0600\", risk: safe}";
    let flag = "{config-flag: {key: enableProfiling, be: false}}";
    let ports = "{node-ports: {}}";
    let policy = "{audit-policy: {}}";
    let sound = check("a", MODE, good);
    let cases: Vec<(&str, String, &str, &str)> = vec![
        (
            "unknown field",
            sound.replace("  why: w", "  why: w\n  whi: w"),
            ":10:3",
            "whi",
        ),
        (
            "unknown field of a fix",
            check("a", MODE, "{mode: \"0600\", risk: safe, run: rm}"),
            ":8:",
            "run",
        ),
        (
            "unknown field of a kind",
            check(
                "a",
                "{file-mode: {target: proxy-config, at-most: \"0644\", or: 1}}",
                good,
            ),
            ":7:",
            "or",
        ),
        (
            "unknown kind",
            check("a", "{shell: {run: rm}}", good),
            ":7:",
            "shell",
        ),
        (
            "two kinds",
            check(
                "a",
                "{file-mode: {target: proxy-config, at-most: \"0644\"}, file-owner: {}}",
                good,
            ),
            ":7:",
            "",
        ),
        (
            "unknown target",
            check(
                "a",
                "{file-mode: {target: shadow, at-most: \"0644\"}}",
                good,
            ),
            ":7:",
            "shadow",
        ),
        (
            "an id that no column holds",
            check(&"a".repeat(101), MODE, good),
            ":4:",
            "an id has at most 100 characters",
        ),
        (
            "doubled id",
            format!("{sound}{sound}"),
            ":10:3",
            "the id a is used twice",
        ),
        (
            "doubled key",
            sound.replace("  why: w", "  why: w\n  why: v"),
            ":10:",
            "why",
        ),
        (
            "bad mode",
            check("a", MODE, "{mode: \"0999\", risk: safe}"),
            ":8:",
            "octal",
        ),
        (
            "short mode",
            check("a", MODE, "{mode: \"600\", risk: safe}"),
            ":8:",
            "octal",
        ),
        (
            "signed mode",
            check("a", MODE, "{mode: \"+600\", risk: safe}"),
            ":8:",
            "octal",
        ),
        (
            "a looser fix",
            check("a", MODE, "{mode: \"0666\", risk: safe}"),
            ":4:3",
            "0666",
        ),
        (
            "a set-user-id fix",
            check("a", MODE, "{mode: \"4600\", risk: safe}"),
            ":4:3",
            "4600",
        ),
        (
            "another way",
            check("a", MODE, "{owner: \"root:root\", risk: safe}"),
            ":4:3",
            "mode",
        ),
        (
            "two ways",
            check("a", MODE, "{mode: \"0600\", value: true, risk: safe}"),
            ":4:3",
            "exactly one",
        ),
        (
            "no way",
            check("a", MODE, "{risk: safe}"),
            ":4:3",
            "exactly one",
        ),
        (
            "no risk",
            check("a", MODE, "{mode: \"0600\"}"),
            ":8:",
            "risk",
        ),
        (
            "unknown risk",
            check("a", MODE, "{mode: \"0600\", risk: none}"),
            ":8:",
            "none",
        ),
        (
            "unknown severity",
            sound.replace("low", "huge"),
            ":6:",
            "huge",
        ),
        (
            "no id",
            sound.replace("- id: a\n  title", "- title"),
            ":8:3",
            "id",
        ),
        ("empty id", check("\"\"", MODE, good), ":4:3", "an id has"),
        ("odd id", check("../A", MODE, good), ":4:3", "an id has"),
        (
            "a list for text",
            sound.replace("why: w", "why: [w]"),
            ":9:",
            "",
        ),
        (
            "text for a list",
            sound.replace("why: w", "why: w\n  refs: x"),
            ":10:",
            "",
        ),
        (
            "loopback for the node",
            check(
                "a",
                "{config-address: {key: bindAddress, must-be: node-ip}}",
                "{address: loopback, risk: safe}",
            ),
            ":4:3",
            "",
        ),
        (
            "all addresses",
            check("a", ports, "{value: [\"0.0.0.0/0\"], risk: safe}"),
            ":4:3",
            "",
        ),
        (
            "no addresses",
            check("a", ports, "{value: [], risk: safe}"),
            ":4:3",
            "",
        ),
        (
            "the wrong switch",
            check("a", flag, "{value: true, risk: safe}"),
            ":4:3",
            "",
        ),
        (
            "a type that is none",
            check("a", flag, "{value: \"no\", risk: safe}"),
            ":4:3",
            "",
        ),
        (
            "a file that is not carried",
            check(
                "a",
                policy,
                "{create: {content: /etc/shadow, mode: \"0600\"}, risk: safe}",
            ),
            ":4:3",
            "carries no file",
        ),
        (
            "a created file for all",
            check(
                "a",
                policy,
                "{create: {content: audit-policy.yaml, mode: \"0644\"}, risk: safe}",
            ),
            ":4:3",
            "open to others",
        ),
        (
            "an owner without root",
            check(
                "a",
                "{file-owner: {target: proxy-config, owner: root, group: root}}",
                "{owner: \"1000:1000\", risk: safe}",
            ),
            ":8:",
            "only root:root",
        ),
    ];
    let mut wrong = Vec::new();
    for (what, text, place, said) in cases {
        let node = Node::demo();
        let path = file(&node, &format!("{HEAD}{text}"));
        let path = path.to_str().unwrap();
        let ran = run(&node, &[path], "plan");
        let named = ran.err.contains(&format!("{path}{place}")) && ran.err.contains(said);
        if ran.code != 1 || !named {
            wrong.push(format!("{what}: {} {}", ran.code, ran.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_that_others_could_have_written_is_refused() {
    let node = Node::demo();
    let text = format!("{HEAD}{}", check("a", MODE, "{mode: \"0600\", risk: safe}"));
    let path = file(&node, &text);
    let shown = path.to_str().unwrap();
    let refused = |said: &str| {
        let before = node.snapshot();
        for command in ["scan", "plan"] {
            let ran = run(&node, &[shown], command);
            assert_eq!(ran.code, 1, "{said}: {ran:?}");
            assert!(
                ran.err.contains(shown) && ran.err.contains(said),
                "{said}: {ran:?}"
            );
        }
        assert!(node.snapshot() == before);
    };
    for mode in [0o646, 0o664, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        refused("writable by others");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    chown(&path, Some(1000), None).unwrap();
    refused("belongs to user 1000");
    chown(&path, Some(0), None).unwrap();
    // A link is judged by what it leads to, on the handle.
    let real = node.outside().join("real.yaml");
    fs::rename(&path, &real).unwrap();
    symlink(&real, &path).unwrap();
    assert_eq!(run(&node, &[shown], "plan").code, 0);
    fs::set_permissions(&real, fs::Permissions::from_mode(0o666)).unwrap();
    refused("writable by others");
    for (target, said) in [
        ("/dev/zero", "not a regular file"),
        ("/nowhere", "cannot be opened"),
        (shown, "cannot be opened"),
    ] {
        fs::remove_file(&path).unwrap();
        symlink(target, &path).unwrap();
        refused(said);
    }
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused("not a regular file");
    fs::remove_file(&path).unwrap();
    let _socket = UnixListener::bind(&path).unwrap();
    refused("cannot be opened");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused("not a regular file");
}

#[test]
fn an_unknown_name_and_an_id_in_two_baselines_are_refused() {
    let node = Node::demo();
    let ran = run(&node, &["kube-prox"], "scan");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("kube-prox") && ran.err.contains("built in: kube-proxy"),
        "{ran:?}"
    );
    let text = format!(
        "{HEAD}{}",
        check("proxy-config-mode", MODE, "{mode: \"0600\", risk: safe}")
    );
    let path = file(&node, &text);
    let ran = run(&node, &["kube-proxy", path.to_str().unwrap()], "scan");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("proxy-config-mode"), "{ran:?}");
    let ran = run(&node, &["kube-proxy", "kube-proxy"], "scan");
    assert_eq!(ran.code, 1, "{ran:?}");
    let ran = run(&node, &[""], "scan");
    assert_ne!(ran.code, 0, "{ran:?}");
}
