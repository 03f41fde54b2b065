//! What the kinds that judge kube-proxy's workload have in common.

use super::pod_command::is_init_only;
use super::{Instance, Mend};
use crate::edit::Step;
use crate::facts::{Facts, Origin, OriginKind};
use crate::goyaml::{Scalar, resolve};
use crate::objects::{Object, Objects, Workload};
use crate::yaml::{Node, Style, Value};

/// A workload, its object, and the container that runs kube-proxy.
pub struct Found<'a> {
    /// The workload.
    pub workload: &'a Workload,
    /// Its object.
    pub object: &'a Object,
    /// The pod's specification.
    pub pod: &'a Node,
    /// The container that runs kube-proxy.
    pub container: &'a Node,
    /// All objects.
    pub objects: &'a Objects,
}

impl<'a> Found<'a> {
    /// A value of the container that runs kube-proxy; null is none.
    pub fn in_container(&self, keys: &[&str]) -> Option<&'a Node> {
        let found = keys
            .iter()
            .try_fold(self.container, |node, key| node.get(key));
        found.filter(|node| !node.is_null())
    }

    /// The containers that run before kube-proxy, each with its way from the object's root.
    pub fn init_containers(&self) -> impl Iterator<Item = (Vec<Step>, &'a Node)> {
        let all = self.pod.get("initContainers").map(Node::items);
        let way = self.workload.in_pod(&["initContainers"]);
        let containers = all.unwrap_or_default().iter().enumerate();
        containers.map(move |(index, container)| {
            let mut way = way.clone();
            way.push(Step::Index(index));
            (way, container)
        })
    }

    /// True for a container that only does what kube-proxy needs a privileged one for, and ends.
    pub fn is_init_only(&self, container: &Node) -> bool {
        is_init_only(container, self.pod, &self.object.file)
    }

    /// The other containers of the pod: those beside kube-proxy, before it, and those that were added to look
    /// into a running pod. One that prepares the node for kube-proxy, and ends, is none of them.
    pub fn others(&self) -> impl Iterator<Item = &'a Node> {
        let all = ["containers", "initContainers", "ephemeralContainers"];
        let all = all.map(|key| self.pod.get(key));
        let all = all.into_iter().flatten().flat_map(Node::items);
        all.filter(|container| {
            !std::ptr::eq(*container, self.container) && !self.is_init_only(container)
        })
    }
}

/// The texts of a list, without what is none.
pub fn texts(node: Option<&Node>) -> impl Iterator<Item = &str> {
    let items = node.map(Node::items).unwrap_or_default();
    items.iter().filter_map(Node::text)
}

/// A text of a mapping.
pub fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).filter(|node| !node.is_null())?.text()
}

/// A finding about another container of the pod. What it needs, only a person knows.
pub fn of_another(container: &Node, observed: &str) -> Instance {
    let name = text(container, "name").unwrap_or("without a name");
    let why =
        format!("what its container {name} needs is not known here: take the right away by hand");
    let observed = format!("container {name}: {observed}");
    Instance::judged(false, observed, || Mend::ByHand(why)).line(Some(container.line))
}

/// Judges each workload that starts a kube-proxy. One of which not all is to be seen is unknown, and without
/// any nothing applies.
pub fn each_workload(facts: &Facts, judge: impl Fn(&Found) -> Instance) -> Vec<Instance> {
    each_in_workload(facts, |found| vec![judge(found)])
}

/// The same where one workload can have several verdicts, at least one.
pub fn each_in_workload(facts: &Facts, judge: impl Fn(&Found) -> Vec<Instance>) -> Vec<Instance> {
    let Some(objects) = &facts.objects else {
        return vec![Instance::not_applicable(
            "no static pod of this node runs kube-proxy; manifests are named with --manifests",
        )];
    };
    let found: Vec<Instance> = objects
        .workloads
        .iter()
        .filter_map(|workload| {
            let object = objects.object(workload)?;
            let instances = match object.doubt {
                Some(why) => vec![Instance::unknown(format!("{}: {why}", object.title()))],
                None => judge(&Found {
                    workload,
                    object,
                    pod: workload.pod(object)?,
                    container: workload.container(object)?,
                    objects,
                }),
            };
            Some(
                instances
                    .into_iter()
                    .map(|instance| placed(instance, object)),
            )
        })
        .flatten()
        .collect();
    if found.is_empty() {
        return vec![Instance::not_applicable(
            "no workload of kube-proxy is in the manifests",
        )];
    }
    found
}

/// At its line of the object's file.
fn placed(instance: Instance, object: &Object) -> Instance {
    let line = instance.line.unwrap_or(object.line);
    let origin = Origin::at(OriginKind::File, &object.file, Some(line));
    instance.at(&object.file).line(Some(line)).from(&origin)
}

/// What cannot be judged, and where it stands.
pub struct Odd {
    why: String,
    line: usize,
}

impl Odd {
    /// What is odd about a node.
    pub fn of(node: &Node, why: impl Into<String>) -> Odd {
        Odd {
            why: why.into(),
            line: node.line,
        }
    }

    /// As a verdict.
    pub fn unknown(self) -> Instance {
        Instance::unknown(self.why).line(Some(self.line))
    }
}

/// What a switch of a mapping says; `None` where it is not there or null.
///
/// # Errors
/// Where it is neither true nor false.
pub fn switch(node: Option<&Node>, key: &str) -> Result<Option<bool>, Odd> {
    let value = node.and_then(|node| node.get(key));
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let odd = || Odd::of(value, format!("{key} is neither true nor false"));
    boolean(value).map(Some).ok_or_else(odd)
}

/// What a value means as a switch: the words of YAML 1.1, without quotes. Everything that Kubernetes reads
/// as YAML, it reads so.
pub fn boolean(node: &Node) -> Option<bool> {
    let Value::Scalar(text, style) = &node.value else {
        return None;
    };
    match resolve(node.tag.as_deref(), text, *style == Style::Plain) {
        Ok(Scalar::Bool(on)) => Some(on),
        _ => None,
    }
}
