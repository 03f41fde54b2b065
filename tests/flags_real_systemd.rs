//! What the real systemd makes of a unit before and after its flags are changed: its own test mode reads the
//! files, starts nothing, and prints the command that it would start.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use support::Node;

const SYSTEMD: &str = "/usr/lib/systemd/systemd";
/// Test mode refuses to run as root.
const NOBODY: u32 = 65_534;
const UNIT: &str = "/etc/systemd/system/kube-proxy.service";

/// The words of the command as systemd prints them, variables as they stand there.
fn command(node: &Node) -> Option<String> {
    let runtime = node.outside().join("runtime");
    support::make_directory(&runtime);
    chown(&runtime, Some(NOBODY), Some(NOBODY)).unwrap();
    let open = |path: &Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    open(node.outside());
    let directory = |path: &str| node.path(path).to_str().unwrap().to_string();
    let units = format!(
        "{}:{}:/usr/lib/systemd/user",
        directory("/etc/systemd/system"),
        directory("/usr/lib/systemd/system")
    );
    let output = Command::new(SYSTEMD)
        .args(["--test", "--user", "--unit=kube-proxy.service"])
        .env_clear()
        .env("XDG_RUNTIME_DIR", &runtime)
        .env("SYSTEMD_UNIT_PATH", units)
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let unit = text.split("-> Unit kube-proxy.service:").nth(1)?;
    let unit = unit.split("-> Unit ").next()?;
    let (_, exec) = unit.split_once("-> ExecStart:")?;
    let line = exec
        .lines()
        .find_map(|line| line.trim().strip_prefix("Command Line: "))?;
    Some(line.to_string())
}

fn node(service: &str) -> Node {
    let node = Node::empty();
    node.write(
        UNIT,
        format!("[Unit]\nDescription=x\n\n[Service]\n{service}\n"),
    );
    node
}

fn possible() -> bool {
    let root = nix::unistd::geteuid().is_root();
    let node = node("ExecStart=/bin/true --v=2");
    let there = root && Path::new(SYSTEMD).exists();
    let possible = there && command(&node).as_deref() == Some("/bin/true --v=2");
    if !possible {
        eprintln!("skipped: the real systemd in its test mode, and root to start it as nobody");
    }
    possible
}

#[test]
fn the_real_systemd_reads_the_same_command_with_this_one_change() {
    if !possible() {
        return;
    }
    for (service, from, to) in [
        (
            "ExecStart=/bin/kube-proxy --v=2 --metrics-bind-address=0.0.0.0",
            "--metrics-bind-address=0.0.0.0",
            "--metrics-bind-address=127.0.0.1:10249",
        ),
        (
            "ExecStart=/bin/kube-proxy \\\n  --v=2 \\\n# a comment\n  --metrics-bind-address 0.0.0.0:1 \\\n  --x=%%y",
            "--metrics-bind-address 0.0.0.0:1",
            "--metrics-bind-address 127.0.0.1:1",
        ),
        (
            "ExecStart=-/bin/kube-proxy \"--hostname-override=a b\" '--metrics-bind-address=0.0.0.0'",
            "--metrics-bind-address=0.0.0.0",
            "--metrics-bind-address=127.0.0.1:10249",
        ),
        (
            "Environment=\"A=--v=2 --metrics-bind-address=0.0.0.0\" B=3\nExecStart=/bin/kube-proxy $A --v=${B}",
            "--v=${B}\"",
            "--v=\\${B}\" --metrics-bind-address=127.0.0.1:10249",
        ),
        (
            "ExecStart=@/bin/kube-proxy name\t--metrics-bind-address=0.0.0.0\r",
            "--metrics-bind-address=0.0.0.0",
            "--metrics-bind-address=127.0.0.1:10249",
        ),
        (
            "ExecStart=/usr/bin/nice -n 5 -- /bin/kube-proxy --metrics_bind_address=0.0.0.0 --v '2'",
            "--metrics_bind_address=0.0.0.0",
            "--metrics_bind_address=127.0.0.1:10249",
        ),
    ] {
        let node = node(service);
        let before = command(&node).unwrap();
        let ran = node.run(&["apply", "--yes", "--only", "metrics-exposed"]);
        assert!(ran.out.contains("Applied: 2 changes"), "{service}: {ran:?}");
        let after = command(&node).unwrap();
        let escaped = |text: &str| text.replace("--v=${B}", "--v=\\${B}");
        let expected = before.replace(&escaped(from), to);
        assert_eq!(after, expected, "{service}");
        assert_ne!(after, before, "{service}");
    }
}

#[test]
fn the_real_systemd_takes_the_drop_in_that_is_said_to_count() {
    if !possible() {
        return;
    }
    let reset = |flags: &str| format!("[Service]\nExecStart=\nExecStart=/bin/kube-proxy {flags}\n");
    for (path, counts) in [
        ("/etc/systemd/system/kube-proxy.service.d/10-a.conf", true),
        (
            "/etc/systemd/system/kube-proxy.service.d/override.conf",
            true,
        ),
        ("/etc/systemd/system/kube-.service.d/95-a.conf", true),
        (
            "/usr/lib/systemd/system/kube-proxy.service.d/99-vendor.conf",
            true,
        ),
        ("/etc/systemd/system/kube-proxy.service.d/zzz.conf", false),
    ] {
        let node = node("ExecStart=/bin/other");
        node.write(path, reset("--v=3 --metrics-bind-address=0.0.0.0"));
        let before = command(&node).unwrap();
        assert_eq!(
            before,
            "/bin/kube-proxy --v=3 --metrics-bind-address=0.0.0.0"
        );
        let ran = node.run(&["apply", "--yes", "--only", "metrics-exposed"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.out.contains("Applied: "), counts, "{path}: {ran:?}");
        let expected = match counts {
            true => before.replace("0.0.0.0", "127.0.0.1:10249"),
            false => before,
        };
        assert_eq!(command(&node).unwrap(), expected, "{path}");
    }
}
