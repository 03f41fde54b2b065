//! Whether a request is allowed: k8s.io/kubernetes' plugin/pkg/auth/authorizer/rbac/rbac.go and
//! pkg/registry/rbac/validation/rule.go.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::rights::{Index, Rights};
use super::{Binding, Objects, PRIVILEGED_GROUP, Scope, Subject, Who};
use crate::auditpolicy::{Request, Target};

/// What the API server says to a request.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is allowed by RBAC.
    Allowed {
        /// The binding, by its position.
        binding: usize,
        /// The role in which the rule stands, by its position.
        role: usize,
        /// The rule's line, counted from 1.
        line: usize,
    },
    /// It is allowed to a group of which RBAC is not asked.
    Privileged,
    /// Nothing allows it.
    Denied,
    /// What is known does not tell: why.
    Unknown(String),
}

/// Whether a subject names a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// It does not.
    No,
    /// It depends on the namespace into which the binding is applied.
    Unsure,
    /// It does.
    Yes,
}

/// Roles and bindings, ready to be asked.
pub struct Cluster<'a> {
    objects: &'a Objects,
    index: Index<'a>,
    /// Of each role that is bound what it gives, found when somebody asks.
    rights: Vec<OnceCell<Rights<'a>>>,
    /// Of each binding the position in `rights`: many bind the same role.
    of: Vec<usize>,
    /// Of each binding whether another one has its name, so that one of them is overwritten.
    twins: Vec<Twin>,
}

/// Whether a binding is there a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// It is not.
    None,
    /// It is, and says the same.
    Same,
    /// It is, and says something else: which of them is applied last is not known.
    Different,
}

impl<'a> Cluster<'a> {
    /// Makes roles and bindings ready to be asked.
    pub fn of(objects: &'a Objects) -> Cluster<'a> {
        let mut known: BTreeMap<(&Scope, &str), usize> = BTreeMap::new();
        let (mut rights, mut of) = (Vec::new(), Vec::new());
        for binding in &objects.bindings {
            let scope = if binding.of_cluster_role {
                &Scope::Cluster
            } else {
                &binding.scope
            };
            let place = *known.entry((scope, &binding.role)).or_insert_with(|| {
                rights.push(OnceCell::new());
                rights.len() - 1
            });
            of.push(place);
        }
        Cluster {
            objects,
            index: Index::of(objects),
            rights,
            of,
            twins: twins(objects),
        }
    }

    /// Whether a binding is there a second time, by its position.
    pub fn twin(&self, binding: usize) -> Twin {
        self.twins.get(binding).copied().unwrap_or(Twin::None)
    }

    /// The roles and bindings.
    pub fn objects(&self) -> &'a Objects {
        self.objects
    }

    /// What a binding gives, by its position.
    pub fn rights(&self, binding: usize) -> Option<&Rights<'a>> {
        let found = self.rights.get(*self.of.get(binding)?)?;
        let binding = self.objects.bindings.get(binding)?;
        Some(found.get_or_init(|| self.index.rights(binding)))
    }

    /// Whether a request is allowed.
    pub fn answer(&self, request: &Request) -> Answer {
        if request.groups.iter().any(|group| group == PRIVILEGED_GROUP) {
            return Answer::Privileged;
        }
        let mut unknown = None;
        for number in 0..self.objects.bindings.len() {
            match self.by(number, request) {
                Answer::Denied => {}
                Answer::Unknown(why) => {
                    unknown.get_or_insert(why);
                }
                answer => return answer,
            }
        }
        unknown.map_or(Answer::Denied, Answer::Unknown)
    }

    /// What one binding says to a request, by its position.
    pub fn by(&self, number: usize, request: &Request) -> Answer {
        let Some(binding) = self.objects.bindings.get(number) else {
            return Answer::Denied;
        };
        let reach = binding.names(&request.user, &request.groups);
        let in_force = binding.is_in_force(request);
        if reach == Named::No || in_force == Named::No {
            return Answer::Denied;
        }
        let Some(rights) = self.rights(number) else {
            return Answer::Denied;
        };
        let placed = reach == Named::Yes && in_force == Named::Yes;
        let sure = placed && self.twin(number) != Twin::Different && binding.doubt.is_none();
        let mut unknown = rights.open.clone();
        for given in &rights.given {
            if !given.rule.allows(request) {
                continue;
            }
            if sure && given.certain {
                return Answer::Allowed {
                    binding: number,
                    role: given.role,
                    line: given.rule.line,
                };
            }
            let (kind, name) = (binding.kind(), &binding.name);
            unknown.get_or_insert_with(|| {
                if sure {
                    format!("it is unsure whether the role of {kind} {name} has the rule")
                } else if let Some(doubt) = binding.doubt {
                    format!("the {kind} {name} {}", doubt.told())
                } else if placed {
                    format!("the {kind} {name} is in the manifests more than once, and they differ")
                } else {
                    format!(
                        "the {kind} {name} names no namespace: whoever applies it decides where it is in force"
                    )
                }
            });
        }
        unknown.map_or(Answer::Denied, Answer::Unknown)
    }
}

