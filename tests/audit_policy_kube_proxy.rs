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
use support::{Node, snapshot};
use tighten::auditpolicy::{Level, Policy, Request, Resource, Stage, Target};

const CHECK: &str = "audit-policy-misses-kube-proxy";
const POLICY: &str = "/etc/kubernetes/audit-policy.yaml";
const BY_CERTIFICATE: &str = "system:kube-proxy";
const BY_TOKEN: &str = "system:serviceaccount:kube-system:kube-proxy";

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

fn groups(user: &str) -> Vec<String> {
    let groups: &[&str] = match user {
        BY_CERTIFICATE => &["system:node-proxier", "system:authenticated"],
        BY_TOKEN => &[
            "system:serviceaccounts",
            "system:serviceaccounts:kube-system",
            "system:authenticated",
        ],
        _ => &["system:authenticated"],
    };
    groups.iter().map(|group| (*group).to_owned()).collect()
}

fn request(user: &str, verb: &str, target: Target) -> Request {
    Request {
        user: user.into(),
        groups: groups(user),
        verb: verb.into(),
        target,
    }
}

fn resource(spelled: &str, namespace: &str, name: &str) -> Target {
    Target::Resource(Resource {
        namespace: namespace.into(),
        name: name.into(),
        ..Resource::parse(spelled).unwrap()
    })
}

/// What kube-proxy asks, by its ClusterRole system:node-proxier: written down here a second time.
fn of_kube_proxy() -> Vec<Request> {
    let mut all = Vec::new();
    for user in [BY_CERTIFICATE, BY_TOKEN] {
        let mut add = |verb: &str, target| all.push(request(user, verb, target));
        for verb in ["list", "watch"] {
            add(verb, resource("services", "", ""));
            add(verb, resource("endpoints", "", ""));
            add(verb, resource("endpointslices.discovery.k8s.io", "", ""));
            add(verb, resource("servicecidrs.networking.k8s.io", "", ""));
            add(verb, resource("nodes", "", "node1"));
        }
        add("get", resource("nodes", "", "node1"));
        for events in ["events", "events.events.k8s.io"] {
            add("create", resource(events, "default", ""));
            add(
                "patch",
                resource(events, "default", "node1.18eab8b24ffe6d9f"),
            );
            add(
                "update",
                resource(events, "default", "node1.18eab8b24ffe6d9f"),
            );
        }
    }
    all
}

fn logged(policy: &Policy, request: &Request) -> bool {
    let decision = policy.level_of(request);
    decision.level >= Level::Metadata && !decision.omit_stages.contains(&Stage::ResponseComplete)
        || decision.level >= Level::Metadata
            && request.verb == "watch"
            && !decision.omit_stages.contains(&Stage::ResponseStarted)
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

/// Requests of everybody whom a policy names, and of some whom it does not, for everything that it names.
fn broad(policy: &Policy) -> Vec<Request> {
    let mut users = BTreeSet::from(["alice".to_owned(), "system:node:node1".to_owned()]);
    let mut user_groups =
        BTreeSet::from(["system:authenticated".to_owned(), "system:nodes".to_owned()]);
    let mut verbs: BTreeSet<String> = [
        "get",
        "list",
        "watch",
        "create",
        "patch",
        "deletecollection",
    ]
    .map(str::to_owned)
    .into();
    let mut api_groups: BTreeSet<String> = ["", "apps", "events.k8s.io", "discovery.k8s.io"]
        .map(str::to_owned)
        .into();
    let mut resources: BTreeSet<String> = [
        "secrets",
        "configmaps",
        "serviceaccounts/token",
        "pods",
        "pods/exec",
        "nodes",
        "services",
        "events",
        "endpointslices",
    ]
    .map(str::to_owned)
    .into();
    let mut places = BTreeSet::from([
        (String::new(), String::new()),
        ("default".to_owned(), "x".to_owned()),
        ("kube-system".to_owned(), "x".to_owned()),
    ]);
    let mut paths: BTreeSet<String> = ["/healthz", "/metrics", "/api/v1"]
        .map(str::to_owned)
        .into();
    for rule in &policy.rules {
        users.extend(rule.users.iter().cloned());
        user_groups.extend(rule.user_groups.iter().cloned());
        verbs.extend(rule.verbs.iter().cloned());
        paths.extend(
            rule.non_resource_urls
                .iter()
                .map(|url| url.replace('*', "z")),
        );
        places.extend(
            rule.namespaces
                .iter()
                .map(|space| (space.clone(), String::new())),
        );
        for held in &rule.resources {
            api_groups.insert(held.group.clone());
            resources.extend(held.resources.iter().cloned());
            places.extend(
                held.names
                    .iter()
                    .map(|name| ("default".to_owned(), name.clone())),
            );
        }
    }
    let mut targets: Vec<Target> = paths.into_iter().map(Target::Path).collect();
    for group in &api_groups {
        for spelled in &resources {
            let (resource, subresource) = spelled.split_once('/').unwrap_or((spelled, ""));
            for (namespace, name) in &places {
                targets.push(Target::Resource(Resource {
                    group: group.clone(),
                    resource: resource.into(),
                    subresource: subresource.into(),
                    namespace: namespace.clone(),
                    name: name.clone(),
                }));
            }
        }
    }
    let mut all = Vec::new();
    for user in &users {
        for verb in &verbs {
            for target in &targets {
                let mut one = request(user, verb, target.clone());
                if one.groups.len() == 1 {
                    one.groups.extend(user_groups.iter().cloned());
                }
                all.push(one);
            }
        }
    }
    all
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
    let applied = node.run(&["apply", "--yes", "--only", CHECK]);
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
