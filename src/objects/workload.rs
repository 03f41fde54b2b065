//! The workloads that start a kube-proxy: a DaemonSet, a static pod.

use super::{Object, Objects};
use crate::baseline::Version;
use crate::discover::flags::{self, Flag};
use crate::discover::{KubeProxy, pod};
use crate::edit::{Alteration, Operation, Scalar, Step, Tree};
use crate::kinds::takes_flag;
use crate::yaml::{Node, Value};

/// A workload that starts a kube-proxy.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its object's position among all.
    pub object: usize,
    /// The keys from the object's root to its pod's specification.
    pub spec: &'static [&'static str],
    /// Which of its containers runs kube-proxy, counted from 0.
    pub container: usize,
    /// kube-proxy's flags.
    pub flags: Vec<Flag>,
    /// The version that the image's tag tells, without a leading `v`.
    pub version: Option<String>,
    /// Why its flags, or more of it, cannot be known for sure.
    pub problem: Option<String>,
}

const NAME: &str = "kube-proxy";

/// Where the kinds of workloads keep their pod's specification.
const SPECS: &[(&str, &[&str])] = &[
    ("Pod", &["spec"]),
    ("DaemonSet", &["spec", "template", "spec"]),
    ("Deployment", &["spec", "template", "spec"]),
    ("StatefulSet", &["spec", "template", "spec"]),
    ("ReplicaSet", &["spec", "template", "spec"]),
    ("Job", &["spec", "template", "spec"]),
    ("PodTemplate", &["template", "spec"]),
];

/// Finds the workloads among the objects.
pub(super) fn find(objects: &mut Objects) {
    for (index, object) in objects.all.iter().enumerate() {
        let Some((_, spec)) = SPECS.iter().find(|(kind, _)| *kind == object.kind) else {
            continue;
        };
        let doubt = object.doubt.map(|why| format!("{}: {why}", object.title()));
        let found = below(&object.node, spec).and_then(|node| {
            let called = || pod::called_in_spec(node, &object.file, NAME);
            pod::in_spec(node, &object.file, NAME).or_else(called)
        });
        let Some(found) = found else {
            // Its containers may stand where they are not seen.
            if doubt.is_some() && is_called(object) {
                objects.workloads.push(Workload {
                    object: index,
                    spec,
                    container: 0,
                    flags: Vec::new(),
                    version: None,
                    problem: doubt,
                });
            }
            continue;
        };
        let other_image = objects
            .kustomized(&object.file)
            .is_some_and(|kustomized| kustomized.other_images);
        objects.workloads.push(Workload {
            object: index,
            spec,
            container: found.container,
            flags: flags::parse(&found.arguments, &found.origin),
            version: found.version.filter(|_| !other_image),
            problem: found.problem.or(doubt),
        });
    }
}

/// True for an object whose name or labels are kube-proxy's.
fn is_called(object: &Object) -> bool {
    let metadata = object.node.get("metadata");
    let labels = metadata.and_then(|metadata| metadata.get("labels"));
    let mut labels = labels.map(Node::entries).unwrap_or_default().iter();
    object.name == NAME || labels.any(|(_, value)| value.text() == Some(NAME))
}

pub(crate) fn below<'a>(node: &'a Node, keys: &[&str]) -> Option<&'a Node> {
    keys.iter().try_fold(node, |node, key| node.get(key))
}

impl Workload {
    /// The pod's specification.
    pub fn pod<'a>(&self, object: &'a Object) -> Option<&'a Node> {
        below(&object.node, self.spec)
    }

    /// The container that runs kube-proxy.
    pub fn container<'a>(&self, object: &'a Object) -> Option<&'a Node> {
        self.pod(object)?
            .get("containers")?
            .items()
            .get(self.container)
    }

    /// The way from the object's root to a value of the pod's specification.
    pub fn in_pod(&self, keys: &[&str]) -> Vec<Step> {
        let keys = self.spec.iter().chain(keys);
        keys.map(|key| Step::Key((*key).into())).collect()
    }

    /// The way from the object's root to a value of the container that runs kube-proxy.
    pub fn in_container(&self, keys: &[&str]) -> Vec<Step> {
        let mut way = self.in_pod(&["containers"]);
        way.push(Step::Index(self.container));
        way.extend(keys.iter().map(|key| Step::Key((*key).into())));
        way
    }

    /// The release of Kubernetes, as the image's tag tells it.
    pub fn release(&self) -> Option<Version> {
        Version::read(self.version.as_deref()?)
    }

    /// The kube-proxy that it starts on each node.
    pub(super) fn kube_proxy(&self, all: &[Object]) -> KubeProxy {
        let title = all
            .get(self.object)
            .map(|object| object.title().to_string());
        KubeProxy {
            problem: self.problem.clone(),
            ..KubeProxy::of_workload(
                title.unwrap_or_default(),
                self.flags.clone(),
                self.version.clone(),
            )
        }
    }

    /// What gives kube-proxy a flag: in place of the last one of its name, or behind all of its words.
    ///
    /// # Errors
    /// Why only a person can.
    pub(super) fn setting_flag(
        &self,
        object: &Object,
        name: &str,
        value: &str,
    ) -> Result<Alteration, String> {
        let by_hand = |why: &str| Err(format!("{why}: set --{name}={value} by hand"));
        if let Some(problem) = &self.problem {
            return by_hand(problem);
        }
        let Some(container) = self.container(object) else {
            return by_hand("its container is not there");
        };
        let word = format!("--{name}={value}");
        let list = |key: &str| container.get(key).map(Node::items).unwrap_or_default();
        for key in ["args", "command"] {
            let own = |item: &Node| {
                let text = item.text().unwrap_or_default();
                let flag = text
                    .trim_start_matches('-')
                    .split('=')
                    .next()
                    .unwrap_or_default();
                text.starts_with('-') && flag.replace('_', "-") == name
            };
            if let Some(index) = list(key).iter().rposition(own) {
                let given = list(key).get(index).and_then(Node::text);
                if !given.is_some_and(|text| text.contains('=')) {
                    return by_hand("its value is a word of its own");
                }
                let mut way = self.in_container(&[key]);
                way.push(Step::Index(index));
                return Ok(Alteration::set(way, Scalar::Text(word)));
            }
        }
        let key = match (list("args"), list("command")) {
            ([], []) => return by_hand("its command stands in the image"),
            ([], _) => "command",
            _ => "args",
        };
        // Behind what a shell is given, a word would be the shell's.
        if let Err(why) = takes_flag(container) {
            return by_hand(why);
        }
        if !matches!(
            container.get(key).map(|list| &list.value),
            Some(Value::Sequence(..))
        ) {
            return by_hand("its command is no list");
        }
        Ok(Alteration {
            path: self.in_container(&[key]),
            operation: Operation::Insert {
                before: None,
                items: vec![Tree::text(word)],
            },
        })
    }
}
