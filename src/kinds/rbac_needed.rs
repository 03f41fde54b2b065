//! What the manifests give kube-proxy is enough for what it asks.

use serde::Deserialize;

use super::rbac::{Gathered, placed};
use super::rbac_rights::not_all;
use super::{Instance, Kind, by_hand};
use crate::auditpolicy::Request;
use crate::baseline::Check;
use crate::facts::Facts;
use crate::rbac::{Answer, Cluster, Reach, compare, request_told, requests_told};

/// Most requests that are told one by one.
const MAX_TOLD: usize = 20;
/// kube-proxy's own role.
const OWN: &str = "system:node-proxier";

/// `rbac-needed: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RbacNeeded {}

/// What is said of one identity's requests.
#[derive(Default)]
struct Told<'r> {
    denied: Vec<&'r Request>,
    unsure: Vec<&'r Request>,
    why: Option<String>,
}

impl RbacNeeded {
    fn judged(check: &Check, gathered: &Gathered) -> Result<Vec<Instance>, String> {
        let mut objects = gathered.objects.clone();
        // Whether a cluster has these bindings is not known, so that nothing is said to be missing that they give.
        gathered.defaults.add_bindings(&mut objects);
        let cluster = Cluster::of(&objects);
        let mut found = gathered.unread.clone();
        for identity in &gathered.identities {
            let identity = std::slice::from_ref(identity);
            let requests = gathered.asks.demanded(identity, gathered.release)?;
            let compared = compare(&cluster, identity, &[])?;
            let is_meant = |reach: &&Reach| is_meant(&cluster, reach, &requests);
            let Some(reach) = compared.reaches.iter().find(is_meant) else {
                found.extend(not_all(&compared));
                continue;
            };
            let binding = objects.bindings.get(reach.binding);
            let Some((binding, object)) =
                binding.and_then(|binding| Some((binding, gathered.object(binding)?)))
            else {
                continue;
            };
            let told = told(&cluster, &requests);
            let users = reach.users.join(" and ");
            let instance = if !told.denied.is_empty() {
                let observed = format!(
                    "nothing in the manifests lets {users} {}",
                    requests_told(&told.denied, MAX_TOLD)
                );
                Instance::judged(false, observed, || by_hand(check))
            } else if let Some(why) = told.why {
                let what = requests_told(&told.unsure, MAX_TOLD);
                Instance::unknown(format!("it is not known whether {users} may {what}: {why}"))
            } else {
                let observed = format!("all {} requests of {users} are allowed", requests.len());
                Instance::judged(true, observed, || super::Mend::None)
            };
            found.push(placed(instance, object, binding.line));
        }
        if found.is_empty() {
            let why = "no binding in the manifests is there to give kube-proxy what it asks for";
            found.push(Instance::not_applicable(why));
        }
        Ok(found)
    }
}

/// Whether a binding is there to give kube-proxy what it asks for: it binds its own role, or lets it watch what it
/// needs most. Another one adds to a binding that the manifests need not hold.
fn is_meant(cluster: &Cluster, reach: &Reach, requests: &[Request]) -> bool {
    let binding = cluster.objects().bindings.get(reach.binding);
    let own = binding.is_some_and(|binding| binding.of_cluster_role && binding.role == OWN);
    let watches = |request: &&Request| request_told(request) == "watch services";
    own || requests
        .iter()
        .filter(watches)
        .any(|request| cluster.by(reach.binding, request) != Answer::Denied)
}

fn told<'r>(cluster: &Cluster, requests: &'r [Request]) -> Told<'r> {
    let mut told = Told::default();
    for request in requests {
        match cluster.answer(request) {
            Answer::Allowed { .. } | Answer::Privileged => {}
            Answer::Denied => told.denied.push(request),
            Answer::Unknown(why) => {
                told.unsure.push(request);
                told.why.get_or_insert(why);
            }
        }
    }
    told
}

impl Kind for RbacNeeded {
    fn expected(&self) -> String {
        "everything that kube-proxy asks of the API server allowed".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let gathered = match Gathered::of(facts) {
            Ok(gathered) => gathered,
            Err(instance) => return vec![*instance],
        };
        Self::judged(check, &gathered).unwrap_or_else(|why| vec![Instance::unknown(why)])
    }
}
