//! What systemd makes of units, and what tighten believes that it makes of them.

use serde_json::Value;

use super::machine::{KUBE_PROXY, Machine};

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[(
    "a drop-in of tighten counts for systemd as it does for tighten",
    of_tighten,
)];

const BASE: &str = "/etc/systemd/system/kube-proxy.service.d";

/// The values that tighten finds, whatever they come from.
fn values(machine: &Machine) -> Vec<(String, Value)> {
    let facts = machine.json(&["facts"]);
    let all = facts["facts"].as_array().unwrap().iter();
    let all = all.map(|fact| (fact["name"].as_str().unwrap().into(), fact["value"].clone()));
    all.collect()
}

/// While it runs its flags are those of the process, as systemd started it; while it does not, they
/// are those that tighten reads out of the unit and its drop-ins.
fn agree(machine: &Machine) -> Vec<(String, Value)> {
    machine.wait_for_kube_proxy();
    let running = values(machine);
    let stop = machine.run(&["systemctl", "stop", "kube-proxy.service"]);
    assert_eq!(stop.code, 0, "{stop:?}");
    assert_eq!(values(machine), running);
    let start = machine.run(&["systemctl", "start", "kube-proxy.service"]);
    assert_eq!(start.code, 0, "{start:?}");
    machine.wait_for_kube_proxy();
    running
}

fn value<'v>(values: &'v [(String, Value)], name: &str) -> &'v Value {
    &values.iter().find(|(known, _)| known == name).unwrap().1
}

fn of_tighten() {
    let mut machine = Machine::new();
    machine.write(
        "/etc/default/kube-proxy",
        "# of the distribution\n; and this\nMORE=\"--conntrack-min=4096 --oom-score-adj=-998\"\n PORT = 10249 \nLONG=--config-sync-period=\\\n20m\nQUOTED='--cluster-cidr=10.0.0.0/8'\n",
    );
    machine.service(&format!(
        "Environment=\"LEVEL=--v=3\" KUBE=/var/lib/kube-proxy 'NAME=--hostname-override=a'
Environment=EMPTY=
EnvironmentFile=-/etc/default/missing
EnvironmentFile=/etc/default/kube-proxy
ExecStart={KUBE_PROXY} --kubeconfig=${{KUBE}}/kubeconfig \\
  # between its lines
  --metrics-bind-address=\"127.0.0.1:${{PORT}}\" '--healthz-bind-address=127.0.0.1:10256' \\
  $LEVEL $MORE $LONG $QUOTED $EMPTY $NAME --profiling --masquerade-all
Restart=always"
    ));
    machine.write(
        &format!("{BASE}/20-level.conf"),
        "[Service]\nEnvironment=LEVEL=--v=4\n",
    );
    machine.write(
        "/usr/lib/systemd/system/kube-proxy.service.d/20-level.conf",
        "[Service]\nEnvironment=LEVEL=--v=9\n",
    );
    machine.write(
        "/etc/systemd/system/kube-.service.d/30-name.conf",
        "[Service]\nEnvironment='NAME=--hostname-override=%p-%%'\n",
    );
    machine.write(
        "/etc/systemd/system/service.d/10-name.conf",
        "[Service]\nEnvironment=NAME=--hostname-override=all\n",
    );
    machine.boot();
    let before = agree(&machine);
    assert_eq!(value(&before, "enableProfiling"), true);
    assert_eq!(value(&before, "conntrack.min"), 4096);
    let arguments = machine.arguments();
    let ran = machine.work("apply");
    assert_eq!(ran.code, 0, "{ran:?}");
    let made = format!("{BASE}/90-tighten.conf");
    assert!(
        machine
            .show("kube-proxy.service", "DropInPaths")
            .contains(&made)
    );
    assert_eq!(machine.show("kube-proxy.service", "NeedDaemonReload"), "no");
    let command = machine.show("kube-proxy.service", "ExecStart");
    assert!(command.contains(" --profiling=false"), "{command}");
    // Everything else stays as it was.
    let expected: Vec<String> = arguments
        .iter()
        .map(|word| match word.as_str() {
            "--profiling" => "--profiling=false".into(),
            word => word.to_string(),
        })
        .collect();
    assert_eq!(machine.arguments(), expected);
    let after = agree(&machine);
    let changed: Vec<&str> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .map(|((name, _), _)| name.as_str())
        .collect();
    assert_eq!(changed, ["enableProfiling"]);
    let ran = machine.work("rollback");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!machine.path(&made).exists());
    assert_eq!(machine.arguments(), arguments);
}
