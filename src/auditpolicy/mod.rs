//! What kube-apiserver 1.36.2 makes of an audit policy: whether it starts with it, and what it logs of a
//! request.
//!
//! Decoding and validation follow the program's own order: `apiVersion` and `kind`, the types of all
//! fields, unknown and doubled keys (only a log line, but without such a key a rule may match far more
//! than its author meant), validation. Versions before 1.26 drop such keys without a word.

mod decide;
pub mod insertion;
mod request;
mod schema;
mod validate;
mod written;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use crate::golang::types::StrictProblem;
pub use request::{Request, Resource, Target};

use crate::golang::{codec, header, text, types};
use written::{Word, WrittenResources, WrittenRule};

/// What the API server demands of `apiVersion` and `kind`. It decodes into its own internal type, which
/// gives the kind where that is missing; the internal version itself it does not take.
const HEADER: header::Expected = header::Expected {
    group: "audit.k8s.io",
    version: "v1",
    kind: "Policy",
    missing: header::Missing::Internal,
    scheme: "pkg/audit/scheme.go:30",
};
const INTERNAL: &str = "unknown group version field audit.k8s.io/__internal, Kind=Policy in policy";

/// A policy that the API server accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The rules in their order, at least one.
    pub rules: Vec<Rule>,
    /// Stages of which nothing is logged, whatever the rule.
    pub omit_stages: Vec<Stage>,
    /// Unknown and doubled keys, in the order of their lines: the API server drops the unknown ones
    /// with a warning.
    pub unknown: Vec<StrictProblem>,
}

/// A rule of a policy. An empty list is no condition; all others must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Line of its first byte, counted from 1.
    pub line: usize,
    /// Its bytes in the file. Of an alias, the bytes of what it stands for.
    pub span: Range<usize>,
    /// What is logged.
    pub level: Level,
    /// Users, by their exact names.
    pub users: Vec<String>,
    /// Groups, of which the user has one.
    pub user_groups: Vec<String>,
    /// Verbs.
    pub verbs: Vec<String>,
    /// Resources by their groups.
    pub resources: Vec<GroupResources>,
    /// Namespaces; the empty one is that of cluster-scoped resources.
    pub namespaces: Vec<String>,
    /// Paths; a star at the end stands for any rest.
    pub non_resource_urls: Vec<String>,
    /// Stages of which nothing is logged.
    pub omit_stages: Vec<Stage>,
}

/// Resources of an API group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupResources {
    /// The group; empty for the core group, `*` for each.
    pub group: String,
    /// `pods`, `pods/log`, `pods/*`, `*/log`, `*`; none for all.
    pub resources: Vec<String>,
    /// Names of objects; none for all.
    pub names: Vec<String>,
}

/// How much is logged of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Nothing.
    None,
    /// Who did what, when, and the answer's code.
    Metadata,
    /// And the body of the request.
    Request,
    /// And the body of the answer.
    RequestResponse,
}

/// When in a request's life an event is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Stage {
    /// As soon as it arrives.
    RequestReceived,
    /// When the head of a long answer is sent.
    ResponseStarted,
    /// When the answer is complete.
    ResponseComplete,
    /// When the API server panicked.
    Panic,
}

/// What a policy logs of a request.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// How much.
    pub level: Level,
    /// The stages that are left out, by the policy or by the rule.
    pub omit_stages: Vec<Stage>,
    /// The rule that decides, counted from 0 as in the API server's messages; none when no rule matches.
    pub rule: Option<usize>,
    /// The rule's line, counted from 1.
    pub line: Option<usize>,
}

/// Why a policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The API server's message; short and printable, whatever the file holds.
    pub message: String,
    /// Line of what is wrong, where it is known.
    pub line: Option<usize>,
    /// It is more than is read here, so nothing is known about it.
    pub unjudged: bool,
}

impl Level {
    /// All, the least first.
    pub const ALL: [Level; 4] = [
        Level::None,
        Level::Metadata,
        Level::Request,
        Level::RequestResponse,
    ];

