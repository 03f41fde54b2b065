//! Waivers: findings that somebody accepted on purpose, with the reason and a last day.
//!
//! A waiver takes a failed check out of the plan and out of every exit code, and leaves it in sight.
//! Loading is in `load`; what is here is pure: outcomes in, outcomes with some of them waived out.

mod day;
mod glob;
mod load;

use std::rc::Rc;

use serde::{Deserialize, Serialize};

pub use day::Day;
pub use glob::Glob;
pub use load::{DEFAULT, load, parse};

use crate::certificates::Moment;
use crate::check::Outcome;
use crate::kinds::{Instance, Mend, Verdict};
use crate::root::NodePath;

/// Most warnings and most notes that are told; a file can hold thousands of waivers.
const MAX_TOLD: usize = 20;

/// Why a finding is accepted and until when: what is shown beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grounds {
    /// The reason, in the words of whoever wrote the waiver.
    pub justification: String,
    /// The last day on which it counts, `YYYY-MM-DD` in UTC; `None` for one without an end.
    pub expires: Option<String>,
    /// The file in which it stands, as it was named.
    pub file: String,
    /// The line in it, counted from 1.
    pub line: u64,
}

impl Grounds {
    /// `until 2027-03-31` or `without an end`.
    pub fn until(&self) -> String {
        match &self.expires {
            Some(day) => format!("until {day}"),
            None => "without an end".into(),
        }
    }

    /// `FILE:LINE`
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// One entry of a waivers file.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// The check whose findings it accepts.
    pub check: String,
    /// Only of these files; of all when it is not given.
    pub path: Option<Glob>,
    /// Only on these nodes, by hostname; on all when it is not given.
    pub node: Option<Glob>,
    /// The last day on which it counts.
    pub expires: Option<Day>,
    /// What is shown of it. Shared by all findings that it waives.
    pub grounds: Rc<Grounds>,
}

/// What became of a waiver in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waives a finding.
    Used,
    /// It is sound and there is no finding that it could waive.
    Unused,
    /// What it speaks of could not be judged, and that is not waived.
    Unjudged,
    /// Its last day is over.
    Expired,
    /// It is for other nodes than this one.
    OtherNode,
    /// It is for certain nodes, and this one's hostname is not known.
    UnknownNode,
    /// Its check was not run.
    NotSelected,
}

impl State {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            State::Used => "used",
            State::Unused => "unused",
            State::Unjudged => "unjudged",
            State::Expired => "expired",
            State::OtherNode => "other-node",
            State::UnknownNode => "unknown-node",
            State::NotSelected => "not-selected",
        }
    }
}

/// The waivers of a run, and the moment that decides which of them have expired: one for the whole run,
/// so that midnight does not fall between the plan and the look at what it did.
#[derive(Clone, Debug, Default)]
pub struct Waivers {
    list: Vec<Waiver>,
    now: Moment,
}

impl Waiver {
    /// True when it is for the node with this hostname; `None` when that cannot be said.
    fn is_for(&self, hostname: Option<&str>) -> Option<bool> {
        match (&self.node, hostname) {
            (None, _) => Some(true),
            (Some(glob), Some(name)) => Some(glob.matches(name)),
            (Some(_), None) => None,
        }
    }

    /// True for an instance of a file that it speaks of: as the scan names it, or as the plan does, with
    /// every symlink resolved.
    fn covers(&self, instance: &Instance) -> bool {
        let Some(glob) = &self.path else {
            return true;
        };
        let named = [instance.path.as_ref(), mended(&instance.mend)];
        named
            .into_iter()
            .flatten()
            .any(|path| glob.matches(path.as_str()))
    }
}

/// The file that a mend would change.
fn mended(mend: &Mend) -> Option<&NodePath> {
    match mend {
        Mend::Mode(path, _)
        | Mend::Owner(path, _)
        | Mend::Directory(path, ..)
        | Mend::Edit(path, _)
        | Mend::Create(path, ..)
        | Mend::MakeDirectory(path, _) => Some(path),
        Mend::Elsewhere(path, ..) => path.as_ref(),
        Mend::None | Mend::ByHand(_) => None,
    }
}

impl Waivers {
    /// Those waivers, judged as of that moment.
    pub fn new(list: Vec<Waiver>, now: Moment) -> Waivers {
        Waivers { list, now }
    }

