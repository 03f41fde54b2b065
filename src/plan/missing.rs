//! What a change relies on and is not there yet.

use super::build::Work;
use crate::root::{LookError, NodePath, Root};

/// The directories that are missing on the way to this one and itself, in the order in which they are
/// made, below the deepest one that is there. Empty when all are there.
///
/// # Errors
/// When one on the way cannot be looked at.
pub(super) fn directories(root: &Root, path: &NodePath) -> Result<Vec<NodePath>, LookError> {
    let mut missing = Vec::new();
    // The path that a symlink on the way leads to: what is made is named by where it lies.
    let mut real = NodePath::root();
    for directory in path.ancestors() {
        if missing.is_empty() {
            match root.open(&directory) {
                Ok((resolved, _)) => {
                    real = resolved;
                    continue;
                }
                Err(LookError::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        real = real.join(directory.name()).ok_or(LookError::NotText)?;
        missing.push(real.clone());
    }
    Ok(missing)
}

/// The first of the paths that neither exists nor is made before.
pub(super) fn unmet<'n>(
    root: &Root,
    needs: &'n [NodePath],
    earlier: &[Work],
) -> Option<&'n NodePath> {
    let made = |need: &NodePath| {
        let real = root.locate(need).map(|place| place.path);
        let is_it = |path: &NodePath| path == need || real.as_ref().is_ok_and(|real| path == real);
        earlier.iter().any(|work| is_it(&work.path))
    };
    needs
        .iter()
        .find(|need| root.open(need).is_err() && !made(need))
}
