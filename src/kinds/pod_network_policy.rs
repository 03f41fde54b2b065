//! NetworkPolicies that seem to guard kube-proxy: a pod in the node's network is no target of one.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::workload::{Found, each_workload, switch};
use super::{Instance, Kind, by_hand};
use crate::baseline::Check;
use crate::facts::Facts;
use crate::goyaml;
use crate::objects::Object;
use crate::rbac::selector;
use crate::yaml::Node;

/// `pod-network-policy: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodNetworkPolicy {}

/// Whether a policy picks pods with these labels by them. One that picks every pod of its namespace is not meant
/// for kube-proxy.
///
/// # Errors
/// Why that is not known.
fn picks(policy: &Object, labels: &BTreeMap<String, String>) -> Result<bool, String> {
    if let Some(doubt) = policy.doubt {
        return Err(doubt.into());
    }
    let chosen = policy
        .node
        .get("spec")
        .and_then(|spec| spec.get("podSelector"));
    let Some(chosen) = chosen.filter(|node| !node.is_null()) else {
        return Ok(false);
    };
    let read = goyaml::value(chosen).map_err(|trouble| trouble.message)?;
    let selector = selector(&read.root).map_err(|refused| refused.message)?;
    Ok(!selector.0.is_empty() && selector.selects(labels))
}

/// The labels of the pods that a workload starts.
fn labels(found: &Found) -> BTreeMap<String, String> {
    let template = found
        .workload
        .spec
        .split_last()
        .map_or(&[][..], |(_, above)| above);
    let holder = template
        .iter()
        .try_fold(&found.object.node, |node, key| node.get(key));
    let labels = holder
        .and_then(|holder| holder.get("metadata"))
        .and_then(|metadata| metadata.get("labels"));
    let entries = labels.map(Node::entries).unwrap_or_default().iter();
    let text = |(key, value): &(Node, Node)| Some((key.text()?.into(), value.text()?.into()));
    entries.filter_map(text).collect()
}

fn judged(check: &Check, found: &Found) -> Instance {
    match switch(Some(found.pod), "hostNetwork") {
        Ok(Some(true)) => {}
        Ok(_) => {
            return Instance::not_applicable("it has a network of its own, in which policies hold");
        }
        Err(odd) => return odd.unknown(),
    }
    let labels = labels(found);
    let namespace = &found.object.namespace;
    let near = |policy: &&Object| {
        policy.namespace == *namespace || policy.namespace.is_none() || namespace.is_none()
    };
    let policies = found.objects.of_kind("networking.k8s.io", "NetworkPolicy");
    for policy in policies.filter(near) {
        let place = format!("{} ({}:{})", policy.title(), policy.file, policy.line);
        match picks(policy, &labels) {
            Ok(false) => {}
            Ok(true) => return Instance::judged(false, place, || by_hand(check)),
            Err(why) => return Instance::unknown(format!("{place}: {why}")),
        }
    }
    Instance::judged(true, "none", || by_hand(check))
}

impl Kind for PodNetworkPolicy {
    fn expected(&self) -> String {
        "no NetworkPolicy that picks kube-proxy's pods by their labels".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_workload(facts, |found| judged(check, found))
    }
}
