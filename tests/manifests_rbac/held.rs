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
