//! Where kube-proxy's image comes from.

use serde::Deserialize;

use super::pod_image::{Image, each_image};
use super::pod_mounts::is_within;
use super::workload::each_in_workload;
use super::{Instance, Kind, by_hand};
use crate::baseline::Check;
use crate::facts::Facts;

/// `pod-image-registry: {registries}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PodImageRegistry {
    /// Registries, or paths in one: `registry.k8s.io`, `docker.io/rancher`.
    registries: Vec<String>,
}

impl PodImageRegistry {
    fn judged(&self, check: &Check, image: &Image) -> Instance {
        let located = image.name.located();
        let known = self
            .registries
            .iter()
            .any(|known| is_within(&located, known));
        Instance::judged(known, image.name.whole, || by_hand(check))
    }
}

impl Kind for PodImageRegistry {
    fn expected(&self) -> String {
        format!("an image of {}", self.registries.join(", "))
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_in_workload(facts, |found| {
            each_image(found, |image| self.judged(check, image))
        })
    }

    fn sound(&self) -> Result<(), String> {
        let plain =
            |name: &String| !name.is_empty() && !name.contains(['@', ' ']) && !name.ends_with('/');
        match self.registries.iter().find(|name| !plain(name)) {
            Some(name) => Err(format!("not a registry or a path in one: {name:?}")),
            None => Ok(()),
        }
    }
}
