//! What must hold when everything is over: all before or all after, a sound state, and work goes on.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::ground::{Call, Ground, KEPT, Moment, Ran, Work};
use crate::tree::{self, Tree, What};

/// A work that is about to be done, and what it may lead to.
pub struct Scene {
    _directory: tempfile::TempDir,
    pub ground: Ground,
    pub work: Work,
    pub start: Moment,
    original: Tree,
    applied: Tree,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Original,
    Applied,
}

impl Scene {
    pub fn new(work: Work) -> Scene {
        let directory = tempfile::tempdir().unwrap();
        let ground = Ground::below(directory.path());
        Scene::on(directory, ground, work)
    }

    pub fn on(directory: tempfile::TempDir, ground: Ground, work: Work) -> Scene {
        let original = ground.lead_up_to(Work::Apply).node;
        let ran = ground.run(Work::Apply);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let applied = tree::look(&ground.root);
        let start = ground.lead_up_to(work);
        let scene = Scene {
            _directory: directory,
            ground,
            work,
            start,
            original,
            applied,
        };
        // What is disturbed later must first of all work.
        let ran = scene.ground.run(work);
        let expected = if work == Work::FailingApply { 3 } else { 0 };
        assert_eq!(ran.code, Some(expected), "{}: {ran:?}", work.name());
        scene.told_right(&ran).unwrap();
        scene.begin();
        scene
    }

    pub fn begin(&self) {
        self.ground.back_to(&self.start);
    }

    /// The calls of the work when nothing disturbs it.
    pub fn calls(&self) -> Vec<Call> {
        self.begin();
        self.ground.trace(self.work)
    }

    /// Which side everything is on; `Err` says what is mixed.
    pub fn side(&self) -> Result<Side, String> {
        let now = tree::look(&self.ground.root);
        // Before a rollback or a prune the times are known too.
        let known = matches!(self.work, Work::Rollback | Work::Prune);
        if known && now == self.start.node {
            return Ok(Side::Applied);
        }
        match self.side_of(&now) {
            Ok(Side::Applied) if known => Err("applied, but at another time".into()),
            side => side,
        }
    }

    /// The same for a tree, whenever it was applied to.
    pub fn side_of(&self, now: &Tree) -> Result<Side, String> {
        if *now == self.original {
            return Ok(Side::Original);
        }
        let (applied, seen) = (self.edited_anew(&self.applied), self.edited_anew(now));
        if applied == seen {
            return Ok(Side::Applied);
        }
        Err(format!(
            "mixed: from before {}; from after {}",
            tree::differences(&self.original, &seen),
            tree::differences(&applied, &seen)
        ))
    }

    /// Without the times of the files whose contents an apply changes.
    fn edited_anew(&self, tree: &Tree) -> Tree {
        let mut tree = tree.clone();
        for (name, entry) in &mut tree {
            let former = self.original.get(name).map(|entry| &entry.what);
            let latter = self.applied.get(name).map(|entry| &entry.what);
            if former != latter && matches!(entry.what, What::File(_)) {
                entry.mtime = None;
            }
        }
        tree
    }

    /// The side that the work starts from.
    fn from(&self) -> Side {
        match self.work {
            Work::Apply | Work::SavedApply | Work::FailingApply => Side::Original,
            Work::Rollback | Work::Recover | Work::Prune => Side::Applied,
        }
    }

    /// The side that the work leads to when it succeeds; a failing apply never does.
    fn to(&self) -> Option<Side> {
        match self.work {
            Work::Apply | Work::SavedApply | Work::Prune => Some(Side::Applied),
            Work::Rollback | Work::Recover => Some(Side::Original),
            Work::FailingApply => None,
        }
    }

    /// Where everything may be once it is settled.
    fn may_end(&self, side: Side) -> bool {
        // What recovery finds is not final, so that staying there is no way out.
        let stays = side == self.from() && self.work != Work::Recover;
        stays || self.to() == Some(side)
    }

    /// The exit code tells what is there: 0 the new, 1 and 3 the old, 4 that it must be settled.
    pub fn told_right(&self, ran: &Ran) -> Result<(), String> {
        let wrong = |why: String| Err(format!("{}, and {why}", ran.told()));
        let expected = match ran.code {
            Some(0) => match self.to() {
                None => return wrong("it cannot have succeeded".into()),
                expected => expected,
            },
            Some(1 | 3) => Some(self.from()),
            Some(4) => None,
            _ => return wrong("that is no exit code of this command".into()),
        };
        match (self.side(), expected) {
            (Ok(side), Some(expected)) if side != expected => wrong(format!("all is {side:?}")),
            (Err(mixed), Some(_)) => wrong(mixed),
            _ => Ok(()),
        }
    }

