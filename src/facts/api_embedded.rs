//! An API server that a distribution starts itself, with flags from a file of the distribution's own.

use super::api_server::{Found, PROGRAM, View};
use super::{Origin, OriginKind, ServerSource};
use crate::discover::flags;
use crate::discover::pod::Manifests;
use crate::root::{LookError, NodePath, Root};
use crate::yaml::{self, Node};

/// MicroK8s: one flag a line, read by kubelite.
const MICROK8S: &str = "/var/snap/microk8s/current/args/kube-apiserver";
/// RKE2 writes its static pods here whenever it starts.
const RKE2_PODS: &str = "/var/lib/rancher/rke2/agent/pod-manifests";
/// Only a server of k3s has it, no agent.
const K3S_SERVER: &str = "/var/lib/rancher/k3s/server";
const K3S_CONFIG: &str = "/etc/rancher/k3s/config.yaml";

/// Finds one, with who starts it and where its flags belong.
pub(super) fn find(root: &Root) -> Option<Found> {
    rke2(root).or_else(|| microk8s(root)).or_else(|| k3s(root))
}

fn rke2(root: &Root) -> Option<Found> {
    let manifests = Manifests::of(root, &NodePath::new(RKE2_PODS)?);
    let pod = manifests.running(PROGRAM).pop()?;
    Some(Found {
        unit: None,
        described: format!("RKE2's static pod {}", pod.path),
        flags: flags::parse(&pod.arguments, &pod.origin),
        problem: pod.problem.clone(),
        version: pod.version.clone(),
        source: ServerSource::Controller(
            "RKE2",
            "the list kube-apiserver-arg in /etc/rancher/rke2/config.yaml, without the dashes, and restart rke2-server",
        ),
        view: View::Pod(pod),
        user: None,
    })
}

fn microk8s(root: &Root) -> Option<Found> {
    let path = NodePath::new(MICROK8S)?;
    let text = read(root, &path)?;
    let mut found = Vec::new();
    let mut problem = text.is_err().then(|| format!("{path} cannot be read"));
    for (index, line) in text.unwrap_or_default().lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // MicroK8s fills in its own variables; a path with one is not known here.
        if line.starts_with("--audit-") && line.contains('$') && problem.is_none() {
            problem = Some(format!(
                "{path}:{}: its variable is MicroK8s' own",
                index + 1
            ));
        }
        let words: Vec<String> = line.split_whitespace().map(unquoted).collect();
        let origin = Origin::at(OriginKind::Flag, &path, Some(index + 1));
        found.extend(flags::parse(&words, &origin));
    }
    Some(Found {
        unit: None,
        described: format!("MicroK8s' API server ({path})"),
        flags: found,
        view: View::Node,
        problem,
        version: None,
        source: ServerSource::Controller(
            "MicroK8s",
            "/var/snap/microk8s/current/args/kube-apiserver, a flag a line, and restart with: snap restart microk8s.daemon-kubelite",
        ),
        user: None,
    })
}

fn unquoted(word: &str) -> String {
    word.replace(['"', '\''], "")
}

/// k3s runs the API server in its own process. Its flags come from config.yaml and the files beside it; of
/// one list the last file counts, unless its key ends in `+`.
fn k3s(root: &Root) -> Option<Found> {
    let server = NodePath::new(K3S_SERVER)?;
    if matches!(root.open(&server), Err(LookError::Missing)) {
        return None;
    }
    let config = NodePath::new(K3S_CONFIG)?;
    let mut files = vec![config.clone()];
    let folder = config.parent().join("config.yaml.d")?;
    let names = root.list(&folder).unwrap_or_default();
    let yaml = |name: &&String| name.ends_with(".yaml") || name.ends_with(".yml");
    files.extend(
        names
            .iter()
            .filter(yaml)
            .filter_map(|name| folder.join(name)),
    );
    let mut given: Vec<(String, Origin)> = Vec::new();
    let mut problem = None;
    for file in files {
        let Some(text) = read(root, &file) else {
            continue;
        };
        let tree = text.ok().and_then(|text| yaml::parse_first(&text).ok());
        let Some(tree) = tree else {
            problem = Some(format!("{file} cannot be read as YAML"));
            continue;
        };
        for (key, value) in tree.root.iter().flat_map(Node::entries) {
            let Some(name) = key.text() else { continue };
            if name.trim_end_matches('+') != "kube-apiserver-arg" {
                continue;
            }
            if !name.ends_with('+') {
                given.clear();
            }
            let items = match value.text() {
                Some(_) => std::slice::from_ref(value),
                None => value.items(),
            };
            let origin = |item: &Node| Origin::at(OriginKind::Flag, &file, Some(item.line));
            given.extend(
                items
                    .iter()
                    .filter_map(|item| Some((item.text()?.to_string(), origin(item)))),
            );
        }
    }
    let flags = given.iter().flat_map(|(word, origin)| {
        let word = format!("--{}", word.trim_start_matches('-'));
        flags::parse(&[word], origin)
    });
    Some(Found {
        unit: None,
        described: "k3s' API server".into(),
        flags: flags.collect(),
        view: View::Node,
        problem,
        version: None,
        source: ServerSource::Controller(
            "k3s",
            "the list kube-apiserver-arg in /etc/rancher/k3s/config.yaml, without the dashes, and restart k3s",
        ),
        user: None,
    })
}

/// A file's text; `None` when nothing is there.
fn read(root: &Root, path: &NodePath) -> Option<Result<String, LookError>> {
    let opened = match root.open(path) {
        Ok((_, opened)) => opened,
        Err(LookError::Missing) => return None,
        Err(error) => return Some(Err(error)),
    };
    Some(
        opened
            .read()
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| LookError::NotText)),
    )
}
