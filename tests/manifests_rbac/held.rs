//! What is not taken back, since others would lose it or nobody knows whether it lasts.

use super::*;

/// The addon with a binding that gives kube-proxy too much.
fn with_extra() -> String {
    ADDON.to_string() + &cluster_binding("x", "system:auth-delegator", PROXY)
}

#[test]
fn what_a_container_beside_kube_proxy_may_need_is_left_to_a_person() {
    let beside = |list: &str, container: &str| {
        let own = "      hostNetwork: true\n";
        assert!(ADDON.contains(own));
        with_extra().replace(own, &format!("      {list}:\n      - {container}\n{own}"))
    };
    let first = "{name: first, image: a, command: [/a, --init-only=false]}";
    let node = with("/m/all.yaml", &beside("initContainers", first));
    assert!(left(&node).contains("the container first of DaemonSet kube-system/kube-proxy"));
    let later = "{name: debugger, image: a}";
    let node = with("/m/all.yaml", &beside("ephemeralContainers", later));
    assert!(left(&node).contains("the container debugger of DaemonSet kube-system/kube-proxy"));
    // What kube-proxy does before it runs asks for nothing.
    let own = "{name: i, image: 'registry.k8s.io/kube-proxy:v1.36.2', command: [/usr/local/bin/kube-proxy, --config=/var/lib/kube-proxy/config.conf, --init-only]}";
    let node = with("/m/all.yaml", &beside("initContainers", own));
    let plan = document(&node, "plan");
    assert_eq!(plan["changes"][0]["check"], "rbac-extra-rights", "{plan:#}");
}

#[test]
fn what_another_workload_may_need_is_left_to_a_person() {
    for (pod, other) in [
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other, namespace: kube-system}\nspec: {template: {spec: {serviceAccountName: kube-proxy}}}",
            true,
        ),
        (
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: other}\nspec: {jobTemplate: {spec: {template: {spec: {serviceAccount: kube-proxy}}}}}",
            true,
        ),
        (
            "apiVersion: example.org/v1\nkind: Agent\nmetadata: {name: other, namespace: kube-system}\nspec: {pods: [{serviceAccountName: kube-proxy}]}",
            true,
        ),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other, namespace: default}\nspec: {template: {spec: {serviceAccountName: kube-proxy}}}",
            false,
        ),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other, namespace: kube-system}\nspec: {template: {spec: {serviceAccountName: kube-proxy-2}}}",
            false,
        ),
    ] {
        let node = with("/m/all.yaml", &format!("{}---\n{pod}\n", with_extra()));
        if other {
            let why = left(&node);
            assert!(why.contains("other runs too and may need them"), "{why}");
        } else {
            let plan = document(&node, "plan");
            assert_eq!(plan["changes"].as_array().unwrap().len(), 1, "{plan:#}");
        }
    }
}

#[test]
fn a_binding_or_a_role_that_is_being_deleted_gives_nothing_that_lasts() {
    let admin = cluster_binding("x", "cluster-admin", PROXY);
    let deleted = "deletionTimestamp: '2026-01-01T00:00:00Z'";
    let own = "metadata:\n  name: kubeadm:node-proxier\n";
    assert!(ADDON.contains(own));
    let text = ADDON.replace(own, &format!("{own}  {deleted}\n")) + &admin;
    let node = with("/m/all.yaml", &text);
    assert!(left(&node).contains("no other binding in the manifests surely gives that"));
    let role = role(
        "system:node-proxier",
        "[{verbs: [list, watch], apiGroups: [''], resources: [services]}]",
    );
    let role = role.replace("metadata: {", &format!("metadata: {{{deleted}, "));
    let node = with("/m/all.yaml", &(ADDON.to_string() + &role + &admin));
    assert!(left(&node).contains("no other binding in the manifests surely gives that"));
    // Of the two, the one that goes anyway is not touched, and what is null is no time.
    let text =
        ADDON.to_string() + &admin.replace("metadata: {", &format!("metadata: {{{deleted}, "));
    let why = left(&with("/m/all.yaml", &text));
    assert!(why.contains("x is being deleted: take it out"), "{why}");
    let text = ADDON.replace(own, &format!("{own}  deletionTimestamp: null\n")) + &admin;
    let plan = document(&with("/m/all.yaml", &text), "plan");
    assert_eq!(plan["changes"].as_array().unwrap().len(), 1, "{plan:#}");
}

