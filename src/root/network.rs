//! File systems that keep no promise of durability.

use std::os::fd::AsFd;

use super::look::LookError;
use super::path::NodePath;
use super::resolve::Root;

/// Magic numbers of statfs(2). FUSE can be anything, a network among it.
const NETWORKS: [(u64, &str); 8] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x00C3_6400, "Ceph"),
    (0x0102_1997, "9P"),
    (0x5346_414F, "AFS"),
    (0x6573_5546, "FUSE"),
];

/// The name of the network file system behind a handle. There a server decides what a rename and an
/// fsync are worth, so that nothing can be promised after a crash.
///
/// # Errors
/// What the kernel returns.
pub fn network(handle: impl AsFd) -> Result<Option<&'static str>, rustix::io::Errno> {
    // Signed on some machines, and of 32 bits on others.
    let kind = rustix::fs::fstatfs(handle)?.f_type as u64 & 0xFFFF_FFFF;
    let known = NETWORKS.iter().find(|(magic, _)| *magic == kind);
    Ok(known.map(|(_, name)| *name))
}

impl Root {
    /// The name of the network file system that a directory lies on.
    ///
    /// # Errors
    /// As [`Root::open`].
    pub fn network(&self, directory: &NodePath) -> Result<Option<&'static str>, LookError> {
        let (_, opened) = self.open(directory)?;
        Ok(network(&opened.handle)?)
    }
}
