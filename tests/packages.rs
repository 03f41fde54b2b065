//! The archive and the packages: made with the program of the tests, and with packaging/check installed, upgraded
//! and removed where a tree for it is there.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::Ran;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tighten");

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Why no packages can be made here.
fn missing() -> Option<String> {
    let tools = [
        "jq", "rpmbuild", "dpkg-deb", "readelf", "strip", "gzip", "tar",
    ];
    let lacks = |tool: &&&str| Command::new(tool).arg("--version").output().is_err();
    let lacking = tools.iter().find(lacks);
    lacking.map(|tool| format!("{tool} is not installed"))
}

/// packaging/release with a program that is there.
fn release(program: &Path, out: &Path, environment: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(source("packaging/release"));
    let command = command.args(["--allow-dirty", "--program"]).arg(program);
    let command = command.arg("--out").arg(out);
    let command = command.env("SOURCE_DATE_EPOCH", "1767225600");
    command
        .envs(environment.iter().copied())
        .output()
        .unwrap()
        .into()
}

/// A script in the program's place: what is packed is a few bytes, so that packing takes no time.
fn small_program(directory: &Path) -> PathBuf {
    let small = directory.join("tighten");
    fs::write(&small, format!("#!/bin/sh\nexec '{PROGRAM}' \"$@\"\n")).unwrap();
    fs::set_permissions(&small, fs::Permissions::from_mode(0o755)).unwrap();
    small
}

fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().flatten();
    let file = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    };
    entries.map(file).collect()
}

#[test]
fn the_same_program_gives_the_same_bytes_at_another_time_and_place() {
    if let Some(why) = missing() {
        eprintln!("skipped: {why}");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let small = small_program(place.path());
    let (one, two) = (place.path().join("one"), place.path().join("the other one"));
    let ran = release(&small, &one, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let elsewhere = [
        ("TZ", "Asia/Tokyo"),
        ("LC_ALL", "C.UTF-8"),
        ("TMPDIR", place.path().to_str().unwrap()),
    ];
    let ran = release(&small, &two, &elsewhere);
    assert_eq!(ran.code, 0, "{ran:?}");
    let (one, two) = (files(&one), files(&two));
    let version = env!("CARGO_PKG_VERSION");
    let archive = format!("tighten-{version}-x86_64-unknown-linux-gnu");
    let names: Vec<String> = one.keys().cloned().collect();
    assert_eq!(
        names,
        [
            "SHA256SUMS".to_string(),
            format!("tighten-{version}-1.x86_64.rpm"),
            format!("{archive}.cdx.json"),
            format!("{archive}.tar.gz"),
            format!("tighten_{version}-1_amd64.deb"),
        ]
    );
    for (name, bytes) in &one {
        assert!(two.get(name) == Some(bytes), "{name} differs");
    }
}

#[test]
fn the_archive_installs_itself_where_there_is_no_cargo() {
    if let Some(why) = missing() {
        eprintln!("skipped: {why}");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let small = small_program(place.path());
    let out = place.path().join("dist");
    let ran = release(&small, &out, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let name = format!(
        "tighten-{}-x86_64-unknown-linux-gnu",
        env!("CARGO_PKG_VERSION")
    );
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(out.join(format!("{name}.tar.gz")))
        .arg("-C")
        .arg(place.path())
        .status();
    assert!(unpacked.unwrap().success());
    let tree = place.path().join(name);
    let ran: Ran = Command::new(tree.join("install.sh"))
        .args(["--timer", "--recover-at-boot", "--prefix", "/usr"])
        .env("DESTDIR", place.path().join("image"))
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, 0, "{ran:?}");
    for file in [
        "usr/bin/tighten",
        "usr/bin/kubectl-proxy_tighten",
        "usr/lib/systemd/system/tighten-scan.timer",
        "etc/systemd/system/timers.target.wants/tighten-scan.timer",
    ] {
        let path = place.path().join("image").join(file);
        assert!(path.symlink_metadata().is_ok(), "{file}");
    }
    for file in [
        "LICENSE",
        "README.md",
        "docs/checks.md",
        "docs/tighten.rules.yaml",
        "man/tighten.1",
        "completions/_tighten",
        "tighten.cdx.json",
        "SHA256SUMS",
    ] {
        assert!(tree.join(file).exists(), "{file}");
    }
    // What docs/metrics.md tells Prometheus to load.
    let rules = "/usr/share/doc/tighten/tighten.rules.yaml\n";
    for (command, package) in [("dpkg-deb --contents", ".deb"), ("rpm -qpl", ".rpm")] {
        let package = files(&out).into_keys().find(|name| name.ends_with(package));
        let mut words = command.split(' ');
        let listed: Ran = Command::new(words.next().unwrap())
            .args(words)
            .arg(out.join(package.unwrap()))
            .output()
            .unwrap()
            .into();
        assert!(listed.out.contains(rules), "{command}: {listed:?}");
    }
}

#[test]
fn a_release_refuses_what_would_not_be_the_commit() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("there already"), "").unwrap();
    if let Some(why) = missing() {
        eprintln!("skipped: {why}");
        return;
    }
    let ran = release(Path::new(PROGRAM), place.path(), &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let said = format!(
        "error: {} is not empty\nhelp: remove what is in it, or name another place with --out DIR\n",
        place.path().display()
    );
    assert_eq!(ran.err, said);
}

#[test]
fn an_unknown_target_is_named_with_those_that_there_are() {
    let ran: Ran = Command::new(source("packaging/build"))
        .arg("riscv64gc-unknown-linux-gnu")
        .output()
        .unwrap()
        .into();
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (
            1,
            "error: riscv64gc-unknown-linux-gnu is no target of a release\n\
             help: x86_64-unknown-linux-musl, aarch64-unknown-linux-musl, or the same with gnu\n"
        )
    );
}

/// Needs a tree to install into, TIGHTEN_SYSTEMD_TREE, and root; the lines say what was looked at.
#[test]
fn the_packages_install_upgrade_and_go_without_a_trace() {
    if let Some(why) = missing() {
        eprintln!("skipped: {why}");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    // With what a debugger needs it is many times as large.
    let program = place.path().join("tighten");
    let stripped = Command::new("strip")
        .arg("-o")
        .args([program.as_os_str(), PROGRAM.as_ref()])
        .status();
    assert!(stripped.unwrap().success());
    let dist = place.path().join("dist");
    let ran = release(&program, &dist, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran: Ran = Command::new(source("packaging/check"))
        .arg(&dist)
        .output()
        .unwrap()
        .into();
    eprint!("{}", ran.out);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("ok       SHA256SUMS"), "{ran:?}");
}
