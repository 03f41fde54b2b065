//! kube-proxy's files where somebody else writes them: a volume of the kubelet, an agent's directory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::os::unix::fs::symlink;

use support::Node;
use support::found::{Found, service};

const PODS: &str = "/var/lib/kubelet/pods";
const VOLUME: &str = "/var/lib/kubelet/pods/u-1/volumes/kubernetes.io~configmap/kube-proxy";
const NEVER: &str = "/var/lib/kube-proxy";

const CONFIG: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
bindAddress: 0.0.0.0
metricsBindAddress: 0.0.0.0:10249
clientConnection:
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
";
const KUBECONFIG: &str = "apiVersion: v1
kind: Config
clusters:
- name: default
  cluster:
    certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    server: https://192.0.2.1:6443
contexts:
- name: default
  context: {cluster: default, user: default}
current-context: default
users:
- name: default
  user: {tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token}
";

/// A volume as the kubelet writes it: every name a link through ..data.
fn volume(path: &str, mode: u32) -> Node {
    let node = Node::empty();
    for (name, text) in [("config.conf", CONFIG), ("kubeconfig.conf", KUBECONFIG)] {
        node.write(&format!("{path}/..2026_07_01.1/{name}"), text);
        symlink(
            format!("..data/{name}"),
            node.path(&format!("{path}/{name}")),
        )
        .unwrap();
    }
    symlink("..2026_07_01.1", node.path(&format!("{path}/..data"))).unwrap();
    node.chmod(path, mode);
    if path.starts_with(PODS) {
        node.chmod(PODS, 0o700);
    }
    // The node's own files of these names are others.
    node.write(&format!("{NEVER}/kubeconfig.conf"), "kind: Wrong\n");
    node.write(
        "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
        "wrong",
    );
    node
}

#[test]
fn a_volume_is_read_through_its_links_and_its_paths_are_the_containers() {
    for mode in [0o777, 0o1777, 0o2777, 0o755] {
        for kind in ["configmap", "projected", "secret"] {
            let path = VOLUME.replace("configmap", kind);
            let node = volume(&path, mode);
            let config = format!("{path}/config.conf");
            let before = node.snapshot();
            let (code, document) = node.json(&["facts", "--config", &config]);
            assert_eq!(code, 0, "{mode:o} {kind}: {document:#}");
            assert_eq!(document["config"]["accepted"], true, "{document:#}");
            let (_, document) = node.json(&["scan", "--config", &config]);
            let proxy = &document["node"]["kube_proxy"];
            assert_eq!(proxy["kubeconfig"], format!("{path}/kubeconfig.conf"));
            for verdict in document["verdicts"].as_array().unwrap() {
                let shown = verdict["path"].as_str().unwrap_or_default();
                assert!(!shown.starts_with(NEVER), "{verdict:#}");
                let check = verdict["check"].as_str().unwrap();
                let expected = match check {
                    "api-connection-plaintext" => "pass",
                    // The container's CA is not on the node.
                    "api-ca-missing" => "unknown",
                    "proxy-credential-mode" | "proxy-certificate-owner" => "not-applicable",
                    "proxy-config-mode" | "proxy-kubeconfig-mode" => "not-applicable",
                    "metrics-exposed" | "bind-address-wildcard" => "fail",
                    _ => continue,
                };
                assert_eq!(verdict["verdict"], expected, "{mode:o} {kind}: {verdict:#}");
            }
            let ran = node.run(&["apply", "--yes", "--config", &config]);
            assert_eq!(ran.code, 0, "{ran:?}");
            assert_eq!(node.snapshot(), before, "{mode:o} {kind}");
        }
    }
}

#[test]
fn what_is_left_to_do_suits_what_is_wrong() {
    let node = volume(VOLUME, 0o777);
    let config = format!("{VOLUME}/config.conf");
    let (_, document) = node.json(&["plan", "--node-ip", "192.0.2.7", "--config", &config]);
    let manual = document["manual"].as_array().unwrap();
    let reason = |check: &str| {
        let found = manual.iter().find(|entry| entry["check"] == check);
        found.unwrap()["reason"].as_str().unwrap().to_string()
    };
    let shared = reason("metrics-exposed");
    assert!(shared.contains("change the ConfigMap"), "{shared}");
    let per_node = reason("bind-address-wildcard");
    assert!(per_node.contains("a wildcard is right there"), "{per_node}");
    assert!(!per_node.contains("change the ConfigMap"), "{per_node}");
    let arguments = [
        "plan",
        "--node-ip",
        "192.0.2.7",
        "--only",
        "healthz-exposed",
    ];
    let (_, document) = node.json(&[&arguments[..], &["--config", &config]].concat());
    let per_node = document["manual"].to_string();
    assert!(per_node.contains("a wildcard is right there"), "{per_node}");
}

