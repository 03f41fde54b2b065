//! Whether the audit log has what kube-proxy does: the check, its fix, and the policy that is installed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::asked::{
    BY_CERTIFICATE, BY_TOKEN, broad, groups, logged, of_kube_proxy, request, resource,
};
use support::{Node, snapshot};
use tighten::auditpolicy::{Level, Policy, Stage, Target};

const CHECK: &str = "audit-policy-misses-kube-proxy";
const POLICY: &str = "/etc/kubernetes/audit-policy.yaml";

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The node on which every check passes, with its API server.
fn node() -> Node {
    let node = Node::empty();
    for (path, entry) in snapshot(&here("tests/cases/_base/before")) {
        if entry.kind == 'f' {
            node.write(&path, &entry.bytes);
        }
    }
    node
}

/// What the check says of a policy.
fn judged(node: &Node, policy: &str) -> Value {
    node.write(POLICY, policy);
    let (_, document) = node.json(&["scan", "--only", CHECK]);
    document["verdicts"][0].clone()
}

#[test]
fn each_request_of_a_real_kube_proxy_is_missed_when_it_alone_is_hidden() {
    let node = node();
    let log = fs::read_to_string(here("tests/fixtures/audit/kube-proxy-1.36.jsonl")).unwrap();
    let mut asked = BTreeSet::new();
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = &event["objectRef"];
        let verb = text(&event["verb"]);
        // A request that creates something does not name it in its path.
        let name = match verb.as_str() {
            "create" => String::new(),
            _ => text(&object["name"]),
        };
        asked.insert((
            verb,
            text(&object["apiGroup"]),
            text(&object["resource"]),
            text(&object["namespace"]),
            name,
        ));
    }
    assert_eq!(asked.len(), 9, "{asked:?}");
    for (verb, group, resource, namespace, name) in &asked {
        for user in [BY_TOKEN, BY_CERTIFICATE] {
            let mut hidden = json!({"group": group, "resources": [resource]});
            if !name.is_empty() {
                hidden["resourceNames"] = json!([name]);
            }
            let policy = json!({
                "apiVersion": "audit.k8s.io/v1",
                "kind": "Policy",
                "rules": [
                    {
                        "level": "None",
                        "users": [user],
                        "userGroups": [groups(user)[0]],
                        "verbs": [verb],
                        "namespaces": [namespace],
                        "resources": [hidden],
                    },
                    {"level": "Metadata"},
                ],
            });
            let verdict = judged(&node, &policy.to_string());
            let full = match group.as_str() {
                "" => resource.clone(),
                group => format!("{resource}.{group}"),
            };
            let said = format!(
                "1 of 34 requests of kube-proxy are not logged: rules[0] in line 1 has level None ({verb} {full} as {user})"
            );
            assert_eq!(verdict["observed"], said.as_str(), "{verdict}");
            assert_eq!(verdict["verdict"], "fail");
        }
    }
}

#[test]
fn every_fixed_policy_logs_all_of_kube_proxy_and_of_others_what_it_logged_before() {
    let cases = here(&format!("tests/cases/{CHECK}"));
    let mut fixed = 0;
    for case in fs::read_dir(&cases).unwrap() {
        let case = case.unwrap().path();
        if !case.join("after").is_dir() {
            continue;
        }
        for (path, after) in snapshot(&case.join("after"))
            .into_iter()
            .filter(|(_, entry)| entry.kind == 'f')
        {
            let before = fs::read(case.join("before").join(path.trim_start_matches('/'))).unwrap();
            let (before, after) = (
                Policy::read(&before).unwrap(),
                Policy::read(&after.bytes).unwrap(),
            );
            let shown = case.display();
            for request in of_kube_proxy() {
                assert!(logged(&after, &request), "{shown}: {request:?}");
                assert!(
                    after.level_of(&request).level >= before.level_of(&request).level,
                    "{shown}: {request:?}"
                );
            }
            assert!(
                of_kube_proxy()
                    .iter()
                    .any(|request| !logged(&before, request)),
                "{shown}"
            );
            let mut others = 0;
            for request in broad(&before) {
                let (old, new) = (before.level_of(&request), after.level_of(&request));
                if [BY_CERTIFICATE, BY_TOKEN].contains(&request.user.as_str()) {
                    // Never less than before, and nothing that puts contents into the log.
                    assert!(new.level >= old.level, "{shown}: {request:?}");
                    assert!(
                        new.level == old.level || new.level == Level::Metadata,
                        "{shown}: {request:?}"
                    );
                } else {
                    assert_eq!(
                        (old.level, old.omit_stages),
                        (new.level, new.omit_stages),
                        "{shown}: {request:?}"
                    );
                    others += 1;
                }
            }
            assert!(others > 1_000, "{shown}: {others}");
            fixed += 1;
        }
    }
    assert!(fixed >= 10, "{fixed}");
}

