//! Files that tell the platform and kube-proxy's flags, as somebody who broke into the node would leave them:
//! nothing ends in a panic, and nothing that could not be read is shown as passed.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;

use support::Node;

const UNIT: &str = "[Service]\nExecStart=/usr/local/bin/k3s server\n";
const K3S: &str = "/etc/rancher/k3s/config.yaml";
const ARGS: &str = "/var/snap/microk8s/current/args/kube-proxy";
const POD: &str = "/var/lib/rancher/rke2/agent/pod-manifests/kube-proxy.yaml";
const VOLUME: &str =
    "/var/lib/kubelet/pods/u/volumes/kubernetes.io~configmap/kube-proxy/config.conf";

/// Everything that can lie at a path in the place of a file that can be read.
fn lay(node: &Node, path: &str, what: &str) {
    let at = node.path(path);
    support::make_directory(at.parent().unwrap());
    match what {
        "a directory" => support::make_directory(&at),
        "a pipe" => {
            nix::unistd::mkfifo(&at, nix::sys::stat::Mode::from_bits_truncate(0o644)).unwrap()
        }
        "a link to itself" => symlink(at.file_name().unwrap(), &at).unwrap(),
        "a link out of the tree" => symlink("../../../../../../../../../../dev/zero", &at).unwrap(),
        "too large" => fs::File::create(&at).unwrap().set_len(64 << 20).unwrap(),
        "binary" => node.write(path, [0u8, 159, 146, 150, 255, 10].repeat(100)),
        "deep" => node.write(path, "[".repeat(100_000)),
        "aliases" => node.write(path, "a: &a [x, x]\nb: &b [*a, *a]\nkube-proxy-arg: *b\n"),
        "merged" => node.write(path, "<<: {kube-proxy-arg: [profiling=true]}\n"),
        "a list of mappings" => node.write(path, "kube-proxy-arg:\n- {a: b}\n"),
        "no mapping" => node.write(path, "- kube-proxy-arg\n"),
        other => panic!("{other}"),
    }
}

const WHATS: &[&str] = &[
    "a directory",
    "a pipe",
    "a link to itself",
    "a link out of the tree",
    "too large",
    "binary",
    "deep",
];

/// The verdict of a check, or the message that there is nothing to judge.
fn verdict(node: &Node, check: &str) -> String {
    for command in ["facts", "plan"] {
        let ran = node.run(&[command]);
        assert!((0..=2).contains(&ran.code), "{ran:?}");
    }
    let (code, document) = node.json(&["scan", "--only", check]);
    match code {
        1 => document["error"]["message"].as_str().unwrap().to_string(),
        _ => document["verdicts"][0]["verdict"]
            .as_str()
            .unwrap()
            .to_string(),
    }
}

#[test]
fn a_configuration_of_k3s_that_cannot_be_read_makes_its_flags_unknown() {
    let files = [K3S, "/etc/rancher/k3s/config.yaml.d/50-x.yaml"];
    let more = ["aliases", "merged", "a list of mappings", "no mapping"];
    for path in files {
        for what in WHATS.iter().chain(&more) {
            let node = Node::empty();
            node.write("/etc/systemd/system/k3s.service", UNIT);
            lay(&node, path, what);
            // A main file that is not there is no main file.
            let none = path == K3S && *what == "a link out of the tree";
            let expected = if none { "pass" } else { "unknown" };
            assert_eq!(verdict(&node, "metrics-exposed"), expected, "{path} {what}");
        }
    }
    // The directory of drop-ins itself.
    let node = Node::empty();
    node.write("/etc/systemd/system/k3s.service", UNIT);
    lay(&node, "/etc/rancher/k3s/config.yaml.d", "a link to itself");
    assert_eq!(verdict(&node, "metrics-exposed"), "unknown");
    // What is read is judged: the checks above do not pass by accident.
    let node = Node::empty();
    node.write("/etc/systemd/system/k3s.service", UNIT);
    node.write(K3S, "kube-proxy-arg: [metrics-bind-address=127.0.0.1]\n");
    assert_eq!(verdict(&node, "metrics-exposed"), "pass");
}

#[test]
fn flags_of_microk8s_that_cannot_be_read_are_unknown() {
    for what in WHATS {
        let node = Node::empty();
        lay(&node, ARGS, what);
        let found = verdict(&node, "metrics-exposed");
        let nothing = found.contains("no kube-proxy found");
        assert!(found == "unknown" || nothing, "{what}: {found}");
        assert_eq!(
            nothing,
            *what == "a link out of the tree",
            "{what}: {found}"
        );
    }
}

#[test]
fn a_manifest_of_rke2_or_a_volume_that_cannot_be_read_is_no_kube_proxy() {
    for path in [POD, VOLUME] {
        for what in WHATS {
            let node = Node::empty();
            lay(&node, path, what);
            let found = verdict(&node, "metrics-exposed");
            assert!(
                found.contains("no kube-proxy found"),
                "{path} {what}: {found}"
            );
        }
    }
}

#[test]
fn two_configurations_in_volumes_are_both_named_and_neither_is_taken() {
    let node = Node::empty();
    let config = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
    let other = VOLUME.replace("/u/", "/v/");
    node.write(VOLUME, config);
    // Another program's ConfigMap is no candidate.
    node.write(&VOLUME.replace("/u/", "/w/"), "listen: 80\n");
    assert_eq!(verdict(&node, "profiling-enabled"), "pass");
    node.write(&other, config);
    let found = verdict(&node, "profiling-enabled");
    assert!(found.contains(VOLUME) && found.contains(&other), "{found}");
    let (code, document) = node.json(&["facts", "--config", VOLUME]);
    assert_eq!(code, 0, "{document:#}");
}

#[test]
fn a_tab_separates_no_words_for_microk8s_and_is_not_taken_for_part_of_a_flag() {
    let node = Node::empty();
    node.write(ARGS, "--v=2\n--metrics-bind-address\t0.0.0.0\n");
    assert_eq!(verdict(&node, "metrics-exposed"), "unknown");
}

#[test]
fn endless_variables_and_lines_of_flags_end() {
    for text in [
        "$".repeat(1 << 20),
        "${".repeat(1 << 20),
        "--a ".repeat(1 << 18),
        "'\"".repeat(1 << 20),
        "--config\n".repeat(1 << 17),
    ] {
        let node = Node::empty();
        node.write(ARGS, &text);
        let ran = node.run(&["scan"]);
        assert!((0..=2).contains(&ran.code), "{}", ran.err);
    }
}
