//! What stops plan, apply and verify: a file that decides what kube-proxy does and cannot be understood.
//!
//! A scan reports it as a finding. A plan made beside it would look complete and would not be, so there
//! is none until the file is corrected, or the checks that need it are skipped.

use crate::check::Outcome;
use crate::facts::{Facts, Role, Target};
use crate::failure::Failure;
use crate::kinds::{Expect, Instance, Subject, Verdict};
use crate::root::{FileKind, LookError, NodePath};

/// Refuses when a selected check needs a file that cannot be understood.
///
/// # Errors
/// The file, its line where there is one, and the checks that need it.
pub fn refuse(facts: &Facts, outcomes: &[Outcome]) -> Result<(), Failure> {
    for (path, line, why) in malformed(facts) {
        let blocked: Vec<&str> = outcomes
            .iter()
            .filter(|outcome| {
                let mut instances = outcome.instances.iter();
                instances.any(|instance| concerns(outcome, instance, path))
            })
            .map(|outcome| outcome.check.id.as_str())
            .collect();
        if !blocked.is_empty() {
            let at = line.map_or(String::new(), |line| format!(":{line}"));
            return Err(Failure::refused(format!("{path}{at}: {why}"))
                .state("nothing was written")
                .help(format!(
                    "correct the file, or go on without the checks that need it: --skip {}",
                    blocked.join(",")
                )));
        }
    }
    Ok(())
}

/// What cannot be understood: the file, the line, and why. A configuration that manifests carry is named by
/// where it stands in them.
fn malformed(facts: &Facts) -> Vec<(&NodePath, Option<usize>, String)> {
    let of = |facts| [config(facts), kubeconfig(facts)].into_iter().flatten();
    let views = facts.objects.iter().flat_map(|objects| &objects.views);
    let carried = views.flat_map(|view| {
        of(&view.facts).map(|(target, line, why)| {
            let (path, line) = view.stands(&target.path, line);
            (path, line, why)
        })
    });
    let own = of(facts).map(|(target, line, why)| (&target.path, line, why));
    own.chain(carried).collect()
}

fn concerns(outcome: &Outcome, instance: &Instance, path: &NodePath) -> bool {
    let expect = &outcome.check.expect;
    let refused = matches!(
        expect,
        Expect::ConfigAccepted(_) | Expect::KubeconfigAccepted(_)
    );
    instance.path.as_ref() == Some(path)
        && expect.subject() != Subject::Objects
        && match instance.verdict {
            Verdict::Unknown => true,
            Verdict::Fail => refused,
            _ => false,
        }
}

type Malformed<'a> = (&'a Target, Option<usize>, String);

fn config(facts: &Facts) -> Option<Malformed<'_>> {
    let target = facts.target(Role::ProxyConfig)?;
    match &facts.config {
        Some(reading) if reading.accepted => None,
        Some(reading) => {
            let problem = reading.error.as_ref()?;
            Some((target, problem.line, problem.message.clone()))
        }
        None => Some((target, None, no_file(target)?)),
    }
}

fn kubeconfig(facts: &Facts) -> Option<Malformed<'_>> {
    let target = facts.target(Role::ProxyKubeconfig)?;
    let problem = facts.kubeconfig.as_ref()?.as_ref().err()?;
    match &target.seen {
        Ok(seen) if seen.bytes.is_some() => Some((target, problem.line, problem.message.clone())),
        Err(LookError::Missing) => None,
        _ => Some((target, None, no_file(target)?)),
    }
}

/// Why there is no file to read; `None` where that is no fault of the file.
fn no_file(target: &Target) -> Option<String> {
    match &target.seen {
        Err(LookError::Denied) => None,
        // Only its container sees it.
        Err(LookError::Missing) if target.hold.is_some() => None,
        // A link that others could have put there is mended by mending its directory.
        Err(LookError::Planted(_)) => None,
        Err(error) => Some(error.to_string()),
        Ok(seen) if seen.meta.kind == FileKind::File => None,
        Ok(seen) => Some(LookError::Kind(seen.meta.kind).to_string()),
    }
}