    /// Turns the findings that a waiver accepts into waived ones. Only failures: what could not be looked
    /// at is nothing that somebody accepted.
    pub fn waive(&self, outcomes: &mut [Outcome], hostname: Option<&str>) {
        let counts =
            |waiver: &&Waiver| waiver.is_for(hostname) == Some(true) && !self.has_expired(waiver);
        let counting: Vec<&Waiver> = self.list.iter().filter(counts).collect();
        for outcome in outcomes {
            let of_check = |waiver: &&&Waiver| waiver.check == outcome.check.id;
            let waivers: Vec<&&Waiver> = counting.iter().filter(of_check).collect();
            for instance in &mut outcome.instances {
                if instance.verdict != Verdict::Fail {
                    continue;
                }
                // Of several the one that lasts longest, since until then it is waived.
                let covering = waivers.iter().filter(|waiver| waiver.covers(instance));
                let longest = covering.reduce(|best, next| match lasts_longer(next, best) {
                    true => next,
                    false => best,
                });
                if let Some(waiver) = longest {
                    instance.verdict = Verdict::Waived;
                    instance.waiver = Some(Rc::clone(&waiver.grounds));
                }
            }
        }
    }

    /// What became of each waiver, in the order of the files; `outcomes` are what `waive` left.
    pub fn states(&self, outcomes: &[Outcome], hostname: Option<&str>) -> Vec<(&Waiver, State)> {
        let state = |waiver: &Waiver| {
            let mut own = outcomes
                .iter()
                .filter(|outcome| outcome.check.id == waiver.check);
            let Some(outcome) = own.next() else {
                return State::NotSelected;
            };
            let covered = |verdict: Verdict| {
                let mut instances = outcome.instances.iter();
                instances.any(|one| one.verdict == verdict && waiver.covers(one))
            };
            match waiver.is_for(hostname) {
                Some(false) => State::OtherNode,
                None => State::UnknownNode,
                Some(true) if self.has_expired(waiver) => State::Expired,
                Some(true) if covered(Verdict::Waived) => State::Used,
                Some(true) if covered(Verdict::Unknown) => State::Unjudged,
                Some(true) => State::Unused,
            }
        };
        let list = self.list.iter();
        list.map(|waiver| (waiver, state(waiver))).collect()
    }

    fn has_expired(&self, waiver: &Waiver) -> bool {
        waiver
            .expires
            .as_ref()
            .is_some_and(|day| day.is_over(self.now))
    }
}

/// True when the first one lasts longer than the second.
fn lasts_longer(one: &Waiver, other: &Waiver) -> bool {
    match (&one.expires, &other.expires) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(one), Some(other)) => one > other,
    }
}

/// What must be said of the waivers in every output: those that count as none although they were meant to.
pub fn warnings(states: &[(&Waiver, State)]) -> Vec<String> {
    told(states, |waiver, state| {
        let (place, check) = (waiver.grounds.place(), &waiver.check);
        match (state, &waiver.expires) {
            (State::Expired, Some(day)) => Some(format!(
                "{place}: the waiver of {check} expired after {day} and counts as none; give it a new day, or take it out"
            )),
            (State::UnknownNode, _) => Some(format!(
                "{place}: the waiver of {check} counts as none: it names its nodes, and the hostname of this one is not known"
            )),
            _ => None,
        }
    })
}

/// What may be of interest about the waivers: those without effect. One file for many nodes has such
/// waivers on most of them, so this is no warning.
pub fn notes(states: &[(&Waiver, State)]) -> Vec<String> {
    told(states, |waiver, state| {
        let (place, check) = (waiver.grounds.place(), &waiver.check);
        match state {
            State::Unused => Some(format!(
                "{place}: the waiver of {check} finds nothing to waive here"
            )),
            State::Unjudged => Some(format!(
                "{place}: the waiver of {check} does not help: what could not be judged is not waived"
            )),
            _ => None,
        }
    })
}

fn told(states: &[(&Waiver, State)], of: impl Fn(&Waiver, State) -> Option<String>) -> Vec<String> {
    let mut all: Vec<String> = states
        .iter()
        .filter_map(|(waiver, state)| of(waiver, *state))
        .collect();
    if all.len() > MAX_TOLD {
        let more = all.len() - MAX_TOLD;
        all.truncate(MAX_TOLD);
        all.push(format!(
            "the same of {more} more waivers; tighten scan --format json lists them all"
        ));
    }
    all
}

#[cfg(test)]
mod tests;
