//! A twin of the evaluator, from the documentation of RBAC: each rule is written out into single permissions, each
//! binding into who has them, and a request is looked up in the table.

use std::collections::{BTreeMap, BTreeSet};

use tighten::rbac::{Binding, Objects, Operator, Right, Role, Rule, Scope, What, Who};

use crate::universe::{Permission, permissions};

/// What the twin says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Allowed,
    Denied,
    Unknown,
}

/// Who has what.
#[derive(Default)]
pub struct Table {
    /// Of each subject as it is written out: what it surely has, and what it may have.
    sure: BTreeMap<Holder, BTreeSet<Permission>>,
    unsure: BTreeMap<Holder, BTreeSet<Permission>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    User(String),
    Group(String),
    /// An account of this name in whatever namespace.
    AnyAccount(String),
}

fn holder(binding: &Binding, who: &Who) -> Option<Holder> {
    Some(match (who, &binding.scope) {
        (Who::User(name), _) => Holder::User(name.clone()),
        (Who::Group(name), _) => Holder::Group(name.clone()),
        (Who::Account(Some(namespace), name), _)
        | (Who::Account(None, name), Scope::Namespace(namespace)) => {
            Holder::User(format!("system:serviceaccount:{namespace}:{name}"))
        }
        (Who::Account(None, _), Scope::Cluster) => return None,
        (Who::Account(None, name), Scope::Unsaid) => Holder::AnyAccount(name.clone()),
    })
}

fn holds(holder: &Holder, user: &str, groups: &[String]) -> bool {
    match holder {
        Holder::User(name) => name == user,
        Holder::Group(name) => groups.iter().any(|group| group == name),
        Holder::AnyAccount(name) => {
            let parts: Vec<&str> = user.split(':').collect();
            parts.len() == 4 && parts[1] == "serviceaccount" && parts[3] == name
        }
    }
}

/// Whether a binding names a user, or may.
pub fn reaches(binding: &Binding, user: &str, groups: &[String]) -> bool {
    binding
        .subjects
        .iter()
        .filter_map(|subject| holder(binding, &subject.who))
        .any(|holder| holds(&holder, user, groups))
}

/// One rule, written out for all namespaces.
fn written_out(rule: &Rule) -> BTreeSet<Permission> {
    let single = rule.verbs.iter().flat_map(|verb| {
        let of_groups = rule.groups.iter().flat_map(move |group| {
            rule.resources.iter().map(move |resource| Right {
                verb: verb.clone(),
                what: What::Resource {
                    group: group.clone(),
                    resource: resource.clone(),
                    names: rule.names.clone(),
                },
            })
        });
        let of_paths = rule.urls.iter().map(move |url| Right {
            verb: verb.clone(),
            what: What::Url(url.clone()),
        });
        of_groups.chain(of_paths)
    });
    let rights: Vec<Right> = single.collect();
    let all = permissions().into_iter();
    all.filter(|permission| rights.iter().any(|right| covers(right, permission)))
        .collect()
}

/// Whether a right stands for a single permission, whatever its namespace.
pub fn covers(right: &Right, permission: &Permission) -> bool {
    let star = |held: &str, asked: &str| held == "*" || held == asked;
    match (&right.what, permission) {
        (What::Url(url), Permission::Path { verb, path }) => {
            let pattern: Vec<char> = url.chars().collect();
            let path: Vec<char> = path.chars().collect();
            let stars = pattern
                .iter()
                .rev()
                .take_while(|letter| **letter == '*')
                .count();
            let fixed = &pattern[..pattern.len() - stars];
            let fits = if stars > 0 {
                path.starts_with(fixed)
            } else {
                path == fixed
            };
            star(&right.verb, verb) && fits
        }
        (
            What::Resource {
                group,
                resource,
                names,
            },
            Permission::Resource {
                verb,
                group: of_group,
                resource: of_resource,
                subresource,
                name,
                ..
            },
        ) => {
            let full = [*of_resource, *subresource].join("/");
            let spelled: Vec<String> = match *subresource {
                "" => vec!["*".into(), (*of_resource).into()],
                sub => vec!["*".into(), full, format!("*/{sub}")],
            };
            star(&right.verb, verb)
                && star(group, of_group)
                && spelled.contains(resource)
                && (names.is_empty() || names.iter().any(|held| held == name))
        }
        _ => false,
    }
}

/// What rules give, written out for all namespaces.
pub fn given(rules: &[Rule]) -> BTreeSet<Permission> {
    rules.iter().flat_map(written_out).collect()
}

