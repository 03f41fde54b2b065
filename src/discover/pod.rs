//! Static pod manifests: what the kubelet runs from files on the node.

use crate::facts::{Origin, OriginKind};
use crate::root::{NodePath, Root};
use crate::yaml::{self, Node, Value};

use super::words::{self, Found, Variables};

/// Where the kubelet reads manifests when its configuration names no other place.
const DEFAULT_DIRECTORY: &str = "/etc/kubernetes/manifests";
/// The kubelet's configuration as kubeadm writes it.
const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";

/// A container of a static pod that runs one of the components.
#[derive(Clone, Debug)]
pub struct StaticPod {
    /// The manifest.
    pub path: NodePath,
    /// Which of its containers runs the component, counted from 0.
    pub container: usize,
    /// The component's arguments, without its name.
    pub arguments: Vec<String>,
    /// Where the command begins.
    pub origin: Origin,
    /// The image's tag without a leading `v`, when it looks like a version.
    pub version: Option<String>,
    /// Directories and files of the node that the container sees: (in the container, on the node).
    pub mounts: Vec<(NodePath, NodePath)>,
    /// Where anything is mounted in the container, be it of the node or not.
    pub mounted: Vec<NodePath>,
    /// Why the arguments could not be read to their end.
    pub problem: Option<String>,
}

impl StaticPod {
    /// True for a path of the container over which nothing is mounted.
    pub fn in_image(&self, path: &NodePath) -> bool {
        !self.mounted.iter().any(|inside| path.is_below(inside))
    }

    /// Where a path of the container lies on the node; `None` inside its image, or in a volume that is no
    /// path of the node, also one that lies over a part of one that is.
    pub fn on_node(&self, path: &NodePath) -> Option<NodePath> {
        self.mounts
            .iter()
            .filter_map(|(inside, node)| {
                let rest = path.as_str().strip_prefix(inside.as_str())?;
                (rest.is_empty() || rest.starts_with('/')).then_some((inside, node, rest))
            })
            .max_by_key(|(inside, _, _)| inside.as_str().len())
            .filter(|(inside, _, _)| {
                let over = |other: &NodePath| {
                    path.is_below(other) && other.as_str().len() > inside.as_str().len()
                };
                !self.mounted.iter().any(over)
            })
            .and_then(|(_, node, rest)| NodePath::new(&format!("{node}{rest}")))
    }
}

/// The directory of the static pods.
fn directory(root: &Root) -> Option<NodePath> {
    let configured = NodePath::new(KUBELET_CONFIG)
        .and_then(|path| root.open(&path).ok()?.1.read().ok())
        .and_then(|bytes| {
            let text = String::from_utf8(bytes).ok()?;
            let document = yaml::parse_first(&text).ok()?;
            NodePath::new(document.root?.get("staticPodPath")?.text()?)
        });
    configured.or_else(|| NodePath::new(DEFAULT_DIRECTORY))
}

/// The manifests of all static pods of a node.
#[derive(Debug)]
pub struct Manifests(Vec<(NodePath, Node)>);

impl Manifests {
    /// Reads those that name one of the components at all. The kubelet reads every file whose name
    /// does not begin with a dot, whatever its ending.
    pub fn read(root: &Root) -> Manifests {
        directory(root).map_or(Manifests(Vec::new()), |directory| {
            Manifests::of(root, &directory)
        })
    }

    /// The same for a directory that is named.
    pub fn of(root: &Root, directory: &NodePath) -> Manifests {
        let names = root.list(directory).unwrap_or_default();
        let paths = names
            .iter()
            .filter(|name| !name.starts_with('.'))
            .filter_map(|name| directory.join(name));
        Manifests(paths.filter_map(|path| read(root, path)).collect())
    }

    /// All static pods that run the program.
    pub fn running(&self, program: &str) -> Vec<StaticPod> {
        let pod = |(path, pod): &(NodePath, Node)| in_spec(pod.get("spec")?, path, program);
        self.0.iter().filter_map(pod).collect()
    }
}

