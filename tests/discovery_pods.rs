//! Finding kube-proxy and the API server in static pod manifests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::Path;

use support::Node;
use support::found::{CONFIG, Found};

const MANIFESTS: &str = "/etc/kubernetes/manifests";

/// A pod of kube-proxy with these lines for its container and these volumes.
fn pod(container: &str, volumes: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-proxy\nspec:\n  hostNetwork: true\n  containers:\n  - name: kube-proxy\n    image: registry.k8s.io/kube-proxy:v1.36.2\n{container}  volumes:\n{volumes}"
    )
}

const COMMAND: &str = "    command:\n    - /usr/local/bin/kube-proxy\n    - --config=/conf/config.yaml\n    - --hostname-override=$(NODE_NAME)\n    env:\n    - {name: NODE_NAME, value: node-1}\n    volumeMounts:\n    - {name: conf, mountPath: /conf}\n";
const VOLUME: &str = "  - name: conf\n    hostPath: {path: /srv/kube-proxy}\n";

fn node_with(name: &str, text: &str) -> Node {
    let node = Node::empty();
    node.write(&format!("{MANIFESTS}/{name}"), text);
    node.write(
        "/srv/kube-proxy/config.yaml",
        CONFIG.replace("/etc/kp/kubeconfig", "/conf/kubeconfig"),
    );
    node.write(
        "/srv/kube-proxy/kubeconfig",
        "apiVersion: v1\nkind: Config\n",
    );
    node
}

#[test]
fn a_pods_files_are_found_behind_its_host_paths() {
    let found = Found::in_node(&node_with("kube-proxy.yaml", &pod(COMMAND, VOLUME)));
    assert_eq!(found.proxy("platform"), "static-pod");
    assert_eq!(found.proxy("version"), "1.36.2");
    assert_eq!(found.proxy("config"), "/srv/kube-proxy/config.yaml");
    assert_eq!(found.proxy("kubeconfig"), "/srv/kube-proxy/kubeconfig");
    assert_eq!(found.fact("--hostname-override"), "node-1");
    assert_eq!(
        found.proxy("managed_by"),
        "static pod /etc/kubernetes/manifests/kube-proxy.yaml"
    );
}

