//! What kube-proxy asks of the API server leaves its trace in the audit log.

use serde::Deserialize;

use super::audit_hidden::{Hidden, told};
use super::audit_policy::{policy_of, readable};
use super::{Edit, Instance, Kind, Mend, by_hand};
use crate::auditpolicy::insertion::{self, Insertion};
use crate::auditpolicy::{GroupResources, Level, Policy, Request, Resource, Rule, Target};
use crate::baseline::{Check, Fix, Version};
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
    /// The oldest release that asks for it; without one, all do.
    #[serde(default)]
    since: Option<Version>,
    /// Only older releases ask for it, and nobody says until which.
    #[serde(default)]
    older: bool,
}

/// Most comparisons of a request with a value of the policy. A policy of a few hundred rules needs some
/// ten thousand; a hostile one would keep the scan busy for hours.
const MAX_COMPARED: usize = 10_000_000;
/// A name that no policy has.
const ANY_NAME: &str = "any-other";

impl AuditRequests {
    /// Who asks: each user, and its groups.
    pub fn identities(&self) -> impl Iterator<Item = (&str, &[String])> {
        let each = self.identities.iter();
        each.map(|identity| (identity.user.as_str(), identity.groups.as_slice()))
    }

    /// What each of them asks, of objects whose names no policy has.
    ///
    /// # Errors
    /// When a resource cannot be read, which no baseline that loads has.
    pub fn requests(&self) -> Result<Vec<Request>, String> {
        self.all(&[ANY_NAME])
    }

    /// What a release surely asks as these users, each with its groups, of objects whose names no policy has. Where
    /// the release is not known, it is what all of them ask.
    ///
    /// # Errors
    /// When a resource cannot be read, which no baseline that loads has.
    pub fn demanded(
        &self,
        identities: &[(String, Vec<String>)],
        release: Option<Version>,
    ) -> Result<Vec<Request>, String> {
        let asks = |asked: &&Asked| {
            let reached = match asked.since {
                Some(since) => release.is_some_and(|release| release >= since),
                None => true,
            };
            reached && !asked.older
        };
        of_all(identities, self.requests.iter().filter(asks), &[ANY_NAME])
    }

    /// What any release may ask as these users, each with its groups. Of a named request there is one for each of the
    /// names, and one for a name that is none of them.
    ///
    /// # Errors
    /// When a resource cannot be read, which no baseline that loads has.
    pub fn possible(
        &self,
        identities: &[(String, Vec<String>)],
        names: &[String],
    ) -> Result<Vec<Request>, String> {
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.push(ANY_NAME);
        of_all(identities, self.requests.iter(), &names)
    }

    /// All of the requests. Of a named one there is one for each of the names.
    fn all(&self, names: &[&str]) -> Result<Vec<Request>, String> {
        let identities = self.identities.iter();
        let identities: Vec<(String, Vec<String>)> = identities
            .map(|identity| (identity.user.clone(), identity.groups.clone()))
            .collect();
        of_all(&identities, self.requests.iter(), names)
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
        let (names, values) = (names(&policy), values(&policy));
        let most = self.count().saturating_mul(names.len());
        if most.saturating_mul(values) > MAX_COMPARED {
            let why = "the policy names more than is compared with kube-proxy's requests here";
            return Err(unknown(None, why.into()));
        }
        let requests = self.all(&names).map_err(|why| unknown(None, why))?;
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

/// The requests as each user. Of a named one there is one for each of the names.
fn of_all<'a>(
    identities: &[(String, Vec<String>)],
    requests: impl Iterator<Item = &'a Asked> + Clone,
    names: &[&str],
) -> Result<Vec<Request>, String> {
    let mut all = Vec::new();
    for (user, groups) in identities {
        for asked in requests.clone() {
            let resource = Resource {
                namespace: asked.namespace.clone(),
                ..Resource::parse(&asked.resource)?
            };
            let names = if asked.named { names } else { &[""] };
            for verb in &asked.verbs {
                for name in names {
                    all.push(Request {
                        user: user.clone(),
                        groups: groups.clone(),
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

/// Every name of an object that the policy speaks of, and one of which it does not.
fn names(policy: &Policy) -> Vec<&str> {
    let rules = policy.rules.iter().flat_map(|rule| &rule.resources);
    let mut names: Vec<&str> = rules
        .flat_map(|held| &held.names)
        .map(String::as_str)
        .collect();
    names.push(ANY_NAME);
    names.sort_unstable();
    names.dedup();
    names
}

/// How many values a request is compared with at most.
fn values(policy: &Policy) -> usize {
    let of_rule = |rule: &Rule| {
        let held = |held: &GroupResources| 1 + held.resources.len() + held.names.len();
        1 + rule.users.len()
            + rule.user_groups.len()
            + rule.verbs.len()
            + rule.namespaces.len()
            + rule.resources.iter().map(held).sum::<usize>()
    };
    policy.rules.iter().map(of_rule).sum()
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
    if !rule.namespaces.is_empty() {
        entries.push(("namespaces", Tree::texts(rule.namespaces.clone())));
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
