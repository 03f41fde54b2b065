//! Which rules a binding gives: its role's, and those that an aggregated ClusterRole takes from others.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::{Binding, Doubt, Objects, Role, Rule, Scope};

/// A rule that a binding gives.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The role in which it stands, by its position.
    pub role: usize,
    /// It can be counted on.
    pub certain: bool,
}

/// What a binding gives.
#[derive(Clone, Debug, Default)]
pub struct Rights<'a> {
    /// The rules that are known.
    pub given: Vec<Given<'a>>,
    /// Why there may be others.
    pub open: Option<String>,
}

/// Most steps that are taken to find the rules of all roles: labels compared with selectors, rules taken over. Some
/// hundred aggregated roles take some ten thousand; a hostile set would take days.
const MAX_STEPS: usize = 2_000_000;
/// Most roles of one name that are compared with each other.
const MAX_SAME_NAME: usize = 50;

/// Why a role may have other rules once the steps are used up.
const TOO_MUCH: &str = "the roles of the manifests refer to more than is looked at here";

/// Whose rules an aggregated role has.
struct Members {
    roles: BTreeSet<usize>,
    /// Each of the selectors on the way found some.
    complete: bool,
    /// Why there may be others.
    open: Option<String>,
}

/// The roles by their names.
pub struct Index<'a> {
    objects: &'a Objects,
    by_name: BTreeMap<(&'a Scope, &'a str), Vec<usize>>,
    /// Steps that may still be taken.
    left: Cell<usize>,
}

impl<'a> Index<'a> {
    pub fn of(objects: &'a Objects) -> Index<'a> {
        let mut by_name: BTreeMap<(&Scope, &str), Vec<usize>> = BTreeMap::new();
        for (number, role) in objects.roles.iter().enumerate() {
            let key = (&role.scope, role.name.as_str());
            by_name.entry(key).or_default().push(number);
        }
        Index {
            objects,
            by_name,
            left: Cell::new(MAX_STEPS),
        }
    }

    /// Whether so many steps may still be taken.
    fn may(&self, steps: usize) -> bool {
        let left = self.left.get().checked_sub(steps);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// The rules of a binding's role.
    pub fn rights(&self, binding: &Binding) -> Rights<'a> {
        let scope = if binding.of_cluster_role {
            &Scope::Cluster
        } else {
            &binding.scope
        };
        let found = self.by_name.get(&(scope, binding.role.as_str()));
        let Some(found) = found else {
            let (kind, name) = (binding.role_kind(), &binding.role);
            return Rights {
                given: Vec::new(),
                open: Some(format!("the {kind} {name} is not in the manifests")),
            };
        };
        let mut rights = Rights::default();
        let different = self.different(found);
        for number in &different {
            self.add(*number, &mut rights);
        }
        if different.len() > 1 || found.len() > MAX_SAME_NAME {
            // Which of them is applied last is not known.
            for given in &mut rights.given {
                given.certain = false;
            }
            let (kind, name) = (binding.role_kind(), &binding.role);
            rights.open = Some(format!(
                "the {kind} {name} is in the manifests more than once, with different rules"
            ));
        }
        rights
    }

    /// Of roles with one name, those that differ in what they allow.
    fn different(&self, found: &[usize]) -> Vec<usize> {
        let bare = |role: &Role| {
            let rule = |rule: &Rule| Rule {
                line: 0,
                ..rule.clone()
            };
            let rules: Vec<Rule> = role.rules.iter().map(rule).collect();
            (rules, role.aggregates.clone())
        };
        let mut kept: Vec<(usize, _)> = Vec::new();
        for number in found.iter().take(MAX_SAME_NAME) {
            let Some(content) = self.objects.roles.get(*number).map(bare) else {
                continue;
            };
            if !kept.iter().any(|(_, held)| *held == content) {
                kept.push((*number, content));
            }
        }
        kept.into_iter().map(|(number, _)| number).collect()
    }

    fn add(&self, number: usize, rights: &mut Rights<'a>) {
        let Some(role) = self.objects.roles.get(number) else {
            return;
        };
        // What stands in an aggregated role was written there by the controller, or will be overwritten by it.
        let certain = role.aggregates.is_none() || role.source.is_none();
        self.take_over(number, certain, rights);
        if role.open.is_some() {
            rights.open.clone_from(&role.open);
        }
        if role.aggregates.is_none() {
            return;
        }
        let members = self.members(number);
        for member in members.roles {
            let own = self.objects.roles.get(member);
            let certain = own.is_some_and(|role| role.aggregates.is_none());
            self.take_over(member, certain, rights);
        }
        if !members.complete && role.rules.is_empty() {
            rights.open = Some(format!(
                "the {} {} takes its rules from ClusterRoles with labels that none in the manifests has",
                role.kind(),
                role.name
            ));
        }
        if members.open.is_some() {
            rights.open = members.open;
        }
    }

    /// The rules that stand in a role.
    fn take_over(&self, number: usize, certain: bool, rights: &mut Rights<'a>) {
        let role = self.objects.roles.get(number);
        let doubt = role.and_then(|role| role.doubt);
        if let Some((role, Doubt::OpenShift)) = role.zip(doubt) {
            let (kind, name) = (role.kind(), &role.name);
            rights.open = Some(format!(
                "the {kind} {name} {}, so that another one may count",
                Doubt::OpenShift.told()
            ));
        }
        let rules = role.map(|role| &role.rules);
        for rule in rules.into_iter().flatten() {
            if !self.may(1) {
                rights.open = Some(TOO_MUCH.to_owned());
                return;
            }
            rights.given.push(Given {
                rule,
                role: number,
                certain: certain && doubt.is_none(),
            });
        }
    }

    /// The ClusterRoles of which an aggregated one has the rules, directly and through others.
    fn members(&self, number: usize) -> Members {
        let roles = &self.objects.roles;
        let mut members = Members {
            roles: BTreeSet::new(),
            complete: true,
            open: None,
        };
        let mut next_ones = vec![number];
        while let Some(next) = next_ones.pop() {
            let selectors = roles.get(next).and_then(|role| role.aggregates.as_ref());
            for selector in selectors.into_iter().flatten() {
                let mut found = false;
                for (member, role) in roles.iter().enumerate() {
                    if !self.may(1 + selector.0.len()) {
                        members.open = Some(TOO_MUCH.to_owned());
                        return members;
                    }
                    if member == next || role.scope != Scope::Cluster {
                        continue;
                    }
                    // Of a role that cannot be read nobody knows the labels.
                    if role.source.is_some() && role.open.is_some() {
                        members.open.clone_from(&role.open);
                    }
                    if selector.selects(&role.labels) {
                        found = true;
                        if member != number && members.roles.insert(member) {
                            next_ones.push(member);
                        }
                    }
                }
                members.complete &= found;
            }
        }
        members
    }
}