#[test]
fn a_path_that_no_volume_brings_in_is_left_to_the_operator() {
    let volumes = "  - name: conf\n    configMap: {name: kube-proxy}\n";
    let node = node_with("kube-proxy.yaml", &pod(COMMAND, volumes));
    // The node has a file of that name, which is another.
    node.write("/conf/config.yaml", "bindAddress: 0.0.0.0\n");
    let before = node.snapshot();
    let (code, document) = node.json(&["scan"]);
    assert_eq!(code, 2);
    for verdict in document["verdicts"].as_array().unwrap() {
        assert_ne!(verdict["path"], "/conf/kubeconfig", "{verdict}");
    }
    let ran = node.run(&["apply", "--yes", "--skip", "audit-policy-missing"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(node.snapshot(), before);
}

#[test]
fn every_file_without_a_leading_dot_is_a_manifest() {
    for name in [
        "kube-proxy.manifest",
        "kube-proxy.yaml.bak",
        "kube-proxy",
        "x.json~",
    ] {
        let found = Found::in_node(&node_with(name, &pod(COMMAND, VOLUME)));
        assert_eq!(found.proxy("platform"), "static-pod", "{name}");
    }
    for name in [
        ".kube-proxy.yaml",
        ".kube-proxy.yaml.swp",
        "sub/kube-proxy.yaml",
    ] {
        let ran = node_with(name, &pod(COMMAND, VOLUME)).run(&["facts"]);
        assert_eq!(ran.code, 1, "{name}: {ran:?}");
        assert!(ran.err.contains("no kube-proxy found"), "{name}: {ran:?}");
    }
    let node = node_with("kube-proxy.yaml", &pod(COMMAND, VOLUME));
    node.write(
        &format!("{MANIFESTS}/kube-proxy.yaml.bak"),
        pod(COMMAND, VOLUME),
    );
    let ran = node.run(&["plan"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("manifests/kube-proxy.yaml ("), "{ran:?}");
    assert!(
        ran.err.contains("manifests/kube-proxy.yaml.bak ("),
        "{ran:?}"
    );
}

#[test]
fn a_manifest_may_be_json_with_tabs() {
    let value: serde_json::Value = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "spec": {
            "containers": [{
                "name": "kube-proxy",
                "command": ["/go-runner", "--log-file=/var/log/kube-proxy.log", "kube-proxy"],
                "args": ["--config", "/conf/config.yaml"],
                "volumeMounts": [{"name": "conf", "mountPath": "/conf/", "subPath": "kube-proxy"}],
            }],
            "volumes": [{"name": "conf", "hostPath": {"path": "/srv"}}],
        },
    });
    let mut tabs = Vec::new();
    let form = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut writer = serde_json::Serializer::with_formatter(&mut tabs, form);
    serde::Serialize::serialize(&value, &mut writer).unwrap();
    for text in [value.to_string(), String::from_utf8(tabs).unwrap()] {
        let found = Found::in_node(&node_with("kube-proxy.json", &text));
        assert_eq!(
            found.proxy("config"),
            "/srv/kube-proxy/config.yaml",
            "{text}"
        );
    }
}

#[test]
fn the_pod_of_gce_is_found_with_its_template_filled_in() {
    let text = "    command:\n    - /bin/sh\n    - -c\n    - exec kube-proxy --master=https://10.0.0.1 --kubeconfig=/var/lib/kube-proxy/kubeconfig --cluster-cidr=10.1.0.0/16 --oom-score-adj=-998 --v=2 --profiling=true 1>>/var/log/kube-proxy.log 2>&1\n    volumeMounts:\n    - mountPath: /var/log\n      name: varlog\n      readOnly: false\n    - mountPath: /var/lib/kube-proxy/kubeconfig\n      name: kubeconfig\n      readOnly: false\n";
    let volumes = "  - hostPath:\n      path: /var/lib/kube-proxy/kubeconfig\n      type: FileOrCreate\n    name: kubeconfig\n  - hostPath:\n      path: /var/log\n    name: varlog\n";
    let node = node_with("kube-proxy.manifest", &pod(text, volumes));
    node.write(
        "/var/lib/kube-proxy/kubeconfig",
        "apiVersion: v1\nkind: Config\n",
    );
    let found = Found::in_node(&node);
    assert_eq!(found.proxy("config"), "null");
    assert_eq!(found.proxy("kubeconfig"), "/var/lib/kube-proxy/kubeconfig");
    assert_eq!(found.fact("enableProfiling"), "true");
    assert_eq!(found.fact("--master"), "https://10.0.0.1");
    assert_eq!(found.fact("clusterCIDR"), "10.1.0.0/16");
}

#[test]
fn a_script_whose_words_only_a_shell_knows_is_unknown() {
    for script in [
        "exec kube-proxy $(flags)",
        "exec kube-proxy $FLAGS",
        "exec kube-proxy `cat /x`",
    ] {
        let text = format!("    command: [/bin/sh, -c, {script:?}]\n    volumeMounts: []\n");
        let node = node_with("kube-proxy.yaml", &pod(&text, VOLUME));
        let (code, document) = node.json(&["scan", "--only", "metrics-exposed"]);
        assert_eq!(code, 2, "{script}");
        assert_eq!(document["verdicts"][0]["verdict"], "unknown", "{script}");
    }
    let text = "    command: [/bin/sh, -c, \"exec kube-proxy $(FLAGS) --v=$LEVEL\"]\n    env: [{name: FLAGS, value: --config=/conf/config.yaml}, {name: LEVEL, value: '2'}]\n    volumeMounts: [{name: conf, mountPath: /conf}]\n";
    let found = Found::in_node(&node_with("kube-proxy.yaml", &pod(text, VOLUME)));
    assert_eq!(found.proxy("config"), "/srv/kube-proxy/config.yaml");
}

#[test]
fn a_pod_that_only_speaks_of_kube_proxy_is_none() {
    let node = node_with(
        "backup.yaml",
        &pod("    command: [tar, cf, /x, /var/lib/kube-proxy]\n", VOLUME),
    );
    let ran = node.run(&["facts"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("no kube-proxy found"), "{ran:?}");
}

#[test]
fn the_kubelet_may_read_manifests_elsewhere() {
    let node = node_with("ignored", "x: y\n");
    node.write(
        "/var/lib/kubelet/config.yaml",
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nstaticPodPath: /srv/pods\n",
    );
    node.write("/srv/pods/kube-proxy.yaml", pod(COMMAND, VOLUME));
    assert_eq!(Found::in_node(&node).proxy("platform"), "static-pod");
}

#[test]
fn the_files_that_kubeadm_writes_are_understood_as_a_pod_sees_them() {
    let manifest = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/kubeadm-1.36/kube-apiserver.yaml"),
    )
    .unwrap();
    let node = Node::empty();
    node.write(&format!("{MANIFESTS}/kube-apiserver.yaml"), manifest);
    node.write("/var/lib/kube-proxy/config.conf", CONFIG);
    let (_, document) = node.json(&["scan", "--only", "audit-policy-missing"]);
    let verdict = &document["verdicts"][0];
    assert_eq!(verdict["verdict"], "fail", "{verdict:#}");
    assert_eq!(verdict["path"], "/etc/kubernetes/audit-policy.yaml");
    // The API server's manifest is no kube-proxy.
    assert_eq!(document["node"]["kube_proxy"]["platform"], "files");
}

#[test]
fn hostile_manifests_are_passed_over() {
    let good = node_with("kube-proxy.yaml", &pod(COMMAND, VOLUME));
    let write = |name: &str, bytes: &[u8]| good.write(&format!("{MANIFESTS}/{name}"), bytes);
    write("binary-kube-proxy", b"kube-proxy\0\xff\xfe\x80");
    write(
        "deep",
        format!("kube-proxy: {}", "[".repeat(10_000)).as_bytes(),
    );
    write("list", b"- kube-proxy\n- spec\n");
    write("scalar", b"kube-proxy");
    write(
        "odd",
        b"spec: {containers: {command: kube-proxy}, volumes: 7}\n",
    );
    write("odder", b"spec: {containers: [7, null, {command: {a: kube-proxy}, args: [[kube-proxy]], env: 1}]}\n");
    write("empty", b"");
    nix::unistd::mkfifo(
        &good.path(&format!("{MANIFESTS}/fifo")),
        nix::sys::stat::Mode::S_IRUSR,
    )
    .unwrap();
    std::os::unix::fs::symlink("loop", good.path(&format!("{MANIFESTS}/loop"))).unwrap();
    let found = Found::in_node(&good);
    assert_eq!(found.proxy("config"), "/srv/kube-proxy/config.yaml");
}

#[test]
fn an_api_server_that_cannot_be_known_gets_no_policy() {
    let server = |command: &str| {
        pod(command, VOLUME).replace("- name: kube-proxy\n", "- name: kube-apiserver\n")
    };
    let plain = server(
        "    command: [kube-apiserver, --audit-policy-file=/conf/policy.yaml]\n    volumeMounts: [{name: conf, mountPath: /conf}]\n",
    );
    let shell = server(
        "    command: [/bin/sh, -c, \"exec kube-apiserver --audit-policy-file=$(where)\"]\n",
    );
    for (files, said) in [
        (
            vec![("a.yaml", &plain), ("a.yaml.bak", &plain)],
            "more than one static pod",
        ),
        (vec![("a.yaml", &shell)], "its flags are not known"),
    ] {
        let node = Node::empty();
        node.write("/var/lib/kube-proxy/config.conf", CONFIG);
        support::make_directory(&node.path("/srv/kube-proxy"));
        for (name, text) in files {
            node.write(&format!("{MANIFESTS}/{name}"), text);
        }
        let before = node.snapshot();
        let (_, document) = node.json(&["scan", "--only", "audit-policy-missing"]);
        let verdict = &document["verdicts"][0];
        assert_eq!(verdict["verdict"], "unknown", "{verdict:#}");
        assert!(
            verdict["reason"].as_str().unwrap().contains(said),
            "{verdict:#}"
        );
        let ran = node.run(&["apply", "--yes", "--only", "audit-policy-missing"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(node.snapshot(), before);
    }
}

/// What a scan says of kube-proxy's metrics address: the verdict, and why or what was seen.
fn metrics(container: &str) -> (String, String) {
    let node = Node::empty();
    node.write(
        &format!("{MANIFESTS}/kube-proxy.yaml"),
        format!("x: &open --metrics-bind-address=0.0.0.0\ny: &all [kube-proxy, --metrics-bind-address=0.0.0.0]\nz: &command {{command: [kube-proxy, --metrics-bind-address=0.0.0.0]}}\n{}", pod(container, "  - {name: x, emptyDir: {}}\n")),
    );
    let (_, document) = node.json(&["scan", "--only", "metrics-exposed"]);
    let verdict = &document["verdicts"][0];
    let text = |key: &str| verdict[key].as_str().unwrap_or_default().to_string();
    (text("verdict"), text("reason") + &text("observed"))
}

#[test]
fn a_flag_behind_an_alias_or_in_another_container_is_not_taken_for_absent() {
    for (container, why) in [
        (
            "    command: [kube-proxy, *open]\n",
            "its command holds what is no plain text",
        ),
        (
            "    command: [kube-proxy]\n    args:\n    - --v=2\n    - *open\n",
            "its args hold what is no plain text",
        ),
        (
            "    command: *all\n",
            "its command holds what is no plain text",
        ),
        (
            "    <<: *command\n",
            "it merges what stands elsewhere into its container",
        ),
        (
            "    command: [kube-proxy]\n  - name: other\n    command: [kube-proxy, *open]\n",
            "more than one container of its pod runs it",
        ),
    ] {
        let why = format!("kube-proxy's flags are not known: {why}");
        assert_eq!(metrics(container), ("unknown".into(), why), "{container}");
    }
}

#[test]
fn a_script_in_a_manifest_is_read_without_its_comments_and_with_its_lines_joined() {
    let script = "    command:\n    - /bin/sh\n    - -c\n    - |\n      # start kube-proxy --metrics-bind-address=127.0.0.1\n      exec kube-proxy --v=2 \\\n        --metrics-bind-address \\\n        0.0.0.0 # --metrics-bind-address=127.0.0.1\n";
    let seen = "metricsBindAddress: 0.0.0.0:10249";
    assert_eq!(metrics(script), ("fail".into(), seen.into()));
}

#[test]
fn a_service_that_only_speaks_of_kube_proxy_is_not_one() {
    let node = node_with("kube-proxy.yaml", &pod(COMMAND, VOLUME));
    for (name, command) in [
        ("logs", "/usr/bin/journalctl -u kube-proxy -f"),
        ("again", "/usr/bin/systemctl restart kube-proxy --no-block"),
        (
            "ends",
            "/bin/sh -c 'pkill kube-proxy -e; exec other kube-proxy --x'",
        ),
    ] {
        let unit = format!("/etc/systemd/system/{name}.service");
        node.write(&unit, format!("[Service]\nExecStart={command}\n"));
    }
    let found = Found::in_node(&node);
    assert_eq!(found.proxy("config"), "/srv/kube-proxy/config.yaml");
}
