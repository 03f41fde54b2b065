//! What kube-proxy asks of the API server leaves its trace in the audit log.

use std::fmt::Write as _;

use serde::Deserialize;

use super::audit_policy::{policy_of, readable};
use super::{Edit, Instance, Kind, Mend, by_hand};
use crate::auditpolicy::insertion::{self, Insertion};
use crate::auditpolicy::{
    Decision, GroupResources, Level, Policy, Request, Resource, Rule, Target,
};
use crate::baseline::{Check, Fix};
use crate::edit::{Alteration, Step, Tree};
use crate::facts::{ApiServer, Facts};
use crate::root::NodePath;

/// `audit-requests: {identities: [..], requests: [..]}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRequests {
    /// Who asks.
    identities: Vec<Identity>,
    /// What each of them asks.
    requests: Vec<Asked>,
}

/// A user as the API server knows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    user: String,
    #[serde(default)]
    groups: Vec<String>,
}

/// One resource, and what is asked of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    verbs: Vec<String>,
    /// `services`, `endpointslices.discovery.k8s.io`, `pods/log`.
    resource: String,
    /// Where; without it, in the whole cluster.
    #[serde(default)]
    namespace: String,
    /// Whether the request carries an object's name: other on each node, so that every name counts.
    #[serde(default)]
    named: bool,
}

/// Most requests that are named for one cause.
const SHOWN: usize = 3;
/// Most causes that are told.
const CAUSES: usize = 3;
/// A name that no policy has.
const ANY_NAME: &str = "any-other";

impl AuditRequests {
    /// All of the requests. Of a named one there is one for each name that the policy speaks of.
    fn all(&self, policy: &Policy) -> Result<Vec<Request>, String> {
        let rules = policy.rules.iter().flat_map(|rule| &rule.resources);
        let mut names: Vec<&str> = rules
            .flat_map(|held| &held.names)
            .map(String::as_str)
            .collect();
        names.push(ANY_NAME);
        names.sort_unstable();
        names.dedup();
        let mut all = Vec::new();
        for identity in &self.identities {
            for asked in &self.requests {
                let resource = Resource {
                    namespace: asked.namespace.clone(),
                    ..Resource::parse(&asked.resource)?
                };
                let names: &[&str] = if asked.named { &names } else { &[""] };
                for verb in &asked.verbs {
                    for name in names {
                        all.push(Request {
                            user: identity.user.clone(),
                            groups: identity.groups.clone(),
                            verb: verb.clone(),
                            target: Target::Resource(Resource {
                                name: (*name).to_owned(),
                                ..resource.clone()
                            }),
                        });
                    }
                }
            }
        }
        Ok(all)
    }

    fn count(&self) -> usize {
        let verbs = self.requests.iter().map(|asked| asked.verbs.len());
        self.identities.len() * verbs.sum::<usize>()
    }

    fn judged(
        &self,
        check: &Check,
        server: &ApiServer,
        path: &NodePath,
    ) -> Result<Instance, Box<Instance>> {
        let bytes = readable(server)?;
        let unknown = |line, why: String| Box::new(Instance::unknown(why).line(line));
        let policy =
            Policy::read(bytes).map_err(|refused| unknown(refused.line, refused.message))?;
        let requests = self.all(&policy).map_err(|why| unknown(None, why))?;
        let hidden = Hidden::of(&policy, &requests);
        if hidden.is_empty() {
            let observed = format!("all {} requests of kube-proxy are logged", self.count());
            return Ok(Instance::judged(true, observed, || Mend::None));
        }
        let line = hidden.iter().find_map(|cause| cause.decision.line);
        let observed = told(&hidden, self.count());
        let mend = || self.mend(check, server, path, bytes, &policy, &requests);
        Ok(Instance::judged(false, observed, mend).line(line))
    }

