//! What to change in the cluster's API, where nothing on the node lasts: one text for all values of one
//! object, made with the same edits and the same proof as a change of a file.

use super::Manual;
use crate::check::{Outcome, Selection};
use crate::diff::{self, Shown};
use crate::discover::platform::lasting::{self, Shared};
use crate::edit::{Operation, Scalar, spelled};
use crate::facts::{Facts, Role};
use crate::kinds::{Edit, Mend, Verdict};
use crate::proxyconfig;
use crate::root::NodePath;

/// An edit that belongs elsewhere, and the check that asks for it.
struct Wanted<'a> {
    check: &'a str,
    edit: &'a Edit,
}

/// Gives each entry that has one its patch.
pub(super) fn attach(
    facts: &Facts,
    outcomes: &[Outcome],
    selection: &Selection,
    manual: &mut [Manual],
) {
    let mut objects: Vec<(Option<&NodePath>, Vec<Wanted>)> = Vec::new();
    for outcome in outcomes {
        let check = outcome.check;
        let on_request = check.fix.as_ref().is_some_and(|fix| fix.on_request);
        if on_request && !selection.asked_for(&check.id) {
            continue;
        }
        for instance in &outcome.instances {
            let (Verdict::Fail, Mend::Elsewhere(path, edit, _)) =
                (instance.verdict, &instance.mend)
            else {
                continue;
            };
            let wanted = Wanted {
                check: &check.id,
                edit,
            };
            match objects
                .iter_mut()
                .find(|(known, _)| *known == path.as_ref())
            {
                Some((_, all)) => all.push(wanted),
                None => objects.push((path.as_ref(), vec![wanted])),
            }
        }
    }
    for (path, wanted) in objects {
        let (patch, refused) = match path {
            Some(path) => of_file(facts, path, &wanted),
            None => (of_flags(facts, &wanted), Vec::new()),
        };
        for entry in manual.iter_mut() {
            if let Some((_, why)) = refused.iter().find(|(check, _)| *check == entry.check) {
                entry.reason = format!("{}; no patch is made: {why}", entry.reason);
            } else if wanted.iter().any(|wanted| wanted.check == entry.check) {
                entry.patch.clone_from(&patch);
            }
        }
    }
}

/// Keys and values that the edits set.
fn settings(wanted: &[&Wanted]) -> Vec<(String, Scalar)> {
    let alterations = wanted.iter().flat_map(|wanted| match wanted.edit {
        Edit::Values(alterations) => alterations.as_slice(),
        Edit::Within(..) | Edit::Flags(_) | Edit::Whole { .. } => &[],
    });
    alterations
        .filter_map(|alteration| match &alteration.operation {
            Operation::Set(value) => Some((spelled(&alteration.path), value.clone())),
            Operation::Append(_)
            | Operation::Insert { .. }
            | Operation::Copy { .. }
            | Operation::Remove => None,
        })
        .collect()
}

/// The patch of a file that shows a ConfigMap, and the checks whose edit cannot be made, each with why.
fn of_file<'a>(
    facts: &Facts,
    path: &NodePath,
    wanted: &[Wanted<'a>],
) -> (Option<String>, Vec<(&'a str, String)>) {
    let all = |why: &str| {
        let refused = wanted.iter().map(|wanted| (wanted.check, why.to_string()));
        (None, refused.collect())
    };
    let seen = facts.targets.iter().find_map(|target| {
        let seen = target.seen.as_ref().ok()?;
        (seen.path == *path).then_some((target, seen.bytes.as_deref()?))
    });
    let Some((target, before)) = seen else {
        return all("it was not read");
    };
    let mut after = before.to_vec();
    let (mut made, mut refused) = (Vec::new(), Vec::new());
    for wanted in wanted {
        let next = wanted.edit.of(&after);
        let is_config = target.role == Role::ProxyConfig;
        let next = next.and_then(
            |bytes| match is_config.then(|| proxyconfig::refusal(&bytes)) {
                Some(Some(refusal)) => Err(refusal),
                _ => Ok(bytes),
            },
        );
        match next {
            Ok(bytes) => {
                after = bytes;
                made.push(wanted);
            }
            Err(why) => refused.push((wanted.check, why)),
        }
    }
    if made.is_empty() {
        return (None, refused);
    }
    let (shown, next) = (Shown::of(before), Shown::of(&after));
    // What is masked could not be found in the real object.
    if !(shown.is_whole(before) && next.is_whole(&after)) {
        return all("it holds what is never shown");
    }
    let shared = Shared {
        platform: facts.proxy.recognised.platform,
        is_config: target.role == Role::ProxyConfig,
        // As it is named: what its links lead to has a name of the kubelet's making.
        key: target.path.name(),
        diff: &diff::unified(&shown, &next),
        settings: &settings(&made),
    };
    (Some(lasting::of_config_map(&shared)), refused)
}

fn of_flags(facts: &Facts, wanted: &[Wanted]) -> Option<String> {
    let flags: Vec<(&str, String, Scalar)> = settings(&wanted.iter().collect::<Vec<_>>())
        .into_iter()
        .filter_map(|(key, value)| Some((proxyconfig::flag_of(&key)?.0, key, value)))
        .collect();
    lasting::of_flags(facts.proxy.recognised.platform?, &flags)
}