/// The container of a pod that runs the program. `path` is the file that holds the pod's specification.
pub fn in_spec(spec: &Node, path: &NodePath, program: &str) -> Option<StaticPod> {
    let containers = spec.get("containers")?.items().iter().enumerate();
    let mut found = containers.filter_map(|(index, container)| {
        let pod = in_container(container, spec, path, program)?;
        Some(StaticPod {
            container: index,
            ..pod
        })
    });
    let mut first = found.next()?;
    if found.next().is_some() {
        first.problem = Some("more than one container of its pod runs it".into());
    }
    Some(first)
}

/// The container of a pod that is called as the program is, where nothing shows whether it runs it: its command
/// stands in its image, or is one that may start anything. Nothing is known of its flags.
pub fn called_in_spec(spec: &Node, path: &NodePath, program: &str) -> Option<StaticPod> {
    if is_for_windows(spec) {
        return None;
    }
    let shares = spec.get("hostNetwork").and_then(Node::text);
    let on_node = shares.is_some_and(|text| matches!(text, "true" | "True" | "TRUE"));
    let mut containers = spec.get("containers")?.items().iter().enumerate();
    // A name alone is given to other programs too, and those seldom have the node's network.
    let (index, container) = containers.find(|(_, container)| {
        is_image_of(container, program) || (on_node && is_called(container, program))
    })?;
    let command = container.get("command").map(Node::items);
    let problem = match command.unwrap_or_default() {
        [] => "its command stands in the image",
        _ => "what its command starts is not known",
    };
    let origin = Origin::at(OriginKind::Flag, path, Some(container.line));
    let nothing = Found::default();
    Some(StaticPod {
        container: index,
        ..running(container, spec, path, nothing, origin, Some(problem.into()))
    })
}

/// True for a pod of nodes with Windows, to which nothing here applies.
fn is_for_windows(spec: &Node) -> bool {
    let selected = spec.get("nodeSelector");
    let selected = selected.and_then(|labels| labels.get("kubernetes.io/os"));
    let named = spec.get("os").and_then(|os| os.get("name"));
    let mut systems = selected.into_iter().chain(named);
    systems.any(|system| system.text() == Some("windows"))
}

/// The static pod that a manifest with these contents makes, when it runs the program.
pub fn in_bytes(path: &NodePath, bytes: &[u8], program: &str) -> Option<StaticPod> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    let root = yaml::parse_first(&text).ok()?.root?;
    Manifests(vec![(path.clone(), root)]).running(program).pop()
}

fn read(root: &Root, path: NodePath) -> Option<(NodePath, Node)> {
    let bytes = root.open(&path).ok()?.1.read().ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let ours = ["kube-proxy", "kube-apiserver", "hyperkube"];
    if !ours.iter().any(|name| text.contains(name)) {
        return None;
    }
    Some((path, yaml::parse_first(&text).ok()?.root?))
}

/// What a container starts, when that is the program. `path` is the file that holds its pod's specification.
pub fn in_container(
    container: &Node,
    spec: &Node,
    path: &NodePath,
    program: &str,
) -> Option<StaticPod> {
    let mut command: Vec<String> = Vec::new();
    let mut line = container.line;
    let mut unread = None;
    if container.get("<<").is_some() {
        unread = Some("it merges what stands elsewhere into its container".to_string());
    }
    for (key, holds) in [("command", "holds"), ("args", "hold")] {
        if let Some((name, list)) = container.entry(key) {
            if command.is_empty() {
                line = name.line;
            }
            let words = list.items();
            command.extend(words.iter().filter_map(Node::text).map(String::from));
            // What stands under an anchor elsewhere is a flag like any other.
            let all = matches!(list.value, Value::Sequence(..)) || list.is_null();
            if !all || words.iter().any(|word| word.text().is_none()) {
                unread = Some(format!("its {key} {holds} what is no plain text"));
            }
        }
    }
    let environment: Variables = container
        .get("env")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|entry| {
            Some((
                entry.get("name")?.text()?.to_string(),
                entry.get("value")?.text()?.to_string(),
            ))
        })
        .collect();
    // Kubernetes' own `$(NAME)` references; one that is not known stays as it is.
    let value = |name: &str| environment.get(name).map(String::as_str);
    let command: Vec<String> = command
        .iter()
        .map(|word| words::filled(word, ('(', ')'), value))
        .collect::<Result<_, _>>()
        .ok()?;
    let found = match words::arguments(&command, &environment, program) {
        Some(found) => found,
        // Its name may be among what was not read, and then it must not be taken for absent.
        None if unread.is_some() && is_called(container, program) => Found::default(),
        None => return None,
    };
    let problem = unread.or_else(|| {
        let problem = found.problem.as_ref()?;
        Some(format!("its command holds {problem}"))
    });
    let origin = Origin::at(OriginKind::Flag, path, Some(line));
    Some(running(container, spec, path, found, origin, problem))
}

