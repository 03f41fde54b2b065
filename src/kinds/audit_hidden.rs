//! Requests that an audit policy does not log, and by which rule, in words.

use std::fmt::Write as _;

use crate::auditpolicy::{Decision, Level, Policy, Request, Target};

/// Most requests that are named for one cause.
const SHOWN: usize = 3;
/// Most causes that are told.
const CAUSES: usize = 3;

/// The requests that leave no trace for one and the same reason.
pub(crate) struct Hidden {
    /// Why: the rule, its level, the stages.
    pub decision: Decision,
    /// Whether it is the policy's own omitStages, whatever the rule.
    by_policy: bool,
    /// The users in their order, and what each of them asks: verb and resource, each once.
    users: Vec<(String, Vec<String>)>,
}

impl Hidden {
    /// In the order of the rules that hide them; what no rule matches comes last.
    pub fn of(policy: &Policy, requests: &[Request]) -> Vec<Hidden> {
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

    /// How many they are.
    pub fn count(&self) -> usize {
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

/// All of them in one sentence: how many of how many, why, and the first few.
pub(crate) fn told(hidden: &[Hidden], count: usize) -> String {
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