#[test]
fn the_installed_policy_logs_kube_proxy_keeps_contents_out_and_drops_what_the_official_example_drops()
 {
    let text = fs::read(here("plans/audit-policy.yaml")).unwrap();
    let policy = Policy::read(&text).unwrap();
    assert_eq!(policy.unknown, []);
    let level = |user: &str, groups: &[&str], verb: &str, target: Target| {
        let mut asked = request(user, verb, target);
        asked
            .groups
            .extend(groups.iter().map(|group| (*group).to_owned()));
        policy.level_of(&asked).level
    };
    for request in of_kube_proxy() {
        assert!(logged(&policy, &request), "{request:?}");
    }
    for user in [BY_CERTIFICATE, BY_TOKEN] {
        let elsewhere = level(user, &[], "get", Target::Path("/version".into()));
        assert_eq!(elsewhere, Level::Metadata);
    }
    // Whoever it is and whatever is done: who and when, and never what is in it.
    for user in [
        "alice",
        "system:kube-controller-manager",
        "system:apiserver",
        "system:node:node1",
    ] {
        for verb in [
            "get", "list", "watch", "create", "update", "patch", "delete",
        ] {
            for (spelled, namespace) in [
                ("secrets", "prod"),
                ("configmaps", "prod"),
                ("serviceaccounts/token", "prod"),
                ("tokenreviews.authentication.k8s.io", ""),
            ] {
                let found = level(
                    user,
                    &["system:nodes"],
                    verb,
                    resource(spelled, namespace, "x"),
                );
                assert_eq!(found, Level::Metadata, "{user} {verb} {spelled}");
            }
        }
    }
    for rule in &policy.rules {
        assert!(rule.level <= Level::Metadata, "line {}: bodies", rule.line);
    }
    // The official example's own noise, but for its rule about kube-proxy.
    assert_eq!(policy.omit_stages, [Stage::RequestReceived]);
    let path = |path: &str| level("alice", &[], "get", Target::Path(path.into()));
    for noise in [
        "/api",
        "/api/v1",
        "/apis/apps/v1",
        "/version",
        "/healthz",
        "/livez/ping",
        "/readyz",
        "/openapi/v2",
    ] {
        assert_eq!(path(noise), Level::None, "{noise}");
    }
    assert_eq!(path("/metrics"), Level::Metadata);
    let lock = resource("configmaps", "kube-system", "controller-leader");
    assert_eq!(
        level("system:kube-controller-manager", &[], "update", lock),
        Level::None
    );
    // What people do stays.
    for (verb, spelled) in [
        ("create", "pods"),
        ("create", "pods/exec"),
        ("delete", "deployments.apps"),
        ("get", "pods/log"),
    ] {
        assert_eq!(
            level("alice", &[], verb, resource(spelled, "prod", "x")),
            Level::Metadata
        );
    }
}

#[test]
fn a_policy_of_too_many_rules_or_names_is_not_judged_and_takes_no_time() {
    let node = node();
    let head = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n";
    let names: Vec<String> = (0..20_000).map(|name| format!("n{name}")).collect();
    let rules = "- {level: None, users: [a, b, c, d, e, f]}\n".repeat(10_000);
    for text in [
        format!(
            "{head}- level: None\n  resources: [{{group: \"\", resources: [nodes], resourceNames: [{}]}}]\n",
            names.join(", ")
        ),
        format!(
            "{head}{rules}- {{level: None, resources: [{{resources: [x], resourceNames: [a, b, c, d]}}]}}\n"
        ),
    ] {
        let verdict = judged(&node, &text);
        assert_eq!(verdict["verdict"], "unknown", "{verdict}");
        assert_eq!(
            verdict["reason"],
            "the policy names more than is compared with kube-proxy's requests here"
        );
    }
    // And one that is merely large is judged, and fixed.
    let rules = "- {level: None, users: [a]}\n".repeat(3_000);
    let verdict = judged(&node, &format!("{head}{rules}- level: None\n"));
    assert_eq!(verdict["line"], 3_004, "{verdict}");
    assert_eq!(node.run(&["apply", "--yes", "--only", CHECK]).code, 0);
    let (_, document) = node.json(&["scan", "--only", CHECK]);
    assert_eq!(document["verdicts"][0]["verdict"], "pass");
}

#[test]
fn an_existing_policy_is_edited_with_its_mode_and_rolled_back_byte_for_byte() {
    let node = node();
    let own = "# Ours.\napiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None # quiet\n";
    node.write(POLICY, own);
    node.chmod(POLICY, 0o640);
    let (code, plan) = node.json(&["plan", "--only", CHECK]);
    assert_eq!(code, 0, "{plan}");
    let change = &plan["changes"][0];
    assert_eq!(change["path"], POLICY);
    assert_eq!(change["action"], "edit");
    assert_eq!(change["risk"], "disruptive");
    assert_eq!(change["summary"], "rules[0]: insert 1 rule");
    // A saved plan holds the rule itself, and goes stale with the policy.
    let saved = node.outside().join("plan.json");
    let saved = saved.to_str().unwrap();
    assert_eq!(node.run(&["plan", "--only", CHECK, "--out", saved]).code, 0);
    node.write(POLICY, format!("{own}# More.\n"));
    node.chmod(POLICY, 0o640);
    let stale = node.run(&["apply", "--yes", saved]);
    assert_eq!(stale.code, 1, "{stale:?}");
    assert_eq!(node.read(POLICY), format!("{own}# More.\n"));
    node.write(POLICY, own);
    node.chmod(POLICY, 0o640);
    let applied = node.run(&["apply", "--yes", saved]);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(node.mode(POLICY), 0o640);
    assert_eq!(
        node.read(POLICY),
        own.replace(
            "- level: None",
            "- level: Metadata\n  users: [\"system:kube-proxy\", \"system:serviceaccount:kube-system:kube-proxy\"]\n- level: None"
        )
    );
    assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    assert_eq!(node.read(POLICY), own);
}
