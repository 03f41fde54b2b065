//! Reading, asking, comparing and removing, on objects as people write them.

use std::collections::BTreeSet;

use super::*;
use crate::auditpolicy::{Request, Resource, Target};
use crate::baseline::Version;
use crate::goyaml;

mod defaults;
mod plans;
mod reading;

const ACCOUNT: &str = "system:serviceaccount:kube-system:kube-proxy";
const USER: &str = "system:kube-proxy";

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

fn identities() -> Vec<(String, Vec<String>)> {
    let groups = texts(&[
        "system:serviceaccounts",
        "system:serviceaccounts:kube-system",
        "system:authenticated",
    ]);
    vec![
        (
            USER.into(),
            texts(&["system:node-proxier", "system:authenticated"]),
        ),
        (ACCOUNT.into(), groups),
    ]
}

/// Each of the documents, parted by `---`, is an object.
fn read(documents: &str) -> Result<Objects, Refused> {
    let mut objects = Objects::default();
    for (number, text) in documents.split("---\n").enumerate() {
        let loaded = goyaml::load(text.as_bytes()).unwrap();
        let text = |key| loaded.root.get(key).and_then(|entry| entry.item.text());
        let (version, kind) = (text("apiVersion"), text("kind"));
        let header = (version.unwrap_or_default(), kind.unwrap_or_default());
        objects.add(number, header, &loaded.root)?;
    }
    Ok(objects)
}

fn objects(documents: &str) -> Objects {
    read(documents).unwrap()
}

fn refusal(documents: &str) -> (usize, String) {
    let refused = read(documents).unwrap_err();
    (refused.line, refused.message)
}

fn role(kind: &str, name: &str, rules: &str) -> String {
    let (kind, namespace) = match kind.split_once('/') {
        Some((kind, namespace)) => (kind, format!(", namespace: {namespace}")),
        None => (kind, String::new()),
    };
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name:?}{namespace}}}\nrules: {rules}\n---\n"
    )
}

fn bound(kind: &str, name: &str, role: &str, subjects: &str) -> String {
    let (kind, namespace) = match kind.split_once('/') {
        Some((kind, namespace)) => (kind, format!(", namespace: {namespace}")),
        None => (kind, String::new()),
    };
    let (role_kind, role) = role.split_once('/').unwrap();
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name:?}{namespace}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {role_kind}, name: {role:?}}}\nsubjects: {subjects}\n---\n"
    )
}

const PROXY: &str = "[{kind: ServiceAccount, name: kube-proxy, namespace: kube-system}]";

/// `verb resource[.group][/sub]`, with ` in NAMESPACE` and ` named NAME` behind; or `verb /path`.
fn request(user: usize, text: &str) -> Request {
    let (user, groups) = identities().swap_remove(user);
    let mut words = text.split(' ');
    let (verb, what) = (words.next().unwrap(), words.next().unwrap());
    let mut target = match what.strip_prefix('/') {
        Some(_) => Target::Path(what.into()),
        None => Target::Resource(Resource::parse(what).unwrap()),
    };
    while let (Some(word), Target::Resource(resource)) = (words.next(), &mut target) {
        let value = words.next().unwrap().to_owned();
        match word {
            "in" => resource.namespace = value,
            _ => resource.name = value,
        }
    }
    Request {
        user,
        groups,
        verb: verb.into(),
        target,
    }
}

/// What the service account is told.
fn asked(documents: &str, text: &str) -> Answer {
    let objects = objects(documents);
    Cluster::of(&objects).answer(&request(1, text))
}

fn allowed(documents: &str, text: &str) -> bool {
    match asked(documents, text) {
        Answer::Allowed { .. } => true,
        Answer::Denied => false,
        other => panic!("{other:?}"),
    }
}

fn bound_to(rules: &str) -> String {
    role("ClusterRole", "r", rules) + &bound("ClusterRoleBinding", "b", "ClusterRole/r", PROXY)
}

#[test]
fn a_resource_is_allowed_with_its_group_and_a_subresource_by_its_own_name() {
    let pods = bound_to("[{verbs: [get], apiGroups: [''], resources: [pods]}]");
    assert!(allowed(&pods, "get pods in a"));
    assert!(allowed(&pods, "get pods"));
    assert!(!allowed(&pods, "list pods"));
    assert!(!allowed(&pods, "get pods.apps"));
    assert!(!allowed(&pods, "get pods/log in a"));
    let scale = bound_to("[{verbs: [get], apiGroups: [apps], resources: ['*/scale', pods/log]}]");
    assert!(allowed(&scale, "get deployments.apps/scale in a"));
    assert!(allowed(&scale, "get pods.apps/log"));
    assert!(!allowed(&scale, "get pods.apps"));
    assert!(!allowed(&scale, "get deployments.apps"));
}

