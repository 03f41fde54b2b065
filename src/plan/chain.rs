//! All that is done to one file: each change starts where the one before it ends.

use super::build::{Draft, Planner, Wanted, Work};
use super::edits::Made;
use super::made::{made_anew, maker};
use super::missing;
use super::now::Now;
use super::state::FileState;
use super::{Action, Change, Manual, Obstacle, Plan};
use crate::baseline::Risk;
use crate::objects::STDIN;
use crate::root::{LookError, NodePath};
use crate::transaction::obstacle;

/// Why something is left where this is not root.
pub const NEEDS_ROOT: &str = "needs root";

/// One file and what is known of it.
pub(super) struct Chain<'a> {
    pub(super) planner: &'a Planner<'a>,
    pub(super) path: &'a NodePath,
    /// What is done before.
    earlier: &'a [Work],
}

/// Drafts that can be carried out, each with what it makes of the contents where they change.
type Possible<'d, 'c> = Vec<(&'d Draft<'c>, Option<Made>)>;

impl<'a> Chain<'a> {
    pub(super) fn new(planner: &'a Planner<'a>, path: &'a NodePath, earlier: &'a [Work]) -> Self {
        Chain {
            planner,
            path,
            earlier,
        }
    }

    /// Turns the drafts into changes. What cannot be done is left to a person, with the reason.
    pub(super) fn follow(&self, drafts: Vec<&Draft>, plan: &mut Plan) -> Option<Work> {
        let mut looked = self.planner.looked.borrow_mut();
        let now = looked
            .entry(self.path.clone())
            .or_insert_with(|| self.look());
        let now = match now {
            Ok(now) => now.clone(),
            Err(error) => {
                self.leave(&drafts, &error.to_string(), plan);
                return None;
            }
        };
        let mut state = now.state.clone();
        let mut written = None;
        let mut directory = now.directory;
        for (draft, made) in self.possible(drafts, &now, plan) {
            self.note_obstacle(&now, &draft.mend, plan);
            let change = self.change(draft, &state, made.as_ref());
            state = change.after.clone();
            written = made.and_then(|made| made.bytes).or(written);
            directory |= matches!(draft.mend, Wanted::Directory(_));
            plan.manual.extend(self.besides(draft));
            plan.changes.push(change);
        }
        (state != now.state).then_some(Work {
            path: self.path.clone(),
            before: now.state,
            after: state,
            bytes: written,
            directory,
        })
    }

    /// Those drafts that can be carried out, modes and owners first; the others are left to a person.
    fn possible<'d, 'c>(
        &self,
        drafts: Vec<&'d Draft<'c>>,
        now: &Now,
        plan: &mut Plan,
    ) -> Possible<'d, 'c> {
        let mut found: Possible = Vec::new();
        let mut edits = Vec::new();
        for draft in drafts {
            // Two checks may ask for one directory, as for the one of a drop-in.
            let made = |found: &Possible| {
                let mut found = found.iter();
                found.any(|(draft, _)| matches!(draft.mend, Wanted::Directory(_)))
            };
            if matches!(draft.mend, Wanted::Directory(_)) && made(&found) {
                continue;
            }
            if let Some(reason) = self.unmet(draft, now) {
                // A directory is made for the sake of another change, which says why it is not made.
                if !matches!(draft.mend, Wanted::Directory(_)) {
                    self.leave(&[draft], &reason, plan);
                }
                continue;
            }
            match (self.may_change(&now.state, &draft.mend), &draft.mend) {
                (Err(reason), _) => self.leave(&[draft], reason, plan),
                (Ok(()), Wanted::Edit(edit)) if !now.state.exists && edit.makes().is_none() => {
                    self.leave(&[draft], &LookError::Missing.to_string(), plan);
                }
                (Ok(()), Wanted::Edit(..)) => edits.push(draft),
                (Ok(()), Wanted::Create(contents, _)) => {
                    found.push((draft, contents.bytes().map(Made::whole)));
                }
                (Ok(()), _) => found.push((draft, None)),
            }
        }
        for (draft, made) in self.edits(edits, now) {
            match made {
                Ok(made) => found.push((draft, Some(made))),
                Err(reason) => self.leave(&[draft], &reason, plan),
            }
        }
        found
    }

    /// What is left to a person although the change is made.
    fn besides(&self, draft: &Draft) -> Option<Manual> {
        Some(Manual {
            check: draft.check.id.clone(),
            reason: draft.besides.clone()?,
            help: None,
            path: Some(self.path.clone()),
            patch: None,
        })
    }

    /// Why a draft must not be carried out as things are.
    fn unmet(&self, draft: &Draft, now: &Now) -> Option<String> {
        // Two checks may ask for one directory.
        if matches!(draft.mend, Wanted::Directory(_)) && now.state.exists {
            return Some("it exists now".into());
        }
        let need = missing::unmet(self.planner.root, &draft.needs, self.earlier)?;
        Some(format!(
            "{}: not changed, since {need} does not exist, and this plan does not create it",
            self.path
        ))
    }

