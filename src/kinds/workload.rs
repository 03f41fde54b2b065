//! What the kinds that judge kube-proxy's workload have in common.

use super::Instance;
use crate::facts::{Facts, Origin, OriginKind};
use crate::goyaml::{Scalar, resolve};
use crate::objects::{Object, Workload};
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
    #[expect(dead_code, reason = "the first kind that asks for it comes next")]
    pub container: &'a Node,
}

/// Judges each workload that starts a kube-proxy. One of which not all is to be seen is unknown, and without
/// any nothing applies.
pub fn each_workload(facts: &Facts, judge: impl Fn(&Found) -> Instance) -> Vec<Instance> {
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
            let found = Found {
                workload,
                object,
                pod: workload.pod(object)?,
                container: workload.container(object)?,
            };
            let instance = match object.doubt {
                Some(why) => Instance::unknown(format!("{}: {why}", object.title())),
                None => judge(&found),
            };
            let line = instance.line.unwrap_or(object.line);
            let origin = Origin::at(OriginKind::File, &object.file, Some(line));
            Some(instance.at(&object.file).line(Some(line)).from(&origin))
        })
        .collect();
    if found.is_empty() {
        return vec![Instance::not_applicable(
            "no workload of kube-proxy is in the manifests",
        )];
    }
    found
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
