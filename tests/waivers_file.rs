//! A waivers file: loaded strictly, with line and column, and only where nobody without root could have
//! written it. Whoever can write it can have a finding overlooked.

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

const OWN: &str = "/etc/tighten/waivers.yaml";
const GOOD: &str = "waivers:\n- {check: metrics-exposed, justification: x}\n";
/// Every command that judges.
const JUDGING: &[&[&str]] = &[&["scan"], &["plan"], &["verify"], &["apply", "--yes"]];

/// Every command that judges refuses, says this, and changes nothing.
fn refused(node: &Node, arguments: &[&str], said: &[&str]) {
    let before = node.snapshot();
    for command in JUDGING {
        let ran = node.run(&[arguments, *command].concat());
        assert_eq!(ran.code, 1, "{said:?}: {ran:?}");
        assert_eq!(ran.out, "", "{said:?}");
        for part in said {
            assert!(ran.err.contains(part), "{said:?}: {ran:?}");
        }
        assert!(ran.err.contains("\nhelp: "), "{said:?}: {ran:?}");
    }
    assert!(node.snapshot() == before, "{said:?}: the tree changed");
    assert!(!node.state().exists(), "{said:?}");
}

fn scanned(node: &Node, arguments: &[&str]) -> Ran {
    node.run(&[arguments, &["scan", "--only", "metrics-exposed"]].concat())
}

#[test]
fn each_fault_is_named_with_file_line_and_column() {
    let entry = |rest: &str| format!("waivers:\n- check: metrics-exposed\n{rest}");
    let with = |rest: &str| entry(&format!("  justification: x\n{rest}"));
    let cases: Vec<(String, &str, &str)> = vec![
        (
            "waivers:\n- {check: metrics-exposd, justification: x}\n".into(),
            ":2:11: ",
            "no check is called \"metrics-exposd\"",
        ),
        (
            "waivers:\n- {check: metrics-exposd, justification: x}\n".into(),
            "",
            "did you mean metrics-exposed?",
        ),
        (
            "waivers:\n- {check: nonsense, justification: x}\n".into(),
            ":2:11: ",
            "no check is called \"nonsense\"",
        ),
        (
            format!(
                "waivers:\n- {{check: {}, justification: x}}\n",
                "a".repeat(9_999)
            ),
            ":2:11: ",
            "no check has an id of 9999 bytes",
        ),
        (
            with("  reason: y\n"),
            ":4:3: ",
            "expected one of check, path, node, justification, expires",
        ),
        (
            with("  justification: y\n"),
            ":4:3: ",
            "duplicate mapping key: justification\n",
        ),
        (entry(""), ":2:3: ", "missing field `justification`"),
        (entry("  justification: \"\"\n"), ":3:18: ", "is not empty"),
        (
            entry("  justification: \"  \\t \"\n"),
            ":3:18: ",
            "is not empty",
        ),
        (entry("  justification:\n"), ":3:", "a value is missing"),
        (
            entry("  justification: ~\n"),
            ":3:18: ",
            "a value is missing",
        ),
        (
            entry(&format!("  justification: {}\n", "x".repeat(1_001))),
            ":3:18: ",
            "at most 1000 characters",
        ),
        (
            "waivers:\n- justification: x\n".into(),
            ":2:3: ",
            "missing field `check`",
        ),
        // A key without a value would make the waiver one of everything, or for ever.
        (with("  path:\n"), ":4:", "a value is missing"),
        (with("  path: ~\n"), ":4:9: ", "a value is missing"),
        (with("  node: null\n"), ":4:9: ", "a value is missing"),
        (with("  expires:\n"), ":4:", "a value is missing"),
        (with("  path: \"\"\n"), ":4:9: ", "a path starts with /"),
        (with("  path: etc/x\n"), ":4:9: ", "a path starts with /"),
        (with("  path: /etc/../x\n"), ":4:9: ", "no .. in it"),
        (
            with("  path: /etc/[ab]\n"),
            ":4:9: ",
            "[ has no meaning here",
        ),
        (
            with("  path: [/a, /b]\n"),
            ":4:9: ",
            "expected string scalar",
        ),
        (with("  node: \"\"\n"), ":4:9: ", "one hostname"),
        (with("  node: a,b\n"), ":4:9: ", "one hostname"),
        (
            with("  expires: 2027-02-30\n"),
            ":4:12: ",
            "not a day such as 2027-03-31",
        ),
        (
            with("  expires: 31.12.2027\n"),
            ":4:12: ",
            "not a day such as 2027-03-31",
        ),
        (
            with("  expires: 2027-03-31T00:00:00Z\n"),
            ":4:12: ",
            "not a day such as 2027-03-31",
        ),
        (
            with("  expires: never\n"),
            ":4:12: ",
            "not a day such as 2027-03-31",
        ),
        (String::new(), ": ", "it holds nothing"),
        ("# none\n\n".into(), ": ", "write: waivers: []"),
        ("waivers:\n".into(), ":1:", "expected sequence start"),
        ("waivers: {}\n".into(), ":1:10: ", "expected sequence start"),
        ("waivers: [x]\n".into(), ":1:11: ", ""),
        ("waiver: []\n".into(), ":1:1: ", "unknown field `waiver`"),
        (
            "- {check: metrics-exposed, justification: x}\n".into(),
            ":1:1: ",
            "expected mapping start",
        ),
        (
            "waivers: []\nwaivers: []\n".into(),
            ":2:1: ",
            "duplicate mapping key: waivers\n",
        ),
        (
            "waivers: []\n---\nwaivers: []\n".into(),
            ":3:1: ",
            "multiple YAML documents detected\n",
        ),
        ("waivers: [\n".into(), ":1:10: ", ""),
        ("waivers: [}\n".into(), ":1:", ""),
        (
            format!("waivers: {}", "[".repeat(100_000)),
            ":1:",
            "recursion limit exceeded",
        ),
    ];
    let node = Node::demo();
    let named = node.outside().join("named.yaml");
    let shown = named.to_str().unwrap();
    for (text, place, said) in &cases {
        node.write(OWN, text);
        refused(&node, &[], &[&format!("error: {OWN}{place}"), said]);
        fs::remove_file(node.path(OWN)).unwrap();
        fs::write(&named, text).unwrap();
        let ran = scanned(&node, &["--waivers", shown]);
        assert_eq!(ran.code, 1, "{text}: {ran:?}");
        let head = format!("error: {shown}{place}");
        assert!(
            ran.err.starts_with(&head) && ran.err.contains(said),
            "{text}: {ran:?}"
        );
    }
    node.write(OWN, "waivers: []\n");
    assert_eq!(scanned(&node, &[]).code, 2);
    // JSON is YAML.
    node.write(
        OWN,
        r#"{"waivers": [{"check": "metrics-exposed", "justification": "x"}]}"#,
    );
    assert_eq!(scanned(&node, &[]).code, 0);
}