#[test]
fn a_volume_that_others_can_reach_is_judged_and_left_to_the_operator() {
    let node = volume(VOLUME, 0o755);
    node.chmod(PODS, 0o755);
    node.chmod(&format!("{VOLUME}/..2026_07_01.1"), 0o777);
    // Without a secret in it nobody need be kept from reading it.
    node.write(
        &format!("{VOLUME}/..2026_07_01.1/kubeconfig.conf"),
        KUBECONFIG.replace("user: {tokenFile", "user: {token: x, tokenFile"),
    );
    let config = format!("{VOLUME}/config.conf");
    let only = "proxy-kubeconfig-mode,proxy-directory-writable";
    let kubeconfig = format!("{VOLUME}/..2026_07_01.1/kubeconfig.conf");
    // kubeadm's own holds no secret, and is a finding only where others can write it.
    for (text, mode, found) in [
        (KUBECONFIG.to_string(), 0o644, false),
        (KUBECONFIG.to_string(), 0o664, true),
        (KUBECONFIG.replace("tokenFile", "token"), 0o644, true),
    ] {
        node.write(&kubeconfig, text);
        node.chmod(&kubeconfig, mode);
        let (_, document) = node.json(&["plan", "--only", only, "--config", &config]);
        assert_eq!(document["summary"]["changes"], 0, "{document:#}");
        for (check, found) in only.split(',').zip([found, true]) {
            let manual = document["manual"].as_array().unwrap();
            let entry = manual.iter().find(|entry| entry["check"] == check);
            assert_eq!(entry.is_some(), found, "{mode:o} {document:#}");
            let reason = entry.map(|entry| entry["reason"].as_str().unwrap());
            assert!(
                reason.is_none_or(|reason| reason.contains("defaultMode")),
                "{reason:?}"
            );
        }
    }
    // A name that leads into a volume does not make its own directory the kubelet's.
    let node = volume(VOLUME, 0o777);
    support::make_directory(&node.path("/srv/kp"));
    symlink(&config, node.path("/srv/kp/config")).unwrap();
    node.chmod("/srv", 0o777);
    node.chmod("/srv/kp", 0o755);
    let (_, document) = node.json(&[
        "scan",
        "--only",
        "proxy-directory-writable",
        "--config",
        "/srv/kp/config",
    ]);
    let verdicts = document["verdicts"].as_array().unwrap();
    let open = verdicts.iter().find(|verdict| verdict["path"] == "/srv");
    assert_eq!(open.unwrap()["verdict"], "fail", "{document:#}");
}

#[test]
fn a_link_that_others_can_reach_or_that_leaves_its_volume_is_not_followed() {
    let refused = |node: &Node, path: &str| {
        let (code, document) = node.json(&["facts", "--config", &format!("{path}/config.conf")]);
        assert_eq!(code, 1, "{document:#}");
        let error = document["config"]["error"].as_str().unwrap();
        assert!(error.contains("is not followed"), "{error}");
    };
    // Nothing above keeps others out.
    let node = volume(VOLUME, 0o777);
    node.chmod(PODS, 0o755);
    refused(&node, VOLUME);
    // The name alone, anywhere.
    let elsewhere = "/tmp/kubernetes.io~configmap/kube-proxy";
    refused(&volume(elsewhere, 0o777), elsewhere);
    // A container's absolute path is not the node's.
    for target in [
        "/etc/other.conf",
        "../../../../../../../../etc/other.conf",
        "../other/config.conf",
    ] {
        let node = volume(VOLUME, 0o777);
        node.write("/etc/other.conf", CONFIG);
        node.write(
            &format!(
                "{}/../other/config.conf",
                VOLUME.trim_end_matches("/kube-proxy/")
            ),
            CONFIG,
        );
        std::fs::remove_file(node.path(&format!("{VOLUME}/config.conf"))).unwrap();
        symlink(target, node.path(&format!("{VOLUME}/config.conf"))).unwrap();
        refused(&node, VOLUME);
    }
}

