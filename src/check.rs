//! (baseline, facts) -> results. Pure.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::baseline::{Baseline, Check, Risk, Severity};
use crate::facts::Facts;
use crate::failure::Failure;
use crate::kinds::{Instance, Subject, Verdict};

/// Which checks are run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these; all when empty.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
    /// Which fixes are carried out.
    pub max_risk: MaxRisk,
}

/// The highest risk of a fix that is carried out; the others are left to a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum MaxRisk {
    /// Carry out nothing
    None,
    /// Carry out what nothing that runs notices
    Safe,
    /// Carry out what restarts something, too
    #[default]
    Disruptive,
}

impl MaxRisk {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            MaxRisk::None => "none",
            MaxRisk::Safe => "safe",
            MaxRisk::Disruptive => "disruptive",
        }
    }

    /// True when a fix of this risk is carried out.
    pub fn allows(self, risk: Risk) -> bool {
        match self {
            MaxRisk::None => false,
            MaxRisk::Safe => risk == Risk::Safe,
            MaxRisk::Disruptive => true,
        }
    }
}

impl Selection {
    /// True when the check is among those that are run.
    pub fn takes(&self, id: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == id);
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }

    /// True when the check was asked for by its name.
    pub fn asked_for(&self, id: &str) -> bool {
        self.only.iter().any(|name| name == id)
    }

    /// Every name must be a check's.
    ///
    /// # Errors
    /// For a name that no check has, with the nearest one that there is.
    pub fn known(&self, baselines: &[Baseline]) -> Result<(), Failure> {
        let all: Vec<&str> = baselines
            .iter()
            .flat_map(|baseline| &baseline.checks)
            .map(|check| check.id.as_str())
            .collect();
        for name in self.only.iter().chain(&self.skip) {
            if !all.contains(&name.as_str()) {
                return Err(Failure::usage(format!("no check is called {name:?}")).help(
                    match nearest(name, &all) {
                        Some(near) => {
                            format!("did you mean {near}? tighten explain lists them all")
                        }
                        None => "tighten explain lists them all".into(),
                    },
                ));
            }
        }
        Ok(())
    }
}

/// The name that shares most with the given one, when that is most of it.
pub fn nearest<'a>(name: &str, all: &[&'a str]) -> Option<&'a str> {
    all.iter()
        .map(|known| (similar::TextDiff::from_chars(name, *known).ratio(), *known))
        .filter(|(ratio, _)| *ratio > 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// A check and its verdict on each file or value that it speaks of.
#[derive(Clone, Debug)]
pub struct Outcome<'a> {
    /// The check.
    pub check: &'a Check,
    /// At least one.
    pub instances: Vec<Instance>,
}

impl Outcome<'_> {
    /// The worst of its instances speaks for the check.
    pub fn verdict(&self) -> Verdict {
        self.instances
            .iter()
            .map(|instance| instance.verdict)
            .max()
            .unwrap_or(Verdict::Unknown)
    }

    /// The instance that decided the verdict.
    pub fn decisive(&self) -> Option<&Instance> {
        let verdict = self.verdict();
        self.instances
            .iter()
            .find(|instance| instance.verdict == verdict)
    }

    /// A finding, or something that could not be judged, of at least this severity.
    pub fn remains(&self, floor: Severity) -> bool {
        self.check.at_least(floor) && matches!(self.verdict(), Verdict::Fail | Verdict::Unknown)
    }
}

/// Judges one check where what it speaks of is known: in manifests alone there is no node, and each
/// configuration that they hold is judged as the pod sees it.
fn judge(check: &Check, facts: &Facts) -> Vec<Instance> {
    let manifests = facts.objects.as_ref().filter(|objects| objects.alone);
    let (Some(objects), subject) = (manifests, check.expect.subject()) else {
        return check.expect.judge(check, facts);
    };
    let nothing = |reason: &str| vec![Instance::not_applicable(reason)];
    match subject {
        Subject::Objects => check.expect.judge(check, facts),
        Subject::Node => nothing("manifests say nothing of a node"),
        Subject::Configuration if objects.views.is_empty() => {
            nothing("no configuration of kube-proxy is in the manifests")
        }
        Subject::Configuration => {
            let placed = objects.views.iter().flat_map(|view| {
                let judged = check.expect.judge(check, &view.facts).into_iter();
                judged.map(|instance| view.place(objects, instance))
            });
            placed.collect()
        }
    }
}

/// Runs the selected checks of the baselines, in their order.
pub fn run<'a>(
    baselines: &'a [Baseline],
    selection: &Selection,
    facts: &Facts,
) -> Vec<Outcome<'a>> {
    baselines
        .iter()
        .flat_map(|baseline| &baseline.checks)
        .filter(|check| selection.takes(&check.id))
        .map(|check| Outcome {
            check,
            instances: judge(check, facts),
        })
        .collect()
}
