//! Which rules a binding gives: its role's, and those that an aggregated ClusterRole takes from others.

use std::collections::{BTreeMap, BTreeSet};

use super::{Binding, Objects, Role, Rule, Scope};

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

/// The roles by their names.
pub struct Index<'a> {
    objects: &'a Objects,
    by_name: BTreeMap<(&'a Scope, &'a str), Vec<usize>>,
}

impl<'a> Index<'a> {
    pub fn of(objects: &'a Objects) -> Index<'a> {
        let mut by_name: BTreeMap<(&Scope, &str), Vec<usize>> = BTreeMap::new();
        for (number, role) in objects.roles.iter().enumerate() {
            let key = (&role.scope, role.name.as_str());
            by_name.entry(key).or_default().push(number);
        }
        Index { objects, by_name }
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
        for number in self.different(found) {
            self.add(number, &mut rights);
        }
        if let [_, _, ..] = self.different(found).as_slice() {
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
        for number in found {
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
        let aggregated = role.aggregates.is_some();
        let given = |rule: &'a Rule, role, certain| Given {
            rule,
            role,
            certain,
        };
        // What stands in an aggregated role was written there by the controller, or will be overwritten by it.
        let certain = !aggregated || role.source.is_none();
        rights
            .given
            .extend(role.rules.iter().map(|rule| given(rule, number, certain)));
        if role.open.is_some() {
            rights.open.clone_from(&role.open);
        }
        if !aggregated {
            return;
        }
        let (members, complete) = self.members(number);
        for member in members {
            let Some(role) = self.objects.roles.get(member) else {
                continue;
            };
            let own = role.aggregates.is_none();
            rights
                .given
                .extend(role.rules.iter().map(|rule| given(rule, member, own)));
        }
        if !complete && role.rules.is_empty() {
            rights.open = Some(format!(
                "the {} {} takes its rules from ClusterRoles with labels that none in the manifests has",
                role.kind(),
                role.name
            ));
        }
    }

    /// The ClusterRoles of which an aggregated one has the rules, directly and through others, and whether each of
    /// the selectors on the way found some.
    fn members(&self, number: usize) -> (BTreeSet<usize>, bool) {
        let roles = &self.objects.roles;
        let (mut members, mut complete) = (BTreeSet::new(), true);
        let mut open = vec![number];
        while let Some(next) = open.pop() {
            let selectors = roles.get(next).and_then(|role| role.aggregates.as_ref());
            for selector in selectors.into_iter().flatten() {
                let mut found = false;
                let of_cluster = |role: &Role| role.scope == Scope::Cluster;
                for (member, role) in roles.iter().enumerate() {
                    if member != next && of_cluster(role) && selector.selects(&role.labels) {
                        found = true;
                        if member != number && members.insert(member) {
                            open.push(member);
                        }
                    }
                }
                complete &= found;
            }
        }
        (members, complete)
    }
}