#[test]
fn the_nodes_own_file_is_refused_where_others_could_have_written_it() {
    let node = Node::demo();
    let own = node.path(OWN);
    node.write(OWN, GOOD);
    for mode in [0o646, 0o664, 0o666] {
        node.chmod(OWN, mode);
        refused(
            &node,
            &[],
            &[OWN, "is writable by others", "look at what it waives"],
        );
    }
    node.chmod(OWN, 0o400);
    assert_eq!(scanned(&node, &[]).code, 0);
    for mode in [0o775, 0o757] {
        node.chmod("/etc/tighten", mode);
        refused(&node, &[], &["could be exchanged by others: /etc/tighten "]);
    }
    // Where the sticky bit keeps others from taking root's names away they can only add some.
    node.chmod("/etc/tighten", 0o1777);
    assert_eq!(scanned(&node, &[]).code, 0);
    node.chmod("/etc/tighten", 0o755);
    if nix::unistd::geteuid().is_root() {
        chown(&own, Some(1000), None).unwrap();
        refused(&node, &[], &[OWN, "belongs to user 1000"]);
        chown(&own, Some(0), None).unwrap();
        chown(node.path("/etc/tighten"), Some(1000), None).unwrap();
        refused(
            &node,
            &[],
            &["could be exchanged by others: /etc/tighten belongs to user 1000"],
        );
        chown(node.path("/etc/tighten"), Some(0), None).unwrap();
    } else {
        println!("skipped: only root gives files away");
    }
    // Whatever else stands there, nothing is taken for "no waivers".
    let real = node.path("/srv/real.yaml");
    support::make_directory(&node.path("/srv"));
    fs::rename(&own, &real).unwrap();
    symlink("/srv/real.yaml", &own).unwrap();
    assert_eq!(scanned(&node, &[]).code, 0, "a link stays in the tree");
    node.chmod("/srv", 0o777);
    refused(&node, &[], &["could be exchanged by others: /srv "]);
    node.chmod("/srv", 0o755);
    fs::remove_file(&real).unwrap();
    refused(
        &node,
        &[],
        &["is a link to /srv/real.yaml, which does not exist"],
    );
    fs::remove_file(&own).unwrap();
    symlink("waivers.yaml", &own).unwrap();
    refused(&node, &[], &["too many levels of symbolic links"]);
    fs::remove_file(&own).unwrap();
    nix::unistd::mkfifo(&own, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused(&node, &[], &["is a named pipe, not a regular file"]);
    fs::remove_file(&own).unwrap();
    fs::create_dir(&own).unwrap();
    refused(&node, &[], &["is a directory, not a regular file"]);
    fs::remove_dir(&own).unwrap();
    assert_eq!(scanned(&node, &[]).code, 2, "no file is no waiver");
    fs::remove_dir(node.path("/etc/tighten")).unwrap();
    assert_eq!(scanned(&node, &[]).code, 2, "no directory is no waiver");
    node.write("/etc/tighten", "");
    refused(&node, &[], &["a component of its path is not a directory"]);
}

#[test]
fn what_is_too_much_is_refused_and_what_is_much_is_read() {
    let node = Node::demo();
    let many = |count: usize| {
        "waivers:\n".to_string() + &"- {check: metrics-exposed, justification: x}\n".repeat(count)
    };
    let named = node.outside().join("named.yaml");
    let texts = [
        (vec![0; 4 << 20], "larger than 1024 KiB"),
        (vec![b' '; 5 << 20], "larger than 1024 KiB"),
        (many(100_000).into_bytes(), "larger than 1024 KiB"),
        (b"waivers: [\xff\xfe]\n".to_vec(), "is not text (UTF-8)"),
        (b"\x7fELF\x00\x01\x02".to_vec(), ""),
    ];
    for (bytes, said) in texts {
        node.write(OWN, &bytes);
        refused(&node, &[], &[OWN, said]);
        fs::remove_file(node.path(OWN)).unwrap();
        fs::write(&named, &bytes).unwrap();
        let ran = scanned(&node, &["--waivers", named.to_str().unwrap()]);
        assert!(ran.code == 1 && ran.err.contains(said), "{ran:?}");
    }
    node.write(OWN, many(10_000));
    let (code, scan) = node.json(&["scan", "--only", "metrics-exposed"]);
    assert_eq!(
        (code, scan["waivers"].as_array().unwrap().len()),
        (0, 10_000)
    );
    // What is said of thousands ends somewhere.
    node.write(OWN, many(10_000).replace("x}", "x, expires: 2000-01-01}"));
    let ran = scanned(&node, &[]);
    assert_eq!(ran.out.matches("Warning: ").count(), 21, "{ran:?}");
    assert!(ran.out.contains("the same of 9980 more waivers"), "{ran:?}");
}

#[test]
fn a_file_that_is_named_is_there_and_roots_alone() {
    let node = Node::demo();
    let path = node.outside().join("named.yaml");
    let shown = path.to_str().unwrap();
    let named = ["--waivers", shown];
    refused(
        &node,
        &named,
        &[
            shown,
            "cannot be opened: No such file or directory",
            "help: look at how its path is written: no file has that name",
        ],
    );
    fs::write(&path, GOOD).unwrap();
    for mode in [0o646, 0o664] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        refused(&node, &named, &[shown, "is writable by others"]);
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(scanned(&node, &named).code, 0);
    if nix::unistd::geteuid().is_root() {
        chown(&path, Some(1000), None).unwrap();
        refused(&node, &named, &[shown, "belongs to user 1000"]);
    }
    fs::remove_file(&path).unwrap();
    for target in ["/dev/zero", "/nowhere", shown] {
        symlink(target, &path).unwrap();
        refused(&node, &named, &[shown]);
        fs::remove_file(&path).unwrap();
    }
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused(&node, &named, &["is a named pipe, not a regular file"]);
}

#[test]
fn a_check_of_ones_own_baseline_is_known_where_that_is_given() {
    let node = Node::demo();
    let own = node.outside().join("own.yaml");
    fs::write(
        &own,
        "name: own\ntitle: x\nchecks:\n- id: our-mode\n  title: t\n  severity: low\n  expect: {file-mode: {target: proxy-config, at-most: \"0600\"}}\n  why: w\n",
    )
    .unwrap();
    let own = own.to_str().unwrap();
    node.write(
        OWN,
        "waivers:\n- {check: our-mode, justification: x}\n- {check: metrics-exposed, justification: x}\n",
    );
    // The built-in checks are known beside it, though they are not run.
    let ran = node.run(&["--baseline", own, "scan"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    refused(
        &node,
        &[],
        &[
            "no check is called \"our-mode\"",
            "--baseline FILE adds those",
        ],
    );
}

#[test]
fn a_faulty_file_stops_only_what_judges() {
    let node = Node::demo();
    let before = node.snapshot();
    assert_eq!(
        node.run(&["apply", "--yes", "--only", "metrics-exposed"])
            .code,
        0
    );
    node.write(OWN, "waivers: [");
    for command in [&["facts"][..], &["history"], &["explain"], &["recover"]] {
        let ran = node.run(command);
        assert_eq!(ran.code, 0, "{command:?}: {ran:?}");
    }
    let ran = node.run(&["rollback", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    fs::remove_dir_all(node.path("/etc/tighten")).unwrap();
    assert!(node.snapshot() == before);
}

#[test]
fn the_example_in_the_document_loads_and_names_every_key() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/waivers.md");
    let page = fs::read_to_string(page).unwrap();
    let example = page.split("```yaml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    for key in ["check", "path", "node", "justification", "expires"] {
        assert!(example.contains(&format!("{key}:")), "{key}");
    }
    let node = Node::demo();
    node.write(OWN, example);
    let (code, scan) = node.json(&["scan", "--only", "metrics-exposed"]);
    assert_eq!(code, 0, "{scan:#}");
    assert_eq!(scan["waivers"][0]["state"], "used");
}
