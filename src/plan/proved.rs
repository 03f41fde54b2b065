//! Proof that an edit of flags does what it says: the file is read again as the node would read it.

use crate::discover::flags::{self, Flag};
use crate::discover::platform::{Agent, agent, microk8s};
use crate::discover::pod;
use crate::discover::systemd::{self, Given, Unit};
use crate::edit::flags::{At, Flags, Form, Set};
use crate::kinds::Edit;
use crate::proxyconfig;
use crate::root::{NodePath, Root};

/// Name and value of each flag, in their order.
type Pairs = Vec<(String, Option<String>)>;

/// The contents with an edit; no bytes are a file that is not there.
///
/// # Errors
/// Why it is not made, or cannot be proved.
pub fn edited(
    root: &Root,
    path: &NodePath,
    bytes: Option<&[u8]>,
    edit: &Edit,
) -> Result<Vec<u8>, String> {
    let result = edit.of(bytes.unwrap_or_default())?;
    if let Edit::Flags(edit) = edit {
        judged(root, path, bytes, &result, edit).map_err(|why| format!("not edited: {why}"))?;
    }
    Ok(result)
}

/// Whether the flags afterwards are the former ones with exactly this change. `before` is what the file
/// held, or nothing where it is not there.
///
/// # Errors
/// What would be otherwise.
fn judged(
    root: &Root,
    path: &NodePath,
    before: Option<&[u8]>,
    after: &[u8],
    edit: &Flags,
) -> Result<(), String> {
    let (former, next) = match &edit.form {
        Form::DropIn { unit, .. } => in_unit(root, unit, path, before, after, &edit.program)?,
        Form::List { agent, service, .. } => {
            let ((former, next), values) = in_agent(root, *agent, service, path, before, after)?;
            listed(&former, &next, &edit.set)?;
            return accepted(&values.0, &values.1, &edit.set);
        }
        Form::Lines => in_lines(root, path, before.unwrap_or_default(), after)?,
        Form::Manifest => in_manifest(path, before.unwrap_or_default(), after, &edit.program)?,
    };
    listed(&former, &next, &edit.set)?;
    if edit.program == "kube-proxy" {
        accepted(&former, &next, &edit.set)?;
    }
    Ok(())
}

/// Whether a list of flags is the former one with exactly this change.
fn listed(former: &Pairs, next: &Pairs, set: &[Set]) -> Result<(), String> {
    let mut expected = former.clone();
    for set in set {
        with(&mut expected, set)?;
    }
    if *next != expected {
        return Err("its flags would not be the former ones with this change".into());
    }
    Ok(())
}

/// The list with a flag set.
fn with(flags: &mut Pairs, set: &Set) -> Result<(), String> {
    let value = Some(set.value.clone());
    match set.at {
        At::Behind => flags.push((set.name.clone(), value)),
        At::InPlace => {
            let last = flags.iter_mut().rev().find(|(name, _)| *name == set.name);
            last.ok_or_else(|| format!("--{} is not given", set.name))?
                .1 = value;
        }
    }
    Ok(())
}

/// Whether kube-proxy would start with the new flags, and with the same values but for the changed ones.
fn accepted(former: &Pairs, next: &Pairs, set: &[Set]) -> Result<(), String> {
    let (former, next) = (
        proxyconfig::from_flags(former),
        proxyconfig::from_flags(next),
    );
    let Some(values) = &next.values else {
        let why = next.error.map_or(String::new(), |problem| problem.message);
        return Err(format!("kube-proxy would refuse its flags: {why}"));
    };
    let changed = |field: &str| {
        let flag = proxyconfig::flag_of(field).map(|(flag, _)| flag);
        set.iter().any(|set| Some(set.name.as_str()) == flag)
    };
    for field in &values.fields {
        let before = former
            .values
            .as_ref()
            .and_then(|values| values.field(&field.name));
        let same = before.is_some_and(|before| before.value == field.value);
        match (changed(&field.name), same) {
            (true, true) => return Err(format!("another flag decides on {}", field.name)),
            (false, false) => return Err(format!("{} would change too", field.name)),
            _ => {}
        }
    }
    Ok(())
}

