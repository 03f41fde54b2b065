//! Findings -> changes, in order, each with the state before and after.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::chain::Chain;
use super::missing;
use super::names::Names;
use super::now::Looked;
use super::patch;
use super::restart::{effects, note_in_manifests};
use super::saw::saw;
use super::state::FileState;
use super::{Action, Change, Inputs, Manual, Plan, Summary, Waived};
use crate::baseline::Check;
use crate::check::{Outcome, Selection};
use crate::facts::{Facts, Role};
use crate::kinds::{Contents, Edit, Instance, Mend, Verdict};
use crate::root::{NodePath, Root};
use crate::waivers::Grounds;

/// Everything that is done to one file, merged: the transaction touches each file once.
#[derive(Clone, Debug)]
pub struct Work {
    /// The file, with every symlink resolved.
    pub path: NodePath,
    /// Its state before the first change.
    pub before: FileState,
    /// Its state after the last change.
    pub after: FileState,
    /// The contents after the last change, where they change.
    pub bytes: Option<Vec<u8>>,
    /// True for a directory.
    pub directory: bool,
}

/// A plan with what is needed to carry it out.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan, as it is printed and saved.
    pub plan: Plan,
    /// One entry for each file, in the order in which apply goes.
    pub works: Vec<Work>,
}

/// One mend of one file, before it is known whether it can be done.
pub(super) struct Draft<'a> {
    pub check: &'a Check,
    pub path: NodePath,
    pub mend: Wanted,
    /// What must be there before, or be made by the same plan.
    pub needs: Vec<NodePath>,
    /// What a person has to do besides.
    pub besides: Option<String>,
}

/// What is wanted of a file.
pub(super) enum Wanted {
    Mode(u32),
    Owner(u32, u32),
    Edit(Edit),
    Create(Contents, u32),
    Directory(u32),
}

/// In which order files are changed: directories first, so that nobody can interfere in them; then
/// what others name, before what names it. The API server's manifest comes last of all, since the kubelet
/// starts it anew at once, and it does not start without the files that its flags name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Directory,
    File,
    Config,
    Created,
    Made,
    Within,
    Manifest,
}

/// The warning about a network file system.
pub fn unpromised(place: &dyn std::fmt::Display, kind: &str) -> String {
    format!(
        "{place} lies on {kind}, a network file system: whether a change there outlives a crash is for its server to say, whatever apply reports"
    )
}

/// Makes plans from what was found. Each file is looked at once, so that a plan with some of the changes
/// speaks of the same node as the plan with all of them.
pub struct Planner<'a> {
    pub(super) root: &'a Root,
    pub(super) facts: &'a Facts,
    outcomes: &'a [Outcome<'a>],
    pub(super) selection: &'a Selection,
    pub(super) names: Names,
    pub(super) looked: Looked,
    /// Directories in which nobody else can write.
    pub(super) safe: RefCell<BTreeSet<NodePath>>,
    /// What is to be warned of whatever the changes are.
    warnings: Vec<String>,
}