    /// The name as it is written in a policy.
    pub fn name(self) -> &'static str {
        match self {
            Level::None => "None",
            Level::Metadata => "Metadata",
            Level::Request => "Request",
            Level::RequestResponse => "RequestResponse",
        }
    }

    fn named(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl Stage {
    /// All, in the order of a request's life.
    pub const ALL: [Stage; 4] = [
        Stage::RequestReceived,
        Stage::ResponseStarted,
        Stage::ResponseComplete,
        Stage::Panic,
    ];

    /// The name as it is written in a policy.
    pub fn name(self) -> &'static str {
        match self {
            Stage::RequestReceived => "RequestReceived",
            Stage::ResponseStarted => "ResponseStarted",
            Stage::ResponseComplete => "ResponseComplete",
            Stage::Panic => "Panic",
        }
    }

    fn named(name: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

impl Policy {
    /// Reads the bytes of the file that `--audit-policy-file` names.
    ///
    /// # Errors
    /// When the API server would not start with it, or when it is more than is read here.
    pub fn read(bytes: &[u8]) -> Result<Policy, Refused> {
        let undecodable = |message: &str, line| {
            let message = format!("failed decoding: {message}");
            Refused::new(&message, line, false)
        };
        let (root, mut unknown) = codec::load(bytes).map_err(|trouble| match trouble.budget {
            true => Refused::new(&trouble.message, trouble.line, true),
            false => undecodable(&trouble.message, trouble.line),
        })?;
        header::check(&root, &HEADER).map_err(|misheaded| match misheaded {
            header::Misheaded::Refused(message, line) => undecodable(&message, Some(line)),
            header::Misheaded::Unjudged(_, line) => Refused::new(INTERNAL, Some(line), false),
        })?;
        let problems = types::check(&schema::POLICY, &root)
            .map_err(|misfit| undecodable(&misfit.message, Some(misfit.line)))?;
        unknown.extend(problems);
        unknown.sort_by_key(|problem| problem.line);
        let written = written::policy(&root);
        if let Some((message, line)) = validate::refusal(&written) {
            return Err(Refused::new(&message, Some(line), false));
        }
        if written.rules.is_empty() {
            let line = root.get("rules").map_or(root.line, |entry| entry.line);
            let message = "loaded illegal policy with 0 rules";
            return Err(Refused::new(message, Some(line), false));
        }
        Ok(Policy {
            rules: written.rules.into_iter().map(Rule::from).collect(),
            omit_stages: stages(&written.omit_stages),
            unknown,
        })
    }
}

impl Refused {
    fn new(message: &str, line: Option<usize>, unjudged: bool) -> Self {
        Refused {
            message: text::message(message),
            line,
            unjudged,
        }
    }
}

fn texts(words: Vec<Word>) -> Vec<String> {
    words.into_iter().map(|word| word.text).collect()
}

fn stages(words: &[Word]) -> Vec<Stage> {
    let named = words.iter().filter_map(|word| Stage::named(&word.text));
    named.collect()
}

impl From<WrittenRule> for Rule {
    /// Of a rule that was validated.
    fn from(rule: WrittenRule) -> Self {
        Rule {
            line: rule.line,
            span: rule.span,
            level: Level::named(&rule.level.text).unwrap_or(Level::None),
            users: texts(rule.users),
            user_groups: texts(rule.user_groups),
            verbs: texts(rule.verbs),
            resources: rule.resources.into_iter().map(Into::into).collect(),
            namespaces: texts(rule.namespaces),
            non_resource_urls: texts(rule.non_resource_urls),
            omit_stages: stages(&rule.omit_stages),
        }
    }
}

impl From<WrittenResources> for GroupResources {
    fn from(held: WrittenResources) -> Self {
        GroupResources {
            group: held.group.text,
            resources: texts(held.resources),
            names: texts(held.names),
        }
    }
}

#[cfg(test)]
mod tests;
