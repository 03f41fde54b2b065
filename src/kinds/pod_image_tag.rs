//! Whether kube-proxy's image tells its version.

use serde::Deserialize;

use super::pod_image::{Image, each_image};
use super::workload::each_in_workload;
use super::{Instance, Kind, by_hand};
use crate::baseline::Check;
use crate::facts::Facts;

/// `pod-image-tag: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodImageTag {}

fn judged(check: &Check, image: &Image) -> Instance {
    let name = &image.name;
    let passes = name.is_pinned() || !matches!(name.tag, None | Some("latest"));
    Instance::judged(passes, name.whole, || by_hand(check))
}

impl Kind for PodImageTag {
    fn expected(&self) -> String {
        "an image with a tag other than latest".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_in_workload(facts, |found| {
            each_image(found, |image| judged(check, image))
        })
    }
}
