//! What the kinds about the kubeconfig and its certificates have in common.

use super::Instance;
use crate::certificates::Certificate;
use crate::facts::{Facts, Given, NoBundle, Origin, OriginKind, Role, Target};
use crate::kubeconfig::{Kubeconfig, Problem};

/// Judges the kubeconfig; one that cannot be read is unknown, and without one nothing applies.
pub fn each_kubeconfig(
    facts: &Facts,
    judge: impl Fn(&Target, &Kubeconfig) -> Instance,
) -> Vec<Instance> {
    each_reading(facts, |target, read| match read {
        Ok(kubeconfig) => judge(target, kubeconfig),
        Err(problem) => Instance::unknown(problem.message).line(problem.line),
    })
}

/// Judges the kubeconfig, or why there is none.
pub fn each_reading(
    facts: &Facts,
    judge: impl Fn(&Target, Result<&Kubeconfig, Problem>) -> Instance,
) -> Vec<Instance> {
    let Some(target) = facts.target(Role::ProxyKubeconfig) else {
        return vec![
            match facts.config.as_ref().map(|reading| reading.accepted) {
                Some(true) => Instance::not_applicable("kube-proxy uses no kubeconfig"),
                _ => Instance::unknown("it is not known which kubeconfig kube-proxy uses"),
            },
        ];
    };
    let instance = match &facts.kubeconfig {
        Some(read) => judge(target, read.as_ref().map_err(Clone::clone)),
        None => Instance::unknown("it was not read"),
    };
    let origin = match instance.line {
        Some(line) => Origin::at(OriginKind::File, &target.path, Some(line)),
        None => target.origin.clone(),
    };
    vec![instance.at(&target.path).from(&origin)]
}

/// Judges what a kubeconfig gives that could be read; otherwise as every check of the kubeconfig.
pub fn each_certificate(facts: &Facts, judge: impl FnOnce() -> Vec<Instance>) -> Vec<Instance> {
    match &facts.kubeconfig {
        Some(Ok(_)) => judge(),
        _ => each_kubeconfig(facts, |_, _| Instance::unknown("it was not read")),
    }
}

/// The file that holds a certificate, and the line that gives it.
pub fn given_at(instance: Instance, given: &Given) -> Instance {
    let instance = instance.from(&given.origin).at(&given.path);
    let inside = given.origin.path.as_ref() == Some(&given.path);
    match inside && given.origin.kind == OriginKind::File {
        true => instance.line(given.origin.line),
        false => instance,
    }
}

/// Judges the certificate that kube-proxy shows. Without one nothing applies; one that cannot be had is
/// unknown, and reported where that is a finding: `certificate-expired`.
pub fn each_client_certificate(
    facts: &Facts,
    judge: impl FnOnce(&Certificate) -> Instance,
) -> Vec<Instance> {
    each_certificate(facts, || {
        let Some(given) = &facts.credentials.client else {
            return vec![none(facts)];
        };
        let instance = match &given.bundle {
            Ok(bundle) => match bundle.first() {
                Ok(certificate) => judge(certificate),
                Err(why) => {
                    Instance::unknown(given.told_beside(&format!("its certificate 1 {why}")))
                }
            },
            Err(NoBundle::Wrong(why) | NoBundle::Unknown(why)) => {
                Instance::unknown(given.told_beside(why))
            }
        };
        vec![match instance.path {
            Some(_) => instance,
            None => given_at(instance, given),
        }]
    })
}

/// Why there is no certificate to judge.
fn none(facts: &Facts) -> Instance {
    let user = facts
        .kubeconfig
        .as_ref()
        .and_then(|read| read.as_ref().ok()?.user.as_ref());
    let token = user.is_some_and(|user| user.token.is_some() || user.token_file.is_some());
    let said = match token {
        true => "kube-proxy shows a token and no client certificate; a token's claims are not read",
        false => "kube-proxy shows no client certificate",
    };
    Instance::not_applicable(said)
}
