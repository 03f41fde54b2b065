//! A saved plan: written with mode 0600, read back as untrusted input, applied exactly or not at all.

use std::io::Read;
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::error::Category;

use super::{Change, Effect, Inputs, Manual, Obstacle, Plan, Saw, Summary, Waived};
use crate::failure::Failure;
use crate::outfile::OutFile;
use crate::root::{FileKind, Meta};

/// Largest plan that is read, in bytes.
const MAX_PLAN: u64 = 4 << 20;
/// The schema of a plan document.
pub const SCHEMA: &str = "tighten.plan/v1";

/// Writes the document, mode 0600.
///
/// # Errors
/// When the directory cannot be written, or is reached through a symlink that others could have planted.
pub fn save(path: &Path, document: &Value) -> Result<(), Failure> {
    let text = format!("{document:#}\n");
    OutFile::at(path, "the plan")?.write(text.as_bytes(), 0o600)
}

/// Reads a saved plan: opened first, then judged on the handle.
///
/// # Errors
/// When it is not a plan of this version, belongs to another user, or others may write it.
pub fn load(path: &Path) -> Result<Plan, Failure> {
    let refuse = |why: String| {
        Failure::refused(format!("the plan {} {why}", path.display()))
            .state("nothing was written")
            .help("make a new one: tighten plan --out FILE")
    };
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let handle = open(path, flags, Mode::empty())
        .map_err(|errno| refuse(format!("cannot be opened: {}", errno.desc())))?;
    let meta =
        Meta::of(&handle).map_err(|errno| refuse(format!("cannot be looked at: {errno}")))?;
    let user = nix::unistd::geteuid().as_raw();
    if meta.kind != FileKind::File {
        return Err(refuse(format!(
            "is {}, not a regular file",
            meta.kind.describe()
        )));
    }
    if meta.uid != 0 && meta.uid != user {
        return Err(refuse(format!("belongs to user {}", meta.uid)));
    }
    if meta.mode & 0o022 != 0 {
        return Err(refuse(format!(
            "is writable by others (mode {:04o})",
            meta.mode
        )));
    }
    if meta.size > MAX_PLAN {
        return Err(refuse(format!("is larger than {} MiB", MAX_PLAN >> 20)));
    }
    let mut bytes = Vec::new();
    std::fs::File::from(handle)
        .take(MAX_PLAN + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| refuse(format!("cannot be read: {error}")))?;
    parse(&bytes).map_err(refuse)
}

/// The document as it is read: a plan and what stands beside it. Written out once more, because only
/// so a key that stands there twice is refused, which a person and a program could read differently.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "schema")]
    _schema: IgnoredAny,
    // Who made it and which node it describes is for the reader; `inputs` is what binds it.
    #[serde(rename = "tool")]
    _tool: Option<IgnoredAny>,
    #[serde(rename = "node")]
    _node: Option<IgnoredAny>,
    changes: Vec<Change>,
    effects: Vec<Effect>,
    manual: Vec<Manual>,
    // Plans of before there were waivers have none.
    #[serde(default)]
    waived: Vec<Waived>,
    obstacles: Vec<Obstacle>,
    // Plans of before there were warnings have none.
    #[serde(default)]
    warnings: Vec<String>,
    summary: Summary,
    saw: Vec<Saw>,
    inputs: Inputs,
}

#[derive(Deserialize)]
struct Head {
    schema: Option<String>,
}

/// Reads the text of a saved plan, and believes none of it: [`compare`] decides.
///
/// # Errors
/// How the sentence "the plan FILE ..." goes on when it is not a plan of this version: it is larger
/// than 4 MiB, no JSON, of another format, with a field that is missing, unknown or given twice.
pub fn parse(bytes: &[u8]) -> Result<Plan, String> {
    if bytes.len() as u64 > MAX_PLAN {
        return Err(format!("is larger than {} MiB", MAX_PLAN >> 20));
    }
    let head: Head = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => "is not a plan".to_string(),
        _ => format!(
            "is not JSON: line {}, column {}",
            error.line(),
            error.column()
        ),
    })?;
    match head.schema.as_deref() {
        Some(SCHEMA) => {}
        Some(other) if is_newer(other) => {
            return Err(format!(
                "has the format {other}, written by a newer tighten; this one reads {SCHEMA}"
            ));
        }
        _ => return Err("is not a plan".into()),
    }
    let read: Document =
        serde_json::from_slice(bytes).map_err(|error| format!("cannot be read: {error}"))?;
    Ok(Plan {
        changes: read.changes,
        effects: read.effects,
        manual: read.manual,
        waived: read.waived,
        obstacles: read.obstacles,
        warnings: read.warnings,
        summary: read.summary,
        saw: read.saw,
        inputs: read.inputs,
    })
}

