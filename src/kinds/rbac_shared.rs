//! Who else runs as a service account of kube-proxy: what it loses, they lose.

use std::collections::BTreeMap;

use super::pod_command::is_init_only;
use crate::objects::{Object, Objects, Workload};
use crate::rbac::is_rbac;
use crate::yaml::{Node, Value};

/// Keys under which every kind of workload, also one of a custom resource, names its service account. The second is
/// the former name of the first.
const ACCOUNT: [&str; 2] = ["serviceAccountName", "serviceAccount"];
/// Where a pod has its containers.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Of each user name of a service account that others have too: who, in words.
///
/// `accounts` are the user names of kube-proxy.
pub fn shared<'a>(
    manifests: &Objects,
    accounts: impl Iterator<Item = &'a str>,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for user in accounts {
        let account = user.strip_prefix("system:serviceaccount:");
        let Some((namespace, name)) = account.and_then(|account| account.split_once(':')) else {
            continue;
        };
        let mut each = manifests.all.iter().enumerate();
        let other = each.find_map(|(number, object)| {
            let elsewhere = object
                .namespace
                .as_deref()
                .is_some_and(|own| own != namespace);
            if elsewhere || is_rbac(&object.api_version, &object.kind) {
                return None;
            }
            let own = |workload: &&Workload| workload.object == number;
            match manifests.workloads.iter().find(own) {
                Some(workload) => beside(workload, object, name),
                None => may_use(object, name).then(|| object.title().to_string()),
            }
        });
        if let Some(other) = other {
            found.insert(user.to_owned(), other);
        }
    }
    found
}

/// A container beside kube-proxy's in its own pod; all of them have the pod's service account.
fn beside(workload: &Workload, object: &Object, account: &str) -> Option<String> {
    let title = object.title();
    if object.doubt.is_some() {
        return Some(format!("{title}, of which not all is to be seen,"));
    }
    let pod = workload.pod(object)?;
    if !names(pod, account) {
        return None;
    }
    let own = workload.container(object);
    let containers = CONTAINERS
        .iter()
        .filter_map(|list| pod.get(list))
        .flat_map(Node::items);
    let mut others = containers.filter(|container| {
        !own.is_some_and(|own| std::ptr::eq(own, *container))
            && !is_init_only(container, pod, &object.file)
    });
    let name = others.next()?.get("name").and_then(Node::text);
    Some(match name {
        Some(name) => format!("the container {name} of {title}"),
        None => format!("another container of {title}"),
    })
}

/// Whether an object that starts no kube-proxy names the service account, wherever in it that stands.
fn may_use(object: &Object, account: &str) -> bool {
    let hidden = object.doubt.is_some() && object.node.get("spec").is_some();
    hidden || names(&object.node, account)
}

/// The reader of YAML bounds how deep this goes.
fn names(node: &Node, account: &str) -> bool {
    match &node.value {
        Value::Mapping(entries, _) => entries.iter().any(|(key, value)| {
            let is_key = key.text().is_some_and(|key| ACCOUNT.contains(&key));
            is_key && value.text() == Some(account) || names(value, account)
        }),
        Value::Sequence(items, _) => items.iter().any(|item| names(item, account)),
        Value::Scalar(..) | Value::Alias(_) => false,
    }
}
