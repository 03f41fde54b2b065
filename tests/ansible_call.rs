//! The binary as a module of Ansible, called as Ansible calls it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use support::Node;
use support::called::{arguments, call};
use support::exact::exact;

const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";

fn checks(findings: &Value) -> Vec<&str> {
    let findings = findings.as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["check"].as_str().unwrap())
        .collect()
}

fn message(reply: &Value) -> &str {
    assert_eq!(reply["failed"], true, "{reply:#}");
    reply["msg"].as_str().unwrap()
}

#[test]
fn a_call_in_check_mode_tells_the_plan_and_leaves_no_trace() {
    let node = Node::demo();
    arguments(&node, &json!({}), true);
    let before = exact(node.outside());
    let reply = call(&node, &json!({}), true);
    let mut after = exact(node.outside());
    // Written again by this test.
    after.insert("/args".into(), before["/args"].clone());
    assert!(after == before, "something was written");
    let (_, plan) = node.json(&["plan"]);
    let planned = plan["changes"].as_array().unwrap();
    assert_eq!(reply["changed"], true);
    assert_eq!(reply["msg"], "13 changes would be made");
    assert_eq!(reply["transaction"], Value::Null);
    let changes = reply["changes"].as_array().unwrap();
    for (change, planned) in changes.iter().zip(planned) {
        for key in ["id", "check", "path", "action", "risk", "summary"] {
            assert_eq!(change[key], planned[key]);
        }
        assert_eq!(change["outcome"], "planned");
    }
    assert_eq!(changes.len(), planned.len());
    assert_eq!(reply["manual"], plan["manual"]);
    assert_eq!(reply["effects"][0]["outcome"], "planned");
}

#[test]
fn the_diff_holds_every_line_of_the_plan() {
    let node = Node::demo();
    let reply = call(&node, &json!({}), true);
    let (_, plan) = node.json(&["plan"]);
    let lines = |key: &str| -> Vec<String> {
        let entries = reply["diff"].as_array().unwrap();
        let texts = entries.iter().map(|entry| entry[key].as_str().unwrap());
        texts.flat_map(str::lines).map(String::from).collect()
    };
    let (before, after) = (lines("before"), lines("after"));
    for change in plan["changes"].as_array().unwrap() {
        for line in change["diff"].as_str().unwrap().lines() {
            if line.starts_with("@@") {
                continue;
            }
            let text = line.get(1..).unwrap_or_default().to_string();
            assert!(before.contains(&text) || line.starts_with('+'), "{line}");
            assert!(after.contains(&text) || line.starts_with('-'), "{line}");
        }
    }
    assert_eq!(
        reply["diff"][0],
        json!({
            "before": "mode: 0644\n",
            "after": "mode: 0600\n",
            "before_header": format!("{KUBECONFIG} (proxy-kubeconfig-mode)"),
            "after_header": format!("{KUBECONFIG} (proxy-kubeconfig-mode)"),
        })
    );
    assert_eq!(reply["diff"][1]["before"], "owner: admin:admin\n");
    assert_eq!(reply["diff"][1]["after"], "owner: root:root\n");
    let edit = &reply["diff"][4];
    assert_eq!(
        edit["before_header"],
        format!("{CONFIG}, line 4 (bind-address-wildcard)")
    );
}

#[test]
fn an_apply_does_what_was_told_and_a_second_one_has_nothing_to_do() {
    let node = Node::demo();
    let told = call(&node, &json!({}), true);
    let done = call(&node, &json!({}), false);
    assert_eq!(done["changed"], true);
    assert_eq!(done["diff"], told["diff"]);
    let (_, history) = node.json(&["history"]);
    assert_eq!(done["transaction"], history["transactions"][0]["id"]);
    let id = done["transaction"].as_str().unwrap();
    assert_eq!(done["msg"], format!("13 changes in transaction {id}"));
    assert!(
        done["effects"]
            .as_array()
            .unwrap()
            .iter()
            .all(|effect| effect["outcome"] == "left-to-you"),
        "nothing of this machine is restarted for a tree: {done:#}"
    );
    assert_eq!(
        checks(&done["findings"]),
        [
            "healthz-exposed",
            "node-ports-on-all-addresses",
            "localhost-node-ports"
        ]
    );
    let after = exact(&node.root());
    for check_mode in [true, false] {
        let again = call(&node, &json!({}), check_mode);
        assert_eq!(again["changed"], false);
        assert_eq!(again["msg"], "nothing to do");
        assert_eq!(again["diff"], json!([]));
    }
    assert!(exact(&node.root()) == after);
    assert_eq!(node.run(&["verify"]).code, 0);
}

