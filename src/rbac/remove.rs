//! Which bindings can let go of kube-proxy, so that everything that it asks for stays allowed.

use std::collections::BTreeSet;

use super::compare::{Compared, Reach};
use super::evaluate::Twin;
use super::told::requests_told;
use super::{Answer, Cluster, Concern, Objects};
use crate::auditpolicy::Request;

/// Most comparisons of a request with a value of a rule.
const MAX_COMPARED: usize = 20_000_000;
/// Most requests that are told one by one.
const MAX_TOLD: usize = 6;

/// What is to be done about a binding that reaches kube-proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: it gives no more than kube-proxy is meant to have.
    Nothing,
    /// Its own subjects go out of the binding.
    Remove,
    /// A person has to decide: why, and what can be done.
    Left(String),
}

/// Decides for each of the bindings that reach kube-proxy, in their order. What kube-proxy asks for are all requests
/// that it may make, as each of its identities and with every name of which the rules speak.
///
/// The worst binding is tried first. One goes only when each request that it allows, or may allow, is surely allowed
/// by another one that stays; at the end all of it is proved again on the roles and bindings as they would be.
///
/// # Errors
/// When the rules say more than is compared here.
pub fn plan(
    cluster: &Cluster,
    compared: &Compared,
    requests: &[Request],
) -> Result<Vec<Outcome>, String> {
    let mut support = support(cluster, compared, requests)?;
    let mut order: Vec<(Concern, usize)> = Vec::new();
    for (number, reach) in compared.reaches.iter().enumerate() {
        order.extend(reach.concern().map(|concern| (concern, number)));
    }
    order.sort_unstable();
    let mut outcomes = vec![Outcome::Nothing; compared.reaches.len()];
    for (_, number) in order {
        let Some((reach, outcome)) = compared.reaches.get(number).zip(outcomes.get_mut(number))
        else {
            continue;
        };
        *outcome = match obstacle(cluster, reach) {
            Some(why) => Outcome::Left(why),
            None => {
                let lost = support.lost(number, requests);
                if lost.is_empty() {
                    support.remove(number);
                    Outcome::Remove
                } else {
                    Outcome::Left(format!(
                        "kube-proxy has {} from {}, and no other binding in the manifests surely gives that",
                        requests_told(&lost, MAX_TOLD),
                        title(cluster, reach)
                    ))
                }
            }
        };
    }
    let removed = compared.reaches.iter().zip(&outcomes);
    let removed: Vec<&Reach> = removed
        .filter(|(_, outcome)| **outcome == Outcome::Remove)
        .map(|(reach, _)| reach)
        .collect();
    if !proved(cluster, &removed, requests) {
        let why = "it could not be proved that everything that kube-proxy asks for stays allowed";
        for outcome in outcomes
            .iter_mut()
            .filter(|outcome| **outcome == Outcome::Remove)
        {
            *outcome = Outcome::Left(why.to_owned());
        }
    }
    Ok(outcomes)
}

impl Objects {
    /// The same without some subjects, each given by its binding's position and its own position in it.
    pub fn without(&self, removed: &BTreeSet<(usize, usize)>) -> Objects {
        let mut objects = self.clone();
        for (number, binding) in objects.bindings.iter_mut().enumerate() {
            let stays = |index: usize| !removed.contains(&(number, index));
            binding.subjects.retain(|subject| stays(subject.index));
        }
        objects
    }
}

/// Which bindings allow what kube-proxy asks for.
struct Support {
    /// Of each binding that reaches kube-proxy the requests that it surely allows, by their positions.
    surely: Vec<BTreeSet<usize>>,
    /// Of each binding those that it may allow.
    perhaps: Vec<BTreeSet<usize>>,
    /// By how many bindings that stay each request is surely allowed. Counted, so that a thousand bindings that all
    /// allow the same are not looked through for each other.
    staying: Vec<usize>,
}

