//! The API server's certificate is verified.

use serde::Deserialize;

use super::kubeconfig_ca::authority;
use super::mend::Edit;
use super::{
    Instance, Kind, Mend, Verdict, by_hand, each_kubeconfig, fix_or_by_hand, unless_rewritten,
};
use crate::baseline::{Check, Fix, Written};
use crate::edit::{Scalar, Step};
use crate::facts::Facts;

/// `kubeconfig-verification: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeconfigVerification {}

const KEY: &str = "insecure-skip-tls-verify";

impl Kind for KubeconfigVerification {
    fn expected(&self) -> String {
        format!("no {KEY}: true")
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_kubeconfig(facts, |target, kubeconfig| {
            let Some(cluster) = &kubeconfig.cluster else {
                return Instance::not_applicable("the current context has no cluster");
            };
            let Some(skip) = &cluster.insecure_skip_tls_verify else {
                return Instance::judged(true, format!("no {KEY}"), || Mend::None);
            };
            Instance::judged(!skip.value, format!("{KEY}: {}", skip.value), || {
                let Ok(seen) = &target.seen else {
                    return by_hand(check);
                };
                // Without a CA that can be used kube-proxy would not connect any more.
                let (verdict, said, _) = authority(facts, kubeconfig);
                if verdict != Verdict::Pass {
                    return Mend::ByHand(format!("there is no CA to verify against: {said}"));
                }
                let steps = vec![
                    Step::Key("clusters".into()),
                    Step::Index(cluster.index),
                    Step::Key("cluster".into()),
                    Step::Key(KEY.into()),
                ];
                let mend = fix_or_by_hand(check, |_| {
                    Mend::Edit(seen.path.clone(), Edit::set(steps, Scalar::Bool(false)))
                });
                unless_rewritten(target, mend)
            })
            .line(Some(skip.line))
        })
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match fix.value {
            Some(Written::Bool(false)) => Ok(()),
            _ => Err(format!(
                "a fix of kubeconfig-verification sets {KEY} to false"
            )),
        }
    }
}