impl<'a> Planner<'a> {
    /// Gets ready; looks at nothing but the names of users and groups.
    pub fn new(
        root: &'a Root,
        facts: &'a Facts,
        outcomes: &'a [Outcome<'a>],
        selection: &'a Selection,
    ) -> Planner<'a> {
        Planner {
            root,
            facts,
            outcomes,
            selection,
            names: Names::read(root),
            looked: Looked::default(),
            safe: RefCell::default(),
            warnings: Vec::new(),
        }
    }

    /// The same with these warnings in each plan.
    #[must_use]
    pub fn warning(mut self, of: Vec<String>) -> Planner<'a> {
        self.warnings = of;
        self
    }

    /// Makes the plan with those changes that `take` picks.
    pub fn plan(&self, inputs: Inputs, take: &dyn Fn(Pick) -> bool) -> Planned {
        let (drafts, manual) = self.drafts(take);
        let mut paths: Vec<(Rank, NodePath)> = Vec::new();
        for draft in &drafts {
            if !paths.iter().any(|(_, known)| *known == draft.path) {
                paths.push((rank(self.facts, draft, &drafts), draft.path.clone()));
            }
        }
        // Stable: within a rank the order of the checks stays.
        paths.sort_by(|a, b| a.0.cmp(&b.0));
        let mut plan = Plan {
            changes: Vec::new(),
            effects: Vec::new(),
            manual,
            waived: self.waived(),
            obstacles: Vec::new(),
            warnings: Vec::new(),
            summary: Summary::default(),
            saw: saw(self.facts, &self.names),
            inputs,
        };
        let mut works = Vec::new();
        for (_, path) in paths {
            let drafts = drafts.iter().filter(|draft| draft.path == path).collect();
            let work = Chain::new(self, &path, &works).follow(drafts, &mut plan);
            works.extend(work);
        }
        note_in_manifests(self, &mut plan, &mut works);
        plan.effects = effects(self.facts, &plan);
        for (index, change) in plan.changes.iter_mut().enumerate() {
            change.id = (index + 1).to_string();
        }
        plan.warnings.clone_from(&self.warnings);
        plan.warnings.extend(self.unpromised(&plan.changes));
        let files: BTreeSet<&NodePath> = plan.changes.iter().map(|change| &change.path).collect();
        plan.summary = Summary {
            changes: plan.changes.len(),
            files: files.len(),
            effects: plan.effects.len(),
            manual: plan.manual.len(),
            waived: plan.waived.len(),
        };
        Planned { plan, works }
    }

    /// A check by its id.
    pub(super) fn check(&self, id: &str) -> Option<&'a Check> {
        let mut checks = self.outcomes.iter().map(|outcome| outcome.check);
        checks.find(|check| check.id == id)
    }

    /// Directories where a crash is not ours to survive.
    fn unpromised(&self, changes: &[Change]) -> Vec<String> {
        let directories: BTreeSet<NodePath> =
            changes.iter().map(|change| change.path.parent()).collect();
        let on_network = |directory: NodePath| {
            // What cannot be looked at is refused or left alone by others.
            let kind = self.root.network(&directory).ok()??;
            Some(unpromised(&directory, kind))
        };
        directories.into_iter().filter_map(on_network).collect()
    }

    /// What the outcomes hold of waived findings.
    fn waived(&self) -> Vec<Waived> {
        let mut found = Vec::new();
        for outcome in self.outcomes {
            for instance in &outcome.instances {
                let Some(grounds) = &instance.waiver else {
                    continue;
                };
                found.push(Waived {
                    check: outcome.check.id.clone(),
                    severity: outcome.check.severity,
                    path: instance.path.clone(),
                    line: instance.line,
                    observed: instance.observed.clone(),
                    waiver: Grounds::clone(grounds),
                });
            }
        }
        found
    }

    fn drafts(&self, take: &dyn Fn(Pick) -> bool) -> (Vec<Draft<'a>>, Vec<Manual>) {
        let (mut drafts, mut manual) = (Vec::new(), Vec::new());
        for outcome in self.outcomes {
            for instance in &outcome.instances {
                if instance.verdict == Verdict::Fail {
                    self.draft(outcome.check, instance, &mut drafts, &mut manual);
                }
            }
        }
        patch::attach(self.facts, self.outcomes, self.selection, &mut manual);
        drafts.retain(|draft: &Draft| take((&draft.check.id, &draft.path, draft.mend.action())));
        (drafts, manual)
    }
}

/// What tells one change from another: the check, the file, and what is done.
pub type Pick<'a> = (&'a str, &'a NodePath, Action);

impl Wanted {
    pub(super) fn action(&self) -> Action {
        match self {
            Wanted::Mode(_) => Action::SetMode,
            Wanted::Owner(..) => Action::SetOwner,
            Wanted::Edit(..) => Action::Edit,
            Wanted::Create(..) | Wanted::Directory(_) => Action::Create,
        }
    }
}