    fn mend(
        &self,
        check: &Check,
        server: &ApiServer,
        path: &NodePath,
        bytes: &[u8],
        policy: &Policy,
        requests: &[Request],
    ) -> Mend {
        if check.fix.is_none() {
            return by_hand(check);
        }
        let insertion = match insertion::log_all(policy, requests) {
            Ok(insertion) => insertion,
            Err(why) => return Mend::ByHand(format!("no rule is inserted: {why}")),
        };
        let edit = edit(policy, &insertion);
        let left = |why: &str| Mend::ByHand(format!("{why}; {}", instead(policy, &insertion)));
        let after = match edit.of(bytes) {
            Ok(after) => after,
            Err(why) => return left(&why),
        };
        // The rules were computed; what counts is what the API server reads.
        let proved = Policy::read(&after)
            .is_ok_and(|after| insertion::is_result(policy, &insertion, &after));
        if !proved {
            return left(
                "not edited: it could not be proved that the API server reads the rules as they are meant",
            );
        }
        if server.policy_among_pods {
            return left("not edited: the kubelet takes every file in its directory for a pod");
        }
        Mend::Edit(
            server
                .policy_resolved
                .clone()
                .unwrap_or_else(|| path.clone()),
            edit,
        )
    }
}

/// The requests that leave no trace for one and the same reason.
struct Hidden {
    decision: Decision,
    /// Whether it is the policy's own omitStages, whatever the rule.
    by_policy: bool,
    /// The users in their order, and what each of them asks: verb and resource, each once.
    users: Vec<(String, Vec<String>)>,
}

impl Hidden {
    /// In the order of the rules that hide them; what no rule matches comes last.
    fn of(policy: &Policy, requests: &[Request]) -> Vec<Hidden> {
        let mut causes: Vec<Hidden> = Vec::new();
        for request in requests {
            let decision = policy.level_of(request);
            if decision.is_logged(&request.verb) {
                continue;
            }
            let by_policy = Decision {
                omit_stages: policy.omit_stages.clone(),
                ..decision.clone()
            };
            let by_policy = decision.level > Level::None && !by_policy.is_logged(&request.verb);
            let same = causes
                .iter()
                .position(|cause| cause.decision.rule == decision.rule);
            let cause = same.unwrap_or(causes.len());
            if same.is_none() {
                causes.push(Hidden {
                    decision,
                    by_policy,
                    users: Vec::new(),
                });
            }
            if let Some(cause) = causes.get_mut(cause) {
                cause.add(request);
            }
        }
        causes.sort_by_key(|cause| cause.decision.rule.unwrap_or(usize::MAX));
        causes
    }

    fn add(&mut self, request: &Request) {
        let asked = asked(request);
        match self
            .users
            .iter_mut()
            .find(|(user, _)| *user == request.user)
        {
            // Of a named request there is one for each name.
            Some((_, known)) if known.contains(&asked) => {}
            Some((_, known)) => known.push(asked),
            None => self.users.push((request.user.clone(), vec![asked])),
        }
    }

    fn why(&self) -> String {
        let (Some(rule), Some(line)) = (self.decision.rule, self.decision.line) else {
            return "no rule matches them".into();
        };
        match self.decision.level {
            Level::None => format!("rules[{rule}] in line {line} has level None"),
            _ if self.by_policy => "the policy's own omitStages leaves out every stage".into(),
            _ => format!("rules[{rule}] in line {line} leaves out every stage"),
        }
    }

    fn count(&self) -> usize {
        self.users.iter().map(|(_, asked)| asked.len()).sum()
    }
}

/// `list services`, `watch endpointslices.discovery.k8s.io`
fn asked(request: &Request) -> String {
    let mut text = request.verb.clone();
    if let Target::Resource(asked) = &request.target {
        let _ = write!(text, " {}", asked.resource);
        if !asked.group.is_empty() {
            let _ = write!(text, ".{}", asked.group);
        }
        if !asked.subresource.is_empty() {
            let _ = write!(text, "/{}", asked.subresource);
        }
    }
    text
}

