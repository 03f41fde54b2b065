//! What kube-apiserver's RBAC authorizer makes of roles and bindings: who may do what, and through which
//! binding and rule.
//!
//! The objects come from manifests, so that what they do not hold is not known: a role that is bound and not
//! there, a namespace that is left to whoever applies it. Such a right is never counted on, and never said not to
//! be there. What the API server makes itself is in plans/kubernetes-roles.yaml.

mod allows;
mod compare;
mod concern;
mod defaults;
mod doubt;
mod evaluate;
mod openshift;
mod read;
mod remove;
mod rights;
mod schema;
mod selector;
mod told;

pub use allows::{Right, What};
pub use compare::{Compared, Extra, MAX_BINDINGS, Reach, compare};
pub use concern::Concern;
pub use defaults::{Defaults, standard};
pub use doubt::Doubt;
pub use evaluate::{Answer, Cluster};
pub use read::{Refused, is_rbac};
pub use remove::{Outcome, plan};
pub use selector::{Operator, Requirement, Selector, selector};
pub use told::{request_told, requests_told};

use std::collections::BTreeMap;

/// The group that the API server's own authorizer lets do everything, whatever RBAC says.
pub const PRIVILEGED_GROUP: &str = "system:masters";

/// Roles and bindings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// ClusterRoles and Roles.
    pub roles: Vec<Role>,
    /// ClusterRoleBindings and RoleBindings.
    pub bindings: Vec<Binding>,
}

/// Where an object is in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// In the whole cluster.
    Cluster,
    /// In this namespace.
    Namespace(String),
    /// In a namespace that the manifest does not name: whoever applies it decides.
    Unsaid,
}

/// A ClusterRole or a Role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The caller's number of the object; none for what the API server makes itself.
    pub source: Option<usize>,
    /// Line of its first byte, counted from 1.
    pub line: usize,
    /// A ClusterRole is in force in the whole cluster.
    pub scope: Scope,
    /// Its name.
    pub name: String,
    /// Its labels, by which other roles may take its rules.
    pub labels: BTreeMap<String, String>,
    /// The rules that stand in it.
    pub rules: Vec<Rule>,
    /// Of an aggregated ClusterRole: whose rules are its own. The controller writes them over `rules`.
    pub aggregates: Option<Vec<Selector>>,
    /// Why it may have more rules than are known here.
    pub open: Option<String>,
    /// Why it is not counted on.
    pub doubt: Option<Doubt>,
}

/// A rule of a role: all of its lists must hold of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Line of its first byte, counted from 1.
    pub line: usize,
    /// Verbs; `*` for each.
    pub verbs: Vec<String>,
    /// API groups; the empty one is the core group, `*` each.
    pub groups: Vec<String>,
    /// `pods`, `pods/log`, `*/scale`, `*`.
    pub resources: Vec<String>,
    /// Names of objects; none for all.
    pub names: Vec<String>,
    /// Paths that are no resources; a star at the end stands for any rest.
    pub urls: Vec<String>,
}

/// A ClusterRoleBinding or a RoleBinding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The caller's number of the object; none for what the API server makes itself.
    pub source: Option<usize>,
    /// Line of its first byte, counted from 1.
    pub line: usize,
    /// A ClusterRoleBinding is in force in the whole cluster.
    pub scope: Scope,
    /// Its name.
    pub name: String,
    /// The role is a ClusterRole; otherwise a Role of the binding's own namespace.
    pub of_cluster_role: bool,
    /// The role's name.
    pub role: String,
    /// Who has the role's rights.
    pub subjects: Vec<Subject>,
    /// Why it is not counted on.
    pub doubt: Option<Doubt>,
}

/// Who has a role's rights by a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its position in the binding's `subjects`, counted from 0.
    pub index: usize,
    /// Line of its first byte, counted from 1.
    pub line: usize,
    /// What it names.
    pub who: Who,
}

/// What a subject names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A user, by name.
    User(String),
    /// A group, by name.
    Group(String),
    /// A service account: its namespace, where the subject names one, and its name.
    Account(Option<String>, String),
}

impl Scope {
    /// In words: `in the whole cluster`, `in namespace default`.
    pub fn told(&self) -> String {
        match self {
            Scope::Cluster => "in the whole cluster".to_owned(),
            Scope::Namespace(name) => format!("in namespace {name}"),
            Scope::Unsaid => "in a namespace that is not said".to_owned(),
        }
    }
}

impl Role {
    /// `ClusterRole` or `Role`.
    pub fn kind(&self) -> &'static str {
        match self.scope {
            Scope::Cluster => "ClusterRole",
            _ => "Role",
        }
    }
}

impl Binding {
    /// Whether it is a ClusterRoleBinding.
    pub fn is_of_cluster(&self) -> bool {
        self.scope == Scope::Cluster
    }

    /// `ClusterRoleBinding` or `RoleBinding`.
    pub fn kind(&self) -> &'static str {
        match self.scope {
            Scope::Cluster => "ClusterRoleBinding",
            _ => "RoleBinding",
        }
    }

    /// The kind of its role: `ClusterRole` or `Role`.
    pub fn role_kind(&self) -> &'static str {
        if self.of_cluster_role {
            "ClusterRole"
        } else {
            "Role"
        }
    }
}

#[cfg(test)]
mod tests;
