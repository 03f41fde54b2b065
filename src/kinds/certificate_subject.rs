//! Who kube-proxy is to the API server, by its client certificate.

use serde::Deserialize;

use super::{Instance, Kind, Mend, by_hand, each_client_certificate};
use crate::baseline::Check;
use crate::certificates::Name;
use crate::facts::Facts;

/// The group that may do everything, whatever RBAC says: it is decided before any rule is read.
const MASTERS: &str = "system:masters";

/// Users and groups of others; a colon at the end stands for everything behind it (facts 6).
const OTHERS: &[(&str, &str)] = &[
    ("system:node:", "a kubelet"),
    ("system:nodes", "the kubelets"),
    ("system:bootstrappers", "nodes that join the cluster"),
    ("system:kube-controller-manager", "the controller manager"),
    ("system:kube-scheduler", "the scheduler"),
    ("system:apiserver", "the API server"),
    ("kube-apiserver-kubelet-client", "the API server"),
    ("front-proxy-client", "the API server"),
    ("kubernetes-admin", "the cluster's administrator"),
    ("kubernetes-super-admin", "the cluster's administrator"),
    ("kubeadm:cluster-admins", "the cluster's administrators"),
    ("system:serviceaccount:", "a service account"),
];

/// `certificate-subject: {user: system:kube-proxy, groups: [system:node-proxier]}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateSubject {
    /// The common name.
    user: String,
    /// Organizations that may stand beside it.
    groups: Vec<String>,
}

/// Whose name it is, when it is that of another component.
fn another(name: &str) -> Option<&'static str> {
    let same = |known: &str| match known.ends_with(':') {
        true => name.starts_with(known),
        false => name == known,
    };
    let known = OTHERS.iter().find(|(known, _)| same(known));
    known.map(|(_, whose)| *whose)
}

impl CertificateSubject {
    /// What is wrong, the worst first.
    fn fault(&self, name: &Name) -> Option<String> {
        let groups = &name.organizations;
        if groups.iter().any(|group| group == MASTERS) {
            return Some(format!(
                "{name}: O={MASTERS} may do everything, and no RBAC rule can take that away"
            ));
        }
        let Some(user) = name.common_name.as_ref().filter(|user| !user.is_empty()) else {
            return Some(format!("{name}: the API server takes no user from it"));
        };
        let foreign = groups.iter().filter(|group| !self.groups.contains(group));
        let mut named: Vec<(&str, &String)> = foreign.map(|group| ("O", group)).collect();
        if *user != self.user {
            named.insert(0, ("CN", user));
        }
        let theirs = named
            .iter()
            .find_map(|(key, name)| Some((key, another(name)?)));
        if let Some((key, whose)) = theirs {
            return Some(format!("{name}: its {key} is that of {whose}"));
        }
        let (key, _) = named.first()?;
        Some(format!(
            "{name}: its {key} is not kube-proxy's own, and RBAC decides what it may do"
        ))
    }
}

impl Kind for CertificateSubject {
    fn expected(&self) -> String {
        match self.groups.is_empty() {
            true => format!("CN={} and no O", self.user),
            false => format!("CN={}, and no O but {}", self.user, self.groups.join(", ")),
        }
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_client_certificate(facts, |certificate| {
            let name = &certificate.subject;
            match self.fault(name) {
                Some(fault) => Instance::judged(false, fault, || by_hand(check)),
                None => Instance::judged(true, name.to_string(), || Mend::None),
            }
        })
    }

    fn sound(&self) -> Result<(), String> {
        match self.user.is_empty() || self.groups.iter().any(String::is_empty) {
            true => Err("user and groups cannot be empty".into()),
            false => Ok(()),
        }
    }
}
