//! How much of kube-proxy's rights one plan takes away: each edit reads its file again, so that a thousand of them in
//! one large file would take hours.

use std::collections::BTreeMap;

use super::rbac::Gathered;
use crate::rbac::{Compared, Concern, Outcome};

/// Most bytes that are read again for the edits of one check, each time the whole of a file.
const MAX_READ: usize = 5 << 20;
/// Most subjects that go out of a binding whose file is larger than that.
const MAX_SUBJECTS: usize = 20;

/// Leaves the later ones of this concern to the next plan where there is more to do than one takes on. Fewer removals
/// than were proved take nothing away that kube-proxy needs.
pub fn bound(gathered: &Gathered, compared: &Compared, concern: Concern, outcomes: &mut [Outcome]) {
    let files = gathered.manifests.files.iter();
    let sizes: BTreeMap<&str, usize> = files
        .map(|file| {
            let bytes = file.seen.bytes.as_ref();
            (file.seen.path.as_str(), bytes.map_or(0, Vec::len))
        })
        .collect();
    let (mut left, mut some) = (MAX_READ, false);
    for (reach, outcome) in compared.reaches.iter().zip(outcomes) {
        if *outcome != Outcome::Remove || reach.concern() != Some(concern) {
            continue;
        }
        let binding = gathered.objects.bindings.get(reach.binding);
        let object = binding.and_then(|binding| gathered.object(binding));
        let size = object.and_then(|object| sizes.get(object.file.as_str()));
        let cost = size.map_or(0, |size| size.saturating_mul(reach.own.len()));
        if cost <= left || !some && reach.own.len() <= MAX_SUBJECTS {
            left = left.saturating_sub(cost);
            some = true;
        } else {
            let title = object.map_or(String::new(), |object| object.title().to_string());
            *outcome = Outcome::Left(format!(
                "no more is done at once in so large a file: kube-proxy can go out of the {title} too, by hand or with \
                 the next plan once this one is applied"
            ));
        }
    }
}
