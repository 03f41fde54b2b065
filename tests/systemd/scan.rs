//! tighten-scan.timer and tighten-scan.service, as install.sh --timer puts them there.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::machine::{CONFIG, KUBE_PROXY, Machine};

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[
    ("the timer runs the scan once a day", timer),
    (
        "the scan sees as a service what it sees without its bounds",
        sees,
    ),
    ("a scan that could not be made fails the service", fails),
    ("the scan writes its metrics, and nowhere else", metrics),
];

const SERVICE: &str = "tighten-scan.service";
const TIMER: &str = "tighten-scan.timer";
const TEXTFILES: &str = "/var/lib/prometheus/node-exporter";

/// Running, with the timer and with node_exporter's directory, which is not root's.
fn with_timer() -> Machine {
    let mut machine = Machine::new();
    let install = Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh");
    let installed = Command::new(install)
        .args(["--binary", env!("CARGO_BIN_EXE_tighten"), "--timer"])
        .env("DESTDIR", machine.path("/"))
        .output()
        .unwrap();
    assert!(installed.status.success(), "{installed:?}");
    std::fs::create_dir_all(machine.path(TEXTFILES)).unwrap();
    std::os::unix::fs::chown(machine.path(TEXTFILES), Some(113), Some(113)).unwrap();
    machine.boot();
    machine.wait_for_kube_proxy();
    machine
}

/// Sets something of the service, as an administrator would.
fn drop_in(machine: &Machine, settings: &str) {
    let path = format!("/etc/systemd/system/{SERVICE}.d/own.conf");
    let ran = machine.run(&[
        "sh",
        "-c",
        &format!("mkdir -p \"$(dirname {path})\" && printf '[Service]\\n{settings}\\n' >{path}"),
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = machine.run(&["systemctl", "daemon-reload"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn start(machine: &Machine) -> i32 {
    machine.run(&["systemctl", "start", SERVICE]).code
}

fn timer() {
    let machine = with_timer();
    let is = |word: &str| machine.run(&["systemctl", word, TIMER]).out;
    assert_eq!(
        (is("is-enabled").as_str(), is("is-active").as_str()),
        ("enabled\n", "active\n")
    );
    assert_eq!(machine.show(TIMER, "Unit"), SERVICE);
    assert_eq!(machine.show(TIMER, "Persistent"), "yes");
    assert_eq!(machine.show(TIMER, "RandomizedDelayUSec"), "6h");
    assert!(!machine.show(TIMER, "NextElapseUSecRealtime").is_empty());
    // Only its timer starts it.
    let state = machine.run(&["systemctl", "is-enabled", SERVICE]).out;
    assert_eq!(state, "static\n");
    let verified = machine.run(&["systemd-analyze", "verify", "--man=no", TIMER, SERVICE]);
    assert_eq!((verified.code, verified.err.as_str()), (0, ""));
    let score = machine.run(&["systemd-analyze", "security", "--no-pager", SERVICE]);
    let overall = score.out.lines().last().unwrap_or_default().to_string();
    println!("{overall}");
    assert!(overall.contains("OK"), "{score:?}");
}

/// The document of a scan by the service, with further settings.
fn scanned(machine: &Machine, settings: &str) -> Value {
    let seen = format!("{TEXTFILES}/seen.json");
    let command = "ExecStart=\\nExecStart=/usr/local/bin/tighten scan --format json";
    drop_in(
        machine,
        &format!("{command}\\nStandardOutput=truncate:{seen}\\n{settings}"),
    );
    assert_eq!(start(machine), 0);
    // It found something, and that is no failure.
    assert_eq!(machine.show(SERVICE, "ExecMainStatus"), "2");
    assert_eq!(machine.show(SERVICE, "Result"), "success");
    serde_json::from_str(&machine.run(&["cat", &seen]).out).unwrap()
}

/// What the service's bounds hide would be judged as missing.
fn sees() {
    let machine = with_timer();
    let platform = |scan: &Value| scan["node"]["kube_proxy"]["platform"].clone();
    let inside = scanned(&machine, "");
    let outside = machine.json(&["scan"]);
    assert_eq!(inside["node"], outside["node"]);
    assert_eq!(inside["verdicts"], outside["verdicts"]);
    assert_eq!(platform(&inside), "systemd");
    // One that belongs to no service, so that only its files tell where it runs.
    for words in [
        &["systemctl", "disable", "--now", "kube-proxy"][..],
        &["rm", "/etc/systemd/system/kube-proxy.service"],
        &["systemctl", "daemon-reload"],
    ] {
        let ran = machine.run(words);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let config = format!("--config={CONFIG}");
    let scope = ["systemd-run", "--scope", "--quiet", "--unit=own"];
    let mut kube_proxy = machine
        .command(&[&scope[..], &[KUBE_PROXY, &config]].concat())
        .spawn()
        .unwrap();
    machine.wait_for_kube_proxy();
    let inside = scanned(&machine, "");
    let outside = machine.json(&["scan"]);
    assert_eq!(inside["node"], outside["node"]);
    assert_eq!(inside["verdicts"], outside["verdicts"]);
    assert_eq!(platform(&inside), "process");
    // A bound that hides files is noticed.
    assert_eq!(platform(&scanned(&machine, "PrivateTmp=yes")), "container");
    machine.run(&["systemctl", "kill", "--signal=KILL", "own.scope"]);
    kube_proxy.wait().unwrap();
}

fn fails() {
    let machine = with_timer();
    drop_in(
        &machine,
        "ExecStart=\\nExecStart=/usr/local/bin/tighten scan --baseline /none",
    );
    assert_eq!(start(&machine), 1);
    assert_eq!(machine.show(SERVICE, "ExecMainStatus"), "1");
    assert_eq!(machine.show(SERVICE, "Result"), "exit-code");
}

fn metrics() {
    let machine = with_timer();
    if !machine
        .tighten(&["scan", "--help"])
        .out
        .contains("prometheus")
    {
        println!("skipped: this tighten does not write metrics");
        return;
    }
    let file = format!("{TEXTFILES}/tighten.prom");
    assert_eq!(
        start(&machine),
        0,
        "{:?}",
        machine.run(&["journalctl", "-u", SERVICE])
    );
    let text = machine.run(&["cat", &file]).out;
    assert!(text.contains("\ntighten_scan_success 1\n"), "{text}");
    let meta = machine.path(&file).metadata().unwrap();
    assert_eq!(meta.permissions().mode() & 0o7777, 0o644);
    let names = machine.run(&["ls", "-A", TEXTFILES]).out;
    assert_eq!(names, "tighten.prom\n");
    // Where it was not told that it may, it cannot.
    let refused = "/srv/tighten.prom";
    let own = format!("TIGHTEN_TEXTFILE={refused}\n");
    let ran = machine.run(&["sh", "-c", &format!("printf '{own}' >/etc/default/tighten")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(start(&machine), 1);
    assert!(!machine.path(refused).exists());
    drop_in(&machine, "ReadWritePaths=/srv");
    assert_eq!(start(&machine), 0);
    let moved = machine.run(&["cat", refused]).out;
    assert!(moved.contains("\ntighten_scan_success 1\n"), "{moved}");
}
