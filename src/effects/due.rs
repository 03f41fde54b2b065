//! Which restarts a set of changes calls for. Pure.

use std::collections::BTreeSet;
use std::fmt;

use crate::discover::flag_file::FlagFile;
use crate::discover::platform::{Agent, FlagPlace};
use crate::discover::{KubeProxy, Source};
use crate::facts::{Facts, PolicyPath, Role, ServerSource};
use crate::objects::Objects;
use crate::report::quoted;
use crate::root::NodePath;
use crate::transaction::Restart;

/// What reads its files when it starts, and only then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// kube-proxy.
    KubeProxy,
    /// The kube-apiserver of this node.
    ApiServer,
}

impl Component {
    /// Its program's name.
    pub fn name(self) -> &'static str {
        match self {
            Component::KubeProxy => "kube-proxy",
            Component::ApiServer => "kube-apiserver",
        }
    }

    /// The component of this name.
    pub fn named(name: &str) -> Option<Component> {
        [Component::KubeProxy, Component::ApiServer]
            .into_iter()
            .find(|component| component.name() == name)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Who starts it anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// systemd, when it is told to.
    Unit {
        /// `kube-proxy.service`.
        name: String,
        /// True when the unit or a drop-in changes, which systemd has to read again first.
        reload: bool,
    },
    /// The kubelet, because the static pod's manifest is replaced: that is the restart.
    Kubelet(NodePath),
    /// The kubelet, if only the static pod's manifest were replaced, as nothing calls for yet.
    Manifest(NodePath),
    /// The cluster's own controllers, once its API is told what the manifest says. tighten tells it nothing.
    /// The words behind `kubectl`.
    Cluster(String),
    /// Only a person: why.
    ByHand(String),
}

/// A restart that the changes call for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What is started anew.
    pub component: Component,
    /// By whom.
    pub way: Way,
    /// What changes: words that go behind "because".
    pub because: String,
}

impl Due {
    /// What is done, in the word of a document's `effects`.
    pub fn kind(&self) -> &'static str {
        match self.way {
            Way::Cluster(_) => "kubectl",
            _ => "restart",
        }
    }

    /// What is restarted, as people name it.
    pub fn target(&self) -> String {
        match &self.way {
            Way::Unit { name, .. } => name.clone(),
            Way::Kubelet(manifest) | Way::Manifest(manifest) => format!("static pod {manifest}"),
            Way::Cluster(words) => words.clone(),
            Way::ByHand(_) => self.component.name().into(),
        }
    }

    /// True for the pods of a workload that are to read a ConfigMap again.
    pub fn is_rollout(&self) -> bool {
        matches!(&self.way, Way::Cluster(words) if words.contains("rollout restart"))
    }

    /// For the journal; none for what tighten does not do itself.
    pub fn restart(&self) -> Option<Restart> {
        let (unit, reload) = match &self.way {
            Way::Unit { name, reload } => (Some(name.clone()), *reload),
            Way::Kubelet(_) => (None, false),
            Way::Manifest(_) | Way::Cluster(_) | Way::ByHand(_) => return None,
        };
        Some(Restart {
            component: self.component.name().into(),
            unit,
            reload,
        })
    }
}

/// The restarts that new contents of these files call for, the API server's last.
pub fn due(facts: &Facts, changed: &[&NodePath]) -> Vec<Due> {
    if let Some(objects) = facts.objects.as_ref().filter(|objects| objects.alone) {
        return cluster(objects, changed);
    }
    let proxy = kube_proxy(facts, changed);
    proxy
        .into_iter()
        .chain(api_server(facts, changed))
        .collect()
}

