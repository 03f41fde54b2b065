//! What the API server refuses is refused, with its line.

use super::*;

#[test]
fn objects_are_read_with_their_lines() {
    let text = "\
kind: RoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: b
  namespace: ns
roleRef: {kind: Role, name: r}
subjects:
- kind: User
  name: u
- kind: ServiceAccount
  name: s
- {kind: Group, name: g}
---
kind: ClusterRole
apiVersion: rbac.authorization.k8s.io/v1beta1
metadata: {name: r, namespace: ignored}
rules:
- verbs: [get]
  apiGroups: ['']
  resources: [pods]
- verbs: [get]
  nonResourceURLs: [/x]
";
    let objects = objects(text);
    let binding = &objects.bindings[0];
    assert_eq!(binding.scope, Scope::Namespace("ns".into()));
    assert_eq!((binding.source, binding.line), (Some(0), 1));
    let lines: Vec<(usize, usize)> = binding
        .subjects
        .iter()
        .map(|subject| (subject.index, subject.line))
        .collect();
    assert_eq!(lines, [(0, 8), (1, 10), (2, 12)]);
    assert_eq!(binding.subjects[1].who, Who::Account(None, "s".into()));
    let role = &objects.roles[0];
    assert_eq!((role.source, &role.scope), (Some(1), &Scope::Cluster));
    let lines: Vec<usize> = role.rules.iter().map(|rule| rule.line).collect();
    assert_eq!(lines, [5, 8]);
}

#[test]
fn other_objects_are_left_out() {
    for text in [
        "{apiVersion: v1, kind: Secret, metadata: 1}",
        "{apiVersion: example.org/v1, kind: Role}",
        "kind: Role",
        "[]",
        "",
    ] {
        assert_eq!(read(text), Ok(Objects::default()), "{text}");
    }
}

#[test]
fn what_the_api_server_refuses_is_refused() {
    let binding = |rest: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: b}}\n{rest}\n"
        )
    };
    let role = |rest: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r}}\n{rest}\n"
        )
    };
    let reference = "roleRef: {kind: ClusterRole, name: r}\n";
    for (text, line, message) in [
        (binding(""), 1, "roleRef: Required value"),
        (
            binding("roleRef: {kind: Role, name: r}"),
            4,
            "roleRef.kind: Unsupported value: \"Role\"",
        ),
        (
            binding("roleRef: {apiGroup: v1, kind: ClusterRole, name: r}"),
            4,
            "roleRef.apiGroup: Unsupported value",
        ),
        (
            binding("roleRef: {kind: ClusterRole}"),
            4,
            "roleRef.name: Required value",
        ),
        (binding("roleRef: [r]"), 4, "json: cannot unmarshal array"),
        (
            binding(&format!(
                "{reference}subjects:\n- {{kind: ServiceAccount, name: s}}"
            )),
            6,
            "subjects[0].namespace: Required value",
        ),
        (
            binding(&format!("{reference}subjects:\n- {{kind: User}}")),
            6,
            "subjects[0].name: Required value",
        ),
        (
            binding(&format!("{reference}subjects:\n- {{kind: user, name: u}}")),
            6,
            "subjects[0].kind: Unsupported value: \"user\"",
        ),
        (
            binding(&format!(
                "{reference}subjects:\n- {{kind: User, name: u, apiGroup: v1}}"
            )),
            6,
            "subjects[0].apiGroup: Unsupported value: \"v1\"",
        ),
        (
            binding(&format!(
                "{reference}subjects:\n- {{kind: User, name: yes}}"
            )),
            6,
            "json: cannot unmarshal bool into Go struct field Subject.subjects.name of type string",
        ),
        (
            role("rules:\n- {apiGroups: [''], resources: [pods]}"),
            5,
            "rules[0].verbs: Required value",
        ),
        (
            role("rules:\n- {verbs: [get], resources: [pods]}"),
            5,
            "rules[0].apiGroups: Required value",
        ),
        (
            role("rules:\n- {verbs: [get], apiGroups: ['']}"),
            5,
            "rules[0].resources: Required value",
        ),
        (
            role(
                "rules:\n- {verbs: [get], apiGroups: [''], resources: [a, b], resourceNames: [x]}",
            ),
            5,
            "rules[0].resourceNames: Required value",
        ),
        (
            role("rules:\n- {verbs: [get], apiGroups: [''], nonResourceURLs: [/x]}"),
            5,
            "rules[0].nonResourceURLs: rules cannot apply to both",
        ),
        (
            role("rules:\n- {verbs: get}"),
            5,
            "json: cannot unmarshal string into Go struct field PolicyRule.rules.verbs of type []string",
        ),
        (
            role(
                "aggregationRule:\n  clusterRoleSelectors:\n  - matchExpressions:\n    - {key: a, operator: Is}",
            ),
            7,
            "operator: \"Is\" is not one of",
        ),
        (
            role("").replace("metadata: {name: r}", "metadata: {}"),
            3,
            "metadata.name: Required value",
        ),
        (
            role("").replace("/v1", "/v1alpha1"),
            1,
            "the API server knows no ClusterRole of version",
        ),
    ] {
        let (at, said) = refusal(&text);
        assert!(said.contains(message), "{said}\n{text}");
        assert_eq!(at, line, "{text}");
    }
}

#[test]
fn a_role_of_a_namespace_has_no_paths() {
    let (line, message) = refusal(&super::role(
        "Role/a",
        "r",
        "[{verbs: [get], nonResourceURLs: [/x]}]",
    ));
    assert_eq!(line, 4);
    assert!(
        message.contains("namespaced rules cannot apply"),
        "{message}"
    );
}
