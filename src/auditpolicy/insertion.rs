//! The fewest rules that log requests which a policy hides, and the proof that they do nothing else.
//!
//! They are put before the first rule that hides one of the requests, name users and log at Metadata.
//! So whatever an earlier rule decides stays, and so does everything that other users ask: a rule that
//! names users matches nobody else. What is left to prove is that nothing of these users, for which a later
//! rule would log bodies, is logged with less than before.

use std::collections::BTreeSet;

use super::{GroupResources, Level, Policy, Request, Resource, Rule, Target};

/// Most rules that are compared with requests in one proof. Beyond that it counts as not proved.
const MAX_COMPARED: usize = 2_000_000;
/// What no policy names.
const OTHER: &str = "any-other";

/// Rules and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insertion {
    /// Before the rule with this position, counted from 0; behind the last one when there is none.
    pub at: usize,
    /// The rules. Their places in a file mean nothing.
    pub rules: Vec<Rule>,
}

/// Finds the rules that log all of the requests, where some of them are hidden.
///
/// # Errors
/// Why there are none.
pub fn log_all(policy: &Policy, requests: &[Request]) -> Result<Insertion, String> {
    let hidden: Vec<&Request> = requests
        .iter()
        .filter(|request| !policy.level_of(request).is_logged(&request.verb))
        .collect();
    let at = hidden
        .iter()
        .map(|request| policy.level_of(request).rule)
        .map(|rule| rule.unwrap_or(policy.rules.len()))
        .min()
        .ok_or("all of them are logged")?;
    let unseen = policy.with(&Insertion {
        at,
        rules: vec![everything(&users(&hidden))],
    });
    if !all_logged(&unseen, requests) {
        return Err(
            "the policy's own omitStages leaves out every stage at which they would be logged"
                .into(),
        );
    }
    let all: Vec<&Request> = requests.iter().collect();
    let candidates = [
        vec![everything(&users(&all))],
        vec![everything(&users(&hidden))],
        vec![product(&hidden)],
        exactly(&hidden),
    ];
    candidates
        .into_iter()
        .map(|rules| Insertion { at, rules })
        .find(|insertion| all_logged(&policy.with(insertion), requests) && !lowers(policy, insertion, requests))
        .ok_or_else(|| "any rule for them would take bodies of requests out of the log that a later rule puts there".into())
}

/// True when the second policy is the first with exactly these rules put in: whatever is true of the one as
/// it was computed is true of the other as it was read.
pub fn is_result(before: &Policy, insertion: &Insertion, after: &Policy) -> bool {
    let bare = |rule: &Rule| Rule {
        line: 0,
        span: 0..0,
        ..rule.clone()
    };
    let expected = before.with(insertion);
    expected.omit_stages == after.omit_stages
        && expected
            .rules
            .iter()
            .map(bare)
            .eq(after.rules.iter().map(bare))
}

impl Policy {
    /// The policy with these rules put in.
    pub fn with(&self, insertion: &Insertion) -> Policy {
        let mut policy = self.clone();
        let at = insertion.at.min(policy.rules.len());
        policy.rules.splice(at..at, insertion.rules.iter().cloned());
        policy
    }
}

impl Rule {
    /// A rule that logs what these users do.
    fn of_users(users: Vec<String>) -> Rule {
        Rule {
            line: 0,
            span: 0..0,
            level: Level::Metadata,
            users,
            user_groups: Vec::new(),
            verbs: Vec::new(),
            resources: Vec::new(),
            namespaces: Vec::new(),
            non_resource_urls: Vec::new(),
            omit_stages: Vec::new(),
        }
    }
}

fn all_logged(policy: &Policy, requests: &[Request]) -> bool {
    requests
        .iter()
        .all(|request| policy.level_of(request).is_logged(&request.verb))
}