    /// A new process recovers; then everything is on one side, and the next command works.
    pub fn settle(&self) -> Result<Side, String> {
        let ran = self.ground.run(Work::Recover);
        if ran.code != Some(0) {
            return Err(format!("recover: {}", ran.told()));
        }
        let side = self.side()?;
        if !self.may_end(side) {
            return Err(format!("ended {side:?}"));
        }
        self.state_is_sound()?;
        if self.work == Work::Prune {
            self.newest_stayed()?;
        }
        let (next, expected) = match side {
            Side::Original => (Work::Apply, Side::Applied),
            Side::Applied => (Work::Rollback, Side::Original),
        };
        let ran = self.ground.run(next);
        let now = tree::look(&self.ground.root);
        let reached = match expected {
            Side::Original => now == self.original,
            Side::Applied => self.edited_anew(&now) == self.edited_anew(&self.applied),
        };
        if ran.code != Some(0) || !reached {
            return Err(format!("the next {}: {}", next.name(), ran.told()));
        }
        Ok(side)
    }

    /// Nothing is open, every transaction is whole and settled, and nobody else can read any of it.
    pub fn state_is_sound(&self) -> Result<(), String> {
        let mut named = BTreeSet::new();
        for (path, entry) in tree::look(&self.ground.state) {
            let parts: Vec<&str> = path.split('/').collect();
            let directory = entry.what == What::Directory;
            let wanted = if directory { 0o700 } else { 0o600 };
            if entry.mode != wanted {
                return Err(format!("state: {path} has mode {:04o}", entry.mode));
            }
            let fits = match parts.as_slice() {
                [""] | ["roots"] | ["roots", _] | ["roots", _, "tx"] => directory,
                ["roots", _, "lock"] => !directory,
                ["roots", _, "tx", id] => {
                    named.insert((*id).to_string());
                    directory
                }
                ["roots", _, "tx", _, file] => {
                    !directory
                        && (matches!(*file, "journal" | "plan.json") || file.starts_with("pre."))
                }
                _ => false,
            };
            if !fits {
                return Err(format!("state: {path} should not be there"));
            }
        }
        let history = self.history()?;
        let told: BTreeSet<String> = history.iter().map(|(id, _)| id.clone()).collect();
        if told != named || told.len() != history.len() {
            return Err(format!("history tells {told:?}, and {named:?} are there"));
        }
        match history
            .iter()
            .find(|(_, state)| !matches!(state.as_str(), "committed" | "rolled-back"))
        {
            Some(open) => Err(format!("not settled: {open:?}")),
            None => Ok(()),
        }
    }

    /// What a prune is told to keep is kept, whatever happens to it.
    fn newest_stayed(&self) -> Result<(), String> {
        let before = self.start.state.keys().filter_map(|path| {
            let (_, id) = path.split_once("/tx/")?;
            (!id.contains('/')).then_some(id)
        });
        let history = self.history()?;
        let is_there = |id: &&str| history.iter().any(|(told, _)| told == id);
        match before.rev().take(KEPT).find(|id| !is_there(id)) {
            Some(lost) => Err(format!("{lost} was to be kept, and is lost")),
            None => Ok(()),
        }
    }

    /// Ids and states, newest first.
    pub fn history(&self) -> Result<Vec<(String, String)>, String> {
        let ran = self.ground.run_words(&["history", "--format", "json"]);
        history_of(&ran)
    }
}

fn history_of(ran: &Ran) -> Result<Vec<(String, String)>, String> {
    if ran.code != Some(0) {
        return Err(format!("history: {}", ran.told()));
    }
    let document: Value = serde_json::from_str(&ran.out).map_err(|error| error.to_string())?;
    let list = document["transactions"].as_array().ok_or("no list")?;
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_string();
    Ok(list
        .iter()
        .map(|one| (text(one, "id"), text(one, "state")))
        .collect())
}

/// Tries all points, on as many grounds at once as there are processors. Gives what went wrong.
pub fn spread<P: Sync, W>(
    points: &[P],
    set_up: impl Fn() -> W + Sync,
    each: impl Fn(&W, &P) -> Result<(), String> + Sync,
) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let own = set_up();
        let mut bad = Vec::new();
        while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
            bad.extend(each(&own, point).err());
        }
        bad
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        started
            .into_iter()
            .flat_map(|worker| worker.join().expect("no worker panics"))
            .collect()
    })
}
