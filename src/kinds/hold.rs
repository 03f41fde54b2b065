//! Files that are never changed here.

use super::{Mend, elsewhere};
use crate::facts::Target;

/// A mode or owner that the file's keeper would set again is left to a person.
pub fn unless_held(target: &Target, mend: Mend) -> Mend {
    match &target.hold {
        Some(hold) => Mend::ByHand(hold.of_attributes()),
        None => mend,
    }
}

/// An edit that the file's keeper would undo is left to a person.
pub fn unless_rewritten(target: &Target, mend: Mend) -> Mend {
    match mend {
        Mend::Edit(path, edit) => match elsewhere::of_file(None, target, edit.clone(), false) {
            Some(instead) => instead,
            None => Mend::Edit(path, edit),
        },
        other => match target.hold.as_ref().and_then(|hold| hold.of_value()) {
            Some(reason) => Mend::ByHand(reason),
            None => other,
        },
    }
}
