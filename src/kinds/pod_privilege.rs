//! What the container that runs kube-proxy may do on its node.
//!
//! kube-proxy needs a privileged container for a few settings of the kernel alone. From 1.29 on it makes them
//! with `--init-only` and ends, so that an init container can do that, and what keeps running is left with
//! CAP_NET_ADMIN (facts page, section 2).

use serde::Deserialize;

use super::pod_split::Split;
use super::workload::{Found, Odd, each_in_workload, of_another, switch, text, texts};
use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, Version, Written};
use crate::edit::{Alteration, Scalar, Step, Tree};
use crate::facts::Facts;
use crate::yaml::Node;

/// What kube-proxy needs to write rules.
const NEEDED: &str = "NET_ADMIN";

/// `pod-privilege: {capabilities}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PodPrivilege {
    /// Those that may be added.
    capabilities: Vec<String>,
}

/// What a container's security context says.
struct Context<'a> {
    privileged: bool,
    /// Without a word the kernel lets it gain rights.
    escalation: bool,
    drops_all: bool,
    added: Vec<&'a str>,
}

impl<'a> Context<'a> {
    fn of(container: &'a Node) -> Result<Context<'a>, Odd> {
        let context = container.get("securityContext");
        let capabilities = context.and_then(|context| context.get("capabilities"));
        let list = |key| {
            let node = capabilities.and_then(|all| all.get(key));
            let names: Vec<&str> = texts(node).collect();
            let odd = node.filter(|node| !node.is_null() && names.len() != node.items().len());
            match odd {
                Some(odd) => Err(Odd::of(
                    odd,
                    format!("capabilities.{key} is no list of names"),
                )),
                None => Ok(names),
            }
        };
        Ok(Context {
            privileged: switch(context, "privileged")?.unwrap_or(false),
            escalation: switch(context, "allowPrivilegeEscalation")?.unwrap_or(true),
            drops_all: list("drop")?.contains(&"ALL"),
            added: list("add")?,
        })
    }
}

/// The name of a capability as Kubernetes writes it.
fn plain(name: &str) -> &str {
    name.strip_prefix("CAP_").unwrap_or(name)
}

impl PodPrivilege {
    /// Those of the added capabilities that may not be.
    fn beyond<'a>(&self, context: &Context<'a>) -> Vec<&'a str> {
        let allowed = |name: &&str| {
            let mut all = self.capabilities.iter();
            all.any(|allowed| allowed == plain(name))
        };
        let added = context.added.iter().copied();
        added.filter(|name| !allowed(name)).collect()
    }

    fn judged(&self, check: &Check, found: &Found) -> Vec<Instance> {
        let own = match Context::of(found.container) {
            Ok(context) => self.own(check, found, &context),
            Err(odd) => odd.unknown(),
        };
        let others = found.others().filter_map(|one| self.other(one));
        std::iter::once(own).chain(others).collect()
    }

    /// Another container of the pod, where it has a right too many.
    fn other(&self, container: &Node) -> Option<Instance> {
        let context = match Context::of(container) {
            Ok(context) => context,
            Err(odd) => return Some(odd.unknown()),
        };
        if context.privileged {
            return Some(of_another(container, "privileged: true"));
        }
        let beyond = self.beyond(&context).join(", ");
        let observed = format!("capabilities.add: {beyond}");
        (!beyond.is_empty()).then(|| of_another(container, &observed))
    }

    /// The container that runs kube-proxy.
    fn own(&self, check: &Check, found: &Found, context: &Context) -> Instance {
        let beyond = self.beyond(context);
        let told = [
            context.privileged.then(|| "privileged: true".to_owned()),
            (!context.privileged && context.escalation)
                .then(|| "allowPrivilegeEscalation is not false".to_owned()),
            (!context.privileged && !context.drops_all)
                .then(|| "capabilities.drop is without ALL".to_owned()),
            (!beyond.is_empty()).then(|| format!("capabilities.add: {}", beyond.join(", "))),
        ];
        let told: Vec<String> = told.into_iter().flatten().collect();
        let passes = told.is_empty();
        let observed = if passes {
            self.expected()
        } else {
            told.join(", ")
        };
        let line = found.in_container(&["securityContext", "privileged"]);
        let line = line.filter(|_| context.privileged);
        let line = line.or(found.in_container(&["securityContext"]));
        let instance = Instance::judged(passes, observed, || {
            fix_or_by_hand(check, |fix| {
                match self.alterations(fix.needs_version, found, context) {
                    Ok(alterations) => found.object.mend(alterations),
                    Err(why) => Mend::ByHand(why),
                }
            })
        });
        let rewritten = context.privileged && found.object.kind == "DaemonSet";
        instance
            .line(Some(line.unwrap_or(found.container).line))
            .besides(rewritten.then(|| REWRITTEN.into()))
    }

    fn alterations(
        &self,
        needed: Option<Version>,
        found: &Found,
        context: &Context,
    ) -> Result<Vec<Alteration>, String> {
        let set = |keys: &[&str], value: Scalar| {
            let keys: Vec<&str> = std::iter::once("securityContext")
                .chain(keys.iter().copied())
                .collect();
            Alteration::set(found.workload.in_container(&keys), value)
        };
        let mut all = Vec::new();
        if context.privileged {
            if let Some(needed) = needed {
                release(found, needed)?;
            }
            propagation(found)?;
            all.extend(Split::of(found)?.map(Split::alteration));
            all.push(set(&["privileged"], Scalar::Bool(false)));
        }
        if context.escalation || context.privileged {
            all.push(set(&["allowPrivilegeEscalation"], Scalar::Bool(false)));
        }
        let list = |key: &str, item: &str| {
            let keys = ["securityContext", "capabilities", key];
            let way = found.workload.in_container(&keys);
            match found.in_container(&keys) {
                Some(_) => Alteration::insert(way, None, vec![Tree::text(item)]),
                None => Alteration::set(way, Scalar::List(vec![item.into()])),
            }
        };
        let beyond = self.beyond(context);
        let has_needed = context.added.iter().any(|name| plain(name) == NEEDED);
        if !has_needed {
            all.push(list("add", NEEDED));
        }
        // From behind, so that what is left keeps its position until its turn comes.
        for (index, name) in context.added.iter().enumerate().rev() {
            if beyond.contains(name) {
                let mut way =
                    found
                        .workload
                        .in_container(&["securityContext", "capabilities", "add"]);
                way.push(Step::Index(index));
                all.push(Alteration::remove(way));
            }
        }
        if !context.drops_all {
            all.push(list("drop", "ALL"));
        }
        Ok(all)
    }
}

