//! A scan as SARIF: what readers of code scanning need to show a finding once, where it is, for as long as it
//! is there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use support::Node;
use support::tools::validated;

const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";

fn sarif(node: &Node, arguments: &[&str]) -> (i32, Value) {
    let ran = node.run(&[&["scan", "--format", "sarif"], arguments].concat());
    if let Some(said) = validated("sarif", &ran.out) {
        assert_eq!(said, Ok(()), "{arguments:?}");
    }
    (ran.code, serde_json::from_str(&ran.out).unwrap())
}

fn results(log: &Value) -> &Vec<Value> {
    log["runs"][0]["results"].as_array().unwrap()
}

/// Each result's fingerprint, with its rule.
fn prints(log: &Value) -> BTreeMap<String, String> {
    let print = |result: &Value| {
        result["partialFingerprints"]["checkAndPlace/v1"]
            .as_str()
            .unwrap()
            .to_string()
    };
    let all = results(log);
    let found: BTreeMap<String, String> = all
        .iter()
        .map(|result| {
            (
                print(result),
                result["ruleId"].as_str().unwrap().to_string(),
            )
        })
        .collect();
    assert_eq!(found.len(), all.len(), "a fingerprint is there twice");
    found
}

#[test]
fn a_finding_has_its_rule_its_place_and_its_level() {
    let node = Node::demo();
    let (code, log) = sarif(&node, &[]);
    let (_, scan) = node.json(&["scan"]);
    let run = &log["runs"][0];
    assert_eq!((code, &log["version"]), (2, &json!("2.1.0")));
    let invocation = &run["invocations"][0];
    assert_eq!(invocation["exitCode"], 2);
    assert_eq!(invocation["executionSuccessful"], true);
    let root = run["originalUriBaseIds"]["NODEROOT"]["uri"]
        .as_str()
        .unwrap();
    assert_eq!(root, format!("file://{}/", node.root().display()));
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let verdicts = scan["verdicts"].as_array().unwrap();
    let ids = |list: &[Value], key: &str| -> Vec<String> {
        list.iter()
            .map(|one| one[key].as_str().unwrap().to_string())
            .collect()
    };
    assert_eq!(ids(rules, "id"), ids(verdicts, "check"));
    for result in results(&log) {
        let rule = &rules[result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert_eq!(
            (&result["kind"], &result["level"]),
            (&json!("fail"), &rule["defaultConfiguration"]["level"])
        );
    }
    let failed = verdicts.iter().filter(|one| one["verdict"] == "fail");
    let failed: BTreeSet<&str> = failed.map(|one| one["check"].as_str().unwrap()).collect();
    let found: BTreeSet<&str> = results(&log)
        .iter()
        .map(|one| one["ruleId"].as_str().unwrap())
        .collect();
    assert_eq!(found, failed);
    let metrics = results(&log)
        .iter()
        .find(|one| one["ruleId"] == "metrics-exposed")
        .unwrap();
    assert_eq!(metrics["level"], "error");
    assert_eq!(
        metrics["locations"],
        json!([{"physicalLocation": {
            "artifactLocation": {"uri": CONFIG.trim_start_matches('/'), "uriBaseId": "NODEROOT"},
            "region": {"startLine": 8},
        }}])
    );
    assert_eq!(
        metrics["message"]["text"],
        "The metrics endpoint listens on loopback only: metricsBindAddress: 0.0.0.0:10249, expected a loopback \
         address, or unset. Fix (disruptive): set metricsBindAddress in /var/lib/kube-proxy/kube-proxy-config.yaml"
    );
}

#[test]
fn what_passed_or_does_not_apply_is_told_only_when_asked_for() {
    let node = Node::demo();
    let ca = node.path("/var/lib/kube-proxy/ca.crt");
    std::fs::remove_file(&ca).unwrap();
    std::fs::create_dir(&ca).unwrap();
    let kinds = |log: &Value| -> BTreeSet<String> {
        let all = results(log).iter();
        all.map(|one| {
            format!(
                "{} {}",
                one["kind"].as_str().unwrap(),
                one["level"] == "none"
            )
        })
        .collect()
    };
    let (_, log) = sarif(&node, &[]);
    assert_eq!(
        kinds(&log),
        BTreeSet::from(["fail false".into(), "review true".into()])
    );
    let (_, log) = sarif(&node, &["-v"]);
    let all = [
        "fail false",
        "notApplicable true",
        "pass true",
        "review true",
    ];
    assert_eq!(kinds(&log), BTreeSet::from(all.map(String::from)));
}

#[test]
fn a_fingerprint_stays_when_lines_move_and_when_the_value_changes() {
    let node = Node::demo();
    let (_, before) = sarif(&node, &["-v"]);
    let config = node.read(CONFIG);
    let moved = config.replace("0.0.0.0:10249", "0.0.0.0:10300");
    node.write(CONFIG, format!("# a comment\n# another\n{moved}"));
    node.chmod(CONFIG, 0o666);
    let (_, after) = sarif(&node, &["-v"]);
    let line = |log: &Value| {
        let metrics = results(log)
            .iter()
            .find(|one| one["ruleId"] == "metrics-exposed");
        metrics.unwrap()["locations"][0]["physicalLocation"]["region"]["startLine"].clone()
    };
    assert_eq!((line(&before), line(&after)), (json!(8), json!(10)));
    assert_eq!(prints(&before), prints(&after));
    // Another node's finding is another one.
    node.write("/etc/hostname", "another\n");
    let (_, other) = sarif(&node, &["-v"]);
    assert!(
        prints(&other)
            .keys()
            .all(|print| !prints(&after).contains_key(print))
    );
}

#[test]
fn a_fingerprint_is_the_same_whatever_else_its_file_passes_or_fails() {
    const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";
    let node = Node::demo();
    let server = "    server: https://10.0.0.10:6443\n";
    let good = node.read(KUBECONFIG);
    assert!(good.contains(server));
    let with_proxy = format!("{server}    proxy-url: http://10.0.0.1:3128\n");
    node.write(KUBECONFIG, good.replace(server, &with_proxy));
    let proxy = |node: &Node, arguments: &[&str]| {
        let only = [&["--only", "api-connection-plaintext"], arguments].concat();
        let (_, log) = sarif(node, &only);
        let found = results(&log).iter().filter(|one| {
            let text = one["message"]["text"].as_str().unwrap();
            text.contains("proxy-url")
        });
        let found: Vec<String> = found
            .map(|one| one["partialFingerprints"].to_string())
            .collect();
        assert_eq!(found.len(), 1, "{log}");
        found
    };
    let alone = proxy(&node, &[]);
    // The server passes, and is shown as well.
    assert_eq!(proxy(&node, &["-v"]), alone);
    let both = node.read(KUBECONFIG).replace("https://", "http://");
    node.write(KUBECONFIG, both);
    assert_eq!(proxy(&node, &[]), alone);
}

#[test]
fn a_waived_finding_is_suppressed_with_its_justification() {
    let node = Node::demo();
    node.write(
        "/etc/tighten/waivers.yaml",
        "waivers:\n- check: metrics-exposed\n  justification: scraped\n  expires: 2999-12-31\n- check: profiling-enabled\n  justification: x\n  expires: 2020-01-01\n",
    );
    let (_, log) = sarif(&node, &[]);
    let suppressed: Vec<&Value> = results(&log)
        .iter()
        .filter(|one| !one["suppressions"].is_null())
        .collect();
    let [waived] = suppressed.as_slice() else {
        panic!("{suppressed:?}");
    };
    assert_eq!(waived["ruleId"], "metrics-exposed");
    assert_eq!(
        waived["suppressions"],
        json!([{
            "kind": "external",
            "status": "accepted",
            "justification": "scraped",
            "properties": {"expires": "2999-12-31"},
        }])
    );
    let told = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"];
    assert_eq!(
        (told.as_array().unwrap().len(), &told[0]["level"]),
        (1, &json!("warning"))
    );
}

#[test]
fn a_path_of_the_node_is_a_valid_reference_whatever_is_in_its_name() {
    let node = Node::demo();
    let strange = "/var/lib/kube-proxy/k ü%2F?#[x]:\"<y>";
    let config = node.read(CONFIG);
    let quoted = serde_json::to_string(strange).unwrap();
    node.write(
        CONFIG,
        config.replace("\"/var/lib/kube-proxy/kubeconfig\"", &quoted),
    );
    node.write(strange, node.read("/var/lib/kube-proxy/kubeconfig"));
    node.write("/etc/hostname", "a/b c\"\n");
    let (_, log) = sarif(&node, &[]);
    let uris: BTreeSet<&str> = results(&log)
        .iter()
        .filter_map(|one| {
            one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str()
        })
        .collect();
    let expected = "var/lib/kube-proxy/k%20%C3%BC%252F%3F%23%5Bx%5D%3A%22%3Cy%3E";
    assert!(uris.contains(expected), "{uris:?}");
}

#[test]
fn a_scan_that_could_not_be_made_has_no_results_at_all() {
    let (code, log) = sarif(&Node::empty(), &[]);
    assert_eq!(code, 1);
    let run = &log["runs"][0];
    assert!(
        run["results"].is_null(),
        "an empty list says that all is well"
    );
    let invocation = &run["invocations"][0];
    assert_eq!(
        (&invocation["executionSuccessful"], &invocation["exitCode"]),
        (&json!(false), &json!(1))
    );
    let told = invocation["toolExecutionNotifications"][0]["message"]["text"]
        .as_str()
        .unwrap();
    assert!(told.contains("kube-proxy"), "{told}");
}
