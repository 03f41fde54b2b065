//! The node's own name.

use crate::root::{NodePath, Root, Where};

/// The node's own name: the kernel's, of a tree what its /etc/hostname says.
pub fn hostname(root: &Root) -> Option<String> {
    let path = match root.place() {
        Where::Live => "/proc/sys/kernel/hostname",
        _ => "/etc/hostname",
    };
    let bytes = NodePath::new(path).and_then(|path| root.open(&path).ok()?.1.read().ok())?;
    let text = String::from_utf8(bytes).ok()?;
    Some(text.lines().next()?.trim().to_string()).filter(|name| !name.is_empty())
}
