//! Without root: what can be read is judged, the rest is unknown, and what needs root is said, not tried.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use support::{Ran, snapshot};

const USER: u32 = 65534;

/// A directory of a user without root, with a node tree that the user laid out.
struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    /// `None`, with a note, where this machine cannot become another user.
    fn new() -> Option<Home> {
        let able = Command::new("setpriv")
            .args(["--reuid=65534", "true"])
            .output();
        if !nix::unistd::geteuid().is_root() || !able.is_ok_and(|ran| ran.status.success()) {
            println!("skipped: becoming another user needs root and setpriv");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        chown(directory.path(), Some(USER), Some(USER)).unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // The build's directory may be closed to others.
        let binary = directory.path().join("tighten");
        // By another process: a handle for writing in this one would reach what other tests start.
        let copied = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_tighten"))
            .arg(&binary)
            .status();
        assert!(copied.unwrap().success());
        let home = Home { directory };
        let ran = home.run(&["demo", home.root().to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{ran:?}");
        Some(home)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn root(&self) -> PathBuf {
        self.path("node")
    }

    fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command.arg(self.path("tighten"));
        command
            .env_remove("XDG_STATE_HOME")
            .env("HOME", self.path(""));
        command.stdin(std::process::Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.command().args(arguments).output().unwrap().into()
    }

    fn on_node(&self, arguments: &[&str]) -> Ran {
        let root = self.root();
        self.run(&[&["--root", root.to_str().unwrap()], arguments].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.on_node(&[&["--format", "json"], arguments].concat());
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }
}

#[test]
fn the_whole_way_there_and_back_works_in_a_tree_of_ones_own() {
    let Some(home) = Home::new() else { return };
    assert_eq!(home.on_node(&["scan"]).code, 2);
    let before = snapshot(&home.root());
    let plan = home.json(&["plan"]);
    for change in plan["changes"].as_array().unwrap() {
        assert_ne!(change["action"], "set-owner", "{change:#}");
    }
    let manual = plan["manual"].to_string();
    assert!(manual.contains("needs root"), "{manual}");
    let ran = home.on_node(&["apply", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(snapshot(&home.root()) != before);
    let state = home.path(".local/state/tighten");
    let meta = fs::metadata(&state).unwrap();
    assert_eq!((meta.mode() & 0o7777, meta.uid()), (0o700, USER));
    assert_eq!(home.on_node(&["verify"]).code, 0);
    let again = home.on_node(&["apply", "--yes"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(
        home.json(&["history"])["transactions"][0]["user"],
        "uid 65534"
    );
    let ran = home.on_node(&["rollback", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(snapshot(&home.root()) == before);
}

#[test]
fn the_state_lies_where_the_user_keeps_state() {
    let Some(home) = Home::new() else { return };
    let state = home.path("xdg");
    let root = home.root();
    let apply = |name: &str, value: &str| -> Ran {
        let mut command = home.command();
        command.env(name, value).arg("--root").arg(&root);
        command.args(["apply", "--yes"]).output().unwrap().into()
    };
    let ran = apply("XDG_STATE_HOME", state.to_str().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(state.join("tighten").is_dir());
    assert!(!home.path(".local").exists());
    // A relative path is no path, says the specification.
    let ran = apply("XDG_STATE_HOME", "relative");
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut command = home.command();
    command.env_remove("HOME").arg("--root").arg(&root);
    let ran: Ran = command.args(["apply", "--yes"]).output().unwrap().into();
    assert!(ran.code == 0 || ran.err.contains("--state-dir"), "{ran:?}");
}

#[test]
fn what_cannot_be_read_is_unknown_and_never_passes() {
    let Some(home) = Home::new() else { return };
    let kubeconfig = home.root().join("var/lib/kube-proxy/kubeconfig");
    chown(&kubeconfig, Some(0), Some(0)).unwrap();
    fs::set_permissions(&kubeconfig, fs::Permissions::from_mode(0o600)).unwrap();
    let scan = home.json(&["scan"]);
    let verdict = |check: &str| {
        let all = scan["verdicts"].as_array().unwrap();
        let found = all
            .iter()
            .find(|verdict| verdict["check"] == check)
            .unwrap();
        found["verdict"].as_str().unwrap().to_string()
    };
    // Mode and owner can be seen from outside; what stands in the file cannot.
    assert_eq!(verdict("proxy-kubeconfig-mode"), "pass");
    for check in [
        "api-connection-plaintext",
        "api-ca-missing",
        "api-credential-weak",
        "proxy-credential-mode",
    ] {
        assert_eq!(verdict(check), "unknown", "{check}");
    }
    let config = home
        .root()
        .join("var/lib/kube-proxy/kube-proxy-config.yaml");
    chown(&config, Some(0), Some(0)).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    let ran = home.on_node(&["facts"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("permission denied"), "{ran:?}");
    let ran = home.on_node(&["-v", "scan", "--only", "profiling-enabled,config-refused"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains("permission denied"), "{ran:?}");
    let closed = home.root().join("var/lib/kube-proxy");
    chown(&closed, Some(0), Some(0)).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let before = snapshot(&home.root());
    let scan = home.json(&["scan"]);
    for verdict in scan["verdicts"].as_array().unwrap() {
        let path = verdict["path"].as_str().unwrap_or_default();
        let inside = path.starts_with("/var/lib/kube-proxy/");
        assert!(!inside || verdict["verdict"] == "unknown", "{verdict:#}");
    }
    home.on_node(&["apply", "--yes"]);
    let files = |tree: &std::collections::BTreeMap<String, support::Entry>| {
        tree.iter()
            .filter(|(path, _)| path.starts_with("/var/lib/kube-proxy"))
            .map(|(path, entry)| (path.clone(), entry.clone()))
            .collect::<Vec<_>>()
    };
    assert!(files(&snapshot(&home.root())) == files(&before));
}

#[test]
fn a_tree_of_root_is_left_alone_and_needs_root_is_said() {
    let Some(home) = Home::new() else { return };
    for entry in walkdir::WalkDir::new(home.root()) {
        std::os::unix::fs::lchown(entry.unwrap().path(), Some(0), Some(0)).unwrap();
    }
    let before = snapshot(&home.root());
    let plan = home.json(&["plan"]);
    assert_eq!(plan["summary"]["changes"], 0, "{plan:#}");
    assert!(
        plan["manual"].to_string().contains("needs root"),
        "{plan:#}"
    );
    for how in ["--yes", "--dry-run"] {
        let ran = home.on_node(&["apply", how]);
        assert!(ran.out.contains("needs root"), "{ran:?}");
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            ran.err.contains("error: this is not root"),
            "not as if there were nothing to do: {ran:?}"
        );
    }
    assert!(snapshot(&home.root()) == before);
}

#[test]
fn a_task_of_ansible_without_become_is_warned() {
    let Some(home) = Home::new() else { return };
    let mut call = support::called::own_keys(true);
    call["root"] = home.root().to_str().unwrap().into();
    let file = home.path("args");
    let told = |call: &Value| -> Value {
        fs::write(&file, call.to_string()).unwrap();
        support::called::reply(&home.run(&[file.to_str().unwrap()]))
    };
    for entry in walkdir::WalkDir::new(home.root()) {
        std::os::unix::fs::lchown(entry.unwrap().path(), Some(0), Some(0)).unwrap();
    }
    call["state"] = "planned".into();
    let planned = told(&call);
    assert_eq!(planned["changed"], false);
    assert_eq!(
        planned["warnings"][0],
        "left to you because this is not root: 7 of the findings; run the task with become",
        "{planned:#}"
    );
    call["state"] = "present".into();
    let present = told(&call);
    assert_eq!(present["failed"], true, "{present:#}");
    let message = present["msg"].as_str().unwrap();
    assert!(message.starts_with("this is not root"), "{present:#}");
}

#[test]
fn the_running_system_is_looked_at_without_root_and_never_changed() {
    let Some(home) = Home::new() else { return };
    for arguments in [
        &["scan"][..],
        &["facts"],
        &["plan"],
        &["apply", "--yes"],
        &["verify"],
    ] {
        let ran = home.run(arguments);
        assert!((0..=2).contains(&ran.code), "{ran:?}");
        assert!(!ran.err.contains("panicked"), "{ran:?}");
    }
    let state = home.run(&["--state-dir", "/var/lib/tighten", "apply", "--yes"]);
    assert_ne!(state.code, 101, "{state:?}");
}

#[test]
fn waivers_that_cannot_be_read_are_not_taken_for_none() {
    let Some(home) = Home::new() else { return };
    let directory = home.root().join("etc/tighten");
    fs::create_dir(&directory).unwrap();
    let file = directory.join("waivers.yaml");
    fs::write(
        &file,
        "waivers:\n- {check: metrics-exposed, justification: x}\n",
    )
    .unwrap();
    let scan = ["scan", "--only", "metrics-exposed"];
    for (uid, mode, code) in [
        (0, 0o644, 0),
        (0, 0o600, 1),
        (USER, 0o600, 0),
        (1000, 0o644, 1),
    ] {
        chown(&file, Some(uid), Some(uid)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let ran = home.on_node(&scan);
        assert_eq!(ran.code, code, "{uid} {mode:04o}: {ran:?}");
        if mode == 0o600 && code == 1 {
            let said = "cannot be read: permission denied\n  nothing was written\nhelp: run tighten as root, or judge without the node's waivers: --no-waivers\n";
            assert!(ran.err.ends_with(said), "{ran:?}");
        }
    }
    let ran = home.on_node(&[&["--no-waivers"], &scan[..]].concat());
    assert_eq!(ran.code, 2, "{ran:?}");
}
