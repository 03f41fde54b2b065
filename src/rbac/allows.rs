//! Whether a rule allows a request, or a single right: k8s.io/kubernetes' pkg/apis/rbac/v1/evaluation_helpers.go
//! and k8s.io/component-helpers' auth/rbac/validation/policy_comparator.go.

use std::fmt;

use super::Rule;
use crate::auditpolicy::{Request, Target};

/// Most names of objects that are told of a right.
const MAX_NAMES: usize = 5;

/// One verb on one resource or path: what a rule gives, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The verb; `*` for each.
    pub verb: String,
    /// On what.
    pub what: What,
}

/// What a right is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A resource.
    Resource {
        /// The API group; empty for the core group, `*` for each.
        group: String,
        /// `pods`, `pods/log`, `*/scale`, `*`.
        resource: String,
        /// Names of objects; none for all.
        names: Vec<String>,
    },
    /// A path, which may end with a star.
    Url(String),
}

/// A star alone stands for everything.
fn lists(list: &[String], value: &str) -> bool {
    list.iter().any(|held| held == "*" || held == value)
}

impl Rule {
    /// Whether the rule allows a request.
    pub fn allows(&self, request: &Request) -> bool {
        lists(&self.verbs, &request.verb)
            && match &request.target {
                Target::Resource(asked) => {
                    let sub = asked.subresource.as_str();
                    let full = match sub {
                        "" => asked.resource.clone(),
                        sub => format!("{}/{sub}", asked.resource),
                    };
                    lists(&self.groups, &asked.group)
                        && self.lists_resource(&full, sub)
                        && (self.names.is_empty() || self.names.contains(&asked.name))
                }
                Target::Path(path) => self.lists_url(path),
            }
    }

    fn lists_resource(&self, full: &str, sub: &str) -> bool {
        let of_each = |held: &String| !sub.is_empty() && held.strip_prefix("*/") == Some(sub);
        lists(&self.resources, full) || self.resources.iter().any(of_each)
    }

    /// All stars at the end are one to the API server.
    fn lists_url(&self, path: &str) -> bool {
        let starts =
            |held: &String| held.ends_with('*') && path.starts_with(held.trim_end_matches('*'));
        lists(&self.urls, path) || self.urls.iter().any(starts)
    }

    /// Whether the rule gives a right, wherever that is in force.
    pub fn gives(&self, right: &Right) -> bool {
        lists(&self.verbs, &right.verb)
            && match &right.what {
                What::Resource {
                    group,
                    resource,
                    names,
                } => {
                    let sub = resource.split_once('/').map_or("", |(_, sub)| sub);
                    let named =
                        !names.is_empty() && names.iter().all(|name| self.names.contains(name));
                    lists(&self.groups, group)
                        && self.lists_resource(resource, sub)
                        && (self.names.is_empty() || named)
                }
                What::Url(url) => self.lists_url(url),
            }
    }

    /// How many rights it gives, however they overlap.
    pub fn count(&self) -> usize {
        let resources = self.groups.len().saturating_mul(self.resources.len());
        let what = resources.saturating_add(self.urls.len());
        self.verbs.len().saturating_mul(what)
    }

    /// What it gives, right by right, in its order.
    pub fn rights(&self) -> impl Iterator<Item = Right> {
        let resources = self.groups.iter().flat_map(|group| {
            self.resources.iter().map(|resource| What::Resource {
                group: group.clone(),
                resource: resource.clone(),
                names: self.names.clone(),
            })
        });
        let urls = self.urls.iter().map(|url| What::Url(url.clone()));
        resources.chain(urls).flat_map(|what| {
            self.verbs.iter().map(move |verb| Right {
                verb: verb.clone(),
                what: what.clone(),
            })
        })
    }
}

impl Right {
    /// Whether it is about a path that is no resource.
    pub fn is_of_path(&self) -> bool {
        matches!(self.what, What::Url(_))
    }

    /// Whether no request can be made of it: a star that is only a part of a word stands for itself, and nothing is
    /// called so. `pods/*` is no subresource to RBAC.
    pub fn is_empty(&self) -> bool {
        let stray = |word: &str| word.contains('*') && word != "*";
        let resource_is_stray = |resource: &str| match resource.strip_prefix("*/") {
            Some(sub) => sub.is_empty() || sub.contains('*'),
            None => stray(resource),
        };
        stray(&self.verb)
            || match &self.what {
                What::Url(_) => false,
                What::Resource {
                    group, resource, ..
                } => stray(group) || resource_is_stray(resource),
            }
    }
}

/// As kubectl names it: `secrets`, `deployments.apps/scale`, `*.*`, `configmaps named a, b`.
impl fmt::Display for What {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Url(url) if url.trim_end_matches('*').is_empty() => out.write_str("every path"),
            What::Url(url) => out.write_str(url),
            What::Resource {
                group,
                resource,
                names,
            } => {
                let (name, sub) = match resource.split_once('/') {
                    Some((name, sub)) => (name, Some(sub)),
                    None => (resource.as_str(), None),
                };
                out.write_str(name)?;
                if !group.is_empty() {
                    write!(out, ".{group}")?;
                }
                if let Some(sub) = sub {
                    write!(out, "/{sub}")?;
                }
                let shown = names.get(..MAX_NAMES).unwrap_or(names);
                if !names.is_empty() {
                    write!(out, " named {}", shown.join(", "))?;
                }
                match names.len() - shown.len() {
                    0 => Ok(()),
                    more => write!(out, " and {more} more"),
                }
            }
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.verb, self.what)
    }
}