#[test]
fn an_agents_own_files_are_never_changed() {
    for (directory, hint) in [
        ("/var/lib/rancher/k3s/agent", "/etc/rancher/k3s/config.yaml"),
        ("/var/snap/microk8s/current", "args/kube-proxy"),
    ] {
        let node = service(&format!(
            "ExecStart=/usr/bin/kube-proxy --config={directory}/config.yaml"
        ));
        node.write(&format!("{directory}/config.yaml"), CONFIG);
        node.chmod(&format!("{directory}/config.yaml"), 0o666);
        let before = node.snapshot();
        let (_, document) = node.json(&["plan"]);
        assert!(
            document["manual"].to_string().contains(hint),
            "{document:#}"
        );
        let ran = node.run(&["apply", "--yes"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(node.snapshot(), before, "{directory}");
    }
}

#[test]
fn none_found_names_the_distribution_that_is_there() {
    for (directory, who) in [
        ("/var/lib/rancher/k3s", "k3s runs kube-proxy inside itself"),
        ("/var/lib/rancher/rke2", "RKE2"),
        ("/var/snap/microk8s", "MicroK8s"),
    ] {
        let node = Node::empty();
        support::make_directory(&node.path(directory));
        let ran = node.run(&["scan"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("no kube-proxy found"), "{ran:?}");
        assert!(ran.err.contains(who), "{ran:?}");
    }
}

#[test]
fn the_operators_files_stand_alone_when_they_are_none_of_several() {
    let node =
        service("ExecStart=/usr/bin/kube-proxy --config=/etc/kp/config.yaml --hostname-override=a");
    node.write(
        "/etc/systemd/system/other.service",
        "[Service]\nExecStart=/opt/kube-proxy --config=/etc/kp/config.yaml --hostname-override=b\n",
    );
    node.write(
        "/etc/systemd/system/third.service",
        "[Service]\nExecStart=/opt/kube-proxy --kubeconfig=/etc/kp/third\n",
    );
    node.write("/etc/kp/third", "apiVersion: v1\nkind: Config\n");
    node.write("/srv/config.yaml", CONFIG);
    // Two have it, and none has it.
    for config in ["/etc/kp/config.yaml", "/srv/config.yaml"] {
        let (_, document) = node.json(&["scan", "--config", config]);
        let proxy = &document["node"]["kube_proxy"];
        assert_eq!(proxy["platform"], "files", "{document:#}");
        assert_eq!(proxy["config"], config);
        let (_, document) = node.json(&["facts", "--config", config]);
        assert!(
            !document["facts"]
                .to_string()
                .contains("--hostname-override")
        );
    }
    let (_, document) = node.json(&["scan", "--kubeconfig", "/etc/kp/third"]);
    let proxy = &document["node"]["kube_proxy"];
    assert_eq!(proxy["managed_by"], "systemd unit third.service");
    // The one that a configuration names counts as well, and two have it.
    let (_, document) = node.json(&["scan", "--kubeconfig", "/etc/kp/kubeconfig"]);
    assert_eq!(document["node"]["kube_proxy"]["platform"], "files");
}

#[test]
fn the_flag_master_counts_before_the_kubeconfigs_server() {
    for (flag, expected, line) in [
        (
            "--master=https://192.0.2.9:6443",
            "https://192.0.2.9:6443",
            5,
        ),
        ("--v=2", "https://192.0.2.1:6443", 7),
    ] {
        let node = service(&format!(
            "ExecStart=/usr/bin/kube-proxy --kubeconfig=/etc/kp/kubeconfig {flag}"
        ));
        node.write("/etc/kp/kubeconfig", KUBECONFIG);
        let found = Found::in_node(&node);
        assert_eq!(found.fact("apiServer"), expected);
        let facts = found.document["facts"].as_array().unwrap();
        let fact = facts.iter().find(|fact| fact["name"] == "apiServer");
        assert_eq!(fact.unwrap()["origin"]["line"], line, "{fact:#?}");
    }
}
