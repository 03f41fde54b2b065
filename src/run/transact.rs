//! From a plan to what the transaction is asked to do.

use std::path::Path;

use serde_json::{Value, json};

use super::context::Context;
use crate::discover::flags::{self, Flag};
use crate::discover::systemd;
use crate::effects::{self, Asked, New, Part, Told};
use crate::facts::{self, Facts, Role};
use crate::failure::Failure;
use crate::plan::{Effect, Plan, Work};
use crate::proxyconfig;
use crate::report;
use crate::root::{FileKind, NodePath, Where};
use crate::transaction::{Action, Change, Description, Expected, Operation};

/// What is to be done to one file.
pub fn operation(work: &Work) -> Operation {
    let expected = if work.before.exists {
        Expected {
            exists: true,
            kind: if work.directory {
                FileKind::Directory
            } else {
                FileKind::File
            },
            sha256: work.before.sha256.clone(),
            mode: work.before.mode_bits().unwrap_or_default(),
            uid: work.before.uid.unwrap_or_default(),
            gid: work.before.gid.unwrap_or_default(),
        }
    } else {
        Expected::absent()
    };
    let (mode, uid, gid) = (
        work.after.mode_bits().unwrap_or_default(),
        work.after.uid.unwrap_or_default(),
        work.after.gid.unwrap_or_default(),
    );
    let action = match (&work.bytes, work.before.exists) {
        (Some(content), true) => Action::Replace {
            content: content.clone(),
            mode,
            uid,
            gid,
        },
        (Some(content), false) => Action::Create {
            content: content.clone(),
            mode,
            uid,
            gid,
        },
        (None, false) if work.directory => Action::MakeDirectory { mode, uid, gid },
        (None, _) => Action::SetMeta { mode, uid, gid },
    };
    Operation::new(work.path.clone(), expected, action)
}

/// What the journal and the history tell of the plan.
pub fn describe(plan: &Plan, context: &Context, facts: &Facts) -> Description {
    let document = report::document("plan", report::plan_body(&context.root, facts, plan));
    Description {
        user: Context::user(),
        changes: plan
            .changes
            .iter()
            .map(|change| Change {
                id: change.id.clone(),
                check: change.check.clone(),
                path: change.path.to_string(),
                action: change.action.word().into(),
                risk: change.risk.to_string(),
                summary: change.summary.clone(),
            })
            .collect(),
        plan: Some(document.to_string().into_bytes()),
        restarts: Vec::new(),
        kernel: Vec::new(),
    }
}

/// The configuration of kube-proxy, with every symlink resolved.
pub fn config_path(facts: &Facts) -> Option<NodePath> {
    match facts.target(Role::ProxyConfig).map(|target| &target.seen) {
        Some(Ok(seen)) => Some(seen.path.clone()),
        _ => None,
    }
}

/// What lies on the disk beside the configuration must be one that kube-proxy accepts.
pub fn staged(path: &NodePath, bytes: &[u8], config: Option<&NodePath>) -> Result<(), String> {
    if config != Some(path) {
        return Ok(());
    }
    proxyconfig::refusal(bytes).map_or(Ok(()), Err)
}

/// Asks the node's own kube-proxy about its new configuration or its new flags, where there is one to ask.
/// The lock is held.
///
/// # Errors
/// Exit 1, nothing was written: kube-proxy refuses it.
pub fn preflight(
    context: &Context,
    facts: &Facts,
    works: &[Work],
    state: &Path,
) -> Result<Option<Told>, Failure> {
    if !matches!(context.root.place(), Where::Live) || !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let config = config_path(facts);
    let config = works
        .iter()
        .find(|work| Some(&work.path) == config.as_ref());
    let flags = new_flags(context, facts, works);
    let asked = match (config.and_then(|work| work.bytes.as_deref()), &flags) {
        (Some(bytes), _) => New::Config(bytes),
        (None, Some(flags)) => New::Flags(flags),
        (None, None) => return Ok(None),
    };
    let (outcome, detail) = match effects::preflight(&context.root, &facts.proxy, asked, state)? {
        Asked::Accepted(program) => {
            let what = if flags.is_some() && config.is_none() {
                "them"
            } else {
                "it"
            };
            ("done", format!("{program} accepts {what}"))
        }
        Asked::Not(why) => ("skipped", why),
    };
    Ok(Some(Told {
        kind: "preflight",
        target: asked.name().into(),
        outcome,
        detail,
    }))
}

/// Lets nft judge the new table, where there is one and a kernel to ask. The lock is held.
///
/// # Errors
/// Exit 1, nothing was written: it would not be loaded.
pub fn judge_table(
    context: &Context,
    works: &[Work],
    state: &Path,
) -> Result<Option<Told>, Failure> {
    let table = works
        .iter()
        .find(|work| work.path.as_str() == Part::Table.file());
    let new = table.and_then(|work| work.bytes.as_deref());
    let live = matches!(context.root.place(), Where::Live);
    let nft = facts::nft_program(&context.root);
    let (Some(new), Some(nft), true) = (new, nft, live && nix::unistd::geteuid().is_root()) else {
        return Ok(None);
    };
    effects::accepts(&nft, new, state)?;
    Ok(Some(Told {
        kind: "preflight",
        target: "the new table".into(),
        outcome: "done",
        detail: format!("{nft} accepts it"),
    }))
}

/// The flags that kube-proxy's service will give it, where a drop-in changes them and they decide.
fn new_flags(context: &Context, facts: &Facts, works: &[Work]) -> Option<Vec<Flag>> {
    let name = &facts.proxy.unit()?.name;
    let folder = format!("{name}.d");
    let drop_in = works
        .iter()
        .find(|work| work.bytes.is_some() && work.path.parent().name() == folder)?;
    let supposed = (&drop_in.path, drop_in.bytes.as_deref()?);
    let unit = systemd::load_as_if(&context.root, name, Some(supposed))?;
    let given = unit.flags("kube-proxy");
    let decide = given.problem.is_none() && flags::last(&given.flags, "config").is_none();
    decide.then_some(given.flags)
}

/// The effects of an apply or rollback in its document.
pub fn effects_body(effects: &[Told]) -> Vec<Value> {
    let body = |effect: &Told| {
        json!({
            "kind": effect.kind,
            "target": effect.target,
            "outcome": effect.outcome,
            "detail": effect.detail,
        })
    };
    effects.iter().map(body).collect()
}

/// An effect that would follow, in the document of a dry run.
pub fn due_body(effect: &Effect) -> Value {
    json!({
        "kind": effect.kind,
        "target": effect.target,
        "outcome": "planned",
        "detail": effect.because,
    })
}

/// The effects of an apply or rollback that came to its end, a line for each that says something.
pub fn told_effects(effects: &[Told]) -> String {
    let mut text = String::new();
    for effect in effects {
        let (kind, target, detail) = (effect.kind, &effect.target, &effect.detail);
        text.push_str(&match effect.outcome {
            "left-to-you" if kind == "daemon-reload" => {
                format!("Left to you: systemctl daemon-reload, because {detail}.\n")
            }
            "left-to-you" => format!("Left to you: {kind} {target}, because {detail}.\n"),
            "not-running" => format!("{target} does not run: {detail}.\n"),
            "done" if matches!(kind, "load" | "unload" | "set") => {
                format!("Told the kernel: {kind} {target}.\n")
            }
            "healthy" => format!("Restarted: {target}; {detail}.\n"),
            _ => continue,
        });
    }
    text
}