impl<'a> Planner<'a> {
    fn draft(
        &self,
        check: &'a Check,
        instance: &Instance,
        drafts: &mut Vec<Draft<'a>>,
        manual: &mut Vec<Manual>,
    ) {
        let mut add = |path: &NodePath, mend, needs: Option<&NodePath>| {
            // Two checks may need one directory.
            let made = |other: &Draft| {
                matches!(
                    (&other.mend, &mend),
                    (Wanted::Directory(_), Wanted::Directory(_))
                ) && other.path == *path
            };
            if drafts.iter().any(made) {
                return;
            }
            drafts.push(Draft {
                check,
                path: path.clone(),
                mend,
                needs: instance.needs.iter().chain(needs).cloned().collect(),
                besides: instance.besides.clone(),
            });
        };
        let by_hand = |reason: String| Manual {
            check: check.id.clone(),
            help: check
                .by_hand
                .clone()
                .filter(|help| !reason.contains(help.as_str())),
            reason,
            path: instance.path.clone(),
            patch: None,
        };
        let on_request = check.fix.as_ref().is_some_and(|fix| fix.on_request);
        if let Mend::ByHand(reason) = &instance.mend {
            let entry = by_hand(reason.clone());
            // Two places of one file can want the same of a person.
            if !manual.contains(&entry) {
                manual.push(entry);
            }
            return;
        }
        if on_request && !self.selection.asked_for(&check.id) {
            manual.push(by_hand(match &check.by_hand {
                Some(hint) => hint.clone(),
                None => format!("only on request: tighten apply --only {}", check.id),
            }));
            return;
        }
        if let Some(reason) = self.too_risky(check, &instance.mend) {
            manual.push(by_hand(reason));
            return;
        }
        match &instance.mend {
            Mend::None => manual.push(by_hand(
                instance
                    .observed
                    .clone()
                    .unwrap_or_else(|| check.title.clone()),
            )),
            Mend::Mode(path, mode) => add(path, Wanted::Mode(*mode), None),
            Mend::Owner(path, owner) => add(path, Wanted::Owner(owner.uid, owner.gid), None),
            Mend::Directory(path, mode, owner) => {
                if let Some(mode) = mode {
                    add(path, Wanted::Mode(*mode), None);
                }
                if let Some(owner) = owner {
                    add(path, Wanted::Owner(owner.uid, owner.gid), None);
                }
            }
            Mend::Edit(path, edit) => match missing::for_edit(self.root, path, edit) {
                Ok(missing) => {
                    for directory in &missing {
                        add(directory, Wanted::Directory(Mend::ABOVE), None);
                    }
                    add(path, Wanted::Edit(edit.clone()), missing.last());
                }
                Err(reason) => manual.push(by_hand(reason)),
            },
            Mend::Create(path, content, mode) => {
                add(path, Wanted::Create(content.clone(), *mode), None)
            }
            Mend::MakeDirectory(path, mode) => match missing::directories(self.root, path) {
                Ok(directories) => {
                    let last = directories.len().saturating_sub(1);
                    for (index, path) in directories.iter().enumerate() {
                        let mode = if index == last { *mode } else { Mend::ABOVE };
                        add(path, Wanted::Directory(mode), None);
                    }
                }
                Err(error) => manual.push(by_hand(format!("{path}: {error}"))),
            },
            Mend::Elsewhere(_, _, reason) => manual.push(by_hand(reason.clone())),
            Mend::ByHand(_) => {}
        }
    }
}

fn rank(facts: &Facts, draft: &Draft, all: &[Draft]) -> Rank {
    let server = facts.api_server.as_ref();
    if server.and_then(|server| server.flags_path()) == Some(&draft.path) {
        return Rank::Manifest;
    }
    let holder = draft.path.parent();
    let within = || {
        all.iter()
            .any(|other| matches!(other.mend, Wanted::Directory(_)) && other.path == holder)
    };
    let is_config = facts
        .targets(Role::ProxyConfig)
        .any(|target| matches!(&target.seen, Ok(seen) if seen.path == draft.path));
    let log_directory = server.and_then(|server| server.log.directory.as_ref().ok());
    let is_directory = facts
        .directories
        .iter()
        .any(|found| found.path == draft.path)
        || log_directory.is_some_and(|(path, _)| *path == draft.path);
    match draft.mend {
        Wanted::Create(..) | Wanted::Edit(..) if within() => Rank::Within,
        Wanted::Create(..) => Rank::Created,
        Wanted::Directory(_) => Rank::Made,
        _ if is_directory => Rank::Directory,
        _ if is_config => Rank::Config,
        _ => Rank::File,
    }
}
