//! The roles and bindings that the API server makes itself: plans/kubernetes-roles.yaml.

use serde::Deserialize;

use super::{
    Binding, Doubt, Objects, Operator, Requirement, Role, Rule, Scope, Selector, Subject, Who,
};
use crate::baseline::Version;

/// Made from plans/kubernetes-roles.yaml by build.rs.
const WRITTEN: &str = include_str!(concat!(env!("OUT_DIR"), "/kubernetes-roles.json"));
/// kube-proxy's own role.
const OWN: &str = "system:node-proxier";

/// What the API server makes itself, in some version of it.
#[derive(Clone, Debug, Default)]
pub struct Defaults(Objects);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "title")]
    _title: String,
    roles: Vec<WrittenRole>,
    bindings: Vec<WrittenBinding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRole {
    name: String,
    #[serde(default)]
    partial: bool,
    #[serde(default)]
    includes: Vec<String>,
    #[serde(default)]
    aggregates: Vec<String>,
    rules: Vec<WrittenRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenRule {
    verbs: Vec<String>,
    #[serde(default)]
    api_groups: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default, rename = "nonResourceURLs")]
    urls: Vec<String>,
    #[serde(default)]
    since: Option<Version>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBinding {
    name: String,
    role: String,
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
}

impl Defaults {
    /// Those of a version; without one, those of the newest.
    ///
    /// # Errors
    /// When the binary's own table cannot be read, which a test rules out.
    pub fn of(version: Option<Version>) -> Result<Defaults, String> {
        let written: Written =
            serde_json::from_str(WRITTEN).map_err(|why| format!("kubernetes-roles: {why}"))?;
        let rules_of = |role: &WrittenRole| -> Vec<Rule> {
            let rules = role.rules.iter();
            rules.filter_map(|rule| rule.in_version(version)).collect()
        };
        let role = |role: &WrittenRole| {
            let included = written
                .roles
                .iter()
                .filter(|other| role.includes.contains(&other.name));
            Role {
                source: None,
                line: 0,
                scope: Scope::Cluster,
                name: role.name.clone(),
                labels: [].into(),
                rules: std::iter::once(role)
                    .chain(included)
                    .flat_map(rules_of)
                    .collect(),
                aggregates: match role.aggregates.as_slice() {
                    [] => None,
                    keys => Some(keys.iter().map(|key| labelled(key)).collect()),
                },
                open: role
                    .partial
                    .then(|| format!("the ClusterRole {} may allow more", role.name)),
                doubt: None,
            }
        };
        Ok(Defaults(Objects {
            roles: written.roles.iter().map(role).collect(),
            bindings: written
                .bindings
                .iter()
                .map(WrittenBinding::binding)
                .collect(),
        }))
    }

    /// Adds the roles whose names no ClusterRole of the manifests has.
    pub fn add_roles(&self, objects: &mut Objects) {
        let Defaults(defaults) = self;
        for role in &defaults.roles {
            let same = |held: &Role| {
                let kubernetes_own = held.doubt != Some(Doubt::OpenShift);
                kubernetes_own && held.scope == Scope::Cluster && held.name == role.name
            };
            if !objects.roles.iter().any(same) {
                objects.roles.push(role.clone());
            }
        }
    }

    /// Adds the bindings whose names no ClusterRoleBinding of the manifests has.
    pub fn add_bindings(&self, objects: &mut Objects) {
        let Defaults(defaults) = self;
        for binding in &defaults.bindings {
            let same = |held: &Binding| held.scope == Scope::Cluster && held.name == binding.name;
            if !objects.bindings.iter().any(same) {
                objects.bindings.push(binding.clone());
            }
        }
    }
}

/// The rules of what kube-proxy is meant to have: its own role's, and those that everybody has or every service
/// account.
pub fn standard(defaults: &Defaults) -> Vec<Rule> {
    let Defaults(objects) = defaults;
    let of_all = |name: &str| {
        let bound = |binding: &&Binding| binding.role == name;
        name == OWN || objects.bindings.iter().any(|binding| bound(&binding))
    };
    let roles = objects.roles.iter().filter(|role| of_all(&role.name));
    roles.flat_map(|role| role.rules.iter().cloned()).collect()
}

fn labelled(key: &str) -> Selector {
    Selector(vec![Requirement {
        key: key.to_owned(),
        operator: Operator::In,
        values: vec!["true".to_owned()],
    }])
}

impl WrittenRule {
    fn in_version(&self, version: Option<Version>) -> Option<Rule> {
        let older = self
            .since
            .zip(version)
            .is_some_and(|(since, version)| version < since);
        if older {
            return None;
        }
        Some(Rule {
            line: 0,
            verbs: self.verbs.clone(),
            groups: self.api_groups.clone(),
            resources: self.resources.clone(),
            names: Vec::new(),
            urls: self.urls.clone(),
        })
    }
}

impl WrittenBinding {
    fn binding(&self) -> Binding {
        let users = self.users.iter().cloned().map(Who::User);
        let who = users.chain(self.groups.iter().cloned().map(Who::Group));
        let subject = |(index, who)| Subject {
            index,
            line: 0,
            who,
        };
        Binding {
            source: None,
            line: 0,
            scope: Scope::Cluster,
            name: self.name.clone(),
            of_cluster_role: true,
            role: self.role.clone(),
            subjects: who.enumerate().map(subject).collect(),
            doubt: None,
        }
    }
}
