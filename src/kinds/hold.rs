//! Files that are never changed here, and those that the kubelet keeps. What a hold looks like is known
//! in this file alone.

use super::Mend;
use crate::facts::Target;

/// Why a file is never changed here.
pub fn held(hold: &Option<String>) -> Option<&str> {
    hold.as_deref()
}

/// The same, when it is because the kubelet keeps the file: who may read it is then the kubelet's to
/// say, and the pod's directory is closed to others anyway.
pub fn kubelets(hold: &Option<String>) -> Option<&str> {
    held(hold).filter(|reason| reason.contains(", which the kubelet writes anew"))
}

/// A file that its owner would put back is left to a person.
pub fn unless_held(target: &Target, mend: Mend) -> Mend {
    match held(&target.hold) {
        Some(reason) => Mend::ByHand(reason.into()),
        None => mend,
    }
}