#[test]
fn a_star_is_everything_but_no_part_of_a_name() {
    let all = bound_to("[{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]");
    assert!(allowed(
        &all,
        "escalate roles.rbac.authorization.k8s.io in a"
    ));
    assert!(allowed(&all, "get nodes/proxy"));
    assert!(!allowed(&all, "get /metrics"));
    let part = bound_to("[{verbs: ['g*'], apiGroups: ['a*'], resources: ['pods/*']}]");
    assert!(!allowed(&part, "get pods.apps/log"));
}

#[test]
fn names_hold_only_for_requests_that_carry_one_of_them() {
    let one = bound_to(
        "[{verbs: ['*'], apiGroups: [''], resources: [configmaps], resourceNames: [a, b]}]",
    );
    assert!(allowed(&one, "get configmaps named a"));
    assert!(!allowed(&one, "get configmaps named c"));
    assert!(!allowed(&one, "list configmaps"));
    assert!(!allowed(&one, "create configmaps"));
}

#[test]
fn a_path_is_allowed_exactly_or_by_a_star_at_its_end() {
    let some = bound_to("[{verbs: [get], nonResourceURLs: [/version, '/api/*', '/x**']}]");
    assert!(allowed(&some, "get /version"));
    assert!(!allowed(&some, "get /version/"));
    assert!(allowed(&some, "get /api/v1"));
    assert!(!allowed(&some, "get /api"));
    assert!(allowed(&some, "get /x"));
    assert!(!allowed(&some, "head /version"));
    assert!(!allowed(&some, "get version"));
}

#[test]
fn a_role_binding_gives_rights_in_its_own_namespace_and_no_path() {
    let rules = "[{verbs: [get], apiGroups: [''], resources: [pods]}, {verbs: [get], nonResourceURLs: ['*']}]";
    let one =
        role("ClusterRole", "r", rules) + &bound("RoleBinding/a", "b", "ClusterRole/r", PROXY);
    assert!(allowed(&one, "get pods in a"));
    assert!(!allowed(&one, "get pods in b"));
    assert!(!allowed(&one, "get pods"));
    assert!(!allowed(&one, "get /metrics"));
}

#[test]
fn a_role_is_that_of_the_bindings_namespace() {
    let rules = "[{verbs: [get], apiGroups: [''], resources: [pods]}]";
    let there = role("Role/a", "r", rules) + &bound("RoleBinding/a", "b", "Role/r", PROXY);
    assert!(allowed(&there, "get pods in a"));
    let elsewhere = role("Role/b", "r", rules) + &bound("RoleBinding/a", "b", "Role/r", PROXY);
    let open = "the Role r is not in the manifests";
    assert_eq!(
        asked(&elsewhere, "get pods in a"),
        Answer::Unknown(open.into())
    );
    assert_eq!(asked(&elsewhere, "get pods in b"), Answer::Denied);
}

#[test]
fn a_service_account_is_bound_by_its_name_by_its_user_name_and_by_its_groups() {
    let rules = "[{verbs: [get], apiGroups: [''], resources: [pods]}]";
    for (kind, subject, reached) in [
        (
            "ClusterRoleBinding",
            "{kind: ServiceAccount, name: kube-proxy, namespace: default}",
            false,
        ),
        (
            "ClusterRoleBinding",
            "{kind: ServiceAccount, name: proxy, namespace: kube-system}",
            false,
        ),
        (
            "ClusterRoleBinding",
            "{kind: User, name: 'system:serviceaccount:kube-system:kube-proxy'}",
            true,
        ),
        (
            "ClusterRoleBinding",
            "{kind: User, name: kube-proxy}",
            false,
        ),
        (
            "ClusterRoleBinding",
            "{kind: Group, name: 'system:serviceaccounts'}",
            true,
        ),
        (
            "ClusterRoleBinding",
            "{kind: Group, name: 'system:serviceaccounts:kube-system'}",
            true,
        ),
        (
            "ClusterRoleBinding",
            "{kind: Group, name: 'system:serviceaccounts:default'}",
            false,
        ),
        (
            "ClusterRoleBinding",
            "{kind: Group, name: 'system:authenticated', apiGroup: rbac.authorization.k8s.io}",
            true,
        ),
        // Without a namespace it is an account of the binding's own.
        (
            "RoleBinding/kube-system",
            "{kind: ServiceAccount, name: kube-proxy}",
            true,
        ),
        (
            "RoleBinding/default",
            "{kind: ServiceAccount, name: kube-proxy}",
            false,
        ),
        (
            "RoleBinding/default",
            "{kind: ServiceAccount, name: kube-proxy, namespace: kube-system}",
            true,
        ),
    ] {
        let text = role("ClusterRole", "r", rules)
            + &bound(
                kind,
                "b",
                "ClusterRole/r",
                &format!("[{{kind: User, name: x}}, {subject}]"),
            );
        let namespace = kind
            .split_once('/')
            .map_or("any", |(_, namespace)| namespace);
        assert_eq!(
            allowed(&text, &format!("get pods in {namespace}")),
            reached,
            "{kind} {subject}"
        );
    }
}

