//! What kube-proxy may do, out of manifests as people have them: told, taken back where that is proved, and left to a
//! person where it is not.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "manifests_rbac/held.rs"]
mod held;
#[path = "manifests_rbac/hostile.rs"]
mod hostile;
mod support;

use serde_json::{Value, json};
use support::manifests::{ADDON, with};
use support::{Node, Ran};

const RIGHTS: [&str; 6] = [
    "rbac-cluster-admin",
    "rbac-escalation",
    "rbac-secrets",
    "rbac-execution",
    "rbac-wildcard",
    "rbac-extra-rights",
];

fn run(node: &Node, arguments: &[&str]) -> Ran {
    let mut all = vec![
        "--baseline",
        "kube-proxy-workload",
        "--manifests",
        "/m",
        "--only",
    ];
    let checks = [&RIGHTS[..], &["rbac-needed-missing"]].concat().join(",");
    all.push(&checks);
    all.extend(arguments);
    node.run(&all)
}

fn document(node: &Node, command: &str) -> Value {
    let ran = run(node, &["--format", "json", command]);
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// Each check with its verdict, but those that pass.
fn verdicts(node: &Node) -> Vec<(String, String)> {
    let scan = document(node, "scan");
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let verdicts = scan["verdicts"].as_array().unwrap().iter();
    verdicts
        .map(|verdict| (text(&verdict["check"]), text(&verdict["verdict"])))
        .filter(|(_, verdict)| verdict != "pass")
        .collect()
}

fn only(check: &str, verdict: &str) -> Vec<(String, String)> {
    vec![(check.to_string(), verdict.to_string())]
}

/// All reasons why something is left to a person.
fn left(node: &Node) -> String {
    let plan = document(node, "plan");
    assert_eq!(plan["changes"], json!([]), "{plan:#}");
    plan["manual"].to_string()
}

fn binding(kind: &str, metadata: &str, role: &str, subjects: &str) -> String {
    let (role_kind, role) = role.split_once('/').unwrap();
    format!(
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{{metadata}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {role_kind}, name: {role:?}}}\nsubjects: {subjects}\n"
    )
}

fn role(name: &str, rules: &str) -> String {
    format!(
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name:?}}}\nrules: {rules}\n"
    )
}

const PROXY: &str = "[{kind: ServiceAccount, name: kube-proxy, namespace: kube-system}]";

fn cluster_binding(name: &str, role: &str, subjects: &str) -> String {
    let role = format!("ClusterRole/{role}");
    binding(
        "ClusterRoleBinding",
        &format!("name: {name:?}"),
        &role,
        subjects,
    )
}

#[test]
fn kubeadms_addon_has_no_right_too_many_and_none_too_few() {
    let node = with("/m/addon.yaml", ADDON);
    assert_eq!(verdicts(&node), []);
}

#[test]
fn the_rights_that_the_api_server_gives_everybody_are_nothing_that_kube_proxy_has_too_many() {
    let everybody = "[{kind: Group, name: 'system:authenticated'}]";
    let text = ADDON.to_string()
        + &cluster_binding("system:discovery", "system:discovery", everybody)
        + &cluster_binding("system:basic-user", "system:basic-user", everybody)
        + &cluster_binding(
            "system:public-info-viewer",
            "system:public-info-viewer",
            everybody,
        )
        + &cluster_binding(
            "system:service-account-issuer-discovery",
            "system:service-account-issuer-discovery",
            "[{kind: Group, name: 'system:serviceaccounts'}]",
        )
        + &cluster_binding(
            "cluster-admin",
            "cluster-admin",
            "[{kind: Group, name: 'system:masters'}]",
        )
        + &cluster_binding(
            "system:node-proxier",
            "system:node-proxier",
            "[{kind: User, name: 'system:kube-proxy'}]",
        );
    assert_eq!(verdicts(&with("/m/all.yaml", &text)), []);
}