#[test]
fn options_reach_the_command() {
    let node = Node::demo();
    let only = call(
        &node,
        &json!({"only": "proxy-kubeconfig-mode, proxy-kubeconfig-owner"}),
        true,
    );
    assert_eq!(only["msg"], "2 changes would be made");
    let skip = json!({"skip": ["bind-address-wildcard"], "node_ip": "10.0.0.11"});
    let skip = call(&node, &skip, true);
    assert!(
        skip["changes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|change| change["check"] != "bind-address-wildcard")
    );
    let safe = call(&node, &json!({"max_risk": "safe"}), true);
    assert!(
        safe["changes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|change| change["risk"] == "safe")
    );
    assert_eq!(safe["invocation"]["module_args"]["max_risk"], "safe");
    assert_eq!(safe["invocation"]["module_args"]["effects"], true);
    let timeouts = json!({"unit_timeout": 90, "pod_timeout": "10m", "effects": "no", "systemctl": "/bin/true"});
    assert_eq!(call(&node, &timeouts, true)["failed"], false);
    let other = json!({"baseline": ["kube-proxy", "/nowhere/own.yaml"]});
    assert!(message(&call(&node, &other, true)).contains("/nowhere/own.yaml"));
    let none = json!({"only": "no-such-check"});
    assert!(message(&call(&node, &none, true)).starts_with("no check is called \"no-such-check\""));
}

#[test]
fn wrong_options_are_told_as_ansible_tells_them() {
    let node = Node::demo();
    let before = exact(&node.root());
    let supported = "allow_from, baseline, config, effects, fail_on, force, image_digest, kubeconfig, manifests, max_risk, node_ip, only, plan, pod_timeout, root, skip, state, state_dir, systemctl, transaction, unit_timeout, waivers";
    let cases = [
        (
            json!({"rooot": "/"}),
            format!(
                "Unsupported parameters for (tighten.kube_proxy.tighten) module: rooot. Supported parameters include: {supported}."
            ),
        ),
        (
            json!({"state": "absent"}),
            "value of state must be one of: present, planned, scanned, rolled-back, got: absent"
                .into(),
        ),
        (
            json!({"effects": "maybe"}),
            "argument 'effects' is of type str and we were unable to convert to bool: The value 'maybe' is not a valid boolean. Valid booleans include: yes, no, true, false, on, off, 1, 0"
                .into(),
        ),
        (
            json!({"only": {"a": 1}}),
            "argument 'only' is of type dict and we were unable to convert to list: <class 'dict'> cannot be converted to a list"
                .into(),
        ),
        (
            json!({"root": ""}),
            "root is empty; leave it out where it does not apply (omit)".into(),
        ),
        (
            json!({"root": "node"}),
            "root: node is not an absolute path".into(),
        ),
        (
            json!({"node_ip": "127.0.0.1"}),
            "node_ip: 127.0.0.1: loopback, wildcard, link-local and multicast addresses cannot be a node's InternalIP"
                .into(),
        ),
        (
            json!({"unit_timeout": "soon"}),
            "unit_timeout: soon is not a time such as 90s or 5m".into(),
        ),
        (
            json!({"plan": "/p", "state": "scanned"}),
            "plan is for state present and planned only, and state is scanned".into(),
        ),
        (
            json!({"force": true}),
            "force is for state rolled-back only, and state is present".into(),
        ),
    ];
    for (options, expected) in cases {
        let reply = call(&node, &options, false);
        assert_eq!(message(&reply), expected);
        assert_eq!(reply["rc"], 64);
        assert_eq!(reply["changed"], false);
    }
    assert!(exact(&node.root()) == before);
    assert!(!node.state().exists());
    // As with AnsibleModule, where whoever calls knows that it asks for more than there is.
    let ignored = json!({"rooot": "/", "_ansible_ignore_unknown_opts": true});
    assert_eq!(call(&node, &ignored, true)["failed"], false);
}

#[test]
fn what_stands_beside_a_saved_plan_is_refused() {
    let node = Node::demo();
    let plan = node.outside().join("plan.json");
    let planned = call(&node, &json!({"state": "planned", "plan": plan}), false);
    assert_eq!(planned["changed"], true);
    assert_eq!(
        planned["msg"],
        format!("13 changes would be made; saved to {}", plan.display())
    );
    // The same plan once more is no change.
    let again = call(&node, &json!({"state": "planned", "plan": plan}), false);
    assert_eq!(again["changed"], false);
    let beside = json!({"plan": plan, "only": ["metrics-exposed"]});
    assert_eq!(
        message(&call(&node, &beside, true)),
        "--only cannot stand beside a saved plan, which is applied exactly or not at all; help: make another plan with it: tighten plan --out FILE"
            .replace(
                "tighten plan",
                &format!(
                    "tighten --root {} --state-dir {} plan",
                    node.root().display(),
                    node.state().display()
                )
            )
    );
}

#[test]
fn a_saved_plan_is_applied_exactly_or_not_at_all() {
    let node = Node::demo();
    let plan = node.outside().join("plan.json");
    call(
        &node,
        &json!({"state": "planned", "plan": plan, "max_risk": "safe"}),
        false,
    );
    let told = call(&node, &json!({"plan": plan}), true);
    assert_eq!(told["changed"], true);
    node.chmod(CONFIG, 0o600);
    let before = exact(&node.root());
    for check_mode in [true, false] {
        let stale = call(&node, &json!({"plan": plan}), check_mode);
        assert!(
            message(&stale).starts_with(&format!(
                "the plan is stale: {CONFIG}: its mode was 0664 and is 0600 (nothing was written); help: "
            )),
            "{stale:#}"
        );
        assert_eq!(stale["rc"], 1);
        assert_eq!(stale["changed"], false);
    }
    assert!(exact(&node.root()) == before);
    node.chmod(CONFIG, 0o664);
    let done = call(&node, &json!({"plan": plan}), false);
    assert_eq!(done["diff"], told["diff"]);
    assert_eq!(done["changed"], true);
}

#[test]
fn a_plan_in_check_mode_is_not_saved() {
    let node = Node::demo();
    let plan = node.outside().join("plan.json");
    let told = call(&node, &json!({"state": "planned", "plan": plan}), true);
    assert_eq!(told["changed"], false);
    assert_eq!(told["msg"], "13 changes would be made");
    assert!(!plan.exists());
}

#[test]
fn a_scan_tells_the_findings_and_fails_where_it_is_asked_to() {
    let node = Node::demo();
    let before = exact(&node.root());
    let scan = call(&node, &json!({"state": "scanned"}), false);
    assert_eq!((&scan["changed"], &scan["rc"]), (&json!(false), &json!(0)));
    let (_, document) = node.json(&["scan"]);
    assert_eq!(scan["summary"], document["summary"]);
    let remain: Vec<&Value> = document["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|verdict| verdict["verdict"] == "fail" || verdict["verdict"] == "unknown")
        .collect();
    assert_eq!(scan["findings"], json!(remain));
    assert_eq!(scan["kube_proxy"]["found"], true);
    let failed = call(&node, &json!({"state": "scanned", "fail_on": "high"}), true);
    assert!(message(&failed).ends_with("; findings of severity high or above remain"));
    assert_eq!(failed["rc"], 2);
    assert_eq!(failed["findings"], scan["findings"]);
    assert!(exact(&node.root()) == before);
    assert!(!node.state().exists());
}

#[test]
fn what_is_waived_is_told_and_left_alone() {
    let node = Node::demo();
    let waivers = node.outside().join("waivers.yaml");
    let text = "waivers:\n- check: metrics-exposed\n  justification: Prometheus scrapes it.\n  expires: 2999-12-31\n";
    std::fs::write(&waivers, text).unwrap();
    let told = call(&node, &json!({"waivers": [waivers]}), true);
    assert_eq!(told["msg"], "12 changes would be made");
    assert_eq!(told["waived"][0]["check"], "metrics-exposed");
    let scan = json!({"state": "scanned", "waivers": waivers});
    let scan = call(&node, &scan, true);
    assert_eq!(scan["summary"]["waived"], 1);
    assert!(!checks(&scan["findings"]).contains(&"metrics-exposed"));
    // The node's own, and none at all.
    node.write("/etc/tighten/waivers.yaml", text);
    assert_eq!(
        call(&node, &json!({}), true)["msg"],
        "12 changes would be made"
    );
    let none = call(&node, &json!({"waivers": []}), true);
    assert_eq!(none["msg"], "13 changes would be made");
    let missing = json!({"waivers": ["/nowhere/waivers.yaml"]});
    assert!(message(&call(&node, &missing, true)).contains("/nowhere/waivers.yaml"));
}
