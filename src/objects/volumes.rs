//! Which files of ConfigMaps a pod sees, and under which paths.

use super::embedded::{Spot, keys};
use super::{Object, Objects, Workload};
use crate::root::NodePath;
use crate::yaml::Node;

/// A file as the pod sees it: its path, where it stands in the manifests, and its text.
pub(super) type File<'a> = (NodePath, Spot, &'a str);

/// What ConfigMaps put into a workload's container.
#[derive(Default)]
pub(super) struct Mounted<'a> {
    /// The files that stand in the manifests.
    pub files: Vec<File<'a>>,
    /// Where there is one that is not in them: the path, and its name for people.
    pub missing: Vec<(NodePath, String)>,
}

/// What ConfigMaps put into a workload's container.
pub(super) fn mounted<'a>(objects: &'a Objects, workload: &Workload) -> Mounted<'a> {
    let mut found = Mounted::default();
    let Some(object) = objects.object(workload) else {
        return found;
    };
    let volumes = workload.pod(object).and_then(|pod| pod.get("volumes"));
    let mounts = workload
        .container(object)
        .and_then(|container| container.get("volumeMounts"));
    let volumes = volumes.map(Node::items).unwrap_or_default();
    let text = |node: &'a Node, key: &str| node.get(key).and_then(Node::text);
    for mount in mounts.map(Node::items).unwrap_or_default() {
        let (Some(name), Some(at)) = (text(mount, "name"), text(mount, "mountPath")) else {
            continue;
        };
        let volume = volumes
            .iter()
            .find(|volume| text(volume, "name") == Some(name));
        for source in volume.map(config_maps).unwrap_or_default() {
            let Some(name) = text(source, "name") else {
                continue;
            };
            let Some(map) = config_map(objects, object, name) else {
                let namespace = object.namespace.as_ref();
                let namespace = namespace.map_or(String::new(), |name| format!("{name}/"));
                let title = format!("ConfigMap {namespace}{name}");
                found
                    .missing
                    .extend(NodePath::new(at).map(|at| (at, title)));
                continue;
            };
            for (key, path) in files(source, map) {
                let part = text(mount, "subPath").map(|part| part.trim_matches('/'));
                let inside = match part {
                    None => format!("{at}/{path}"),
                    Some(part) if part == path => at.to_string(),
                    Some(part) => match path.strip_prefix(&format!("{part}/")) {
                        Some(rest) => format!("{at}/{rest}"),
                        None => continue,
                    },
                };
                let spot = Spot::of(map, key);
                if let (Some(inside), Some((spot, text))) = (NodePath::new(&inside), spot) {
                    found.files.push((inside, spot, text));
                }
            }
        }
    }
    found
}

/// The ConfigMaps that a volume shows: its own, or those among what it projects.
fn config_maps(volume: &Node) -> Vec<&Node> {
    let projected = volume.get("projected").and_then(|all| all.get("sources"));
    let sources = projected.map(Node::items).unwrap_or_default().iter();
    let sources = sources.filter_map(|source| source.get("configMap"));
    volume.get("configMap").into_iter().chain(sources).collect()
}

/// The ConfigMap of this name in the workload's namespace. What names none lies in whichever it is applied
/// to.
fn config_map<'a>(objects: &'a Objects, workload: &Object, name: &str) -> Option<&'a Object> {
    let near = |map: &&Object| {
        map.name == name
            && (map.namespace == workload.namespace
                || map.namespace.is_none()
                || workload.namespace.is_none())
    };
    objects.of_kind("", "ConfigMap").find(near)
}

/// The keys of a ConfigMap that a volume shows, each with its path in the volume.
fn files<'a>(source: &'a Node, map: &'a Object) -> Vec<(&'a str, &'a str)> {
    let items = source.get("items").map(Node::items).unwrap_or_default();
    if items.is_empty() {
        return keys(map).into_iter().map(|key| (key, key)).collect();
    }
    let item = |item: &'a Node| Some((item.get("key")?.text()?, item.get("path")?.text()?));
    items.iter().filter_map(item).collect()
}
