//! How bad a right is in the hands of who takes over kube-proxy: Kubernetes' own "Role Based Access Control Good
//! Practices", section "privilege escalation risks".

use serde::Deserialize;

use super::{Right, What};

/// What somebody could do with a right, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Concern {
    /// Everything.
    ClusterAdmin,
    /// Get further rights: by roles, as somebody else, by a token or a certificate.
    Escalation,
    /// Read or write Secrets.
    Secrets,
    /// Run something, in a container that is there or in one that is made for it.
    Execution,
    /// More than anybody has looked at: a star.
    Wildcard,
    /// Something else that kube-proxy does not need.
    Other,
}

/// Verbs that change an object.
const WRITING: [&str; 3] = ["create", "patch", "update"];
/// Subresources through which something runs in a container or on a node.
const ENTERING: [&str; 5] = [
    "attach",
    "ephemeralcontainers",
    "exec",
    "portforward",
    "proxy",
];
/// Resources that are pods, or make some.
const WORKLOADS: [(&str, &str); 10] = [
    ("", "pods"),
    ("", "replicationcontrollers"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    // A volume can be a path of the node.
    ("", "persistentvolumes"),
    ("", "podtemplates"),
];
/// Resources of which each change leads to further rights.
const GRANTING: [(&str, &str); 11] = [
    ("rbac.authorization.k8s.io", "roles"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("", "serviceaccounts/token"),
    ("certificates.k8s.io", "certificatesigningrequests/approval"),
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
    ),
    ("apiregistration.k8s.io", "apiservices"),
    // The labels of a namespace decide which pods are let in.
    ("", "namespaces"),
    ("certificates.k8s.io", "clustertrustbundles"),
];

impl Concern {
    /// All, the worst first.
    pub const ALL: [Concern; 6] = [
        Concern::ClusterAdmin,
        Concern::Escalation,
        Concern::Secrets,
        Concern::Execution,
        Concern::Wildcard,
        Concern::Other,
    ];

    /// The concern of a right.
    pub fn of(right: &Right) -> Concern {
        let verb = right.verb.as_str();
        let any_verb = verb == "*";
        let (group, resource) = match &right.what {
            What::Resource {
                group, resource, ..
            } => (group.as_str(), resource.as_str()),
            // A star is all paths; another one only those below it.
            What::Url(url)
                if any_verb
                    || matches!(url.trim_end_matches('*'), "" | "/") && url.ends_with('*') =>
            {
                return Concern::Wildcard;
            }
            What::Url(_) => return Concern::Other,
        };
        if any_verb && group == "*" && resource == "*" {
            return Concern::ClusterAdmin;
        }
        // A star stands for all of a group, and `*/token` for the subresource of each.
        let is = |&(in_group, held): &(&str, &str)| {
            let each_sub = resource.strip_prefix("*/");
            let held_sub = held.split_once('/').map(|(_, sub)| sub);
            (group == "*" || group == in_group)
                && (resource == "*"
                    || resource == held
                    || each_sub.is_some() && each_sub == held_sub)
        };
        let sub = resource.split_once('/').map(|(_, sub)| sub);
        let writes = any_verb || WRITING.contains(&verb);
        let hands_on =
            verb.starts_with("impersonate") || any_verb && is(&("certificates.k8s.io", "signers"));
        if matches!(verb, "escalate" | "bind" | "approve" | "sign")
            || hands_on
            || writes && GRANTING.iter().any(is)
        {
            return Concern::Escalation;
        }
        if is(&("", "secrets")) {
            return Concern::Secrets;
        }
        let enters = sub.is_some_and(|sub| ENTERING.contains(&sub));
        if enters || writes && WORKLOADS.iter().any(is) {
            return Concern::Execution;
        }
        if any_verb || group == "*" || resource.starts_with('*') {
            return Concern::Wildcard;
        }
        Concern::Other
    }
}