#[test]
fn a_list_as_kubectl_prints_it_loses_kube_proxy_alone_and_gets_it_back() {
    let extra = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "viewers", "uid": "0b1f"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [
            {"kind": "ServiceAccount", "name": "dashboard", "namespace": "default"},
            {"kind": "ServiceAccount", "name": "kube-proxy", "namespace": "kube-system"},
            {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "system:kube-proxy"},
        ],
    });
    let standard = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "node-proxier"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node-proxier"},
        "subjects": [
            {"kind": "ServiceAccount", "name": "kube-proxy", "namespace": "kube-system"},
            {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "system:kube-proxy"},
        ],
    });
    // Items of a typed list go without their own version and kind.
    let bare = |mut value: Value| {
        let object = value.as_object_mut().unwrap();
        object.remove("apiVersion");
        object.remove("kind");
        value
    };
    let lists = [
        json!({"apiVersion": "v1", "kind": "List", "items": [extra.clone(), standard.clone()]}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBindingList",
               "items": [bare(extra), bare(standard)]}),
    ];
    for list in lists {
        let node = with("/m/bindings.json", &format!("{list:#}\n"));
        assert_eq!(verdicts(&node), only("rbac-extra-rights", "fail"));
        let before = node.snapshot();
        let ran = run(&node, &["apply", "--yes"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let mut expected = list.clone();
        let subjects = expected["items"][0]["subjects"].as_array_mut().unwrap();
        subjects.truncate(1);
        let after: Value = serde_json::from_str(&node.read("/m/bindings.json")).unwrap();
        assert_eq!(after, expected);
        assert_eq!(verdicts(&node), []);
        let back = node.run(&["rollback", "--yes"]);
        assert_eq!(back.code, 0, "{back:?}");
        assert_eq!(node.snapshot(), before);
    }
}

#[test]
fn each_binding_is_told_once_by_the_check_of_the_worst_that_it_gives() {
    let text = ADDON.to_string()
        + &role(
            "mixed",
            "[{verbs: [get, bind], apiGroups: [rbac.authorization.k8s.io], resources: [roles]}, \
                           {verbs: [get], apiGroups: [''], resources: [secrets, pods]}]",
        )
        + &cluster_binding("mixed", "mixed", PROXY);
    let node = with("/m/all.yaml", &text);
    assert_eq!(verdicts(&node), only("rbac-escalation", "fail"));
    let scan = document(&node, "scan");
    let verdicts = scan["verdicts"].as_array().unwrap();
    let verdict = verdicts
        .iter()
        .find(|verdict| verdict["verdict"] == "fail")
        .unwrap();
    let line = |text_of: &str| {
        text.lines()
            .position(|line| line.starts_with(text_of))
            .unwrap()
            + 1
    };
    let rules = line("rules: [{verbs: [get, bind]");
    assert_eq!(
        verdict["observed"],
        format!(
            "ClusterRoleBinding mixed lets system:serviceaccount:kube-system:kube-proxy in the whole cluster: \
             bind roles.rbac.authorization.k8s.io, get secrets, get roles.rbac.authorization.k8s.io, get pods \
             (the ClusterRole mixed, /m/all.yaml:{rules})"
        )
    );
}

#[test]
fn of_two_bindings_that_each_give_what_is_needed_one_stays() {
    let without = ADDON.replace("name: system:node-proxier", "name: all");
    let text = without
        + &role(
            "all",
            "[{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]",
        )
        + &cluster_binding("second", "all", PROXY);
    let node = with("/m/all.yaml", &text);
    let ran = run(&node, &["apply", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let after = node.read("/m/all.yaml");
    assert_ne!(after, text);
    assert!(after.ends_with(&format!("subjects: {PROXY}\n")), "{after}");
    assert_eq!(after.matches("subjects: []").count(), 1);
    assert!(left(&node).contains("no other binding in the manifests surely gives that"));
}

#[test]
fn the_service_account_of_the_workload_is_kube_proxy_too() {
    let text = ADDON
        .replace(
            "serviceAccountName: kube-proxy",
            "serviceAccountName: proxy",
        )
        .replace(
            "- kind: ServiceAccount\n  name: kube-proxy",
            "- kind: ServiceAccount\n  name: proxy",
        )
        + &cluster_binding(
            "x",
            "view",
            "[{kind: ServiceAccount, name: proxy, namespace: kube-system}]",
        );
    let node = with("/m/all.yaml", &text);
    assert_eq!(verdicts(&node), only("rbac-extra-rights", "fail"));
    let ran = run(&node, &["apply", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(verdicts(&node), []);
}

#[test]
fn a_service_account_that_every_pod_has_is_left_to_a_person() {
    let text = ADDON
        .replace("      serviceAccountName: kube-proxy\n", "")
        .replace(
            "- kind: ServiceAccount\n  name: kube-proxy",
            "- kind: ServiceAccount\n  name: default",
        )
        + &cluster_binding(
            "x",
            "view",
            "[{kind: ServiceAccount, name: default, namespace: kube-system}]",
        );
    let node = with("/m/all.yaml", &text);
    assert_eq!(verdicts(&node), only("rbac-extra-rights", "fail"));
    assert!(left(&node).contains("through the service account default, which holds others too"));
}

#[test]
fn a_binding_that_cannot_be_read_is_no_binding_that_gives_nothing() {
    let everywhere = |node: &Node| {
        let found = verdicts(node);
        assert_eq!(found.len(), 7, "{found:?}");
        assert!(
            found.iter().all(|(_, verdict)| verdict == "unknown"),
            "{found:?}"
        );
        run(node, &["scan"]).out
    };
    // The API server refuses it.
    let wrong = cluster_binding("x", "view", "[{kind: Users, name: a}]");
    let said = everywhere(&with("/m/all.yaml", &(ADDON.to_string() + &wrong)));
    assert!(
        said.contains("the ClusterRoleBinding x: subjects[0].kind: Unsupported value"),
        "{said}"
    );
    // What it refers to stands elsewhere in its file.
    let anchored = "---\napiVersion: v1\nkind: List\nitems:\n".to_string()
        + &[("x", "&them [{kind: User, name: a}]"), ("y", "*them")]
            .map(|(name, subjects)| {
                let item = cluster_binding(name, "view", subjects);
                item.trim_start_matches("---\n")
                    .trim_end()
                    .replace('\n', "\n  ")
            })
            .map(|item| format!("- {item}\n"))
            .concat();
    let said = everywhere(&with("/m/all.yaml", &(ADDON.to_string() + &anchored)));
    assert!(
        said.contains("the ClusterRoleBinding y: it refers to an anchor"),
        "{said}"
    );
}

#[test]
fn a_role_that_cannot_be_read_is_unknown_to_who_is_bound_to_it_alone() {
    let wrong = role("wrong", "[{verbs: [], apiGroups: [''], resources: [pods]}]");
    let node = with("/m/all.yaml", &(ADDON.to_string() + &wrong));
    assert_eq!(verdicts(&node), []);
    let node = with(
        "/m/all.yaml",
        &(ADDON.to_string() + &wrong + &cluster_binding("x", "wrong", PROXY)),
    );
    let found = verdicts(&node);
    let unknown: Vec<&str> = found.iter().map(|(check, _)| check.as_str()).collect();
    assert_eq!(unknown, RIGHTS);
    let said = run(&node, &["scan"]).out;
    assert!(
        said.contains("verbs must contain at least one value"),
        "{said}"
    );
}

#[test]
fn a_binding_without_a_namespace_is_in_force_where_somebody_applies_it() {
    let own = binding(
        "RoleBinding",
        "name: x",
        "ClusterRole/system:node-proxier",
        "[{kind: ServiceAccount, name: kube-proxy}]",
    );
    let node = with("/m/all.yaml", &(ADDON.to_string() + &own));
    let found = verdicts(&node);
    assert_eq!(found.len(), 6, "{found:?}");
    let said = run(&node, &["scan"]).out;
    assert!(
        said.contains("the RoleBinding x names no namespace"),
        "{said}"
    );
}

#[test]
fn what_a_release_does_not_ask_for_is_not_missing() {
    let own = |version: &str| {
        let text = ADDON
            .replace("kube-proxy:v1.36.2", version)
            .replace("name: system:node-proxier", "name: own");
        text + &role(
            "own",
            "[{verbs: [list, watch], apiGroups: [''], resources: [services, nodes]}, \
                              {verbs: [list, watch], apiGroups: [discovery.k8s.io], resources: [endpointslices]}, \
                              {verbs: [create, patch, update], apiGroups: ['', events.k8s.io], resources: [events]}]",
        )
    };
    assert_ne!(own("kube-proxy:v1.32.0"), own("kube-proxy:v1.36.2"));
    assert_eq!(
        verdicts(&with("/m/all.yaml", &own("kube-proxy:v1.32.0"))),
        []
    );
    assert_eq!(
        verdicts(&with("/m/all.yaml", &own("kube-proxy:latest"))),
        []
    );
    let node = with("/m/all.yaml", &own("kube-proxy:v1.36.2"));
    assert_eq!(verdicts(&node), only("rbac-needed-missing", "fail"));
    let said = run(&node, &["scan"]).out;
    assert!(
        said.contains("list servicecidrs.networking.k8s.io, watch servicecidrs.networking.k8s.io,"),
        "{said}"
    );
}

#[test]
fn manifests_without_bindings_say_nothing_of_rights() {
    let daemon_set = ADDON
        .split("---\n")
        .find(|text| text.contains("kind: DaemonSet"))
        .unwrap();
    let found = verdicts(&with("/m/all.yaml", daemon_set));
    assert_eq!(found.len(), 7);
    assert!(
        found.iter().all(|(_, verdict)| verdict == "not-applicable"),
        "{found:?}"
    );
}