/// What kubeadm does to its DaemonSet (facts page, section 2).
const REWRITTEN: &str = "where kubeadm keeps this DaemonSet, kubeadm upgrade writes its own again, with privileged: true and none of these changes: apply the manifest again after each upgrade";

/// Whether each mount is one that a container may have that is not privileged (core/v1, VolumeMount).
fn propagation(found: &Found) -> Result<(), String> {
    let mounts = found.in_container(&["volumeMounts"]).map(Node::items);
    let mut mounts = mounts.unwrap_or_default().iter();
    match mounts.any(|mount| text(mount, "mountPropagation") == Some("Bidirectional")) {
        true => Err("it has a mount with mountPropagation: Bidirectional, which only a privileged container may have: take that away first".into()),
        false => Ok(()),
    }
}

/// Whether the image's tag tells a release that knows `--init-only`.
fn release(found: &Found, needed: Version) -> Result<(), String> {
    match found.workload.release() {
        Some(release) if release >= needed => Ok(()),
        Some(release) => Err(format!(
            "kube-proxy {release} cannot do without a privileged container: --init-only came with {needed}"
        )),
        None => Err(format!(
            "the image's tag tells no release, and --init-only needs kube-proxy {needed}"
        )),
    }
}

impl Kind for PodPrivilege {
    fn expected(&self) -> String {
        format!(
            "no privileged container but for --init-only, allowPrivilegeEscalation: false, capabilities: ALL dropped, at most {} added",
            self.capabilities.join(", ")
        )
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_in_workload(facts, |found| self.judged(check, found))
    }

    fn sound(&self) -> Result<(), String> {
        if self.capabilities.iter().any(|name| name == NEEDED) {
            return Ok(());
        }
        Err(format!("kube-proxy writes no rules without {NEEDED}"))
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match (&fix.value, fix.needs_version) {
            (Some(Written::Bool(true)), Some(version)) if version >= Version::INIT_ONLY => Ok(()),
            (Some(Written::Bool(true)), _) => Err(format!(
                "needs-version: \"{}\" is missing",
                Version::INIT_ONLY
            )),
            _ => Err("the fix is value: true".into()),
        }
    }
}
