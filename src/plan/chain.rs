//! All that is done to one file: each change starts where the one before it ends.

use super::build::{Draft, Wanted, Work};
use super::names::Names;
use super::state::{FileState, digest};
use super::{Action, Change, Edit, Manual, Plan};
use crate::baseline::content;
use crate::diff::{self, Shown};
use crate::edit::{self, Scalar};
use crate::facts::{Facts, Role};
use crate::proxyconfig;
use crate::root::{FileKind, LookError, NodePath, Root};

/// One file and what is known of it.
pub(super) struct Chain<'a> {
    root: &'a Root,
    facts: &'a Facts,
    names: &'a Names,
    path: &'a NodePath,
}

/// A file as it is now.
struct Now {
    state: FileState,
    bytes: Vec<u8>,
    directory: bool,
}

impl<'a> Chain<'a> {
    pub(super) fn new(
        root: &'a Root,
        facts: &'a Facts,
        names: &'a Names,
        path: &'a NodePath,
    ) -> Self {
        Chain {
            root,
            facts,
            names,
            path,
        }
    }

    /// Turns the drafts into changes. What cannot be done is left to a person, with the reason.
    pub(super) fn follow(&self, drafts: Vec<&Draft>, plan: &mut Plan) -> Option<Work> {
        let now = match self.look() {
            Ok(now) => now,
            Err(error) => {
                self.leave(&drafts, &error.to_string(), plan);
                return None;
            }
        };
        let (mut possible, mut edits) = (Vec::new(), Vec::new());
        for draft in drafts {
            match self.may_change(&now.state, &draft.mend) {
                Err(reason) => self.leave(&[draft], reason, plan),
                Ok(()) if matches!(draft.mend, Wanted::Edit(..)) => edits.push(draft),
                Ok(()) => possible.push(draft),
            }
        }
        let mut bytes = now.bytes.clone();
        let mut proved = Vec::new();
        for draft in edits {
            match self.edited(draft, &bytes) {
                Ok(result) if result == bytes => {
                    self.leave(&[draft], "the value is already there", plan);
                }
                Ok(result) => {
                    bytes.clone_from(&result);
                    proved.push((draft, result));
                }
                Err(reason) => self.leave(&[draft], &reason, plan),
            }
        }
        if !proved.is_empty()
            && let Some(reason) = self.refused_by_proxy(&bytes)
        {
            let refused: Vec<&Draft> = proved.drain(..).map(|(draft, _)| draft).collect();
            self.leave(&refused, &reason, plan);
        }
        let mut state = now.state.clone();
        let mut written = None;
        for draft in possible {
            let change = self.plain(draft, &state);
            if let Wanted::Create(name, _) = &draft.mend {
                written = content(name).map(|text| text.as_bytes().to_vec());
            }
            state = change.after.clone();
            plan.changes.push(change);
        }
        let mut seen = (!proved.is_empty()).then(|| Shown::of(&now.bytes));
        for (draft, result) in proved {
            let next = Shown::of(&result);
            let mut change = self.edit_change(draft, &state, &result);
            if let Some(seen) = &seen {
                change.diff = diff::unified(seen, &next);
            }
            state = change.after.clone();
            seen = Some(next);
            written = Some(result);
            plan.changes.push(change);
        }
        (state != now.state).then_some(Work {
            path: self.path.clone(),
            before: now.state,
            after: state,
            bytes: written,
            directory: now.directory,
        })
    }

    fn leave(&self, drafts: &[&Draft], reason: &str, plan: &mut Plan) {
        plan.manual.extend(drafts.iter().map(|draft| Manual {
            check: draft.check.id.clone(),
            reason: format!("{}: {reason}", self.path),
            help: draft.check.by_hand.clone(),
            path: Some(self.path.clone()),
        }));
    }

    fn look(&self) -> Result<Now, LookError> {
        let opened = match self.root.open(self.path) {
            Ok((_, opened)) => opened,
            Err(LookError::Missing) => {
                return Ok(Now {
                    state: FileState::ABSENT,
                    bytes: Vec::new(),
                    directory: false,
                });
            }
            Err(error) => return Err(error),
        };
        let directory = opened.meta.kind == FileKind::Directory;
        let bytes = if directory {
            Vec::new()
        } else {
            opened.read()?
        };
        let sum = (!directory).then(|| digest(&bytes));
        Ok(Now {
            state: FileState::of(&opened.meta, sum, self.names),
            bytes,
            directory,
        })
    }