/// What the cluster is told of changed manifests, and the workloads whose pods have to read a ConfigMap again.
fn cluster(objects: &Objects, changed: &[&NodePath]) -> Vec<Due> {
    let due = |words: String, because: &str| Due {
        component: Component::KubeProxy,
        way: Way::Cluster(words),
        because: because.into(),
    };
    let told = |path: &&NodePath| match objects.kustomized(path) {
        // Its file alone is not what the cluster has.
        Some(kustomized) => format!("apply -k {}", quoted(kustomized.directory.as_str())),
        None => format!("apply -f {}", quoted(path.as_str())),
    };
    let words: BTreeSet<String> = changed.iter().map(told).collect();
    let apply = words.into_iter().map(|words| {
        due(
            words,
            "the cluster has its objects from its API, not from this file",
        )
    });
    let read = objects.views.iter().filter(|view| view.reads(changed));
    let restart = read.filter_map(|view| {
        let object = objects.object(view.workload(objects)?)?;
        let rolls = matches!(
            object.kind.as_str(),
            "DaemonSet" | "Deployment" | "StatefulSet"
        );
        let object = rolls.then_some(object)?;
        let namespace = object.namespace.as_deref();
        let namespace = namespace.map_or(String::new(), |name| format!("-n {} ", quoted(name)));
        let kind = object.kind.to_lowercase();
        let name = quoted(&object.name);
        Some(due(
            format!("{namespace}rollout restart {kind}/{name}"),
            "a pod reads what a ConfigMap holds only when it starts",
        ))
    });
    apply.chain(restart).collect()
}

