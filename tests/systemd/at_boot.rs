//! tighten-recover.service, through power cuts and boots.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use super::machine::{CONFIG, KUBE_PROXY, Machine, config};

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[
    (
        "with nothing open the condition skips the unit",
        nothing_open,
    ),
    (
        "an interrupted apply is settled before kube-proxy starts",
        interrupted,
    ),
    (
        "what cannot be put back is seen, and the node boots",
        conflict,
    ),
    (
        "a drop-in that was put back does not count any more",
        drop_in,
    ),
    (
        "install.sh makes it known to the running systemd",
        installed,
    ),
];

pub const UNIT: &str = "tighten-recover.service";
const ACTIVE: &str = "/var/lib/tighten/active";

fn result(machine: &Machine) -> (String, String) {
    (
        machine.show(UNIT, "ConditionResult"),
        machine.show(UNIT, "ActiveState"),
    )
}

fn moment(machine: &Machine, unit: &str, property: &str) -> u64 {
    machine.show(unit, property).parse().unwrap()
}

/// The power is cut while an apply waits for health, with the new files in place.
fn cut_off(machine: &mut Machine) {
    machine.play("kube-proxy unwell\n");
    let before = machine.pid();
    let words = ["tighten", "apply", "--yes", "--only", "profiling-enabled"];
    let mut command = machine.command(&words);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..500 {
        if !["0", before.as_str()].contains(&machine.pid().as_str()) {
            machine.cut_power();
            child.wait().unwrap();
            assert!(machine.path(ACTIVE).exists());
            return;
        }
        sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    panic!(
        "kube-proxy was not restarted: {:?}",
        child.wait_with_output()
    );
}

fn nothing_open() {
    let mut machine = Machine::booted();
    assert_eq!(result(&machine), ("no".into(), "inactive".into()));
    assert_eq!(machine.work("apply").code, 0);
    machine.cut_power();
    machine.boot();
    assert_eq!(result(&machine), ("no".into(), "inactive".into()));
    assert_eq!(machine.read(CONFIG), config(false));
    assert!(!machine.profiling());
}

fn interrupted() {
    let mut machine = Machine::booted();
    cut_off(&mut machine);
    assert_eq!(machine.read(CONFIG), config(false));
    machine.boot();
    assert_eq!(result(&machine), ("yes".into(), "inactive".into()));
    assert_eq!(machine.show(UNIT, "Result"), "success");
    let settled = moment(&machine, UNIT, "InactiveEnterTimestampMonotonic");
    let started = moment(
        &machine,
        "kube-proxy.service",
        "ExecMainStartTimestampMonotonic",
    );
    assert!(0 < settled && settled <= started, "{settled} {started}");
    assert_eq!(machine.read(CONFIG), config(true));
    assert!(machine.profiling());
    assert!(!machine.path(ACTIVE).exists());
    let said = machine
        .run(&["journalctl", "-b", "-o", "cat", "-t", "tighten"])
        .out;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].starts_with("Recovered: transaction "), "{said}");
    assert!(
        lines[0].ends_with(" was interrupted; 1 file is as before."),
        "{said}"
    );
    assert_eq!(
        machine.run(&["systemctl", "is-system-running"]).out,
        "running\n"
    );
}

/// Somebody changed the file in a rescue shell.
fn conflict() {
    let mut machine = Machine::booted();
    cut_off(&mut machine);
    let theirs = format!("{}# by hand\n", config(false));
    machine.write(CONFIG, &theirs);
    machine.boot();
    assert_eq!(machine.show(UNIT, "ActiveState"), "failed");
    assert_eq!(machine.show(UNIT, "ExecMainStatus"), "4");
    let failed = machine
        .run(&["systemctl", "--failed", "--plain", "--no-legend"])
        .out;
    assert!(failed.starts_with(UNIT), "{failed}");
    let said = machine
        .run(&["journalctl", "-b", "-o", "cat", "-t", "tighten"])
        .out;
    assert!(said.contains("could not be put back"), "{said}");
    assert!(said.contains("tighten recover --force"), "{said}");
    assert_eq!(machine.read(CONFIG), theirs);
    assert!(!machine.profiling(), "kube-proxy starts all the same");
    let ran = machine.tighten(&["recover", "--force", "--no-effects"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = "Left to you: restart kube-proxy.service";
    assert!(ran.err.contains(told), "{ran:?}");
    assert_eq!(machine.read(CONFIG), config(true));
    machine.cut_power();
    machine.boot();
    assert_eq!(result(&machine), ("no".into(), "inactive".into()));
    assert!(machine.profiling());
}

/// systemd has read the drop-in by the time at which it is taken away.
fn drop_in() {
    let mut machine = Machine::new();
    machine.service(&format!(
        "ExecStart={KUBE_PROXY} --kubeconfig=/var/lib/kube-proxy/kubeconfig --profiling\nRestart=always\n"
    ));
    machine.boot();
    machine.wait_for_kube_proxy();
    let before = machine.arguments();
    cut_off(&mut machine);
    let made = "/etc/systemd/system/kube-proxy.service.d/90-tighten.conf";
    assert!(machine.read(made).contains("--profiling=false"));
    machine.boot();
    assert!(!machine.path(made).exists());
    assert_eq!(machine.show("kube-proxy.service", "NeedDaemonReload"), "no");
    assert_eq!(machine.show("kube-proxy.service", "DropInPaths"), "");
    assert_eq!(machine.arguments(), before);
    assert!(machine.profiling());
}

fn installed() {
    let machine = Machine::booted();
    for file in ["install.sh", "packaging/systemd/tighten-recover.service"] {
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        machine.write(&format!("/root/{file}"), std::fs::read(source).unwrap());
    }
    let install = |words: &[&str]| {
        let ran = machine.run(&[&["sh", "/root/install.sh"][..], words].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    let state = || machine.show(UNIT, "LoadState");
    assert_eq!(state(), "loaded");
    install(&["--uninstall"]);
    assert_eq!(state(), "not-found");
    machine.write(
        "/root/tighten",
        std::fs::read(env!("CARGO_BIN_EXE_tighten")).unwrap(),
    );
    let own = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(machine.path("/root/tighten"), own).unwrap();
    let prefix = "/opt/of 100%";
    install(&[
        "--binary",
        "/root/tighten",
        "--recover-at-boot",
        "--prefix",
        prefix,
    ]);
    assert_eq!(state(), "loaded");
    let enabled = machine.run(&["systemctl", "is-enabled", UNIT]);
    assert_eq!((enabled.code, enabled.out.as_str()), (0, "enabled\n"));
    let program = format!("{prefix}/bin/tighten");
    let command = machine.show(UNIT, "ExecStart");
    let wanted = format!("{{ path={program} ; argv[]={program} recover --no-effects ;");
    assert!(command.starts_with(&wanted), "{command}");
    let verified = machine.run(&["systemd-analyze", "verify", "--man=no", UNIT]);
    assert_eq!(
        (verified.code, verified.err.as_str()),
        (0, ""),
        "{verified:?}"
    );
    install(&["--uninstall", "--prefix", prefix]);
    assert_eq!(state(), "not-found");
    let wants = machine.run(&[
        "systemctl",
        "show",
        "--value",
        "-p",
        "Wants",
        "multi-user.target",
    ]);
    assert!(!wants.out.contains(UNIT), "{wants:?}");
}
