//! Whether kube-proxy's image is the same today and tomorrow.

use serde::Deserialize;

use super::pod_image::{Image, each_image, is_digest};
use super::workload::{Found, each_in_workload};
use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::edit::{Alteration, Scalar};
use crate::facts::Facts;

/// `pod-image-digest: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodImageDigest {}

fn judged(check: &Check, found: &Found, image: &Image) -> Instance {
    let name = &image.name;
    let observed = match name.digest {
        Some(_) if !name.is_pinned() => format!("{}, whose digest is none", name.whole),
        _ => name.whole.to_owned(),
    };
    Instance::judged(name.is_pinned(), observed, || {
        fix_or_by_hand(check, |_| match &found.objects.image_digest {
            None => Mend::ByHand(format!(
                "what {} is, only its registry tells: look it up, check its signature, and name it with --image-digest sha256:...",
                name.whole
            )),
            Some(digest) if !is_digest(digest) => {
                Mend::ByHand("--image-digest is no sha256: and 64 digits".into())
            }
            Some(digest) => {
                let pinned = Scalar::Text(name.with_digest(digest));
                let set = Alteration::set(image.way.clone(), pinned);
                found.object.mend(vec![set])
            }
        })
    })
}

impl Kind for PodImageDigest {
    fn expected(&self) -> String {
        "an image by its digest, NAME:TAG@sha256:...".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_in_workload(facts, |found| {
            each_image(found, |image| judged(check, found, image))
        })
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match fix.value {
            Some(Written::Bool(true)) => Ok(()),
            _ => Err("the fix is value: true, which writes the digest of --image-digest".into()),
        }
    }
}