    /// Without root only one's own files can be changed. What needs root is said, not tried.
    fn may_change(&self, state: &FileState, wanted: &Wanted) -> Result<(), &'static str> {
        let user = nix::unistd::geteuid().as_raw();
        if user == 0 {
            return Ok(());
        }
        let own = |path: &NodePath| {
            self.root
                .open(path)
                .is_ok_and(|(_, opened)| opened.meta.uid == user)
        };
        let allowed = match wanted {
            Wanted::Mode(_) => state.uid == Some(user),
            Wanted::Owner(uid, _) => *uid == user && state.uid == Some(user),
            Wanted::Edit(..) => state.uid == Some(user) && own(&self.path.parent()),
            Wanted::Create(..) => own(&self.path.parent()),
        };
        allowed.then_some(()).ok_or("needs root")
    }

    fn edited(&self, draft: &Draft, bytes: &[u8]) -> Result<Vec<u8>, String> {
        match &draft.mend {
            Wanted::Edit(steps, value) => {
                edit::set(bytes, steps, value).map_err(|refused| format!("not edited: {refused}"))
            }
            _ => Err("not an edit".into()),
        }
    }

    /// The result must be a configuration that kube-proxy accepts.
    fn refused_by_proxy(&self, bytes: &[u8]) -> Option<String> {
        let is_config = self
            .facts
            .targets(Role::ProxyConfig)
            .any(|target| matches!(&target.seen, Ok(seen) if seen.path == *self.path));
        if !is_config {
            return None;
        }
        let reading = proxyconfig::read(bytes);
        match (&reading.error, reading.accepted) {
            (_, true) => None,
            (Some(problem), _) => Some(format!(
                "not edited: kube-proxy would refuse the result: {}",
                problem.message
            )),
            (None, _) => Some("not edited: kube-proxy would refuse the result".into()),
        }
    }

    /// A change that leaves the contents of an existing file alone, or makes a new file.
    fn plain(&self, draft: &Draft, before: &FileState) -> Change {
        let (action, after, summary, diff, content) = match &draft.mend {
            Wanted::Mode(mode) => {
                let after = before.clone().with_mode(*mode);
                let shown = |state: &FileState| state.mode.clone().unwrap_or_default();
                let summary = format!("mode {} -> {}", shown(before), shown(&after));
                (Action::SetMode, after, summary, String::new(), None)
            }
            Wanted::Owner(uid, gid) => {
                let after = before.clone().with_owner(*uid, *gid, self.names);
                let summary = format!("owner {} -> {}", before.owned_by(), after.owned_by());
                (Action::SetOwner, after, summary, String::new(), None)
            }
            Wanted::Create(name, mode) => {
                let text = content(name).unwrap_or_default();
                let user = nix::unistd::geteuid().as_raw();
                let group = nix::unistd::getegid().as_raw();
                let (uid, gid) = if user == 0 { (0, 0) } else { (user, group) };
                let after = FileState {
                    exists: true,
                    ..FileState::ABSENT
                }
                .with_mode(*mode)
                .with_owner(uid, gid, self.names)
                .with_bytes(text.as_bytes());
                let summary = format!("new file, {mode:04o} {}", after.owned_by());
                let diff = diff::unified(&Shown::own(""), &Shown::own(text));
                (Action::Create, after, summary, diff, Some(name.clone()))
            }
            // Edits go through `edit_change`.
            Wanted::Edit(..) => (
                Action::Edit,
                before.clone(),
                String::new(),
                String::new(),
                None,
            ),
        };
        Change {
            id: String::new(),
            check: draft.check.id.clone(),
            path: self.path.clone(),
            action,
            risk: draft
                .check
                .fix
                .as_ref()
                .map_or(crate::baseline::Risk::Manual, |fix| fix.risk),
            severity: draft.check.severity,
            summary,
            before: before.clone(),
            after,
            diff,
            edit: None,
            content,
        }
    }

    /// An edit; its diff is the caller's.
    fn edit_change(&self, draft: &Draft, before: &FileState, new: &[u8]) -> Change {
        let mut change = self.plain(draft, before);
        if let Wanted::Edit(steps, value) = &draft.mend {
            change.after = before.clone().with_bytes(new);
            change.summary = format!("{} = {}", edit::spelled(steps), shown(value));
            change.edit = Some(Edit {
                path: steps.clone(),
                value: value.clone(),
            });
        }
        change
    }
}

fn shown(value: &Scalar) -> String {
    match value {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Text(text) => format!("{text:?}"),
        Scalar::List(items) => format!("{items:?}"),
    }
}
