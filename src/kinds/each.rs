//! What many kinds share: the fix or a person, and each file of a role.

use super::{Instance, Mend};
use crate::baseline::{Check, Fix};
use crate::facts::{Facts, Role, Seen, Target};
use crate::kubeconfig::Kubeconfig;
use crate::root::{FileKind, LookError, NodePath};

/// The fix that a check gives for its own kind; none means that a person has to.
pub(super) fn fix_or_by_hand(check: &Check, mend: impl FnOnce(&Fix) -> Mend) -> Mend {
    match &check.fix {
        Some(fix) => mend(fix),
        None => by_hand(check),
    }
}

/// Left to a person, with the check's own advice.
pub(super) fn by_hand(check: &Check) -> Mend {
    Mend::ByHand(
        check
            .by_hand
            .clone()
            .unwrap_or_else(|| "this check has no fix".into()),
    )
}

/// True for a file that nobody but root can write: who writes a kubeconfig says whom kube-proxy asks.
fn root_writes(seen: &Seen) -> bool {
    seen.meta.uid == 0 && seen.meta.mode & 0o022 == 0
}

/// True for the kubeconfig when nothing in it is to be kept from others (facts page, section 6).
fn is_no_secret(facts: &Facts, role: Role) -> bool {
    let kubeconfig = facts
        .kubeconfig
        .as_ref()
        .and_then(|read| read.as_ref().ok());
    role == Role::ProxyKubeconfig && kubeconfig.is_some_and(Kubeconfig::holds_no_secret)
}

/// Judges each file of a role by its metadata; what cannot be looked at is unknown, what does not
/// exist is not applicable.
pub(super) fn each_file(
    facts: &Facts,
    role: Role,
    judge: impl Fn(&Target, &Seen) -> Instance,
) -> Vec<Instance> {
    let found: Vec<Instance> = facts
        .targets(role)
        .map(|target| {
            let instance = match (&target.seen, &target.hold) {
                (Ok(_), Some(hold)) if hold.is_sheltered() => {
                    Instance::not_applicable(hold.of_attributes())
                }
                (Ok(seen), Some(hold))
                    if hold.is_kubelets() && root_writes(seen) && is_no_secret(facts, role) =>
                {
                    Instance::not_applicable(format!(
                        "{}, and it holds no secret",
                        hold.of_attributes()
                    ))
                }
                (Err(LookError::Missing), Some(hold)) if hold.is_kubelets() => {
                    Instance::not_applicable(hold.of_attributes())
                }
                (Err(LookError::Missing), Some(hold)) if hold.is_inside() => {
                    Instance::unknown(hold.to_string())
                }
                (Ok(seen), _) if seen.meta.kind == FileKind::File => judge(target, seen),
                (Ok(seen), _) => Instance::unknown(LookError::Kind(seen.meta.kind).to_string()),
                (Err(LookError::Missing), _) => Instance::not_applicable("it does not exist"),
                (Err(error), _) => Instance::unknown(error.to_string()),
            };
            let instance = instance.from(&target.origin);
            match &instance.path {
                Some(_) => instance,
                None => instance.at(&target.path),
            }
        })
        .collect();
    if !found.is_empty() {
        return found;
    }
    let accepted = facts
        .config
        .as_ref()
        .is_some_and(|reading| reading.accepted);
    vec![match (role, &facts.kubeconfig) {
        (Role::ProxyCredential | Role::ProxyCertificate, Some(Err(problem))) => {
            let file = facts
                .target(Role::ProxyKubeconfig)
                .map(|target| &target.path);
            let file = file.map_or("the kubeconfig", NodePath::as_str);
            let line = problem
                .line
                .map_or(String::new(), |line| format!(":{line}"));
            let why = &problem.message;
            Instance::unknown(format!("{file}{line}, which would name it: {why}"))
        }
        (Role::ProxyKubeconfig | Role::ProxyCredential | Role::ProxyCertificate, None)
            if !accepted =>
        {
            let file = facts.target(Role::ProxyConfig).map(|target| &target.path);
            let file = file.map_or("the proxy configuration", NodePath::as_str);
            Instance::unknown(format!("{file}, which would name it, is not accepted"))
        }
        _ => Instance::not_applicable(format!("kube-proxy has no {} here", role.describe())),
    }]
}