#[test]
fn of_the_group_of_masters_rbac_is_not_asked() {
    let objects = Objects::default();
    let asked = Request {
        groups: texts(&["system:masters"]),
        ..request(0, "delete nodes")
    };
    assert_eq!(Cluster::of(&objects).answer(&asked), Answer::Privileged);
}

#[test]
fn an_aggregated_role_has_the_rules_of_what_its_labels_select_through_others_too() {
    let labelled = |name: &str, label: &str, more: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {name}\n  labels: {{{label}}}\n{more}\n---\n"
        )
    };
    let rules = |resource: &str| {
        format!("rules: [{{verbs: [get], apiGroups: [''], resources: [{resource}]}}]")
    };
    let by = |selector: &str| format!("aggregationRule: {{clusterRoleSelectors: [{selector}]}}");
    let text = labelled("top", "", &by("{matchLabels: {a: 'true'}}"))
        + &labelled(
            "middle",
            "a: 'true'",
            &by("{matchExpressions: [{key: b, operator: In, values: [v, w]}]}"),
        )
        + &labelled("leaf", "b: w", &rules("pods"))
        + &labelled("direct", "a: 'true'", &rules("secrets"))
        + &labelled("other", "b: z", &rules("nodes"))
        + &bound("ClusterRoleBinding", "b", "ClusterRole/top", PROXY);
    assert!(allowed(&text, "get pods"));
    assert!(allowed(&text, "get secrets"));
    assert!(!allowed(&text, "get nodes"));
    // What stands in it itself may be old, or be overwritten.
    let stale = labelled(
        "top",
        "",
        &format!("{}\n{}", by("{matchLabels: {a: 'true'}}"), rules("pods")),
    ) + &labelled("direct", "a: 'true'", &rules("secrets"))
        + &bound("ClusterRoleBinding", "b", "ClusterRole/top", PROXY);
    assert!(matches!(asked(&stale, "get pods"), Answer::Unknown(_)));
    // Nothing in the manifests has the label.
    let nobody = labelled("top", "", &by("{matchLabels: {a: 'true'}}"))
        + &bound("ClusterRoleBinding", "b", "ClusterRole/top", PROXY);
    assert!(matches!(asked(&nobody, "get pods"), Answer::Unknown(_)));
}

#[test]
fn what_is_there_twice_and_differs_is_not_counted_on() {
    let rule =
        |resource: &str| format!("[{{verbs: [get], apiGroups: [''], resources: [{resource}]}}]");
    let binding = bound("ClusterRoleBinding", "b", "ClusterRole/r", PROXY);
    let same = role("ClusterRole", "r", &rule("pods"))
        + &role("ClusterRole", "r", &rule("pods"))
        + &binding;
    assert!(allowed(&same, "get pods"));
    let differ = role("ClusterRole", "r", &rule("pods"))
        + &role("ClusterRole", "r", &rule("nodes"))
        + &binding;
    assert!(matches!(asked(&differ, "get pods"), Answer::Unknown(_)));
    let nobody = bound("ClusterRoleBinding", "b", "ClusterRole/r", "[]");
    let twice = role("ClusterRole", "r", &rule("pods")) + &binding + &nobody;
    assert!(matches!(asked(&twice, "get pods"), Answer::Unknown(_)));
    let equal = role("ClusterRole", "r", &rule("pods")) + &binding + &binding;
    assert!(allowed(&equal, "get pods"));
}

#[test]
fn where_no_namespace_is_said_nothing_is_sure() {
    let text = role(
        "Role",
        "r",
        "[{verbs: [get], apiGroups: [''], resources: [pods]}]",
    ) + &bound(
        "RoleBinding",
        "b",
        "Role/r",
        "[{kind: ServiceAccount, name: kube-proxy}]",
    );
    assert!(matches!(
        asked(&text, "get pods in kube-system"),
        Answer::Unknown(_)
    ));
    assert_eq!(asked(&text, "get pods"), Answer::Denied);
    assert_eq!(asked(&text, "list pods in kube-system"), Answer::Denied);
}

#[test]
fn roles_that_refer_to_each_other_without_end_are_given_up() {
    let label = || [("a".to_owned(), "x".to_owned())].into();
    let selector = Selector(vec![Requirement {
        key: "a".into(),
        operator: Operator::Exists,
        values: Vec::new(),
    }]);
    let role = |number: usize| Role {
        source: Some(number),
        line: 1,
        scope: Scope::Cluster,
        name: format!("r{number}"),
        labels: label(),
        rules: Vec::new(),
        aggregates: Some(vec![selector.clone(); 3]),
        open: None,
        doubt: None,
    };
    let mut objects = objects(&bound("ClusterRoleBinding", "b", "ClusterRole/r0", PROXY));
    objects.roles.extend((0..4_000).map(role));
    let answer = Cluster::of(&objects).answer(&request(1, "get pods"));
    let why = "the roles of the manifests refer to more than is looked at here";
    assert_eq!(answer, Answer::Unknown(why.into()));
}
