//! Which bindings reach kube-proxy, and what they give beyond what it is meant to have.

use std::collections::BTreeSet;

use super::evaluate::Named;
use super::{Cluster, Concern, Doubt, Right, Rule, Scope, Who};

/// Most rights that are taken apart, each weighed by the names that it holds.
const MAX_RIGHTS: usize = 200_000;

/// Most bindings that are compared of those that reach kube-proxy.
pub const MAX_BINDINGS: usize = 5_000;

/// What was found, binding by binding, in their order.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// The bindings that reach kube-proxy. Those that the API server makes itself are not among them.
    pub reaches: Vec<Reach>,
    /// The names of objects of which their rules speak, each once.
    pub names: Vec<String>,
    /// There are more that reach kube-proxy than [`MAX_BINDINGS`]; the later ones are not among these.
    pub more: bool,
}

/// A binding that reaches kube-proxy.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The binding, by its position.
    pub binding: usize,
    /// Subjects that are kube-proxy's alone, by their positions in `subjects`.
    pub own: Vec<usize>,
    /// Subjects through which it reaches others too, by their positions.
    pub through: Vec<usize>,
    /// Whom these name.
    pub shared: Vec<String>,
    /// The user names of kube-proxy that it reaches.
    pub users: Vec<String>,
    /// What it gives beyond the standard, the worst first.
    pub extra: Vec<Extra>,
    /// Why it may give more, or nothing at all.
    pub open: Option<String>,
    /// Why only a person can take its own subjects out, where the caller knows of something.
    pub held: Option<String>,
}

/// A right that kube-proxy is not meant to have.
#[derive(Clone, Debug)]
pub struct Extra {
    /// How bad it is.
    pub concern: Concern,
    /// The right.
    pub right: Right,
    /// The role in which the rule stands, by its position.
    pub role: usize,
    /// The rule's line, counted from 1; 0 for a rule that the API server makes itself.
    pub line: usize,
}

impl Reach {
    /// The worst of what it gives.
    pub fn concern(&self) -> Option<Concern> {
        self.extra.iter().map(|extra| extra.concern).min()
    }
}

/// Compares what reaches these identities, each a user and its groups, with the standard rules.
///
/// # Errors
/// When the rules say more than is compared here.
pub fn compare(
    cluster: &Cluster,
    identities: &[(String, Vec<String>)],
    standard: &[Rule],
) -> Result<Compared, String> {
    let (mut compared, mut weight) = (Compared::default(), 0_usize);
    let mut names = BTreeSet::new();
    for number in 0..cluster.objects().bindings.len() {
        let Some(mut reach) = reach(cluster, identities, number) else {
            continue;
        };
        if compared.reaches.len() == MAX_BINDINGS {
            compared.more = true;
            break;
        }
        let given = cluster
            .rights(number)
            .map_or(&[][..], |rights| &rights.given);
        let mut seen = BTreeSet::new();
        for held in given {
            let rule = held.rule;
            weight = weight.saturating_add(rule.count().saturating_mul(1 + rule.names.len()));
            if weight > MAX_RIGHTS {
                return Err(
                    "the roles that are bound to kube-proxy say more than is compared here".into(),
                );
            }
            names.extend(&rule.names);
            for right in rule.rights() {
                let within = standard.iter().any(|rule| rule.gives(&right));
                if within || right.is_empty() || !seen.insert(right.clone()) {
                    continue;
                }
                reach.extra.push(Extra {
                    concern: Concern::of(&right),
                    right,
                    role: held.role,
                    line: rule.line,
                });
            }
        }
        // A RoleBinding gives no path, whatever its role says.
        if cluster
            .objects()
            .bindings
            .get(number)
            .is_some_and(|binding| binding.scope != Scope::Cluster)
        {
            reach.extra.retain(|extra| !extra.right.is_of_path());
        }
        reach.extra.sort_by_key(|extra| extra.concern);
        compared.reaches.push(reach);
    }
    compared.names = names.into_iter().cloned().collect();
    Ok(compared)
}

/// Whom of kube-proxy's identities a binding reaches, and through which subjects; none when it reaches nobody.
fn reach(cluster: &Cluster, identities: &[(String, Vec<String>)], number: usize) -> Option<Reach> {
    let binding = cluster.objects().bindings.get(number)?;
    binding.source?;
    let mut reach = Reach {
        binding: number,
        own: Vec::new(),
        through: Vec::new(),
        shared: Vec::new(),
        users: Vec::new(),
        extra: Vec::new(),
        open: None,
        held: None,
    };
    for subject in &binding.subjects {
        let mut best = Named::No;
        for (user, groups) in identities {
            let named = binding.subject_names(subject, user, groups);
            if named != Named::No && !reach.users.contains(user) {
                reach.users.push(user.clone());
            }
            best = best.max(named);
        }
        match (best, shared(&subject.who)) {
            (Named::No, _) => {}
            (_, Some(others)) => {
                reach.through.push(subject.index);
                reach.shared.push(others);
            }
            (_, None) => reach.own.push(subject.index),
        }
    }
    if reach.users.is_empty() {
        return None;
    }
    reach.open.clone_from(&cluster.rights(number)?.open);
    if binding.doubt == Some(Doubt::OpenShift) {
        let (kind, name) = (binding.kind(), &binding.name);
        reach.open = Some(format!(
            "the {kind} {name} {}, so that the one of RBAC with its name counts",
            Doubt::OpenShift.told()
        ));
    }
    // Whether it reaches a service account depends on the namespace, if it names none itself.
    if binding.scope == Scope::Unsaid {
        reach.open = Some(format!(
            "the {} {} names no namespace: whoever applies it decides where it is in force",
            binding.kind(),
            binding.name
        ));
    }
    Some(reach)
}

/// Who has a subject's rights beside kube-proxy; none for what is kube-proxy's alone.
fn shared(who: &Who) -> Option<String> {
    match who {
        Who::Group(name)
            if name.starts_with("system:serviceaccounts")
                || matches!(
                    name.as_str(),
                    "system:authenticated"
                        | "system:unauthenticated"
                        | "system:nodes"
                        | "system:masters"
                ) =>
        {
            Some(format!("the group {name}"))
        }
        // Every pod that names no other service account runs as this one.
        Who::Account(_, name) if name == "default" => {
            Some("the service account default".to_owned())
        }
        _ => None,
    }
}
