//! The one door to the node's file system.
//!
//! Everything is reached from the handle of a root directory: `/`, the tree that `--root` names, or
//! the root of a process in another mount namespace. A path is resolved component by component and
//! never leaves the root; what is opened is judged by its handle, never again by its path.

mod look;
mod meta;
mod network;
mod own;
mod path;
mod resolve;

pub use look::{LookError, Opened};
pub use meta::{FileKind, Meta, Time, Xattrs};
pub use network::network;
pub use own::{Purpose, read_own};
pub use path::NodePath;
pub use resolve::{Place, Root, Where};

/// Largest configuration file that is read, in bytes.
pub const MAX_FILE: u64 = crate::yaml::MAX_BYTES as u64;
