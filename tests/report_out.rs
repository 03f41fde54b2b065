//! A report in a file: whole or not at all, never through what somebody else planted, and never an old one in
//! the place of a scan that failed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use serde_json::Value;
use support::case::names;
use support::markup::{page, xml};
use support::metrics::metrics;
use support::{Node, Ran, snapshot, tighten};

const FORMATS: [&str; 7] = [
    "text",
    "json",
    "prometheus",
    "sarif",
    "junit",
    "html",
    "oscal",
];

fn scan_to(node: &Node, format: &str, file: &Path) -> Ran {
    let file = file.to_str().unwrap();
    node.run(&["scan", "--format", format, "--out", file])
}

#[test]
fn a_report_in_a_file_is_what_would_be_printed_and_only_metrics_are_for_everybody() {
    let node = Node::demo();
    let before = node.snapshot();
    let place = node.outside().join("reports");
    fs::create_dir(&place).unwrap();
    for format in FORMATS {
        let file = place.join(format);
        // Replaced, mode and all.
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        let ran = scan_to(&node, format, &file);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{format}");
        assert_eq!(
            ran.err,
            format!(
                "Written to {}. Scan: 19 passed, 14 failed, 0 could not be judged, 3 not applicable.\n",
                file.display()
            )
        );
        let mode = if format == "prometheus" { 0o644 } else { 0o600 };
        let meta = fs::metadata(&file).unwrap();
        assert_eq!(meta.permissions().mode() & 0o7777, mode, "{format}");
        let printed = node.run(&["scan", "--color", "never", "--format", format]);
        let lines = |text: &str| text.lines().count();
        assert_eq!(
            lines(&fs::read_to_string(&file).unwrap()),
            lines(&printed.out),
            "{format}"
        );
    }
    let text = fs::read_to_string(place.join("text")).unwrap();
    assert_eq!(text, node.run(&["scan"]).out);
    let mut all = FORMATS.map(String::from);
    all.sort();
    assert_eq!(names(&place), all, "nothing else is left in the directory");
    assert_eq!(fs::read_dir(&place).unwrap().count(), FORMATS.len());
    assert_eq!(node.snapshot(), before, "a scan writes nothing on the node");
    let quiet = node.run(&[
        "scan",
        "--quiet",
        "--out",
        place.join("text").to_str().unwrap(),
    ]);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
}

