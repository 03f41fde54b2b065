//! No binding gives kube-proxy more than system:node-proxier's rules.

use serde::Deserialize;

use super::rbac::{Gathered, placed};
use super::rbac_bounds::bound;
use super::rbac_shared::shared;
use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, Removed};
use crate::edit::{Alteration, Step};
use crate::facts::Facts;
use crate::objects::Object;
use crate::rbac::{
    Binding, Cluster, Compared, Concern, Extra, MAX_BINDINGS, Outcome, Reach, compare, plan,
    standard,
};
use crate::report::quoted;

/// Most rights that are told one by one of a binding.
const MAX_TOLD: usize = 60;

/// `rbac-rights: {without: secrets}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RbacRights {
    /// What no binding may give: a binding counts where the worst that it gives belongs.
    without: Concern,
}

impl RbacRights {
    fn judged(&self, check: &Check, gathered: &Gathered) -> Result<Vec<Instance>, String> {
        let cluster = Cluster::of(&gathered.objects);
        let mut compared = compare(
            &cluster,
            &gathered.identities,
            &standard(&gathered.defaults),
        )?;
        hold_shared(gathered, &mut compared);
        let requests = gathered
            .asks
            .possible(&gathered.identities, &compared.names)?;
        let mut outcomes = plan(&cluster, &compared, &requests)?;
        bound(gathered, &compared, self.without, &mut outcomes);
        let mut found = gathered.unread.clone();
        found.extend(not_all(&compared));
        let mut reached = 0_usize;
        for (reach, outcome) in compared.reaches.iter().zip(outcomes) {
            let binding = gathered.objects.bindings.get(reach.binding);
            let Some((binding, object)) =
                binding.and_then(|binding| Some((binding, gathered.object(binding)?)))
            else {
                continue;
            };
            reached += 1;
            let instance = match (reach.concern(), &reach.open) {
                (Some(concern), _) if concern == self.without => {
                    let observed = observed(gathered, binding, reach);
                    let besides = match outcome {
                        Outcome::Remove => emptied(binding, object, reach),
                        _ => None,
                    };
                    Instance::judged(false, observed, || mend(check, object, reach, outcome))
                        .besides(besides)
                }
                // What it gives is told by the check to which the worst of it belongs.
                (Some(_), _) | (None, None) => continue,
                (None, Some(why)) => {
                    let name = format!("the {}", object.title());
                    Instance::unknown(format!(
                        "{name} is bound to kube-proxy, and what it gives is not known: {why}"
                    ))
                }
            };
            let first = reach.own.first().or(reach.through.first());
            let subject = binding
                .subjects
                .iter()
                .find(|subject| Some(&subject.index) == first);
            let line = subject.map_or(binding.line, |subject| subject.line);
            found.push(placed(instance, object, line));
        }
        if found.is_empty() {
            found.push(match reached {
                0 => Instance::not_applicable("no binding in the manifests reaches kube-proxy"),
                count => {
                    Instance::judged(true, format!("{} to kube-proxy", counted(count)), || {
                        Mend::None
                    })
                }
            });
        }
        Ok(found)
    }
}

/// Says that not all bindings were compared.
pub(super) fn not_all(compared: &Compared) -> Option<Instance> {
    compared.more.then(|| {
        Instance::unknown(format!(
            "more than {MAX_BINDINGS} bindings reach kube-proxy: not all were compared"
        ))
    })
}

/// Leaves to a person what others would lose too.
fn hold_shared(gathered: &Gathered, compared: &mut Compared) {
    let users = gathered.identities.iter().map(|(user, _)| user.as_str());
    let shared = shared(gathered.manifests, users);
    for reach in &mut compared.reaches {
        let others = reach
            .users
            .iter()
            .find_map(|user| Some((user, shared.get(user)?)));
        reach.held = others.map(|(user, others)| {
            format!(
                "gives its rights to {user}, as which {others} runs too and may need them: give kube-proxy a service account of its own first"
            )
        });
    }
}

fn counted(count: usize) -> String {
    match count {
        1 => "1 binding".to_owned(),
        _ => format!("{count} bindings"),
    }
}

/// What a binding gives, right by right, with the role's rule behind each row of rights.
fn observed(gathered: &Gathered, binding: &Binding, reach: &Reach) -> String {
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for Extra {
        right, role, line, ..
    } in reach.extra.iter().take(MAX_TOLD)
    {
        let place = gathered.role_told(*role, *line);
        match rows.last_mut() {
            Some((last, rights)) if *last == place => rights.push(right.to_string()),
            _ => rows.push((place, vec![right.to_string()])),
        }
    }
    let rows: Vec<String> = rows
        .into_iter()
        .map(|(place, rights)| format!("{} ({place})", rights.join(", ")))
        .collect();
    let more = match reach.extra.len().saturating_sub(MAX_TOLD) {
        0 => String::new(),
        more => format!(", and {more} more rights"),
    };
    format!(
        "{} {} lets {} {}: {}{more}",
        binding.kind(),
        binding.name,
        reach.users.join(" and "),
        binding.scope.told(),
        rows.join(", "),
    )
}

fn mend(check: &Check, object: &Object, reach: &Reach, outcome: Outcome) -> Mend {
    match outcome {
        Outcome::Left(why) => Mend::ByHand(why),
        Outcome::Nothing | Outcome::Remove => fix_or_by_hand(check, |_| {
            // From the last one on, so that the others keep their positions.
            let last_first = reach.own.iter().rev();
            let removed = last_first.map(|index| {
                let subjects = Step::Key("subjects".into());
                Alteration::remove(vec![subjects, Step::Index(*index)])
            });
            object.mend(removed.collect())
        }),
    }
}

/// What to do about a binding that names nobody any more.
fn emptied(binding: &Binding, object: &Object, reach: &Reach) -> Option<String> {
    if reach.own.len() != binding.subjects.len() {
        return None;
    }
    let namespace = match &object.namespace {
        Some(namespace) if !binding.is_of_cluster() => format!("-n {} ", quoted(namespace)),
        _ => String::new(),
    };
    let kind = binding.kind().to_lowercase();
    Some(format!(
        "the {} names nobody then: once it is applied, take it out of {} and kubectl {namespace}delete {kind} {}",
        binding.kind(),
        object.file,
        quoted(&binding.name)
    ))
}

impl Kind for RbacRights {
    fn expected(&self) -> String {
        let what = match self.without {
            Concern::ClusterAdmin => "everything in the cluster",
            Concern::Escalation => "a right that leads to further rights",
            Concern::Secrets => "a right on Secrets",
            Concern::Execution => "a right to run something",
            Concern::Wildcard => "a right with a star",
            Concern::Other => "a right that the ClusterRole system:node-proxier does not give",
        };
        format!("no binding that gives kube-proxy {what}")
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let gathered = match Gathered::of(facts) {
            Ok(gathered) => gathered,
            Err(instance) => return vec![*instance],
        };
        self.judged(check, &gathered)
            .unwrap_or_else(|why| vec![Instance::unknown(why)])
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match fix.remove {
            Some(Removed::Subject) => Ok(()),
            None => Err("a fix of rbac-rights is remove: subject".into()),
        }
    }
}
