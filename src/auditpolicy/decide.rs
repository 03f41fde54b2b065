//! What a policy logs of a request: apiserver's pkg/audit/policy/checker.go.

use super::{Decision, GroupResources, Level, Policy, Request, Resource, Rule, Stage, Target};

impl Policy {
    /// What is logged of a request: the first rule that matches it decides. Without one nothing is.
    pub fn level_of(&self, request: &Request) -> Decision {
        let mut rules = self.rules.iter().enumerate();
        let found = rules.find(|(_, rule)| rule.matches(request));
        let left_out = |stage: &Stage| {
            let by_rule = found.is_some_and(|(_, rule)| rule.omit_stages.contains(stage));
            by_rule || self.omit_stages.contains(stage)
        };
        Decision {
            level: found.map_or(Level::None, |(_, rule)| rule.level),
            omit_stages: Stage::ALL.into_iter().filter(left_out).collect(),
            rule: found.map(|(index, _)| index),
            line: found.map(|(_, rule)| rule.line),
        }
    }
}

impl Decision {
    /// Whether anything of a request with this verb comes into the log: apiserver's
    /// pkg/endpoints/filters/audit.go. That a long answer started is told of a watch alone, and of a
    /// panic only when there is one.
    pub fn is_logged(&self, verb: &str) -> bool {
        let stages: &[Stage] = match verb {
            "watch" => &[
                Stage::RequestReceived,
                Stage::ResponseStarted,
                Stage::ResponseComplete,
            ],
            _ => &[Stage::RequestReceived, Stage::ResponseComplete],
        };
        self.level > Level::None && stages.iter().any(|stage| !self.omit_stages.contains(stage))
    }
}

/// An empty list is no condition.
fn allows(list: &[String], value: &str) -> bool {
    list.is_empty() || list.iter().any(|item| item == value)
}

impl Rule {
    pub(super) fn matches(&self, request: &Request) -> bool {
        let groups = &request.groups;
        let in_group = self.user_groups.is_empty()
            || self.user_groups.iter().any(|group| groups.contains(group));
        if !allows(&self.users, &request.user) || !in_group || !allows(&self.verbs, &request.verb) {
            return false;
        }
        let for_resources = !self.resources.is_empty() || !self.namespaces.is_empty();
        match &request.target {
            Target::Resource(resource) if for_resources => {
                let listed = self.resources.iter().any(|held| held.covers(resource));
                allows(&self.namespaces, &resource.namespace)
                    && (self.resources.is_empty() || listed)
            }
            // Without conditions on either, a rule is for both.
            Target::Resource(_) => self.non_resource_urls.is_empty(),
            Target::Path(_) if for_resources => false,
            Target::Path(path) => {
                let urls = &self.non_resource_urls;
                urls.is_empty() || urls.iter().any(|url| url_covers(url, path))
            }
        }
    }
}

impl GroupResources {
    fn covers(&self, request: &Resource) -> bool {
        if self.group != "*" && self.group != request.group {
            return false;
        }
        // Validation refuses names without resources.
        self.resources.is_empty()
            || allows(&self.names, &request.name)
                && self.resources.iter().any(|held| covers(held, request))
    }
}

/// `pods`, `pods/log`, `*`, `*/scale`, and `pods/*`, which covers pods themselves too.
fn covers(held: &str, request: &Resource) -> bool {
    let asked = request.subresource.as_str();
    let of_resource = held.strip_prefix(request.resource.as_str());
    let exactly = match asked {
        "" => of_resource == Some(""),
        asked => of_resource.and_then(|rest| rest.strip_prefix('/')) == Some(asked),
    };
    let of_all = !asked.is_empty() && held.strip_prefix("*/") == Some(asked);
    held == "*" || exactly || of_all || held.strip_suffix("/*") == Some(request.resource.as_str())
}

/// A star at the end stands for any rest.
fn url_covers(url: &str, path: &str) -> bool {
    match url.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => url == path,
    }
}
