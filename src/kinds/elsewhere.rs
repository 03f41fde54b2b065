//! Values that are kept in the cluster's API: the edit is shown there as a patch and never made here.

use super::Mend;
use super::config_address::split;
use super::flag_value::per_node;
use super::mend::Edit;
use crate::discover::Source;
use crate::discover::platform::lasting::why_not_here;
use crate::discover::platform::{FlagPlace, Platform};
use crate::edit::{Scalar, Step};
use crate::facts::{Facts, HoldKind, Role, Target};
use crate::proxyconfig::Effective;

/// Said of a value that is another on each node, where all nodes share what holds it.
const SHARED: &str = "must not hold one node's address: a wildcard is right there";

/// The edit that sets a key.
pub fn setting(key: &str, value: Scalar) -> Edit {
    let steps = key.split('.').map(|part| Step::Key(part.into())).collect();
    Edit::set(steps, value)
}

/// For a file that its keeper writes anew: what is done instead of the edit. `None`: it can be edited.
pub fn of_file(
    platform: Option<Platform>,
    target: &Target,
    edit: Edit,
    per_node: bool,
) -> Option<Mend> {
    let hold = target.hold.as_ref()?;
    if per_node && let Some(reason) = hold.of_node_value() {
        return Some(Mend::ByHand(reason));
    }
    let mut reason = hold.of_value()?;
    // A change of the ConfigMap would be undone as well.
    if let Some(platform @ (Platform::Talos | Platform::OpenShift | Platform::K0s)) = platform
        && hold.kind == HoldKind::ConfigMap
    {
        reason = format!("{hold}; {}", why_not_here(platform));
    }
    Some(match (&hold.kind, &target.seen) {
        (HoldKind::ConfigMap, Ok(seen)) => Mend::Elsewhere(Some(seen.path.clone()), edit, reason),
        _ => Mend::ByHand(reason),
    })
}

/// For a kube-proxy without `--config` whose flags no file of the node keeps: what is done instead of giving
/// it one node's address. `None`: some file may keep them.
pub fn of_node_flag(facts: &Facts) -> Option<Mend> {
    match of_flags(facts, "bindAddress", &Scalar::Text(String::new()))? {
        Mend::ByHand(reason) => Some(Mend::ByHand(reason)),
        _ => None,
    }
}

/// The same for any value.
pub fn of_flags(facts: &Facts, key: &str, value: &Scalar) -> Option<Mend> {
    let FlagPlace::Nowhere(reason) = &facts.proxy.flag_place else {
        return None;
    };
    let shared = || Mend::ByHand(format!("{reason}; what all nodes share {SHARED}"));
    if matches!(facts.proxy.source, Source::Workload(_)) && !per_node(key, value) {
        let edit = setting(key, value.clone());
        return Some(Mend::Elsewhere(None, edit, reason.clone()));
    }
    let Some(platform) = facts.proxy.recognised.platform else {
        let in_container = facts.proxy.has_own_files() && per_node(key, value);
        return in_container.then(shared);
    };
    // Their flags stand in files of the node, which were not understood.
    if matches!(
        platform,
        Platform::K3s | Platform::Rke2 | Platform::MicroK8s
    ) {
        return Some(Mend::ByHand(reason.clone()));
    }
    Some(match per_node(key, value) {
        true => shared(),
        false => Mend::Elsewhere(None, setting(key, value.clone()), reason.clone()),
    })
}

/// True for a configuration that all nodes share.
pub fn is_shared(facts: &Facts) -> bool {
    let hold = facts
        .target(Role::ProxyConfig)
        .and_then(|target| target.hold.as_ref());
    hold.is_some_and(|hold| hold.kind == HoldKind::ConfigMap)
}

/// Why the other nodes that share the configuration may not be able to listen where it says: what is one
/// node's address is not another's.
pub fn of_others(facts: &Facts, values: &Effective) -> Option<String> {
    if !is_shared(facts) {
        return None;
    }
    let hold = facts.target(Role::ProxyConfig)?.hold.as_ref()?;
    ["healthzBindAddress", "metricsBindAddress"]
        .into_iter()
        .find_map(|key| {
            let (address, _) = split(values.text(key)?)?;
            let everywhere = address.is_unspecified() || address.is_loopback();
            (!everywhere).then(|| {
                format!(
                    "{key} is {address}, which the other nodes that share {} do not have",
                    hold.path
                )
            })
        })
}
