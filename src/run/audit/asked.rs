//! What is asked of a log: whose events, from when, and what of them is unusual.

use std::path::PathBuf;

use super::inputs::own_node;
use super::policy::Policy;
use crate::auditlog::block::{HandOn, Query};
use crate::auditlog::order::Totals;
use crate::auditlog::time::Instant;
use crate::auditlog::who::Who;
use crate::baseline::{Baseline, Severity};
use crate::cli::{AskedLog, Global};
use crate::failure::{Exit, Failure};
use crate::unusual::{End, IpNetwork, Judge, Judged, Kind, Known, Rules};

/// What kube-proxy calls itself, which is all that is known of it where it could not be authenticated.
const AGENT: &str = "kube-proxy/";

/// What is asked, as far as it is known before a log is open.
pub struct Asked {
    /// Whose events.
    pub who: Who,
    /// They are kube-proxy's identities.
    pub is_kube_proxy: bool,
    /// Nothing before.
    pub since: Option<Instant>,
    /// Nothing from then on.
    pub until: Option<Instant>,
    /// Each line is parsed.
    pub thorough: bool,
    /// The policy that is asked when kube-proxy left no trace.
    pub policy: Option<PathBuf>,
    rules: Rules,
    known: Known,
    floor: Option<Severity>,
}

impl Asked {
    /// Of the command line, by the baselines and the rules.
    ///
    /// # Errors
    /// When rules cannot be loaded, or nobody says who kube-proxy is.
    pub fn of(cli: &AskedLog, baselines: &[Baseline], global: &Global) -> Result<Asked, Failure> {
        let named = cli.user.iter().chain(&cli.group);
        if named.clone().any(String::is_empty) {
            return Err(Failure::usage("the name of a user or group is empty"));
        }
        if let (Some(since), Some(until)) = (cli.since, cli.until)
            && since >= until
        {
            return Err(Failure::usage(format!(
                "nothing lies between --since {since} and --until {until}"
            ))
            .help("the earlier time belongs to --since"));
        }
        let is_kube_proxy = !cli.all_users && named.count() == 0;
        let mut known = match Known::of(baselines) {
            Err(failure) if is_kube_proxy => return Err(failure),
            known => known.unwrap_or_default(),
        };
        // Who asks from loopback is on the API server's own machine.
        known.loopback = true;
        known.addresses = addresses(cli, global);
        let users = known.identities.iter().map(|(user, _)| user.clone());
        let who = if is_kube_proxy {
            Who {
                users: users.collect(),
                agents: vec![AGENT.into()],
                ..Who::default()
            }
        } else {
            Who {
                users: cli.user.clone(),
                groups: cli.group.clone(),
                everybody: cli.all_users,
                ..Who::default()
            }
        };
        let mut rules = Rules::load(&cli.rules)?.select(&global.only, &global.skip)?;
        let all_of_it = is_kube_proxy || cli.all_users;
        let some_of_it = all_of_it
            || !cli.group.is_empty()
            || known
                .identities
                .iter()
                .any(|(user, _)| who.users.contains(user));
        // What nobody asked for cannot be judged.
        rules.rules.retain(|rule| match rule.unusual {
            Kind::Silence(_) => all_of_it,
            Kind::Unreadable(_) => true,
            _ => some_of_it,
        });
        Ok(Asked {
            who,
            is_kube_proxy,
            since: cli.since,
            until: cli.until,
            thorough: cli.thorough,
            policy: cli.policy.clone(),
            rules,
            known,
            floor: cli.fail_on.floor(),
        })
    }

    /// What is looked for in each line, and whose events are judged.
    pub fn query(&self) -> Query {
        let judged = self.known.identities.iter().map(|(user, _)| user.clone());
        self.query_for(HandOn::Of(judged.collect()))
    }

    /// The same, with other events that are handed on.
    pub fn query_for(&self, hand_on: HandOn) -> Query {
        Query {
            since: self.since,
            until: self.until,
            ..Query::new(self.who.clone(), self.thorough, hand_on)
        }
    }

    /// Who judges the events. Of the node's own log the node's own name and addresses are known.
    pub fn judge(&self, files: &[PathBuf], global: &Global) -> Judge {
        let mut known = self.known.clone();
        if files.is_empty() {
            known.node = own_node(global);
        }
        Judge::new(&self.rules, known)
    }

    /// What is known of a log when it has ended.
    pub fn end<'a>(&self, totals: &Totals, policy: Option<&'a Policy>) -> End<'a> {
        let first = totals.span.map(|(first, _)| first);
        let last = totals.span.map(|(_, last)| last);
        End {
            log_first: first.map(|first| self.since.map_or(first, |since| first.max(since))),
            log_last: last.map(|last| self.until.map_or(last, |until| last.min(until))),
            policy: policy.map(Policy::file),
            unreadable: totals.unreadable(),
            first_unreadable: totals.broken.first().copied(),
        }
    }

    /// How the command ends.
    pub fn exit(&self, judged: &Judged) -> Exit {
        match self.floor {
            Some(floor) if judged.reaches(floor) => Exit::Findings,
            _ => Exit::Done,
        }
    }
}

/// The nodes' addresses, when the command line gives any.
fn addresses(cli: &AskedLog, global: &Global) -> Option<Vec<IpNetwork>> {
    let own = global.node_ip.map(IpNetwork::from);
    let all: Vec<IpNetwork> = cli.node_address.iter().cloned().chain(own).collect();
    (!all.is_empty()).then_some(all)
}
