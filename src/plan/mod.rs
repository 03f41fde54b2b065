//! The plan: the changes for this node now, in the order in which apply carries them out.
//!
//! It is made from findings (`build`), printed by `report`, saved as JSON and read back (`saved`).

mod build;
mod chain;
mod edits;
mod made;
mod missing;
mod names;
mod now;
mod patch;
mod proved;
mod restart;
mod risk;
mod saved;
mod saw;
mod state;

use serde::{Deserialize, Serialize};

pub use build::{Pick, Planned, Planner, Work, unpromised};
pub use chain::NEEDS_ROOT;
pub use names::Names;
pub use proved::edited;
pub use saved::{SCHEMA, compare, load, parse, save};
pub use state::FileState;

use crate::baseline::{Risk, Severity};
use crate::check::MaxRisk;
use crate::ip_network::IpNetwork;
use crate::kinds::Edit;
use crate::root::NodePath;
use crate::waivers::Grounds;

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Takes permission bits away.
    SetMode,
    /// Gives the file to another owner.
    SetOwner,
    /// Changes a value in the file.
    Edit,
    /// Makes a file or a directory that was not there.
    Create,
}

impl Action {
    /// The word in text and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Action::SetMode => "set-mode",
            Action::SetOwner => "set-owner",
            Action::Edit => "edit",
            Action::Create => "create",
        }
    }
}

/// One edit of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Its number in the plan, from 1.
    pub id: String,
    /// The check that asks for it.
    pub check: String,
    /// The file, with every symlink resolved.
    pub path: NodePath,
    /// What is done.
    pub action: Action,
    /// What it may cost.
    pub risk: Risk,
    /// The severity of the finding that it mends.
    pub severity: Severity,
    /// In words.
    pub summary: String,
    /// The file before this change; of two changes of one file the second starts where the first ends.
    pub before: FileState,
    /// The file after this change.
    pub after: FileState,
    /// Unified diff; empty where the contents stay. Secrets are masked.
    pub diff: String,
    /// The edit itself, for an edit.
    pub edit: Option<Edit>,
    /// The name of the contents that the binary carries, for a create.
    pub content: Option<String>,
}

impl Change {
    /// What tells this change from the others of its plan.
    pub fn pick(&self) -> Pick<'_> {
        // An edit can make its file, and is the same edit when the file is there.
        let action = match &self.edit {
            Some(_) => Action::Edit,
            None => self.action,
        };
        (&self.check, &self.path, action)
    }
}

/// What must follow the changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// `daemon-reload`, `restart`, `load` or `set`.
    pub kind: String,
    /// Whom.
    pub target: String,
    /// Why.
    pub because: String,
}

/// A finding that is left to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manual {
    /// The check.
    pub check: String,
    /// Why tighten does not do it.
    pub reason: String,
    /// What to do.
    pub help: Option<String>,
    /// The file that it speaks of.
    pub path: Option<NodePath>,
    /// What to change in the cluster's API, with the commands. Findings about one object share it.
    #[serde(default)]
    pub patch: Option<String>,
}

/// A finding that a waiver accepts: nothing is done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waived {
    /// The check.
    pub check: String,
    /// Its severity.
    pub severity: Severity,
    /// The file that it speaks of.
    pub path: Option<NodePath>,
    /// The line in it.
    pub line: Option<usize>,
    /// What is there.
    pub observed: Option<String>,
    /// Why it is accepted, and until when.
    pub waiver: Grounds,
}

/// Why apply would refuse the plan as a whole, as long as it stays so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Obstacle {
    /// What stands in the way, with the file or directory.
    pub reason: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Figures at the end of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Number of changes.
    pub changes: usize,
    /// Number of files that they touch.
    pub files: usize,
    /// Number of effects.
    pub effects: usize,
    /// Number of findings left to a person.
    pub manual: usize,
    /// Number of findings that are waived; plans of before there were waivers have none.
    #[serde(default)]
    pub waived: usize,
}

/// A file that the plan was made from, whether or not it is changed: when one of them differs, the
/// plan is stale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saw {
    /// The file, as it is named.
    pub path: NodePath,
    /// Its state. Contents count only where they were read.
    pub state: FileState,
}

/// What the plan was made with: the same again must give the same plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// `/etc/machine-id` of the node.
    pub machine_id: Option<String>,
    /// The root directory on the machine that made the plan.
    pub root: String,
    /// The baselines by name, and their checksums.
    pub baselines: Vec<(String, String)>,
    /// `--only`
    pub only: Vec<String>,
    /// `--skip`
    pub skip: Vec<String>,
    /// `--max-risk`. The default is not written, so that an older version reads the plan.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_risk: MaxRisk,
    /// `--node-ip`
    pub node_ip: Option<std::net::IpAddr>,
    /// `--allow-from`. Not written where there is none, so that an older version reads the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_from: Vec<IpNetwork>,
    /// `--config`
    pub config: Option<NodePath>,
    /// `--kubeconfig`
    pub kubeconfig: Option<NodePath>,
    /// `--manifests`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<NodePath>,
    /// `--image-digest`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
}

fn is_default(max_risk: &MaxRisk) -> bool {
    *max_risk == MaxRisk::default()
}

/// The changes and what goes with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The changes, in the order in which apply does them.
    pub changes: Vec<Change>,
    /// What must follow.
    pub effects: Vec<Effect>,
    /// What is left to a person.
    pub manual: Vec<Manual>,
    /// What is waived.
    pub waived: Vec<Waived>,
    /// What would make apply refuse.
    pub obstacles: Vec<Obstacle>,
    /// What apply does not refuse and cannot promise.
    pub warnings: Vec<String>,
    /// The figures.
    pub summary: Summary,
    /// The files that were looked at.
    pub saw: Vec<Saw>,
    /// What it was made with.
    pub inputs: Inputs,
}

impl Plan {
    /// The files whose contents change.
    pub fn rewritten(&self) -> Vec<&NodePath> {
        let contents = |change: &&Change| matches!(change.action, Action::Edit | Action::Create);
        let changes = self.changes.iter().filter(contents);
        changes.map(|change| &change.path).collect()
    }
}
