//! What the kinds that judge kube-proxy's rights have in common: the roles and bindings of the manifests, and who
//! kube-proxy is.

use super::audit_requests::AuditRequests;
use super::{Expect, Instance};
use crate::baseline::{self, Version};
use crate::facts::{Facts, Origin, OriginKind};
use crate::goyaml;
use crate::objects::{Object, Objects};
use crate::rbac::{self, Binding, Defaults, Role, Scope, is_rbac};
use crate::yaml::Node;

/// The baseline that says who kube-proxy is and what it asks.
const BASELINE: &str = "kube-proxy";

/// The roles and bindings of the manifests, and what is known of kube-proxy.
pub struct Gathered<'a> {
    /// All objects of the manifests; their positions are the sources of the roles and bindings.
    pub manifests: &'a Objects,
    /// The roles and bindings, and the roles that the API server makes itself.
    pub objects: rbac::Objects,
    /// What the API server makes itself, in kube-proxy's version.
    pub defaults: Defaults,
    /// Bindings of which it is not known whom they name: each as an instance.
    pub unread: Vec<Instance>,
    /// What kube-proxy asks.
    pub asks: AuditRequests,
    /// Who kube-proxy is: each a user and its groups.
    pub identities: Vec<(String, Vec<String>)>,
    /// Its release, where the manifests tell one.
    pub release: Option<Version>,
}

impl<'a> Gathered<'a> {
    /// Reads what the facts hold.
    ///
    /// # Errors
    /// The instance that says why nothing is judged.
    pub fn of(facts: &'a Facts) -> Result<Gathered<'a>, Box<Instance>> {
        let Some(manifests) = &facts.objects else {
            let why = "roles and bindings are objects of the cluster; manifests are named with --manifests";
            return Err(Box::new(Instance::not_applicable(why)));
        };
        let unknown = |why: String| Box::new(Instance::unknown(why));
        let asks = asks().map_err(unknown)?;
        let release = release(manifests);
        let mut gathered = Gathered {
            manifests,
            objects: rbac::Objects::default(),
            defaults: Defaults::of(release).map_err(unknown)?,
            unread: Vec::new(),
            identities: identities(&asks, manifests),
            asks,
            release,
        };
        for (number, object) in manifests.all.iter().enumerate() {
            if is_rbac(&object.api_version, &object.kind) {
                gathered.add(number, object);
            }
        }
        gathered.defaults.add_roles(&mut gathered.objects);
        Ok(gathered)
    }

    fn add(&mut self, number: usize, object: &Object) {
        let header = (object.api_version.as_str(), object.kind.as_str());
        let read = match object.doubt {
            Some(why) => Err((object.line, why.to_owned())),
            None => goyaml::value(&object.node)
                .map_err(|trouble| (trouble.line.unwrap_or(object.line), trouble.message))
                .and_then(|loaded| {
                    let added = self.objects.add(number, header, &loaded.root);
                    added.map_err(|refused| (refused.line, refused.message))
                }),
        };
        let Err((line, why)) = read else { return };
        // A binding to a role that cannot be read gives what nobody knows. A binding that cannot be read may name
        // kube-proxy.
        if object.kind.ends_with("Role") {
            let scope = match (object.kind.as_str(), &object.namespace) {
                ("ClusterRole", _) => Scope::Cluster,
                (_, Some(namespace)) => Scope::Namespace(namespace.clone()),
                (_, None) => Scope::Unsaid,
            };
            let why = format!(
                "{}, line {line}: the {}: {why}",
                object.file,
                object.title()
            );
            let role = Role::unread(number, object.line, scope, &object.name, why);
            self.objects.roles.push(role);
        } else {
            let instance = Instance::unknown(format!("the {}: {why}", object.title()));
            self.unread.push(placed(instance, object, line));
        }
    }

    /// The object of a binding.
    pub fn object(&self, binding: &Binding) -> Option<&'a Object> {
        self.manifests.all.get(binding.source?)
    }

    /// The role with this position and where it stands, in words.
    pub fn role_told(&self, role: usize, line: usize) -> String {
        let Some(role) = self.objects.roles.get(role) else {
            return String::new();
        };
        let told = format!("the {} {}", role.kind(), role.name);
        match role
            .source
            .and_then(|source| self.manifests.all.get(source))
        {
            Some(object) => format!("{told}, {}:{line}", object.file),
            None => format!("{told} of Kubernetes itself"),
        }
    }
}

/// An instance of an object, at a line of its file.
pub fn placed(instance: Instance, object: &Object, line: usize) -> Instance {
    let origin = Origin::at(OriginKind::File, &object.file, Some(line));
    instance.at(&object.file).line(Some(line)).from(&origin)
}

/// What the built-in baseline's check of kind `audit-requests` says, so that audit policy, activity and rights
/// cannot disagree.
fn asks() -> Result<AuditRequests, String> {
    let loaded = baseline::load(&[BASELINE.to_owned()]).map_err(|failure| failure.message)?;
    let checks = loaded.into_iter().flat_map(|baseline| baseline.checks);
    checks
        .filter_map(|check| match check.expect {
            Expect::AuditRequests(asks) => Some(asks),
            _ => None,
        })
        .next()
        .ok_or_else(|| format!("the baseline {BASELINE} does not say what kube-proxy asks"))
}

/// The release that the workloads' images tell, when they all tell the same.
fn release(manifests: &Objects) -> Option<Version> {
    let mut all = manifests
        .workloads
        .iter()
        .map(|workload| workload.release());
    let first = all.next()??;
    all.all(|release| release == Some(first)).then_some(first)
}

/// Those of the baseline, and the service accounts as which the workloads run.
fn identities(asks: &AuditRequests, manifests: &Objects) -> Vec<(String, Vec<String>)> {
    let mut identities: Vec<(String, Vec<String>)> = asks
        .identities()
        .map(|(user, groups)| (user.to_owned(), groups.to_vec()))
        .collect();
    for workload in &manifests.workloads {
        let object = manifests.object(workload);
        let Some((object, namespace)) =
            object.and_then(|object| Some((object, object.namespace.as_ref()?)))
        else {
            continue;
        };
        let pod = workload.pod(object);
        let named = |key: &str| {
            let name = pod?.get(key).and_then(Node::text)?;
            Some(name).filter(|name| !name.is_empty())
        };
        // serviceAccount is the former name of serviceAccountName; without either a pod runs as "default".
        let name = named("serviceAccountName").or_else(|| named("serviceAccount"));
        let user = format!(
            "system:serviceaccount:{namespace}:{}",
            name.unwrap_or("default")
        );
        if identities.iter().all(|(known, _)| *known != user) {
            let groups = vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ];
            identities.push((user, groups));
        }
    }
    identities
}
