//! One look at one file or directory.

use crate::facts::{Directory, Hold, Seen};
use crate::root::{FileKind, LookError, NodePath, Root};

pub(super) fn look(root: &Root, path: &NodePath, read: bool) -> Result<Seen, LookError> {
    let (path, opened) = root.open(path)?;
    let bytes = if read && opened.meta.kind == FileKind::File {
        match opened.read() {
            Ok(bytes) => Some(bytes),
            // Its mode and owner can still be judged; who needs the contents asks again.
            Err(LookError::Denied) => None,
            Err(error) => return Err(error),
        }
    } else {
        None
    };
    Ok(Seen {
        path,
        meta: opened.meta,
        bytes,
    })
}

pub(super) fn look_at_directory(root: &Root, path: &NodePath) -> Directory {
    let (path, seen) = match root.open(path) {
        Ok((path, opened)) => (path, Ok(opened.meta)),
        Err(error) => (path.clone(), Err(error)),
    };
    Directory {
        hold: hold_by_path(root, &path),
        path,
        seen,
        holds: Vec::new(),
        above: Vec::new(),
    }
}

pub(super) fn hold_by_path(root: &Root, path: &NodePath) -> Option<Hold> {
    let mut hold = Hold::by_path(path)?;
    let above = path.ancestors();
    let mut above = above
        .iter()
        .take_while(|directory| !directory.name().starts_with("kubernetes.io~"));
    hold.sheltered = above.any(|directory| {
        let meta = root.open(directory).map(|(_, opened)| opened.meta);
        meta.is_ok_and(|meta| {
            let group_enters = meta.mode & 0o010 != 0 && meta.gid != 0;
            root.trusts(meta.uid) && meta.mode & 0o001 == 0 && !group_enters
        })
    });
    Some(hold)
}