/// A container that runs the program with these arguments.
fn running(
    container: &Node,
    spec: &Node,
    path: &NodePath,
    found: Found,
    origin: Origin,
    problem: Option<String>,
) -> StaticPod {
    StaticPod {
        path: path.clone(),
        container: 0,
        arguments: found.words,
        origin,
        version: container.get("image").and_then(Node::text).and_then(tag),
        mounts: mounts(container, spec),
        mounted: mounted(container),
        problem,
    }
}

/// True for a container whose name or image is the program's.
fn is_called(container: &Node, program: &str) -> bool {
    let name = container.get("name").and_then(Node::text);
    name == Some(program) || is_image_of(container, program)
}

/// True for a container whose image is the program's, also that of one architecture: `kube-proxy-amd64`.
fn is_image_of(container: &Node, program: &str) -> bool {
    const ARCHITECTURES: &[&str] = &["amd64", "arm", "arm64", "ppc64le", "s390x"];
    let image = container.get("image").and_then(Node::text);
    let image = image.unwrap_or_default().split('@').next();
    let image = image.unwrap_or_default().rsplit('/').next();
    let name = image.and_then(|image| image.split(':').next());
    name.and_then(|name| name.strip_prefix(program))
        .is_some_and(|rest| {
            let architecture = rest.strip_prefix('-');
            rest.is_empty() || architecture.is_some_and(|name| ARCHITECTURES.contains(&name))
        })
}

/// `1.36.2` out of `registry.k8s.io/kube-proxy:v1.36.2@sha256:...`.
fn tag(image: &str) -> Option<String> {
    let name = image.split('@').next()?;
    let (_, tag) = name.rsplit('/').next()?.split_once(':')?;
    let version = tag.strip_prefix('v').unwrap_or(tag);
    let numeric = version
        .split(['.', '-', '+', '_'])
        .take(2)
        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()));
    // Every release of Kubernetes is one of its version 1; 2024.1.30 is somebody's date.
    (numeric && version.starts_with("1.")).then(|| version.to_string())
}

fn mounted(container: &Node) -> Vec<NodePath> {
    let mounts = container.get("volumeMounts").map(Node::items);
    let mounts = mounts.unwrap_or_default().iter();
    let at = |mount: &Node| NodePath::new(mount.get("mountPath")?.text()?);
    mounts.filter_map(at).collect()
}

fn mounts(container: &Node, spec: &Node) -> Vec<(NodePath, NodePath)> {
    let volumes = spec.get("volumes").map(Node::items).unwrap_or_default();
    container
        .get("volumeMounts")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|mount| {
            let name = mount.get("name")?.text()?;
            let volume = volumes
                .iter()
                .find(|volume| volume.get("name").and_then(Node::text) == Some(name))?;
            let on_node = NodePath::new(volume.get("hostPath")?.get("path")?.text()?)?;
            let on_node = match mount.get("subPath").and_then(Node::text) {
                Some(part) => on_node.join(part)?,
                None => on_node,
            };
            Some((NodePath::new(mount.get("mountPath")?.text()?)?, on_node))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_an_image_only_when_it_is_one() {
        assert_eq!(tag("registry.k8s.io/kube-proxy:v1.36.2").unwrap(), "1.36.2");
        assert_eq!(
            tag("host:5000/kube-proxy:1.31.0@sha256:ab").unwrap(),
            "1.31.0"
        );
        assert_eq!(tag("host:5000/kube-proxy"), None);
        assert_eq!(tag("kube-proxy:latest"), None);
        assert_eq!(tag("kube-proxy:{{tag}}"), None);
        assert_eq!(tag("kube-proxy:2024.1.30"), None);
        assert_eq!(tag("kube-proxy:v1-2"), None);
    }
}