fn told(hidden: &[Hidden], count: usize) -> String {
    let all: usize = hidden.iter().map(Hidden::count).sum();
    let user = |(user, asked): &(String, Vec<String>)| {
        let shown = asked.iter().take(SHOWN).cloned().collect::<Vec<_>>();
        let more = match asked.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more} as {user}", shown.join(", "))
    };
    let cause = |cause: &Hidden| {
        let users: Vec<String> = cause.users.iter().map(user).collect();
        format!("{} ({})", cause.why(), users.join("; "))
    };
    let mut causes: Vec<String> = hidden.iter().take(CAUSES).map(cause).collect();
    if hidden.len() > CAUSES {
        causes.push(format!("and {} more", hidden.len() - CAUSES));
    }
    format!(
        "{all} of {count} requests of kube-proxy are not logged: {}",
        causes.join(", ")
    )
}

fn edit(policy: &Policy, insertion: &Insertion) -> Edit {
    let before = (insertion.at < policy.rules.len()).then_some(insertion.at);
    let rules = insertion.rules.iter().map(tree).collect();
    let path = vec![Step::Key("rules".into())];
    Edit::Values(vec![Alteration::insert(path, before, rules)])
}

/// What a person is to write, and where.
fn instead(policy: &Policy, insertion: &Insertion) -> String {
    let rules: Vec<String> = insertion
        .rules
        .iter()
        .map(|rule| format!("- {}", tree(rule)))
        .collect();
    let place = match policy.rules.get(insertion.at) {
        Some(next) => format!("before rules[{}] in line {}", insertion.at, next.line),
        None => "behind the last rule".into(),
    };
    format!("insert {place}: {}", rules.join(" "))
}

/// A rule as it is written.
fn tree(rule: &Rule) -> Tree {
    let mut entries = vec![
        ("level", Tree::text(rule.level.name())),
        ("users", Tree::texts(rule.users.clone())),
    ];
    if !rule.verbs.is_empty() {
        entries.push(("verbs", Tree::texts(rule.verbs.clone())));
    }
    if !rule.resources.is_empty() {
        let held = |held: &GroupResources| {
            Tree::map([
                ("group", Tree::text(held.group.clone())),
                ("resources", Tree::texts(held.resources.clone())),
            ])
        };
        entries.push((
            "resources",
            Tree::List(rule.resources.iter().map(held).collect()),
        ));
    }
    Tree::map(entries)
}

impl Kind for AuditRequests {
    fn expected(&self) -> String {
        let users: Vec<&str> = self
            .identities
            .iter()
            .map(|identity| identity.user.as_str())
            .collect();
        format!(
            "every request of kube-proxy logged at Metadata or more, as {}",
            users.join(" and as ")
        )
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let instance = match policy_of(facts) {
            Ok((server, path, origin)) => match self.judged(check, server, path) {
                Ok(instance) => instance,
                Err(instance) => *instance,
            }
            .at(path)
            .from(&origin),
            Err(instance) => *instance,
        };
        vec![instance]
    }

    fn sound(&self) -> Result<(), String> {
        if self.identities.is_empty() || self.requests.is_empty() {
            return Err("audit-requests needs identities and requests".into());
        }
        if self
            .identities
            .iter()
            .any(|identity| identity.user.is_empty())
        {
            return Err("an identity has an empty user".into());
        }
        for asked in &self.requests {
            Resource::parse(&asked.resource)
                .map_err(|why| format!("resource {:?}: {why}", asked.resource))?;
            if asked.verbs.is_empty() || asked.verbs.iter().any(String::is_empty) {
                return Err(format!("resource {:?} has no verbs", asked.resource));
            }
        }
        Ok(())
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match fix.log_at {
            Some(Level::Metadata) => Ok(()),
            Some(_) => Err("the fix of audit-requests logs at Metadata: less is no log, and more would put contents into it".into()),
            None => Err("a fix of audit-requests is log-at: Metadata".into()),
        }
    }
}