/// The users, each once, in the order in which they come.
fn users(requests: &[&Request]) -> Vec<String> {
    let mut users: Vec<String> = Vec::new();
    for request in requests {
        if !users.contains(&request.user) {
            users.push(request.user.clone());
        }
    }
    users
}

fn everything(users: &[String]) -> Rule {
    Rule::of_users(users.to_vec())
}

/// The resources by their groups, with subresources as a policy writes them.
fn resources<'r>(requests: impl Iterator<Item = &'r Request>) -> Vec<GroupResources> {
    let mut found: Vec<GroupResources> = Vec::new();
    for request in requests {
        let Target::Resource(asked) = &request.target else {
            continue;
        };
        let name = match asked.subresource.as_str() {
            "" => asked.resource.clone(),
            subresource => format!("{}/{subresource}", asked.resource),
        };
        match found.iter_mut().find(|held| held.group == asked.group) {
            Some(held) if held.resources.contains(&name) => {}
            Some(held) => held.resources.push(name),
            None => found.push(GroupResources {
                group: asked.group.clone(),
                resources: vec![name],
                names: Vec::new(),
            }),
        }
    }
    found
}

/// The verbs, each once, in the order in which they come.
fn verbs<'r>(requests: impl Iterator<Item = &'r Request>) -> Vec<String> {
    let mut verbs: Vec<String> = Vec::new();
    for request in requests {
        if !verbs.contains(&request.verb) {
            verbs.push(request.verb.clone());
        }
    }
    verbs
}

/// One rule for all of them, and for what mixes them.
fn product(hidden: &[&Request]) -> Rule {
    Rule {
        verbs: verbs(hidden.iter().copied()),
        resources: resources(hidden.iter().copied()),
        ..everything(&users(hidden))
    }
}

/// A rule for each set of users and verbs that have the same resources, so that no rule covers more than
/// what is hidden.
fn exactly(hidden: &[&Request]) -> Vec<Rule> {
    // Of each resource and user, the verbs; then what has the same verbs together, then the same users.
    let mut rules: Vec<Rule> = Vec::new();
    for user in users(hidden) {
        let own = || {
            hidden
                .iter()
                .copied()
                .filter(|request| request.user == user)
        };
        for group in resources(own()) {
            for name in &group.resources {
                let asks = own().filter(|request| {
                    let single = resources(std::iter::once(*request));
                    single
                        .iter()
                        .any(|held| held.group == group.group && held.resources.contains(name))
                });
                let one = GroupResources {
                    resources: vec![name.clone()],
                    ..group.clone()
                };
                let verbs = verbs(asks);
                let same = rules
                    .iter_mut()
                    .find(|rule| rule.users == [user.as_str()] && rule.verbs == verbs);
                match same {
                    Some(rule) => match rule
                        .resources
                        .iter_mut()
                        .find(|held| held.group == one.group)
                    {
                        Some(held) => held.resources.push(name.clone()),
                        None => rule.resources.push(one),
                    },
                    None => rules.push(Rule {
                        verbs,
                        resources: vec![one],
                        ..Rule::of_users(vec![user.clone()])
                    }),
                }
            }
        }
    }
    let mut merged: Vec<Rule> = Vec::new();
    for rule in rules {
        let same = merged
            .iter_mut()
            .find(|known| known.verbs == rule.verbs && known.resources == rule.resources);
        match same {
            Some(known) => known.users.extend(rule.users),
            None => merged.push(rule),
        }
    }
    merged
}