/// What one of the plans waives and the other does not. A saved plan keeps no waiver's file: what counts
/// is what is waived now.
fn other_waivers(saved: &Plan, now: &Plan) -> Option<String> {
    let missing = |all: &[Waived], from: &[Waived]| {
        let known = |one: &Waived| (one.check.clone(), one.path.clone());
        let found = all
            .iter()
            .find(|one| !from.iter().any(|other| known(other) == known(one)));
        found.map(|one| match &one.path {
            Some(path) => format!("{path}: {}", one.check),
            None => one.check.clone(),
        })
    };
    let gone = missing(&saved.waived, &now.waived)
        .map(|what| format!("{what} was waived when it was made, and is not any more"));
    gone.or_else(|| {
        missing(&now.waived, &saved.waived)
            .map(|what| format!("{what} is waived now, and was not when it was made"))
    })
}

fn is_newer(schema: &str) -> bool {
    let number = schema.strip_prefix("tighten.plan/v");
    number.and_then(|number| number.parse::<u32>().ok()) > Some(1)
}

/// Whether a plan made now from the same inputs is the saved one.
///
/// # Errors
/// The first difference: the file and what differs.
pub fn compare(saved: &Plan, now: &Plan) -> Result<(), Failure> {
    let stale = |what: String| {
        Failure::refused(format!("the plan is stale: {what}"))
            .state("nothing was written")
            .help("look at what changed, then run tighten plan again")
    };
    if saved.inputs.machine_id != now.inputs.machine_id {
        return Err(stale("it was made for another machine".into()));
    }
    if saved.inputs.root != now.inputs.root {
        return Err(stale(format!(
            "it was made for the root {}",
            saved.inputs.root
        )));
    }
    if saved.inputs.baselines != now.inputs.baselines {
        let names: Vec<&str> = saved
            .inputs
            .baselines
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let made = format!(
            "it was made with other baselines than these ({})",
            names.join(", ")
        );
        return Err(stale(made).help("name the same with --baseline, or run tighten plan again"));
    }
    for seen in &saved.saw {
        let current = now.saw.iter().find(|current| current.path == seen.path);
        match current.map(|current| seen.state.difference(&current.state)) {
            Some(None) => {}
            Some(Some(difference)) => return Err(stale(format!("{}: {difference}", seen.path))),
            None => {
                return Err(stale(format!(
                    "{}: kube-proxy does not use it any more",
                    seen.path
                )));
            }
        }
    }
    let fresh = |now: &&Saw| saved.saw.iter().all(|seen| seen.path != now.path);
    if let Some(fresh) = now.saw.iter().find(fresh) {
        return Err(stale(format!(
            "{}: the plan was made without it",
            fresh.path
        )));
    }
    if let Some(other) = other_waivers(saved, now) {
        return Err(stale(other).help(
            "name the same file with --waivers, or look at what changed and run tighten plan again",
        ));
    }
    for planned in &saved.changes {
        let same = |change: &&Change| {
            (&change.check, &change.path, change.action)
                == (&planned.check, &planned.path, planned.action)
        };
        let Some(current) = now.changes.iter().find(same) else {
            return Err(stale(format!(
                "{}: {} would not be changed any more",
                planned.path, planned.check
            )));
        };
        if let Some(difference) = planned.before.difference(&current.before) {
            return Err(stale(format!("{}: {difference}", planned.path)));
        }
        if current != planned {
            return Err(stale(format!(
                "{}: {} would now be: {}",
                planned.path, planned.check, current.summary
            )));
        }
    }
    if let Some(more) = now.changes.iter().find(|now| !saved.changes.contains(now)) {
        return Err(stale(format!("{}: {} is new", more.path, more.check)));
    }
    // The reasons may name a process id, which is another after each restart.
    let left = |plan: &Plan| -> Vec<_> {
        let manual = plan.manual.iter();
        manual
            .map(|left| (left.check.clone(), left.path.clone()))
            .collect()
    };
    let same = (&saved.changes, &saved.effects, &saved.summary)
        == (&now.changes, &now.effects, &now.summary);
    if !same || left(saved) != left(now) {
        return Err(stale("what it lists is not what would be done now".into()));
    }
    Ok(())
}
