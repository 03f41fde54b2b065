//! Finding kube-proxy's files in a tree: the well-known paths, relative paths, flags, the node's IP.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use support::Node;
use support::found::{CONFIG, Found, service};

#[test]
fn each_well_known_path_is_found_and_two_are_one_too_many() {
    let paths = [
        "/var/lib/kube-proxy/config.conf",
        "/var/lib/kube-proxy/kube-proxy-config.yaml",
        "/var/lib/kube-proxy/config.yaml",
        "/var/lib/kube-proxy-config/config",
        "/etc/kubernetes/kube-proxy-config.yaml",
    ];
    for path in paths {
        let node = Node::empty();
        node.write(path, CONFIG);
        let found = Found::in_node(&node);
        assert_eq!(found.proxy("config"), path);
        assert_eq!(found.proxy("platform"), "files");
        assert_eq!(found.proxy("kubeconfig"), "/etc/kp/kubeconfig");
        assert_eq!(found.proxy("pid"), "null");
    }
    let node = Node::empty();
    node.write(paths[0], CONFIG);
    node.write(paths[1], CONFIG);
    let ran = node.run(&["scan"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains(paths[0]) && ran.err.contains(paths[1]),
        "{ran:?}"
    );
}

#[test]
fn a_kubeconfig_path_is_relative_to_the_file_that_names_it() {
    let node = service("ExecStart=/usr/bin/kube-proxy --config=/etc/kp/config.yaml");
    node.write(
        "/etc/kp/config.yaml",
        CONFIG.replace("/etc/kp/kubeconfig", "./kubeconfig"),
    );
    node.write(
        "/etc/kp/kubeconfig",
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- {name: a, context: {cluster: a, user: a}}\nclusters:\n- name: a\n  cluster: {server: \"https://10.0.0.1:6443\", certificate-authority: pki/ca.crt}\nusers:\n- name: a\n  user: {tokenFile: ./token}\n",
    );
    node.write("/etc/kp/token", "x");
    let found = Found::in_node(&node);
    assert_eq!(found.fact("credentialFile"), "/etc/kp/token");
    assert_eq!(found.fact("certificateFile"), "/etc/kp/pki/ca.crt");
    let (_, document) = node.json(&["scan", "--only", "proxy-kubeconfig-mode"]);
    assert_eq!(document["verdicts"][0]["path"], "/etc/kp/kubeconfig");
    assert_eq!(document["verdicts"][0]["observed"], "mode 0644");
}

#[test]
fn the_kubeconfig_flag_counts_only_without_a_config() {
    let node = service(
        "ExecStart=/usr/bin/kube-proxy --config=/etc/kp/config.yaml --kubeconfig=/flag/kubeconfig",
    );
    assert_eq!(
        Found::in_node(&node).proxy("kubeconfig"),
        "/etc/kp/kubeconfig"
    );
    for flag in [
        "--kubeconfig=/etc/kp/kubeconfig",
        "--kubeconfig /etc/kp/kubeconfig",
    ] {
        let node = service(&format!(
            "ExecStart=/usr/bin/kube-proxy --profiling {flag} --bind-address 10.0.0.9"
        ));
        let found = Found::in_node(&node);
        assert_eq!(found.proxy("kubeconfig"), "/etc/kp/kubeconfig", "{flag}");
        assert_eq!(found.fact("bindAddress"), "10.0.0.9");
        assert_eq!(found.fact("enableProfiling"), "true");
    }
}

#[test]
fn the_nodes_ip_is_read_where_the_kubelet_was_told_it() {
    let kubelet = "/etc/systemd/system/kubelet.service";
    let env = "/var/lib/kubelet/kubeadm-flags.env";
    for (path, text, expected) in [
        (
            env,
            "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///x --node-ip=10.0.0.10 --v=2\"\n",
            "10.0.0.10",
        ),
        (
            env,
            "KUBELET_KUBEADM_ARGS=\"--node-ip 10.0.0.10,fd00::10 --v=2\"\n",
            "10.0.0.10",
        ),
        (
            env,
            "KUBELET_KUBEADM_ARGS=--node-ip=fd00::10,10.0.0.10\n",
            "fd00::10",
        ),
        (
            env,
            "# --node-ip=10.9.9.9\nKUBELET_KUBEADM_ARGS=\"--v=2\"\n",
            "none",
        ),
        (env, "KUBELET_KUBEADM_ARGS=\"--node-ip=0.0.0.0\"\n", "none"),
        (env, "KUBELET_KUBEADM_ARGS=\"--node-ip=::\"\n", "none"),
        (
            env,
            "KUBELET_KUBEADM_ARGS=\"--node-ip=127.0.0.1\"\n",
            "none",
        ),
        (
            env,
            "KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.999\"\n",
            "none",
        ),
        (
            "/etc/default/kubelet",
            "KUBELET_EXTRA_ARGS='--node-ip=10.0.0.10'\n",
            "10.0.0.10",
        ),
        (
            "/etc/sysconfig/kubelet",
            "A=1\nKUBELET_EXTRA_ARGS=--cgroup-driver=systemd --node-ip=10.0.0.10\n",
            "10.0.0.10",
        ),
        (
            kubelet,
            "[Service]\nExecStart=/usr/bin/kubelet --node-ip=10.0.0.10\n",
            "10.0.0.10",
        ),
        (
            kubelet,
            "[Service]\nExecStart=/usr/bin/kubelet \\\n --node-ip 10.0.0.1 \\\n --node-ip 10.0.0.10\n",
            "10.0.0.10",
        ),
    ] {
        let node = service("ExecStart=/usr/bin/kube-proxy --config=/etc/kp/config.yaml");
        node.write(path, text);
        assert_eq!(
            Found::in_node(&node).fact("nodeIP"),
            expected,
            "{path} {text}"
        );
    }
}

#[test]
fn the_nodes_ip_is_read_through_the_drop_in_that_kubeadm_installs() {
    let node = service("ExecStart=/usr/bin/kube-proxy --config=/etc/kp/config.yaml");
    node.write(
        "/usr/lib/systemd/system/kubelet.service",
        "[Service]\nExecStart=/usr/bin/kubelet\n",
    );
    node.write(
        "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
        "[Service]\nEnvironment=\"KUBELET_KUBECONFIG_ARGS=--kubeconfig=/etc/kubernetes/kubelet.conf\"\nEnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nEnvironmentFile=-/etc/default/kubelet\nExecStart=\nExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS\n",
    );
    node.write(
        "/var/lib/kubelet/kubeadm-flags.env",
        "KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.1\"\n",
    );
    node.write(
        "/etc/default/kubelet",
        "KUBELET_EXTRA_ARGS=--node-ip=10.0.0.10\n",
    );
    assert_eq!(Found::in_node(&node).fact("nodeIP"), "10.0.0.10");
}