/// `its configuration and its kubeconfig change`.
fn because(parts: &[&str]) -> Option<String> {
    let verb = if parts.len() == 1 {
        "changes"
    } else {
        "change"
    };
    let named = match parts {
        [] => return None,
        [only] => (*only).to_string(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    };
    Some(format!("{named} {verb}"))
}

/// True for a drop-in of a unit, wherever systemd looks for it.
fn is_dropin(path: &NodePath, unit: &str) -> bool {
    let folder = path.parent();
    path.name().ends_with(".conf") && folder.name() == format!("{unit}.d")
}

fn kube_proxy(facts: &Facts, changed: &[&NodePath]) -> Option<Due> {
    let changes = |role: Role| {
        facts.targets(role).any(|target| {
            matches!(&target.seen, Ok(seen) if changed.iter().any(|path| **path == seen.path))
        })
    };
    let unit = facts.proxy.unit();
    let manifest = match (&facts.proxy.source, &facts.proxy.flag_place) {
        (Source::StaticPod(pod), _) => Some(&pod.path),
        // On a live node it is found by its process.
        (Source::Process(..), FlagPlace::Manifest(path)) => Some(path),
        _ => None,
    };
    let reload = unit.is_some_and(|unit| {
        changes(Role::ProxyUnit) || changed.iter().any(|path| is_dropin(path, &unit.name))
    });
    let is_manifest = |path: &NodePath| match &facts.flag_file {
        // Its name in the kubelet's directory can be a link.
        Ok(FlagFile::Manifest(real, ..)) if real == path => true,
        _ => manifest == Some(path),
    };
    let replaced = manifest.is_some() && changed.iter().any(|path| is_manifest(path));
    let is_arguments = |path: &NodePath| match &facts.flag_file {
        Ok(FlagFile::Agent(_, files)) => files
            .iter()
            .any(|(named, real)| [named, real].contains(&path)),
        Ok(FlagFile::Lines(_, real, _)) => real == path,
        _ => false,
    };
    let arguments = changed.iter().any(|path| is_arguments(path));
    let mut parts = Vec::new();
    if arguments {
        parts.push("its command line");
    }
    if changes(Role::ProxyConfig) {
        parts.push("its configuration");
    }
    if changes(Role::ProxyKubeconfig) {
        parts.push("its kubeconfig");
    }
    if reload {
        parts.push("its unit");
    }
    if replaced {
        parts.push("its manifest");
    }
    let because = because(&parts)?;
    let way = match (unit, manifest) {
        _ if let Some(service) = with_kubelet(&facts.proxy, arguments) => Way::ByHand(format!(
            "its service runs it together with the kubelet: restart {service} when nothing else is changing"
        )),
        (Some(unit), _) => Way::Unit {
            name: unit.name.clone(),
            reload,
        },
        (None, Some(manifest)) if replaced => Way::Kubelet(manifest.clone()),
        (None, Some(manifest))
            if facts.proxy.flag_place == FlagPlace::Manifest(manifest.clone()) =>
        {
            Way::Manifest(manifest.clone())
        }
        (None, Some(manifest)) => Way::ByHand(pod_by_hand(manifest)),
        (None, None) => Way::ByHand(BY_HAND.into()),
    };
    Some(Due {
        component: Component::KubeProxy,
        way,
        because,
    })
}

/// The service that runs the kubelet too, and so is never restarted here: that of k3s, RKE2 and MicroK8s,
/// whether or not it runs, and any whose processes show it. `arguments`: those of kube-proxy change.
fn with_kubelet(proxy: &KubeProxy, arguments: bool) -> Option<String> {
    let unit = proxy.unit().map(|unit| unit.name.clone());
    match (&proxy.flag_place, &proxy.source) {
        // Its restart writes the pod's manifest, and that stays the same when no argument changes.
        (FlagPlace::Agent(config), _) if config.agent == Agent::Rke2 && !arguments => None,
        (FlagPlace::Agent(config), _) => {
            let known = config.service.clone().or(unit);
            Some(known.unwrap_or_else(|| config.agent.name().into()))
        }
        (FlagPlace::ArgsFile(file), _) => Some(unit.unwrap_or_else(|| file.service.clone())),
        (_, Source::Within(_)) => unit,
        _ => unit.filter(|_| proxy.with_kubelet),
    }
}

const BY_HAND: &str = "restart it the way it was started: no systemd unit of it is known";

/// How a person restarts a static pod.
pub(super) fn pod_by_hand(manifest: &NodePath) -> String {
    format!(
        "the kubelet restarts a static pod only when {manifest} itself changes: move it out of its directory, wait until the pod is gone, and move it back"
    )
}

/// The API server reads its policy only when it starts (facts page, section 5.3).
fn api_server(facts: &Facts, changed: &[&NodePath]) -> Option<Due> {
    let server = facts.api_server.as_ref()?;
    // Where none was, none was read: what runs does without, and what does not run finds it by itself.
    let policy = match &server.policy {
        PolicyPath::Named(..) => server.policy_resolved.as_ref(),
        PolicyPath::Default(_) | PolicyPath::Unreachable(..) => None,
    };
    let unit = server.unit.as_ref();
    let manifest = match &server.source {
        ServerSource::StaticPod(manifest) => Some(&manifest.path),
        _ => None,
    };
    let reload = unit.is_some_and(|unit| {
        let own = |path: &&NodePath| unit.files.contains(path) || is_dropin(path, &unit.name);
        changed.iter().any(own)
    });
    let replaced = manifest.is_some_and(|manifest| changed.contains(&manifest));
    let mut parts = Vec::new();
    if policy.is_some_and(|policy| changed.contains(&policy)) {
        parts.push("its audit policy");
    }
    if reload {
        parts.push("its unit");
    }
    if replaced {
        parts.push("its manifest");
    }
    let because = because(&parts)?;
    let way = match (unit, manifest, &server.source) {
        (Some(unit), ..) => Way::Unit {
            name: unit.name.clone(),
            reload,
        },
        (None, Some(manifest), _) if replaced => Way::Kubelet(manifest.clone()),
        (None, Some(manifest), _) => Way::Manifest(manifest.clone()),
        (None, None, ServerSource::Controller(who, _)) => Way::ByHand(format!(
            "{who} runs it together with the kubelet: restart {who} when nothing else is changing"
        )),
        (None, None, _) => Way::ByHand(BY_HAND.into()),
    };
    Some(Due {
        component: Component::ApiServer,
        way,
        because,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_joined_as_people_write_them() {
        assert_eq!(because(&[]), None);
        assert_eq!(because(&["its unit"]).unwrap(), "its unit changes");
        assert_eq!(because(&["a", "b"]).unwrap(), "a and b change");
        assert_eq!(because(&["a", "b", "c"]).unwrap(), "a, b and c change");
    }

    #[test]
    fn a_drop_in_is_known_by_its_folder() {
        let path = |text| NodePath::new(text).unwrap();
        let unit = "kube-proxy.service";
        let own = "/etc/systemd/system/kube-proxy.service.d/90-tighten.conf";
        assert!(is_dropin(&path(own), unit));
        let other = "/etc/systemd/system/kubelet.service.d/90-tighten.conf";
        assert!(!is_dropin(&path(other), unit));
        assert!(!is_dropin(&path("/etc/kube-proxy.service.d/README"), unit));
    }
}
