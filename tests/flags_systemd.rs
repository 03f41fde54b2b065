//! Flags of a systemd service: several at once in one drop-in, saved plans, lists that add up, and what
//! stands in the way. Single situations are cases in tests/cases.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use support::Node;

const UNIT: &str = "/etc/systemd/system/kube-proxy.service";
const DROP_IN: &str = "/etc/systemd/system/kube-proxy.service.d/90-tighten.conf";
const HEAD: &str = "# Made by tighten: the command of kube-proxy.service with flags that harden it.
# Without this file the command counts that it takes the place of.
[Service]
ExecStart=
ExecStart=";
const ALL: &str = "metrics-exposed,profiling-enabled,localhost-node-ports,bind-address-wildcard";

fn node(service: &str) -> Node {
    let node = Node::empty();
    node.write(UNIT, format!("[Service]\n{service}\n"));
    node.write("/etc/kp/kubeconfig", "apiVersion: v1\nkind: Config\n");
    node
}

/// A node on which everything is to be changed.
fn open() -> Node {
    node(
        "EnvironmentFile=/etc/kp/env\nExecStart=/usr/bin/kube-proxy --kubeconfig=/etc/kp/kubeconfig --metrics-bind-address=0.0.0.0 $MORE",
    )
}

fn with_environment() -> Node {
    let node = open();
    node.write("/etc/kp/env", "MORE=\"--profiling --v=2\"\n");
    node
}

fn expected() -> String {
    format!(
        "{HEAD}/usr/bin/kube-proxy \\\n  --kubeconfig=/etc/kp/kubeconfig \\\n  --metrics-bind-address=127.0.0.1:10249 \\\n  $MORE \\\n  --bind-address=192.0.2.7 \\\n  --profiling=false \\\n  --iptables-localhost-nodeports=false\n"
    )
}