fn support(
    cluster: &Cluster,
    compared: &Compared,
    requests: &[Request],
) -> Result<Support, String> {
    let mut values = 0_usize;
    for reach in &compared.reaches {
        let given = cluster
            .rights(reach.binding)
            .map_or(&[][..], |rights| &rights.given);
        for held in given {
            let rule = held.rule;
            let lists = [
                &rule.verbs,
                &rule.groups,
                &rule.resources,
                &rule.names,
                &rule.urls,
            ];
            values += 1 + lists.iter().map(|list| list.len()).sum::<usize>();
        }
    }
    if values.saturating_mul(requests.len()) > MAX_COMPARED {
        return Err("the roles that are bound to kube-proxy say more than is compared here".into());
    }
    let mut support = Support {
        surely: Vec::new(),
        perhaps: Vec::new(),
        staying: vec![0; requests.len()],
    };
    for reach in &compared.reaches {
        let (mut surely, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
        let counted = requests.iter().zip(&mut support.staying).enumerate();
        for (number, (request, staying)) in counted {
            match cluster.by(reach.binding, request) {
                Answer::Denied => {}
                Answer::Unknown(_) => {
                    perhaps.insert(number);
                }
                Answer::Allowed { .. } | Answer::Privileged => {
                    surely.insert(number);
                    *staying += 1;
                }
            }
        }
        support.surely.push(surely);
        support.perhaps.push(perhaps);
    }
    Ok(support)
}

impl Support {
    /// The requests that nothing would surely allow any more if this binding went, too.
    fn lost<'r>(&self, number: usize, requests: &'r [Request]) -> Vec<&'r Request> {
        let holds = |sets: &[BTreeSet<usize>], request: usize| {
            sets.get(number).is_some_and(|set| set.contains(&request))
        };
        let mut lost = Vec::new();
        for (place, (request, staying)) in requests.iter().zip(&self.staying).enumerate() {
            let (surely, perhaps) = (holds(&self.surely, place), holds(&self.perhaps, place));
            if (surely || perhaps) && *staying == usize::from(surely) {
                lost.push(request);
            }
        }
        lost
    }

    /// Takes note that a binding that stayed goes.
    fn remove(&mut self, number: usize) {
        for request in self.surely.get(number).into_iter().flatten() {
            if let Some(staying) = self.staying.get_mut(*request) {
                *staying = staying.saturating_sub(1);
            }
        }
    }
}

/// A binding's name for people.
fn title(cluster: &Cluster, reach: &Reach) -> String {
    let binding = cluster.objects().bindings.get(reach.binding);
    binding.map_or(String::new(), |binding| {
        format!("the {} {}", binding.kind(), binding.name)
    })
}

/// Why a subject cannot be taken out of a binding, whatever the binding gives.
fn obstacle(cluster: &Cluster, reach: &Reach) -> Option<String> {
    let title = title(cluster, reach);
    if let Some(others) = reach.shared.first() {
        return Some(format!(
            "{title} reaches kube-proxy through {others}, which holds others too: those that need the rights have to be \
             bound by name first"
        ));
    }
    if cluster.twin(reach.binding) != Twin::None {
        return Some(format!(
            "{title} is in the manifests more than once: decide which of them is applied, and take \
             kube-proxy out of it"
        ));
    }
    let binding = cluster.objects().bindings.get(reach.binding);
    if let Some(doubt) = binding.and_then(|binding| binding.doubt) {
        return Some(format!("{title} {}: {}", doubt.told(), doubt.instead()));
    }
    let why = reach.held.as_ref()?;
    Some(format!("{title} {why}"))
}

/// Whether every request that is surely allowed now still is without the own subjects of these bindings.
fn proved(cluster: &Cluster, removed: &[&Reach], requests: &[Request]) -> bool {
    if removed.is_empty() {
        return true;
    }
    let subjects = removed
        .iter()
        .flat_map(|reach| reach.own.iter().map(|subject| (reach.binding, *subject)))
        .collect();
    let after = cluster.objects().without(&subjects);
    let after = Cluster::of(&after);
    let allowed = |answer: &Answer| matches!(answer, Answer::Allowed { .. } | Answer::Privileged);
    requests
        .iter()
        .all(|request| !allowed(&cluster.answer(request)) || allowed(&after.answer(request)))
}
