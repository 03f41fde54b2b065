//! A verdict, and what it rests on.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::Mend;
use crate::facts::Origin;
use crate::root::NodePath;
use crate::waivers::Grounds;

/// The verdict's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// There is nothing on this node that the check speaks of.
    NotApplicable,
    /// It is as expected, or stricter.
    Pass,
    /// A finding that a waiver accepts.
    Waived,
    /// It could not be looked at, or not be judged. Never shown as pass.
    Unknown,
    /// A finding.
    Fail,
}

impl Verdict {
    /// The word in text and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::NotApplicable => "not-applicable",
            Verdict::Pass => "pass",
            Verdict::Waived => "waived",
            Verdict::Unknown => "unknown",
            Verdict::Fail => "fail",
        }
    }
}

/// A check's verdict on one file or value.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The verdict.
    pub verdict: Verdict,
    /// The file that it speaks of, as the node sees it.
    pub path: Option<NodePath>,
    /// The line in it.
    pub line: Option<usize>,
    /// What is there.
    pub observed: Option<String>,
    /// Where the observed value comes from.
    pub origin: Option<Origin>,
    /// Why it is so: for unknown, why it could not be judged.
    pub reason: Option<String>,
    /// What would mend it.
    pub mend: Mend,
    /// What must be there before the mend may be carried out, or be made by the same plan: where an API
    /// server is told of a file that is missing, it does not start.
    pub needs: Vec<NodePath>,
    /// What a person has to do besides, once it is mended.
    pub besides: Option<String>,
    /// For waived, on what grounds. No kind waives anything: `waivers` does, after the judgement.
    pub waiver: Option<Rc<Grounds>>,
}

impl Instance {
    pub(super) fn new(verdict: Verdict) -> Instance {
        Instance {
            verdict,
            path: None,
            line: None,
            observed: None,
            origin: None,
            reason: None,
            mend: Mend::None,
            needs: Vec::new(),
            besides: None,
            waiver: None,
        }
    }

    pub(crate) fn not_applicable(reason: impl Into<String>) -> Instance {
        Instance {
            reason: Some(reason.into()),
            ..Instance::new(Verdict::NotApplicable)
        }
    }

    pub(super) fn unknown(reason: impl Into<String>) -> Instance {
        Instance {
            reason: Some(reason.into()),
            ..Instance::new(Verdict::Unknown)
        }
    }

    /// Pass or fail by a condition; a failure is mended by what `mend` returns.
    pub(super) fn judged(
        passes: bool,
        observed: impl Into<String>,
        mend: impl FnOnce() -> Mend,
    ) -> Instance {
        Instance {
            observed: Some(observed.into()),
            mend: if passes { Mend::None } else { mend() },
            ..Instance::new(if passes { Verdict::Pass } else { Verdict::Fail })
        }
    }

    pub(super) fn at(mut self, path: &NodePath) -> Instance {
        self.path = Some(path.clone());
        self
    }

    pub(super) fn line(mut self, line: Option<usize>) -> Instance {
        self.line = line;
        self
    }

    pub(super) fn from(mut self, origin: &Origin) -> Instance {
        self.origin = Some(origin.clone());
        self
    }

    pub(super) fn needing(mut self, path: &NodePath) -> Instance {
        self.needs.push(path.clone());
        self
    }

    pub(super) fn besides(mut self, what: Option<String>) -> Instance {
        self.besides = what;
        self
    }

    pub(super) fn because(mut self, reason: impl Into<String>) -> Instance {
        self.reason = Some(reason.into());
        self
    }
}