#[test]
fn several_checks_make_one_drop_in_and_edit_it_and_a_rollback_takes_it_away() {
    let node = with_environment();
    let before = node.snapshot();
    let only = ["--only", ALL, "--node-ip", "192.0.2.7"];
    let (_, plan) = node.json(&[&["plan"][..], &only].concat());
    let changes = plan["changes"].as_array().unwrap();
    let actions: Vec<(&str, &str)> = changes
        .iter()
        .map(|change| {
            assert!(DROP_IN.starts_with(change["path"].as_str().unwrap()));
            let word = |key: &str| change[key].as_str().unwrap();
            (word("check"), word("action"))
        })
        .collect();
    assert_eq!(
        actions,
        [
            ("bind-address-wildcard", "create"),
            ("bind-address-wildcard", "create"),
            ("metrics-exposed", "edit"),
            ("profiling-enabled", "edit"),
            ("localhost-node-ports", "edit"),
        ]
    );
    assert_eq!(plan["summary"]["files"], 2);
    let ran = node.run(&[&["apply", "--yes"][..], &only].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(node.read(DROP_IN), expected());
    assert_eq!(node.mode(DROP_IN), 0o644);
    let ran = node.run(&[&["scan"][..], &only].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = node.run(&[&["plan", "--detailed-exitcode"][..], &only].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    assert!(node.snapshot() == before);
}

#[test]
fn a_saved_plan_makes_the_drop_in_and_is_stale_when_the_command_is_another() {
    let node = with_environment();
    let path = node.outside().join("plan.json");
    let path = path.to_str().unwrap();
    let planned = [
        "plan",
        "--only",
        ALL,
        "--node-ip",
        "192.0.2.7",
        "--out",
        path,
    ];
    assert_eq!(node.run(&planned).code, 0);
    // What the environment says is not in the plan, but it decides whether the edit can be proved.
    node.write("/etc/kp/env", "MORE=\"--profiling -- --v=2\"\n");
    let before = node.snapshot();
    let ran = node.run(&["apply", "--yes", path]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("the plan is stale"), "{ran:?}");
    assert!(node.snapshot() == before);
    let unit = node.read(UNIT);
    for (service, stale) in [
        (unit.replace("$MORE", "$MORE --masquerade-all"), true),
        (unit, false),
    ] {
        node.write("/etc/kp/env", "MORE=\"--profiling --v=2\"\n");
        node.write(UNIT, service);
        let ran = node.run(&["apply", "--yes", path]);
        assert_eq!(ran.code, i32::from(stale), "{ran:?}");
    }
    assert_eq!(node.read(DROP_IN), expected());
}

#[test]
fn a_list_flag_is_replaced_where_it_stands_and_never_added_to() {
    let baseline = |node: &Node| {
        let path = node.outside().join("own.yaml");
        let text = "name: own\ntitle: t\nchecks:\n- id: ports\n  title: t\n  severity: low\n  expect: {node-ports: {}}\n  fix: {value: [192.0.2.0/24], risk: disruptive}\n  why: w\n";
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_string()
    };
    for (service, now) in [
        (
            "ExecStart=/usr/bin/kube-proxy --nodeport-addresses 0.0.0.0/0 --v=2",
            Some("--nodeport-addresses \\\n  192.0.2.0/24 \\\n  --v=2"),
        ),
        (
            "ExecStart=/usr/bin/kube-proxy --v=2",
            Some("--v=2 \\\n  --nodeport-addresses=192.0.2.0/24"),
        ),
        (
            "ExecStart=/usr/bin/kube-proxy --nodeport-addresses=0.0.0.0/1 --nodeport-addresses=128.0.0.0/1",
            None,
        ),
        (
            "Environment=A=--nodeport-addresses=0.0.0.0/0\nExecStart=/usr/bin/kube-proxy --v=2 $A",
            None,
        ),
    ] {
        let node = node(service);
        let before = node.snapshot();
        let baseline = baseline(&node);
        let ran = node.run(&["--baseline", &baseline, "apply", "--yes"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        match now {
            Some(now) => {
                let expected = format!("{HEAD}/usr/bin/kube-proxy \\\n  {now}\n");
                assert_eq!(node.read(DROP_IN), expected);
                let ran = node.run(&["--baseline", &baseline, "scan"]);
                assert_eq!(ran.code, 0, "{ran:?}");
            }
            None => {
                assert!(ran.out.contains("Left to you:\n  ports ("), "{ran:?}");
                assert!(node.snapshot() == before, "{service}");
            }
        }
    }
}

#[test]
fn what_systemd_would_read_otherwise_is_left_alone() {
    for (service, why) in [
        (
            "PassEnvironment=A\nExecStart=/usr/bin/kube-proxy $A",
            "PassEnvironment",
        ),
        (
            "ExecStart=/usr/bin/kube-proxy --v=2\rUser=a",
            "no plain text",
        ),
        ("ExecStart=/usr/bin/kube-proxy --v=%H", "specifier %H"),
        (
            "ExecStart=/usr/bin/kube-proxy --v=\\x32",
            "an escape sequence",
        ),
        (
            "Environment=\"A=--v='2'\"\nExecStart=/usr/bin/kube-proxy $A",
            "there are quotes",
        ),
        (
            "RootDirectory=/srv\nExecStart=/usr/bin/kube-proxy --v=2",
            "its own",
        ),
        (
            "ExecStart=/usr/bin/docker run x kube-proxy --metrics-bind-address=0.0.0.0",
            "its own",
        ),
        (
            "ExecStart=/usr/bin/kube-proxy --v=2 --nonesuch",
            "former ones",
        ),
    ] {
        let node = node(service);
        let before = node.snapshot();
        let only = ["--only", "bind-address-wildcard", "--node-ip", "192.0.2.7"];
        let ran = node.run(&[&["apply", "--yes"][..], &only].concat());
        assert_eq!(ran.code, 0, "{service}: {ran:?}");
        assert!(
            node.snapshot() == before,
            "{service}: {}",
            node.read(DROP_IN)
        );
        let ran = node.run(&[&["scan", "-v"][..], &only].concat());
        let told = ran.out + &node.run(&[&["plan"][..], &only].concat()).out;
        let known = told.contains(why) || (why == "its own" && told.contains("of its own"));
        assert!(known, "{service}: {told}");
    }
}

#[test]
fn a_secret_of_a_command_is_in_no_output() {
    let node = node("ExecStart=/usr/bin/kube-proxy --token hunter2 --master=https://u:hunter2@h");
    let file = node.outside().join("plan.json");
    for arguments in [
        &["plan", "-v"][..],
        &["--format", "json", "plan", "-v"],
        &["plan", "--out", file.to_str().unwrap()],
        &["apply", "--yes"],
    ] {
        let only = ["--only", "bind-address-wildcard", "--node-ip", "192.0.2.7"];
        let ran = node.run(&[arguments, &only].concat());
        let told = format!("{}{}", ran.out, ran.err);
        assert!(!told.contains("hunter2"), "{told}");
    }
    assert!(!std::fs::read_to_string(file).unwrap().contains("hunter2"));
    assert!(!node.path(DROP_IN).exists());
}