#[test]
fn a_binding_of_openshifts_own_api_is_a_finding_and_never_counted_on() {
    let account = "system:serviceaccount:kube-system:kube-proxy";
    let of = |version: &str, role: &str, whom: &str| {
        format!(
            "---\napiVersion: {version}\nkind: ClusterRoleBinding\nmetadata: {{name: x}}\nroleRef: {{name: {role}}}\n{whom}\n"
        )
    };
    let own = "authorization.openshift.io/v1";
    let subjects = format!("subjects: {PROXY}");
    for whom in [
        subjects.clone(),
        format!("userNames: ['{account}']\ngroupNames: null\nsubjects: []"),
        "groupNames: ['system:node-proxier']".to_string(),
        "subjects: [{kind: SystemUser, name: 'system:kube-proxy'}]".to_string(),
    ] {
        for version in [own, "v1"] {
            let text = ADDON.to_string() + &of(version, "cluster-admin", &whom);
            let node = with("/m/all.yaml", &text);
            assert_eq!(
                verdicts(&node),
                only("rbac-cluster-admin", "fail"),
                "{whom}"
            );
            assert!(left(&node).contains("x is of OpenShift's own API: take kube-proxy out"));
        }
    }
    let unknown = |text: &str| {
        let found = verdicts(&with("/m/all.yaml", &(ADDON.to_string() + text)));
        assert!(found.len() >= 6, "{found:?}\n{text}");
        assert!(
            found.iter().all(|(_, verdict)| verdict == "unknown"),
            "{found:?}\n{text}"
        );
    };
    unknown(&of(own, "system:node-proxier", &subjects));
    unknown(&of("authorization.openshift.io/v2", "view", &subjects));
    unknown(&of(own, "view", "userNames: them"));
    // It gives nothing that is sure.
    let text =
        cluster_binding("y", "cluster-admin", PROXY) + &of(own, "system:node-proxier", &subjects);
    assert!(
        left(&with("/m/all.yaml", &text))
            .contains("no other binding in the manifests surely gives that")
    );
    // A role of OpenShift's does not hide Kubernetes' own.
    let text = of(own, "x", "rules: []")
        .replace("ClusterRoleBinding", "ClusterRole")
        .replace("name: x}\nroleRef", "name: cluster-admin}\nroleRef");
    let text = ADDON.to_string() + &text + &cluster_binding("y", "cluster-admin", PROXY);
    assert_eq!(
        verdicts(&with("/m/all.yaml", &text))[0],
        only("rbac-cluster-admin", "fail")[0]
    );
    // Whom it names otherwise is nobody's concern.
    let others = of(
        own,
        "cluster-admin",
        "userNames: [alice]\nsubjects: [{kind: User, name: alice}]",
    );
    assert_eq!(
        verdicts(&with("/m/all.yaml", &(ADDON.to_string() + &others))),
        []
    );
}

#[test]
fn more_than_can_be_changed_in_a_large_file_is_left_to_a_person() {
    let padding = format!("# {}\n", "-".repeat(300_000));
    let bindings = |count: usize| -> String {
        let each = (0..count).map(|number| cluster_binding(&format!("x{number}"), "view", PROXY));
        each.collect()
    };
    let node = with("/m/all.yaml", &(padding.clone() + ADDON + &bindings(21)));
    let why = left(&node);
    assert!(
        why.contains("ClusterRoleBinding x20 is one of 21 places"),
        "{why}"
    );
    let node = with("/m/all.yaml", &(padding + ADDON + &bindings(2)));
    assert_eq!(run(&node, &["apply", "--yes"]).code, 0);
    assert_eq!(verdicts(&node), []);
}