/// The flags that a service gives before and after; all else that it says of the command stays.
fn in_unit(
    root: &Root,
    name: &str,
    path: &NodePath,
    before: Option<&[u8]>,
    after: &[u8],
    program: &str,
) -> Result<(Pairs, Pairs), String> {
    let read = |bytes: Option<&[u8]>| {
        systemd::load_as_if(root, name, bytes.map(|bytes| (path, bytes)))
            .ok_or_else(|| format!("{name} is not there any more"))
    };
    let (former, next) = (read(before)?, read(Some(after))?);
    let (was, will) = (former.flags(program), next.flags(program));
    let origin = next.origin.as_ref().and_then(|origin| origin.path.as_ref());
    if origin != Some(path) || next.commands != 1 {
        let origin = origin.map_or("another file", NodePath::as_str);
        return Err(format!(
            "{origin} would still give {name} its command: set the flag there"
        ));
    }
    if let Some(problem) = next.doubt.as_ref().or(will.problem.as_ref()) {
        return Err(problem.clone());
    }
    let others = |unit: &Unit| -> Vec<NodePath> {
        let files = unit.files.iter().filter(|file| *file != path);
        files.cloned().collect()
    };
    let start = |unit: &Unit, given: &Given| -> Option<String> {
        let words = unit.command.len().checked_sub(arguments(unit, program)?)?;
        let words = unit.command.get(..words)?.join(" ");
        Some(format!("{words} {:?} {}", given.user, given.elsewhere))
    };
    let kept = others(&former) == others(&next)
        && former.environment == next.environment
        && (&former.directory, &former.user, &former.own_root)
            == (&next.directory, &next.user, &next.own_root)
        && start(&former, &was).is_some()
        && start(&former, &was) == start(&next, &will);
    if !kept {
        return Err(format!("more of {name} would change than its flags"));
    }
    Ok((pairs(&was.flags), pairs(&will.flags)))
}

/// How many of a command's words are the program's arguments.
fn arguments(unit: &Unit, program: &str) -> Option<usize> {
    let found = crate::discover::words::arguments(&unit.command, &unit.environment, program)?;
    Some(found.words.len())
}

fn pairs(flags: &[Flag]) -> Pairs {
    let pair = |flag: &Flag| (flag.name.clone(), flag.value.clone());
    flags.iter().map(pair).collect()
}

/// Flags before and after an edit.
type BothPairs = (Pairs, Pairs);

/// The arguments of k3s or RKE2 before and after, and the flags that they make of them.
fn in_agent(
    root: &Root,
    agent: Agent,
    service: &Option<String>,
    path: &NodePath,
    before: Option<&[u8]>,
    after: &[u8],
) -> Result<(BothPairs, BothPairs), String> {
    let read = |bytes: Option<&[u8]>| {
        let supposed = bytes.map(|bytes| (path, bytes));
        let read = agent::read_as_if(root, agent, service.as_deref(), supposed)
            .ok_or_else(|| format!("{} has no configuration", agent.name()))?;
        match &read.problem {
            Some(problem) => Err(problem.clone()),
            None => Ok(read),
        }
    };
    let (former, next) = (read(before)?, read(Some(after))?);
    let kept = (&former.disabled, &former.data, &former.config.service)
        == (&next.disabled, &next.data, &next.config.service);
    if !kept {
        return Err("more of the configuration would change than these flags".into());
    }
    // As the flags were judged: over those of RKE2's manifest, which is written anew from them.
    let manifest = match agent {
        Agent::Rke2 => agent::pod(root).map(|pod| flags::parse(&pod.arguments, &pod.origin)),
        Agent::K3s => None,
    };
    let flags = |read: &agent::Read| {
        let given = manifest.clone().unwrap_or_else(|| read.defaults());
        pairs(&read.flags(&given))
    };
    Ok((
        (pairs(&former.arguments()), pairs(&next.arguments())),
        (flags(&former), flags(&next)),
    ))
}

/// The flags of a file of lines before and after.
fn in_lines(
    root: &Root,
    path: &NodePath,
    before: &[u8],
    after: &[u8],
) -> Result<(Pairs, Pairs), String> {
    let file = microk8s::read(root)
        .ok_or("its file of flags is not there any more")?
        .file;
    let read = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        match microk8s::flags_of(&text, path, &file.variables) {
            (flags, None) => Ok(pairs(&flags)),
            (_, Some(problem)) => Err(problem),
        }
    };
    Ok((read(before)?, read(after)?))
}

/// The flags of a static pod before and after; all else that its manifest says, the editor has proved.
fn in_manifest(
    path: &NodePath,
    before: &[u8],
    after: &[u8],
    program: &str,
) -> Result<(Pairs, Pairs), String> {
    let read = |bytes: &[u8]| {
        let pod = pod::in_bytes(path, bytes, program);
        let pod = pod.ok_or_else(|| format!("it would not start {program}"))?;
        match pod.problem {
            Some(problem) => Err(problem),
            None => Ok(pairs(&flags::parse(&pod.arguments, &pod.origin))),
        }
    };
    Ok((read(before)?, read(after)?))
}