/// Of each binding whether another one has its kind, namespace and name.
fn twins(objects: &Objects) -> Vec<Twin> {
    let key = |binding: &Binding| (binding.scope.clone(), binding.name.clone());
    let mut by_name: BTreeMap<_, Vec<&Binding>> = BTreeMap::new();
    for binding in &objects.bindings {
        by_name.entry(key(binding)).or_default().push(binding);
    }
    let same = |one: &Binding, other: &Binding| {
        let who = |binding: &Binding| -> Vec<Who> {
            binding
                .subjects
                .iter()
                .map(|held| held.who.clone())
                .collect()
        };
        one.of_cluster_role == other.of_cluster_role
            && one.role == other.role
            && who(one) == who(other)
    };
    let twin = |all: &Vec<&Binding>| match all.as_slice() {
        [] | [_] => Twin::None,
        [first, others @ ..] if others.iter().all(|other| same(first, other)) => Twin::Same,
        _ => Twin::Different,
    };
    let twins: BTreeMap<_, Twin> = by_name
        .iter()
        .map(|(key, all)| (key.clone(), twin(all)))
        .collect();
    let each = objects.bindings.iter();
    each.map(|binding| twins.get(&key(binding)).copied().unwrap_or(Twin::None))
        .collect()
}

impl Binding {
    /// Whether one of its subjects names a user or a group of the user's.
    pub fn names(&self, user: &str, groups: &[String]) -> Named {
        let each = self.subjects.iter();
        each.map(|subject| self.subject_names(subject, user, groups))
            .max()
            .unwrap_or(Named::No)
    }

    /// Whether one of its subjects names a user or a group of the user's.
    pub fn subject_names(&self, subject: &Subject, user: &str, groups: &[String]) -> Named {
        let yes = |holds: bool| if holds { Named::Yes } else { Named::No };
        match &subject.who {
            Who::User(name) => yes(user == name),
            Who::Group(name) => yes(groups.contains(name)),
            Who::Account(given, name) => {
                // Without a namespace the account is one of the binding's own.
                let namespace = match (given, &self.scope) {
                    (Some(given), _) => given,
                    (None, Scope::Namespace(own)) => own,
                    (None, Scope::Cluster) => return Named::No,
                    (None, Scope::Unsaid) => {
                        let own = account(user).is_some_and(|(_, held)| held == name);
                        return if own { Named::Unsure } else { Named::No };
                    }
                };
                yes(account(user) == Some((namespace, name)))
            }
        }
    }

    /// Whether it is in force where the request asks for something. A RoleBinding gives nothing outside of its
    /// namespace, and no path.
    fn is_in_force(&self, request: &Request) -> Named {
        let namespace = match &request.target {
            Target::Resource(asked) => asked.namespace.as_str(),
            Target::Path(_) => "",
        };
        match &self.scope {
            Scope::Cluster => Named::Yes,
            _ if namespace.is_empty() => Named::No,
            Scope::Namespace(own) if own == namespace => Named::Yes,
            Scope::Namespace(_) => Named::No,
            Scope::Unsaid => Named::Unsure,
        }
    }
}

/// The namespace and the name of a service account, of its user name.
fn account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix("system:serviceaccount:")?.split_once(':')
}
