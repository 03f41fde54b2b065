//! How much of kube-proxy's rights one plan takes away: each edit reads its file again, so that a thousand of them in
//! one large file would take hours.

use std::collections::BTreeMap;

use super::rbac::Gathered;
use crate::rbac::{Compared, Concern, Outcome};

/// Most bytes that are read again for the edits of one check, each time the whole of a file.
const MAX_READ: usize = 5 << 20;
/// So many subjects are taken out however large their files are.
const ALWAYS: usize = 20;

/// Leaves all of this concern to a person where there is more to do than one plan takes on. Part of it would not do:
/// after an apply nothing of a check may be due that could be done.
pub fn bound(gathered: &Gathered, compared: &Compared, concern: Concern, outcomes: &mut [Outcome]) {
    let files = gathered.manifests.files.iter();
    let sizes: BTreeMap<&str, usize> = files
        .map(|file| {
            let bytes = file.seen.bytes.as_ref();
            (file.seen.path.as_str(), bytes.map_or(0, Vec::len))
        })
        .collect();
    let mut removed = Vec::new();
    let (mut subjects, mut read) = (0_usize, 0_usize);
    for (reach, outcome) in compared.reaches.iter().zip(outcomes) {
        if *outcome != Outcome::Remove || reach.concern() != Some(concern) {
            continue;
        }
        let binding = gathered.objects.bindings.get(reach.binding);
        let Some(object) = binding.and_then(|binding| gathered.object(binding)) else {
            continue;
        };
        let size = sizes.get(object.file.as_str()).copied().unwrap_or(0);
        subjects += reach.own.len();
        read = read.saturating_add(size.saturating_mul(reach.own.len()));
        removed.push((object, outcome));
    }
    if subjects <= ALWAYS || read <= MAX_READ {
        return;
    }
    for (object, outcome) in removed {
        *outcome = Outcome::Left(format!(
            "{} is one of {subjects} places where kube-proxy would go out of a binding, more than are changed at once \
             in files so large: do so by hand, or part the file",
            object.title()
        ));
    }
}