#[test]
fn what_is_no_file_is_not_replaced() {
    let node = Node::demo();
    let out = |name: &str| node.outside().join(name);
    fs::write(out("precious"), "precious").unwrap();
    symlink(out("precious"), out("link")).unwrap();
    symlink(out("nothing"), out("dangling")).unwrap();
    fs::create_dir(out("directory")).unwrap();
    nix::unistd::mkfifo(&out("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let before = snapshot(node.outside());
    for (name, what) in [
        ("link", "it is a symbolic link"),
        ("dangling", "it is a symbolic link"),
        ("directory", "it is a directory"),
        ("pipe", "it is a named pipe"),
    ] {
        let ran = scan_to(&node, "html", &out(name));
        let start = format!(
            "error: the report cannot be written to {}: {what}",
            out(name).display()
        );
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{name}");
        assert!(
            ran.err.starts_with(&start) && ran.err.contains("nothing was written"),
            "{ran:?}"
        );
    }
    for name in ["/dev/null", "/dev/stdout"] {
        assert_eq!(scan_to(&node, "json", Path::new(name)).code, 1, "{name}");
    }
    assert_eq!(snapshot(node.outside()), before);
}

#[test]
fn a_directory_that_is_missing_or_none_is_named_before_the_node_is_looked_at() {
    // There is no kube-proxy here, so a look would fail first.
    let node = Node::empty();
    let missing = node.outside().join("a/b/report.html");
    let ran = scan_to(&node, "html", &missing);
    let parent = missing.parent().unwrap().display().to_string();
    assert_eq!(
        (ran.code, ran.err),
        (
            1,
            format!(
                "error: the report cannot be written to {}: the directory {parent} does not exist\n  nothing was \
                 written\nhelp: make it first: mkdir -p {parent}\n",
                missing.display()
            )
        )
    );
    fs::write(node.outside().join("file"), "").unwrap();
    let ran = scan_to(&node, "html", &node.outside().join("file/report.html"));
    assert!(
        ran.code == 1 && ran.err.contains("/file is not a directory"),
        "{ran:?}"
    );
    for name in ["/", "..", "reports/"] {
        let ran = node.run(&["scan", "--out", name]);
        assert!(
            ran.code == 64 && ran.err.contains("cannot be the name of a file"),
            "{name:?} {ran:?}"
        );
    }
}

#[test]
fn a_symlink_that_somebody_planted_on_the_way_is_not_followed() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: a link of another user needs root");
        return;
    }
    let node = Node::demo();
    let (shared, target) = (node.outside().join("shared"), node.outside().join("target"));
    fs::create_dir(&shared).unwrap();
    fs::create_dir(&target).unwrap();
    symlink(&target, shared.join("reports")).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    std::os::unix::fs::lchown(shared.join("reports"), Some(65534), Some(65534)).unwrap();
    let ran = scan_to(&node, "json", &shared.join("reports/scan.json"));
    assert!(
        ran.code == 1 && ran.err.contains("others than root could have put it there"),
        "{ran:?}"
    );
    let plan = shared.join("reports/plan.json");
    let ran = node.run(&["plan", "--out", plan.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.starts_with("error: the plan cannot be written to ")
            && ran.err.contains("others than root could have put it there"),
        "{ran:?}"
    );
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
    // Root's own link in a directory of root is the operator's business.
    fs::remove_file(shared.join("reports")).unwrap();
    symlink(&target, node.outside().join("mine")).unwrap();
    chown(node.outside(), Some(0), Some(0)).unwrap();
    let ran = scan_to(&node, "json", &node.outside().join("mine/scan.json"));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(target.join("scan.json").is_file());
}

#[test]
fn a_report_that_cannot_be_written_leaves_the_former_one_and_no_other_file() {
    let node = Node::demo();
    let place = node.outside().join("reports");
    fs::create_dir(&place).unwrap();
    let file = place.join("scan.json");
    fs::write(&file, "former").unwrap();
    // Less than a report has.
    let limited = std::process::Command::new("prlimit")
        .args(["--fsize=2048", env!("CARGO_BIN_EXE_tighten"), "--root"])
        .arg(node.root())
        .args(["scan", "--format", "json", "--out"])
        .arg(&file)
        .output();
    let Ok(limited) = limited else {
        eprintln!("skipped: prlimit is not there to limit what is written");
        return;
    };
    let ran = Ran::from(limited);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("a file that was there is as it was"),
        "{ran:?}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "former");
    assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
}

#[test]
fn a_scan_that_fails_replaces_the_report_of_the_one_before() {
    let node = Node::empty();
    let place = node.outside().join("reports");
    fs::create_dir(&place).unwrap();
    for format in FORMATS {
        let file = place.join(format);
        fs::write(&file, "all is well").unwrap();
        let ran = scan_to(&node, format, &file);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{format}");
        assert!(ran.err.starts_with("error: no kube-proxy"), "{ran:?}");
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text == "all is well", format == "oscal", "{format}");
        let kept = format!("\n  no report was written to {}\n", file.display());
        assert_eq!(ran.err.contains(&kept), format == "oscal", "{ran:?}");
    }
    let read = |format: &str| fs::read_to_string(place.join(format)).unwrap();
    assert!(read("text").starts_with("error: no kube-proxy"));
    let found = metrics(&read("prometheus"));
    assert_eq!(found.len(), 3);
    assert_eq!(found["tighten_scan_success"][0].1, 0.0);
    let suite = &xml(&read("junit")).children[0];
    assert_eq!((suite.get("tests"), suite.get("errors")), ("1", "1"));
    let (shown, _) = page(&read("html"));
    assert!(shown.contains("This node was not scanned. Nothing is known of it."));
    let document: Value = serde_json::from_str(&read("json")).unwrap();
    assert_eq!(document["schema"], "tighten.scan/v1");
    assert!(
        document["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("no kube-proxy")
    );
    assert_eq!(document["node"]["root"], node.root().to_str().unwrap());
    assert!(document["scanned_at"].is_string());
    // Not even the root can be opened.
    let file = place.join("prometheus");
    fs::remove_file(&file).unwrap();
    let arguments = [
        "--root",
        "/no/such/root",
        "scan",
        "--format",
        "prometheus",
        "--out",
    ];
    let ran: Ran = tighten()
        .args(arguments)
        .arg(&file)
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(
        metrics(&read("prometheus"))["tighten_scan_success"][0].1,
        0.0
    );
    // Wrong usage is no scan.
    fs::remove_file(&file).unwrap();
    let name = file.to_str().unwrap();
    let ran = node.run(&[
        "scan",
        "--only",
        "nonsense",
        "--format",
        "prometheus",
        "--out",
        name,
    ]);
    assert!(ran.code == 64 && !file.exists(), "{ran:?}");
}

#[test]
fn a_root_whose_name_is_not_utf_8_is_scanned_in_every_format() {
    let node = Node::demo();
    let strange = node.outside().join(OsStr::from_bytes(b"n\xffode"));
    fs::rename(node.root(), &strange).unwrap();
    for format in FORMATS {
        let mut command = tighten();
        command
            .arg("--root")
            .arg(&strange)
            .args(["scan", "--format", format]);
        let ran: Ran = command.output().unwrap().into();
        assert_eq!(ran.code, 2, "{format}: {ran:?}");
    }
}