    fn leave(&self, drafts: &[&Draft], reason: &str, plan: &mut Plan) {
        let named = reason.contains(self.path.as_str());
        let reason = if named {
            reason.to_string()
        } else {
            format!("{}: {reason}", self.path)
        };
        plan.manual.extend(drafts.iter().map(|draft| Manual {
            check: draft.check.id.clone(),
            reason: reason.clone(),
            help: draft.check.by_hand.clone(),
            path: Some(self.path.clone()),
            patch: None,
        }));
    }

    /// Says in the plan what the transaction would refuse, since it would refuse the whole plan.
    fn note_obstacle(&self, now: &Now, wanted: &Wanted, plan: &mut Plan) {
        // Nothing is ever written there, whatever a plan of it says.
        if self.path.as_str() == STDIN {
            return;
        }
        let root = self.planner.root;
        let tightened = |directory: &NodePath| {
            self.earlier.iter().any(|work| {
                let safe = |state: &FileState| {
                    state.uid.is_some_and(|uid| root.trusts(uid))
                        && state.mode_bits().is_some_and(|mode| mode & 0o022 == 0)
                };
                work.path == *directory && safe(&work.after)
            })
        };
        let replaces = matches!(wanted, Wanted::Edit(..)) && now.state.exists;
        let meta = now.meta.as_ref();
        let safe = &mut self.planner.safe.borrow_mut();
        let found = obstacle(root, self.path, meta, replaces, &tightened, safe);
        if let Some(failure) = found {
            let known = plan
                .obstacles
                .iter()
                .any(|obstacle| obstacle.reason == failure.message);
            if !known {
                plan.obstacles.push(Obstacle {
                    reason: failure.message,
                    help: failure.help,
                });
            }
        }
    }

    /// Without root only one's own files can be changed. What needs root is said, not tried.
    fn may_change(&self, state: &FileState, wanted: &Wanted) -> Result<(), &'static str> {
        let user = nix::unistd::geteuid().as_raw();
        if user == 0 || self.path.as_str() == STDIN {
            return Ok(());
        }
        let own = |path: &NodePath| {
            self.planner
                .root
                .open(path)
                .is_ok_and(|(_, opened)| opened.meta.uid == user)
        };
        let allowed = match wanted {
            Wanted::Mode(_) => state.uid == Some(user),
            Wanted::Owner(uid, _) => *uid == user && state.uid == Some(user),
            Wanted::Edit(..) if state.exists => state.uid == Some(user) && own(&self.path.parent()),
            Wanted::Edit(..) | Wanted::Create(..) | Wanted::Directory(_) => {
                let holder = self.path.parent();
                own(&holder) || self.earlier.iter().any(|work| work.path == holder)
            }
        };
        allowed.then_some(()).ok_or(NEEDS_ROOT)
    }

    fn change(&self, draft: &Draft, before: &FileState, made: Option<&Made>) -> Change {
        let names = &self.planner.names;
        let mut after = before.clone();
        let (mut diff, mut edit, mut content) = (String::new(), None, None);
        let summary = match &draft.mend {
            Wanted::Mode(mode) => {
                after = after.with_mode(*mode);
                let shown = |state: &FileState| state.mode.clone().unwrap_or_default();
                format!("mode {} -> {}", shown(before), shown(&after))
            }
            Wanted::Owner(uid, gid) => {
                after = after.with_owner(*uid, *gid, names);
                format!("owner {} -> {}", before.owned_by(), after.owned_by())
            }
            Wanted::Create(contents, mode) => {
                after = made_anew(after, *mode, names);
                if let Some(made) = made {
                    after = after.with_sum(made.sum.clone());
                    diff.clone_from(&made.diff);
                }
                content = contents.name().map(String::from);
                format!("new file, {mode:04o} {}", after.owned_by())
            }
            Wanted::Directory(mode) => {
                let (uid, gid) = maker();
                after.exists = true;
                after = after.with_mode(*mode).with_owner(uid, gid, names);
                format!("new directory, {mode:04o} {}", after.owned_by())
            }
            Wanted::Edit(wanted) => {
                edit = Some(wanted.clone());
                let mode = wanted.makes().filter(|_| !before.exists);
                let summary = match mode {
                    Some(mode) => {
                        after = made_anew(after, mode, names);
                        format!("new file, {mode:04o} {}", after.owned_by())
                    }
                    None => wanted.to_string(),
                };
                if let Some(made) = made {
                    after = after.with_sum(made.sum.clone());
                    diff.clone_from(&made.diff);
                }
                summary
            }
        };
        Change {
            id: String::new(),
            check: draft.check.id.clone(),
            path: self.path.clone(),
            action: match &draft.mend {
                Wanted::Edit(..) if !before.exists => Action::Create,
                mend => mend.action(),
            },
            risk: draft
                .check
                .fix
                .as_ref()
                .map_or(Risk::Manual, |fix| fix.risk),
            severity: draft.check.severity,
            summary,
            before: before.clone(),
            after,
            diff,
            edit,
            content,
        }
    }
}
