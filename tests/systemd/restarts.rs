//! A real unit, restarted through the real systemctl.

use super::machine::{CONFIG, Machine, config};

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[
    ("a real unit is found, restarted and well", well),
    ("what is unwell under systemd is put back", unwell),
    ("what systemd starts again and again is put back", dies),
    ("what systemd gave up starting is put back", given_up),
];

fn well() {
    let machine = Machine::booted();
    let pid = machine.pid();
    let facts = machine.json(&["facts"]);
    let found = &facts["node"]["kube_proxy"];
    assert_eq!(found["platform"], "systemd", "{facts}");
    assert_eq!(found["managed_by"], "systemd unit kube-proxy.service");
    assert_eq!(found["pid"].to_string(), pid);
    let ran = machine.work("apply");
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = "Restarted: kube-proxy.service; /livez and /healthz answer 200, /configz shows what is written.\n";
    assert!(ran.out.ends_with(told), "{ran:?}");
    assert_eq!(machine.read(CONFIG), config(false));
    assert!(!machine.profiling());
    let again = machine.pid();
    assert_ne!(again, pid);
    let ran = machine.work("rollback");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(machine.read(CONFIG), config(true));
    assert!(machine.profiling());
    assert_ne!(machine.pid(), again);
}

/// The new configuration does not work, and the former one does.
fn put_back(play: &str, why: &str) {
    let machine = Machine::booted();
    let pid = machine.pid();
    machine.play(play);
    let ran = machine.work("apply");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains(why), "{ran:?}");
    let state = "everything was put back, and kube-proxy.service is well again";
    assert!(ran.err.contains(state), "{ran:?}");
    assert_eq!(machine.read(CONFIG), config(true));
    assert!(machine.profiling());
    assert_ne!(machine.pid(), pid);
    assert_eq!(
        machine.run(&["systemctl", "--failed", "--no-legend"]).out,
        ""
    );
    let ran = machine.tighten(&["history"]);
    assert!(ran.out.contains("rolled-back"), "{ran:?}");
}

fn unwell() {
    put_back(
        "kube-proxy unwell enableProfiling: false",
        "/livez answers 503",
    );
}

fn dies() {
    put_back(
        "kube-proxy die enableProfiling: false",
        "was not well within 4 s",
    );
}

/// It ends at once: after five starts systemd refuses any further one, also of the former files.
fn given_up() {
    put_back("kube-proxy exit enableProfiling: false", "it does not run");
}
