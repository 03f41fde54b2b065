//! kube-proxy in a container, with its configuration in a volume of the kubelet.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{CONFIG, Stage, contained, support};

const VOLUME: &str = "kubelet/pods/u/volumes/kubernetes.io~configmap/kube-proxy";

/// A volume as the kubelet writes it, in a directory that keeps others out.
fn volume(stage: &Stage, mode: u32) {
    let path = stage.path(VOLUME);
    let config = CONFIG.replace(
        "kubeconfig: kubeconfig",
        &format!("kubeconfig: {}", stage.text("mnt/kubeconfig")),
    );
    stage.files(&format!("{VOLUME}/..1"), &config);
    symlink("..1", path.join("..data")).unwrap();
    for name in ["config", "kubeconfig"] {
        symlink(format!("..data/{name}"), path.join(name)).unwrap();
    }
    let chmod = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    chmod(path, mode);
    chmod(stage.path("kubelet/pods"), 0o750);
}

pub fn linked(_: &Stage) {
    for mode in [0o777, 0o1777] {
        let stage = &Stage::new();
        volume(stage, mode);
        // The node has other files where the container has the volume.
        stage.files("mnt", "kind: Wrong\n");
        let (node, mnt) = (stage.text(VOLUME), stage.text("mnt"));
        let _playing = contained(
            stage,
            &format!("mount --bind {node} {mnt}"),
            &stage.path("mnt/config"),
        );
        let before = support::snapshot(stage.directory.path());
        let found = stage.facts();
        assert_eq!(found.proxy("config"), format!("{node}/config"), "{mode:o}");
        assert_eq!(found.proxy("kubeconfig"), format!("{node}/kubeconfig"));
        assert_eq!(found.fact("bindAddress"), "0.0.0.0");
        let ran = stage.run(&["--format", "json", "plan", "--node-ip", "192.0.2.7"]);
        let plan: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert!(!plan["changes"].to_string().contains("kubelet"), "{plan:#}");
        let manual = plan["manual"].to_string();
        assert!(manual.contains("a wildcard is right there"), "{plan:#}");
        assert_eq!(support::snapshot(stage.directory.path()), before);
        // The operator may name the file of the node: it is the same kube-proxy.
        let config = format!("{node}/config");
        let ran = stage.run(&["--format", "json", "facts", "--config", &config]);
        assert!(ran.out.contains("\"accepted\": true"), "{ran:?}");
        assert!(ran.out.contains(&format!("{node}/kubeconfig")), "{ran:?}");
    }
}

/// A volume that only the container sees, as a tmpfs that the kubelet mounted elsewhere.
pub fn unseen(stage: &Stage) {
    support::make_directory(&stage.path("mnt"));
    support::make_directory(&stage.path(VOLUME));
    let (node, mnt, files) = (stage.text(VOLUME), stage.text("mnt"), stage.text("files"));
    let script = format!(
        "mount -t tmpfs none {}; mkdir -p {node}/..1; cp {files}/* {node}/..1; \
         ln -s ..1 {node}/..data; ln -s ..data/config {node}/config; \
         ln -s ..data/kubeconfig {node}/kubeconfig; chmod 1777 {node}; \
         mount --bind {node} {mnt}",
        stage.text("kubelet")
    );
    let _playing = contained(stage, &script, &stage.path("mnt/config"));
    let found = stage.facts();
    assert_eq!(found.proxy("config"), stage.text("mnt/config"));
    assert_eq!(found.fact("bindAddress"), "0.0.0.0");
    let ran = stage.run(&["plan"]);
    assert!(
        ran.out.contains("lies in the container of process"),
        "{ran:?}"
    );
}

pub fn named(stage: &Stage) {
    // The container has other files at the place that the operator names.
    stage.files("other", "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nbindAddress: 192.0.2.1\n");
    stage.files("third", CONFIG);
    let (files, other) = (stage.text("files"), stage.text("other"));
    let script = format!("mount --bind {other} {files}");
    let _playing = contained(stage, &script, &stage.path("third/config"));
    let config = format!("{files}/config");
    let kubeconfig = format!("{files}/kubeconfig");
    let ran = stage.run(&[
        "--format",
        "json",
        "facts",
        "--config",
        &config,
        "--kubeconfig",
        &kubeconfig,
    ]);
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["config"]["path"], config, "{document:#}");
    assert_eq!(document["node"]["kube_proxy"]["kubeconfig"], kubeconfig);
    let facts = document["facts"].as_array().unwrap();
    let bind = facts.iter().find(|fact| fact["name"] == "bindAddress");
    assert_eq!(bind.unwrap()["value"], "0.0.0.0");
}

pub fn config_map(stage: &Stage) {
    let volume = "kubelet/pods/u/volumes/kubernetes.io~configmap/kube-proxy";
    stage.files(volume, CONFIG);
    support::make_directory(&stage.path("mnt"));
    let script = format!("mount --bind {} {}", stage.text(volume), stage.text("mnt"));
    let _playing = contained(stage, &script, &stage.path("mnt/config"));
    assert_eq!(
        stage.facts().proxy("config"),
        stage.text(volume) + "/config"
    );
    let ran = stage.run(&["--format", "json", "plan", "--node-ip", "192.0.2.7"]);
    let plan: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    for change in plan["changes"].as_array().unwrap() {
        assert!(
            !change["path"].as_str().unwrap().contains("configmap"),
            "{change:#}"
        );
    }
    assert!(
        plan["manual"]
            .to_string()
            .contains("kubectl -n kube-system patch configmap kube-proxy"),
        "{plan:#}"
    );
}

pub fn hidden(stage: &Stage) {
    // The node has a file of the same name: harmless to look at, wrong to judge or to change.
    stage.files("mnt", "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nbindAddress: 192.0.2.1\nenableProfiling: true\n");
    let (mnt, files) = (stage.text("mnt"), stage.text("files"));
    let script = format!("mount -t tmpfs none {mnt}; cp {files}/* {mnt}; chmod 0666 {mnt}/*");
    let _playing = contained(stage, &script, &stage.path("mnt/config"));
    let before = support::snapshot(&stage.path("mnt"));
    let found = stage.facts();
    assert_eq!(found.fact("bindAddress"), "0.0.0.0");
    let ran = stage.run(&["--format", "json", "plan"]);
    let plan: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    for change in plan["changes"].as_array().unwrap() {
        assert!(
            !change["path"].as_str().unwrap().starts_with(&mnt),
            "{change:#}"
        );
    }
    assert!(
        plan["manual"]
            .to_string()
            .contains("lies in the container of process"),
        "{plan:#}"
    );
    assert_eq!(support::snapshot(&stage.path("mnt")), before);
}
