//! A scan as it is told: what `scan --format json` prints, what every other format is made from, and what
//! `report merge` reads back.

mod at;
mod of;

pub use at::At;

use serde::{Deserialize, Serialize};

use crate::baseline::{Risk, Severity};
use crate::facts::Origin;
use crate::failure::Failure;
use crate::kinds::Verdict;
use crate::root::NodePath;

/// Which program made a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Tool {
    /// This program.
    pub fn own() -> Tool {
        Tool {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// What a scan came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scan {
    /// The node was judged.
    Scanned(Scanned),
    /// It could not be looked at: never the same as a node without findings.
    NotScanned(NotScanned),
}

/// Why a node was not scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotScanned {
    /// Who tried.
    pub tool: Tool,
    /// When. Documents of before it was told have none.
    #[serde(default)]
    pub scanned_at: Option<At>,
    /// What was to be scanned, where the root could be opened.
    #[serde(default)]
    pub node: Option<Node>,
    /// What went wrong.
    pub error: Refusal,
}

/// The `error` of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What went wrong and where.
    pub message: String,
    /// The state of the disk.
    #[serde(default)]
    pub state: Option<String>,
    /// What to do next.
    #[serde(default)]
    pub help: Option<String>,
}

impl Refusal {
    /// A failure as a document tells it.
    pub fn of(failure: &Failure) -> Refusal {
        Refusal {
            message: failure.message.clone(),
            state: failure.state.clone(),
            help: failure.help.clone(),
        }
    }
}

/// The verdicts on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanned {
    /// Who scanned.
    pub tool: Tool,
    /// When. Documents of before it was told have none.
    #[serde(default)]
    pub scanned_at: Option<At>,
    /// What was scanned.
    pub node: Node,
    /// One for each check, in the order of the baselines.
    pub verdicts: Vec<Judged>,
    /// How many there are of each.
    pub summary: Counts,
    /// What became of each waiver.
    #[serde(default)]
    pub waivers: Vec<Waived>,
    /// What else whoever reads the scan has to know.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// The node of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The root on the machine that looked. What is not UTF-8 in it is replaced.
    pub root: String,
    /// The node's own name.
    pub hostname: Option<String>,
    /// Its kube-proxy.
    pub kube_proxy: KubeProxy,
}

/// The kube-proxy of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeProxy {
    /// Files that only the operator named are no kube-proxy that was found.
    pub found: bool,
    /// The platform that keeps it.
    pub platform: Option<String>,
    /// Its process.
    pub pid: Option<u32>,
    /// Its version.
    pub version: Option<String>,
    /// Its configuration.
    pub config: Option<NodePath>,
    /// Its kubeconfig.
    pub kubeconfig: Option<NodePath>,
    /// What starts it.
    pub managed_by: Option<String>,
    /// What told the platform.
    #[serde(default)]
    pub evidence: Vec<String>,
}

/// The verdict of one check, and what decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The check's id.
    pub check: String,
    /// The worst of its instances.
    pub verdict: Verdict,
    /// How bad it is when it fails.
    pub severity: Severity,
    /// What holds when it passes.
    pub title: String,
    /// Why it matters.
    #[serde(default)]
    pub why: String,
    /// The file of the instance that decided.
    pub path: Option<NodePath>,
    /// The line in it, counted from 1.
    pub line: Option<usize>,
    /// What is there.
    pub observed: Option<String>,
    /// What was expected.
    pub expected: String,
    /// Where the observed value comes from.
    pub origin: Option<Origin>,
    /// What would mend a failure.
    pub fix: Option<Remedy>,
    /// CIS ids, CVEs, chapters.
    pub refs: Vec<String>,
    /// Why it is so.
    pub reason: Option<String>,
    /// What excuses a finding.
    #[serde(default)]
    pub waiver: Option<Grounds>,
    /// On each file or value that the check speaks of.
    pub instances: Vec<Seen>,
}

/// A check's verdict on one file or value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The verdict.
    pub verdict: Verdict,
    /// The file.
    pub path: Option<NodePath>,
    /// The line in it, counted from 1.
    pub line: Option<usize>,
    /// What is there.
    pub observed: Option<String>,
    /// Where the observed value comes from.
    pub origin: Option<Origin>,
    /// Why it is so.
    pub reason: Option<String>,
    /// What excuses a finding.
    #[serde(default)]
    pub waiver: Option<Grounds>,
}

/// What is shown of a waiver beside a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounds {
    /// Why somebody lives with it.
    pub justification: String,
    /// The last day on which it counts, in UTC; `None` for one without an end.
    pub expires: Option<String>,
    /// Where it is written down.
    pub file: String,
    /// The line in it, counted from 1.
    pub line: u64,
}

/// A waiver, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    /// The check whose findings it accepts.
    pub check: String,
    /// Only of these files.
    pub path: Option<String>,
    /// Only on these nodes.
    pub node: Option<String>,
    /// Why, until when, and where it is written down.
    #[serde(flatten)]
    pub grounds: Grounds,
    /// Whether it counts.
    pub state: String,
}

impl Grounds {
    /// `waived until 2027-03-31: why (FILE:LINE)` on one line, the same in every format.
    pub fn told(&self) -> String {
        let until = match &self.expires {
            Some(day) => format!("until {day}"),
            None => "without an end".into(),
        };
        let words: Vec<&str> = self.justification.split_whitespace().collect();
        let why = words.join(" ");
        format!("waived {until}: {why} ({}:{})", self.file, self.line)
    }
}

/// What would mend a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// What it may cost.
    pub risk: Risk,
    /// In words.
    pub summary: String,
}

/// How many verdicts there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Passed.
    pub pass: usize,
    /// Findings.
    pub fail: usize,
    /// Nothing that the check speaks of.
    pub not_applicable: usize,
    /// Could not be judged.
    pub unknown: usize,
    /// Findings that a waiver excuses.
    pub waived: usize,
}

impl Counts {
    /// Counts them.
    pub fn of(verdicts: impl Iterator<Item = Verdict>) -> Counts {
        let mut counts = Counts::default();
        for verdict in verdicts {
            let count = match verdict {
                Verdict::Pass => &mut counts.pass,
                Verdict::Fail => &mut counts.fail,
                Verdict::NotApplicable => &mut counts.not_applicable,
                Verdict::Unknown => &mut counts.unknown,
                Verdict::Waived => &mut counts.waived,
            };
            *count += 1;
        }
        counts
    }
}

impl Scan {
    /// The node's name, where it has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Scan::Scanned(scanned) => scanned.node.name(),
            Scan::NotScanned(not) => not.node.as_ref()?.name(),
        }
    }

    /// When it was looked at, where that was told.
    pub fn at(&self) -> Option<At> {
        match self {
            Scan::Scanned(scanned) => scanned.scanned_at,
            Scan::NotScanned(not) => not.scanned_at,
        }
    }

    /// Who scanned.
    pub fn tool(&self) -> &Tool {
        match self {
            Scan::Scanned(scanned) => &scanned.tool,
            Scan::NotScanned(not) => &not.tool,
        }
    }
}

impl Node {
    /// Its hostname, where that tells it from other nodes.
    pub fn name(&self) -> Option<&str> {
        let name = self.hostname.as_deref()?.trim();
        let common = ["", "localhost", "localhost.localdomain"].contains(&name);
        (!common).then_some(name)
    }
}