/// What a role has: surely, perhaps, and whether there may be anything else.
fn of_role(objects: &Objects, role: &Role) -> (BTreeSet<Permission>, BTreeSet<Permission>, bool) {
    let (mut sure, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
    let is_aggregated = role.aggregates.is_some();
    for rule in &role.rules {
        let into = if is_aggregated {
            &mut perhaps
        } else {
            &mut sure
        };
        into.extend(written_out(rule));
    }
    if !is_aggregated {
        return (sure, perhaps, role.open.is_some());
    }
    // Rounds of the controller, until nothing changes any more.
    let is = |one: &Role, other: &Role| std::ptr::eq(one, other);
    let mut taken: Vec<&Role> = vec![role];
    let (mut missed, mut unread) = (false, false);
    loop {
        let mut next = taken.clone();
        for taker in &taken {
            for selector in taker.aggregates.iter().flatten() {
                let chosen: Vec<&Role> = objects
                    .roles
                    .iter()
                    .filter(|other| other.scope == Scope::Cluster && !is(other, taker))
                    .filter(|other| {
                        selector.0.iter().all(|asked| {
                            let value = other.labels.get(&asked.key);
                            match asked.operator {
                                Operator::Exists => value.is_some(),
                                Operator::DoesNotExist => value.is_none(),
                                Operator::In => asked.values.iter().any(|held| Some(held) == value),
                                Operator::NotIn => {
                                    asked.values.iter().all(|held| Some(held) != value)
                                }
                            }
                        })
                    })
                    .collect();
                missed |= chosen.is_empty();
                // One that nobody can read may have the right labels.
                unread |= objects.roles.iter().any(|other| {
                    let of_cluster = other.scope == Scope::Cluster;
                    of_cluster && other.open.is_some() && !is(other, taker)
                });
                for other in chosen {
                    if !next.iter().any(|held| is(held, other)) {
                        next.push(other);
                    }
                }
            }
        }
        if next.len() == taken.len() {
            break;
        }
        taken = next;
    }
    for other in taken.into_iter().skip(1) {
        for rule in &other.rules {
            let into = if other.aggregates.is_some() {
                &mut perhaps
            } else {
                &mut sure
            };
            into.extend(written_out(rule));
        }
    }
    (
        sure,
        perhaps,
        role.open.is_some() || unread || missed && role.rules.is_empty(),
    )
}

/// Everything that a binding gives or may give by the rules that are known.
pub fn given_by(objects: &Objects, binding: &Binding) -> BTreeSet<Permission> {
    let (sure, perhaps, _) = of_binding(objects, binding);
    let all = sure.into_iter().chain(perhaps);
    all.filter(|permission| in_force(binding, permission))
        .collect()
}

fn in_force(binding: &Binding, permission: &Permission) -> bool {
    match (&binding.scope, permission) {
        (Scope::Cluster, _) => true,
        (_, Permission::Path { .. }) => false,
        (Scope::Namespace(own), Permission::Resource { namespace, .. }) => own == namespace,
        (Scope::Unsaid, Permission::Resource { namespace, .. }) => !namespace.is_empty(),
    }
}

fn of_binding(
    objects: &Objects,
    binding: &Binding,
) -> (BTreeSet<Permission>, BTreeSet<Permission>, bool) {
    let of_scope = if binding.of_cluster_role {
        &Scope::Cluster
    } else {
        &binding.scope
    };
    let named: Vec<&Role> = objects
        .roles
        .iter()
        .filter(|role| role.scope == *of_scope && role.name == binding.role)
        .collect();
    let same = |one: &Role, other: &Role| {
        let bare = |role: &Role| -> Vec<Rule> {
            let each = role.rules.iter().cloned();
            each.map(|rule| Rule { line: 0, ..rule }).collect()
        };
        bare(one) == bare(other) && one.aggregates == other.aggregates
    };
    match named.as_slice() {
        [] => (BTreeSet::new(), BTreeSet::new(), true),
        [first, others @ ..] if others.iter().all(|other| same(first, other)) => {
            of_role(objects, first)
        }
        several => {
            let mut perhaps = BTreeSet::new();
            for role in several {
                let (sure, unsure, _) = of_role(objects, role);
                perhaps.extend(sure.into_iter().chain(unsure));
            }
            (BTreeSet::new(), perhaps, true)
        }
    }
}

impl Table {
    /// Writes all of it out.
    pub fn of(objects: &Objects) -> Table {
        let mut table = Table::default();
        for (number, binding) in objects.bindings.iter().enumerate() {
            let (sure, mut perhaps, open) = of_binding(objects, binding);
            if open {
                perhaps.extend(permissions());
            }
            let content = |binding: &Binding| {
                let who: Vec<Who> = binding
                    .subjects
                    .iter()
                    .map(|held| held.who.clone())
                    .collect();
                (binding.of_cluster_role, binding.role.clone(), who)
            };
            let overwritten = objects.bindings.iter().enumerate().any(|(other, held)| {
                other != number
                    && held.name == binding.name
                    && held.scope == binding.scope
                    && content(held) != content(binding)
            });
            let placed = !overwritten && binding.scope != Scope::Unsaid;
            let here = |all: BTreeSet<Permission>| -> BTreeSet<Permission> {
                all.into_iter()
                    .filter(|one| in_force(binding, one))
                    .collect()
            };
            let (sure, perhaps) = (here(sure), here(perhaps));
            for subject in &binding.subjects {
                let Some(holder) = holder(binding, &subject.who) else {
                    continue;
                };
                let surely = placed && !matches!(holder, Holder::AnyAccount(_));
                let of_sure = if surely {
                    &mut table.sure
                } else {
                    &mut table.unsure
                };
                of_sure
                    .entry(holder.clone())
                    .or_default()
                    .extend(sure.iter().cloned());
                table
                    .unsure
                    .entry(holder)
                    .or_default()
                    .extend(perhaps.iter().cloned());
            }
        }
        table
    }

    /// What is said to a user who asks for a permission.
    pub fn says(&self, user: &str, groups: &[String], permission: &Permission) -> Said {
        let has = |table: &BTreeMap<Holder, BTreeSet<Permission>>| {
            table
                .iter()
                .any(|(holder, held)| holds(holder, user, groups) && held.contains(permission))
        };
        if has(&self.sure) {
            Said::Allowed
        } else if has(&self.unsure) {
            Said::Unknown
        } else {
            Said::Denied
        }
    }
}