/// True unless it is sure that no request of the users, whatever it asks for, is logged with less than
/// before. Only a rule behind the new ones that logs bodies can be deprived of something.
fn lowers(policy: &Policy, insertion: &Insertion, requests: &[Request]) -> bool {
    let later = policy.rules.iter().skip(insertion.at);
    if !later.clone().any(|rule| rule.level > Level::Metadata) {
        return false;
    }
    let mut compared = 0;
    let mut users: Vec<(&str, &[String])> = Vec::new();
    for request in requests {
        let user = (request.user.as_str(), request.groups.as_slice());
        if !users.contains(&user) {
            users.push(user);
        }
    }
    for rule in &insertion.rules {
        let asked = Asked::of(policy, rule);
        for (user, groups) in users
            .iter()
            .filter(|(user, _)| rule.users.iter().any(|named| named == user))
        {
            for target in asked.targets() {
                for verb in &asked.verbs {
                    compared += policy.rules.len();
                    if compared > MAX_COMPARED {
                        return true;
                    }
                    let request = Request {
                        user: (*user).to_owned(),
                        groups: groups.to_vec(),
                        verb: verb.clone(),
                        target: target.clone(),
                    };
                    let decision = policy.level_of(&request);
                    let later = decision.rule.is_some_and(|rule| rule >= insertion.at);
                    if later && decision.level > Level::Metadata && rule.matches(&request) {
                        return true;
                    }
                }
            }
        }
    }
    false
}

/// Everything that a policy tells apart: each value that it names, and one that it does not.
struct Asked {
    verbs: BTreeSet<String>,
    groups: BTreeSet<String>,
    resources: BTreeSet<String>,
    subresources: BTreeSet<String>,
    namespaces: BTreeSet<String>,
    names: BTreeSet<String>,
    paths: BTreeSet<String>,
}

impl Asked {
    /// What the policy tells apart among the requests that the rule may match.
    fn of(policy: &Policy, rule: &Rule) -> Asked {
        let other = || BTreeSet::from([OTHER.to_owned()]);
        let none = || BTreeSet::from([OTHER.to_owned(), String::new()]);
        let mut asked = Asked {
            verbs: other(),
            groups: none(),
            resources: other(),
            subresources: none(),
            namespaces: none(),
            names: none(),
            paths: BTreeSet::from([format!("/{OTHER}")]),
        };
        for known in policy.rules.iter().chain([rule]) {
            asked.verbs.extend(known.verbs.iter().cloned());
            asked.namespaces.extend(known.namespaces.iter().cloned());
            asked.paths.extend(
                known
                    .non_resource_urls
                    .iter()
                    .map(|url| url.replace('*', OTHER)),
            );
            for held in &known.resources {
                asked.groups.insert(held.group.clone());
                asked.names.extend(held.names.iter().cloned());
                for name in &held.resources {
                    let (resource, subresource) = name.split_once('/').unwrap_or((name, ""));
                    asked.resources.insert(resource.to_owned());
                    asked.subresources.insert(subresource.to_owned());
                }
            }
        }
        // What the rule does not match it does not change.
        if !rule.verbs.is_empty() {
            asked.verbs = rule.verbs.iter().cloned().collect();
        }
        if !rule.resources.is_empty() {
            asked.groups = rule
                .resources
                .iter()
                .map(|held| held.group.clone())
                .collect();
            let names = rule.resources.iter().flat_map(|held| &held.resources);
            let parts = names.map(|name| name.split_once('/').unwrap_or((name, "")));
            (asked.resources, asked.subresources) = parts
                .map(|(resource, subresource)| (resource.to_owned(), subresource.to_owned()))
                .unzip();
            asked.paths.clear();
        }
        asked
    }

    fn targets(&self) -> impl Iterator<Item = Target> {
        let paths = self.paths.iter().cloned().map(Target::Path);
        let resources = self.groups.iter().flat_map(move |group| {
            self.resources.iter().flat_map(move |resource| {
                self.subresources.iter().flat_map(move |subresource| {
                    self.namespaces.iter().flat_map(move |namespace| {
                        self.names.iter().map(move |name| {
                            Target::Resource(Resource {
                                group: group.clone(),
                                resource: resource.clone(),
                                subresource: subresource.clone(),
                                namespace: namespace.clone(),
                                name: name.clone(),
                            })
                        })
                    })
                })
            })
        });
        resources.chain(paths)
    }
}
