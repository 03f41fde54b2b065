//! What the kinds that judge a value of the proxy configuration share.

use super::elsewhere;
use super::flag_value;
use super::{Instance, Mend};
use crate::baseline::{Check, Version};
use crate::edit::Scalar;
use crate::facts::{Facts, Origin, OriginKind, Role};
use crate::proxyconfig::Effective;

/// The smallest configuration that kube-proxy accepts.
pub const EMPTY: &str =
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

/// The effective values, or the instance that says why there are none to judge.
pub fn values(facts: &Facts) -> Result<&Effective, Box<Instance>> {
    let target = facts.target(Role::ProxyConfig);
    let unknown = |reason: String| {
        let instance = Instance::unknown(reason);
        Box::new(match target {
            Some(target) => instance.at(&target.path),
            None => instance,
        })
    };
    if let Some(problem) = &facts.proxy.problem {
        return Err(unknown(format!(
            "kube-proxy's flags are not known: {problem}"
        )));
    }
    let Some(reading) = &facts.config else {
        if let Some(hold) = target.and_then(|target| target.hidden()) {
            return Err(unknown(hold.to_string()));
        }
        let reason = match target.map(|target| &target.seen) {
            Some(Err(error)) => format!("the proxy configuration {error}"),
            _ => "the proxy configuration could not be read".into(),
        };
        return Err(unknown(reason));
    };
    match (&reading.values, reading.accepted) {
        (Some(values), true) => Ok(values),
        _ => Err(unknown(match &reading.error {
            Some(problem) if !reading.unjudged => {
                format!(
                    "kube-proxy would refuse the configuration: {}",
                    problem.message
                )
            }
            Some(problem) => format!("the configuration is not judged: {}", problem.message),
            None => "the configuration is not judged".into(),
        })),
    }
}

/// Fills in path, line and origin of a value.
pub fn placed(instance: Instance, facts: &Facts, values: &Effective, key: &str) -> Instance {
    let origin = origin(facts, values, key);
    let line = origin.line;
    let instance = match facts.target(Role::ProxyConfig) {
        Some(target) => instance.at(&target.path),
        None => match &origin.path {
            Some(path) => instance.at(path),
            None => instance,
        },
    };
    instance.line(line).from(&origin)
}

/// Where an effective value comes from.
pub fn origin(facts: &Facts, values: &Effective, key: &str) -> Origin {
    let Some(field) = values.field(key) else {
        return Origin::DEFAULT;
    };
    if let Some(flag) = &field.flag {
        return crate::discover::flags::last(&facts.proxy.flags, flag)
            .map_or(Origin::flag(None), |flag| flag.origin.clone());
    }
    match (facts.target(Role::ProxyConfig), field.line) {
        (Some(target), Some(line)) => Origin::at(OriginKind::File, &target.path, Some(line)),
        _ => Origin::DEFAULT,
    }
}

/// The edit that sets a key, where tighten may carry it out: the fix is meant for this version, was
/// asked for if it has to be, and the file is the node's own.
pub fn set(facts: &Facts, check: &Check, key: &str, value: Scalar) -> Mend {
    let by_hand = |reason: &str| {
        Mend::ByHand(match &check.by_hand {
            Some(hint) => format!("{reason}; {hint}"),
            None => reason.to_string(),
        })
    };
    let version = version(facts, check);
    if facts.target(Role::ProxyConfig).is_none()
        && let Some(instead) = elsewhere::of_flags(facts, key, &value)
    {
        return match (version, instead) {
            (Err(why), Mend::Elsewhere(..)) => by_hand(&why),
            (_, instead) => instead,
        };
    }
    let Some(target) = facts.target(Role::ProxyConfig) else {
        return match version {
            Ok(()) => flag_value::set(facts, key, &value),
            Err(why) => by_hand(&why),
        };
    };
    let edit = elsewhere::setting(key, value.clone());
    let platform = facts.proxy.recognised.platform;
    let per_node = flag_value::per_node(key, &value);
    match elsewhere::of_file(platform, target, edit.clone(), per_node) {
        Some(Mend::Elsewhere(..)) if version.is_err() => {}
        Some(instead) => return instead,
        None => {}
    }
    if let Err(why) = version {
        return by_hand(&why);
    }
    let Ok(seen) = &target.seen else {
        return by_hand("the proxy configuration cannot be read");
    };
    Mend::Edit(seen.path.clone(), edit)
}

/// Whether this kube-proxy knows what the fix writes.
fn version(facts: &Facts, check: &Check) -> Result<(), String> {
    let Some(needed) = check.fix.as_ref().and_then(|fix| fix.needs_version) else {
        return Ok(());
    };
    match facts.proxy.version.as_deref().map(Version::read) {
        Some(Some(version)) if version >= needed => Ok(()),
        Some(Some(version)) => Err(format!("needs kube-proxy {needed}, and this is {version}")),
        _ => Err(format!(
            "needs kube-proxy {needed}, and the version of this one is not known"
        )),
    }
}
