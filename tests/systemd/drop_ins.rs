//! What systemd makes of units, and what tighten believes that it makes of them.

use serde_json::Value;

use super::machine::{KUBE_PROXY, Machine};

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[
    ("tighten reads a unit as systemd does", of_others),
    (
        "a drop-in of tighten counts for systemd as it does for tighten",
        of_tighten,
    ),
];

const BASE: &str = "/etc/systemd/system/kube-proxy.service.d";

/// The values that tighten finds, whatever they come from.
fn values(machine: &Machine) -> Vec<(String, Value)> {
    let facts = machine.json(&["facts"]);
    let all = facts["facts"].as_array().unwrap().iter();
    let all = all
        .map(|fact| (fact["name"].as_str().unwrap().into(), fact["value"].clone()))
        // It does not stand still.
        .filter(|(name, _)| name != "clock");
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

/// A unit with nearly all that systemd allows, and with what is set aside in it again.
fn with_everything(command: &str) -> Machine {
    let mut machine = Machine::new();
    machine.write(
        "/etc/default/kube-proxy",
        "# of the distribution\n; and this\nMORE=\"--conntrack-min=4096 --oom-score-adj=-998\"\n PORT = 10249 \nLONG=--config-sync-period=\\\n20m\nQUOTED='--cluster-cidr=10.0.0.0/8'\nPARTS=\"--pod-bridge-\"interface=\\12\nMODE='--proxy-mode=\niptables'\n# no \\\nMODE=--proxy-mode=ipvs\nSHARE=50%n\n",
    );
    machine.service(&format!(
        "Environment=\"LEVEL=--v=3\" KUBE=/var/lib/kube-proxy 'NAME=--hostname-override=a'
Environment=EMPTY=
EnvironmentFile=-/etc/default/missing
EnvironmentFile=/etc/default/%p
ExecStart={KUBE_PROXY} {command}
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
    machine
}

/// More than tighten writes again, all of which it reads.
fn of_others() {
    let machine = with_everything(
        "--kubeconfig=${KUBE}/kubeconfig \\
  # between its lines
  --metrics-bind-address=\"127.0.0.1:${PORT}\" '--healthz-bind-address=127.0.0.1:10256' \\
  $LEVEL $MORE $LONG $QUOTED $EMPTY $NAME $PARTS $MODE --pod-interface-name-prefix=${SHARE}%% --profiling",
    );
    let values = agree(&machine);
    drop(machine);
    assert_eq!(value(&values, "metricsBindAddress"), "127.0.0.1:10249");
    assert_eq!(value(&values, "logging.verbosity"), 4);
    assert_eq!(value(&values, "hostnameOverride"), "kube-proxy-%");
    assert_eq!(value(&values, "clusterCIDR"), "10.0.0.0/8");
    assert_eq!(value(&values, "detectLocal.bridgeInterface"), "12");
    assert_eq!(value(&values, "detectLocal.interfaceNamePrefix"), "50%n%");
    assert_eq!(value(&values, "mode"), "iptables");
    // A word of a variable that is given once more is no word of the command.
    let literal = with_everything("--kubeconfig=/var/lib/kube-proxy/kubeconfig --cluster-cidr=");
    literal.write(
        "/etc/systemd/system/kube-proxy.service.d/40-plain.conf",
        format!(
            "[Service]\nExecStart=\nExecStart=:{KUBE_PROXY} --pod-bridge-interface=${{NAME}}\n"
        ),
    );
    for words in [
        ["systemctl", "daemon-reload"],
        ["systemctl", "try-restart kube-proxy"],
    ] {
        let words: Vec<&str> = words.iter().flat_map(|word| word.split(' ')).collect();
        assert_eq!(literal.run(&words).code, 0);
    }
    assert_eq!(
        value(&agree(&literal), "detectLocal.bridgeInterface"),
        "${NAME}"
    );
}

fn of_tighten() {
    let machine = with_everything(
        "--kubeconfig=${KUBE}/kubeconfig --metrics-bind-address=127.0.0.1:${PORT} $LEVEL $MORE $QUOTED $NAME \\
  --profiling --masquerade-all",
    );
    let before = agree(&machine);
    assert_eq!(value(&before, "enableProfiling"), true);
    assert_eq!(value(&before, "conntrack.min"), 4096);
    let arguments = machine.arguments();
    let ran = machine.work("apply");
    assert_eq!(ran.code, 0, "{ran:?}");
    let made = format!("{BASE}/90-tighten.conf");
    assert!(machine.path(&made).exists(), "{ran:?}");
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
    let fields = |all: &[(String, Value)]| -> Vec<(String, Value)> {
        let own = |name: &str| name.starts_with("--") || name == "unitFile";
        let fields = all.iter().filter(|(name, _)| !own(name));
        fields.cloned().collect()
    };
    let (before, after) = (fields(&before), fields(&after));
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
