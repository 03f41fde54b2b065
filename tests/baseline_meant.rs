//! A baseline whose expectations and fixes types alone cannot judge: what would mean nothing, or lead
//! kube-proxy into a worse state, does not load.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use support::{Node, Ran};

fn check(expect: &str, fix: &str) -> String {
    format!(
        "name: own\ntitle: x\nchecks:\n- id: a\n  title: t\n  severity: low\n  expect: {expect}\n  fix: {fix}\n  why: w\n"
    )
}

fn file(node: &Node, text: &str) -> PathBuf {
    let path = node.outside().join("own.yaml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    path
}

fn plan(node: &Node, baseline: &str) -> Ran {
    let mut with = node.command();
    with.args(["--baseline", baseline, "plan"]);
    with.output().unwrap().into()
}

#[test]
fn an_expectation_that_cannot_be_meant_is_refused_with_its_place() {
    let switch = |key: &str, more: &str| format!("{{config-flag: {{key: {key}, be: true{more}}}}}");
    let address =
        |key: &str, must: &str| format!("{{config-address: {{key: {key}, must-be: {must}}}}}");
    let ports = |value: &str| {
        let fix = format!("{{value: {value}, risk: disruptive, needs-version: \"1.31\"}}");
        check("{node-ports: {}}", &fix)
    };
    let flag_fix = "{value: true, risk: safe}";
    let cases = [
        (
            switch("enableProfilin", ""),
            "enableProfilin is not a switch",
        ),
        (switch("mode", ""), "mode is not a switch"),
        (switch("iptables", ""), "iptables is not a switch"),
        (switch("oomScoreAdj", ""), "oomScoreAdj is not a switch"),
        (
            switch("clientConnection.kubeconfig", ""),
            "clientConnection.kubeconfig is not a switch",
        ),
        (
            switch("enableProfiling", ", in-mode: userspace"),
            "no mode userspace",
        ),
        (
            switch("bindAddressHardFail", ""),
            "needs when-addresses-exist",
        ),
    ];
    let mut all: Vec<(String, &str)> = cases
        .into_iter()
        .map(|(expect, said)| (check(&expect, flag_fix), said))
        .collect();
    for (key, must, fix) in [
        ("bindAddress", "loopback", "loopback"),
        ("bindAddress", "not-all-addresses", "loopback"),
        ("bindAddress", "not-all-addresses", "node-ip"),
    ] {
        let fix = format!("{{address: {fix}, risk: safe}}");
        let text = check(&address(key, must), &fix);
        all.push((text, "bindAddress must be node-ip"));
    }
    all.push((
        check(
            &address("healthzBindAddress", "node-ip"),
            "{address: node-ip, risk: safe}",
        ),
        "not-all-addresses",
    ));
    for (value, said) in [
        (
            "[primary, \"10.0.0.0/8\"]",
            "can't use both 'primary' and CIDRs",
        ),
        ("[\"10.0.0.1\"]", "must be a valid CIDR"),
        ("[eth0]", "must be a valid CIDR"),
        ("[\"0.0.0.0/1\", \"128.0.0.0/1\"]", "all addresses"),
        ("[\"10.0.0.0/8\", \"::/0\"]", "all IPv6 addresses"),
    ] {
        all.push((ports(value), said));
    }
    all.push((ports("[primary]").replace("1.31", "1.30"), "needs-version"));
    for owner in ["root:1000", "1000:root", "+0:0", "00:0", "root"] {
        let fix = format!("{{owner: \"{owner}\", risk: safe}}");
        let expect = "{file-owner: {target: proxy-config, owner: root, group: root}}";
        all.push((check(expect, &fix), "only root:root"));
    }
    for (requests, fix, said) in [
        (
            "[{verbs: [list], resource: services}]",
            "log-at: Request",
            "logs at Metadata",
        ),
        (
            "[{verbs: [list], resource: services}]",
            "log-at: None",
            "logs at Metadata",
        ),
        (
            "[{verbs: [list], resource: services}]",
            "value: true",
            "log-at: Metadata",
        ),
        ("[]", "log-at: Metadata", "needs identities and requests"),
        (
            "[{verbs: [], resource: services}]",
            "log-at: Metadata",
            "has no verbs",
        ),
        (
            "[{verbs: [\"\"], resource: services}]",
            "log-at: Metadata",
            "has no verbs",
        ),
        (
            "[{verbs: [get], resource: pods/a/b}]",
            "log-at: Metadata",
            "one subresource at most",
        ),
        (
            "[{verbs: [get], resource: pods., named: true}]",
            "log-at: Metadata",
            "no group",
        ),
    ] {
        let expect =
            format!("{{audit-requests: {{identities: [{{user: u}}], requests: {requests}}}}}");
        all.push((check(&expect, &format!("{{{fix}, risk: safe}}")), said));
    }
    let nobody = "{audit-requests: {identities: [{user: \"\"}], requests: [{verbs: [get], resource: pods}]}}";
    all.push((
        check(nobody, "{log-at: Metadata, risk: safe}"),
        "an empty user",
    ));
    let mut wrong = Vec::new();
    for (text, said) in all {
        let node = Node::demo();
        let path = file(&node, &text);
        let path = path.to_str().unwrap();
        let ran = plan(&node, path);
        if ran.code != 1 || !ran.err.contains(&format!("{path}:")) || !ran.err.contains(said) {
            wrong.push(format!("{text}: {} {}{}", ran.code, ran.out, ran.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_can_be_meant_is_taken() {
    let node = Node::demo();
    for (expect, fix) in [
        (
            "{config-flag: {key: ipvs.strictARP, be: true, in-mode: ipvs}}",
            "{value: true, risk: disruptive}",
        ),
        (
            "{config-address: {key: healthzBindAddress, must-be: not-all-addresses}}",
            "{address: loopback, risk: disruptive}",
        ),
        (
            "{node-ports: {}}",
            "{value: [\"10.0.0.0/8\", \"fd00::/8\"], risk: disruptive}",
        ),
        (
            "{file-owner: {target: proxy-config, owner: root, group: root}}",
            "{owner: \"0:0\", risk: safe}",
        ),
        (
            "{audit-requests: {identities: [{user: u, groups: [g]}], requests: [{verbs: [get], resource: pods.x/log, namespace: n, named: true}]}}",
            "{log-at: Metadata, risk: disruptive}",
        ),
    ] {
        let path = file(&node, &check(expect, fix));
        let ran = plan(&node, path.to_str().unwrap());
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}
