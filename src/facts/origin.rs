//! Where a fact comes from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::root::NodePath;

/// The kind of place that a fact was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OriginKind {
    /// A command-line flag.
    Flag,
    /// A file.
    File,
    /// Nowhere: the component's own default.
    Default,
    /// A systemd unit.
    Unit,
    /// The running kernel.
    Kernel,
}

/// Where a fact comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The kind of place.
    pub kind: OriginKind,
    /// The file, as the node sees it.
    pub path: Option<NodePath>,
    /// The line in it, counted from 1.
    pub line: Option<usize>,
}

impl Origin {
    /// The component's default.
    pub const DEFAULT: Origin = Origin {
        kind: OriginKind::Default,
        path: None,
        line: None,
    };
    /// The kernel.
    pub const KERNEL: Origin = Origin {
        kind: OriginKind::Kernel,
        path: None,
        line: None,
    };

    /// A flag of a process, or of a manifest.
    pub fn flag(path: Option<NodePath>) -> Origin {
        Origin {
            kind: OriginKind::Flag,
            path,
            line: None,
        }
    }

    /// A place in a file.
    pub fn at(kind: OriginKind, path: &NodePath, line: Option<usize>) -> Origin {
        Origin {
            kind,
            path: Some(path.clone()),
            line,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            OriginKind::Flag => "flag",
            OriginKind::File => "file",
            OriginKind::Default => "default",
            OriginKind::Unit => "unit",
            OriginKind::Kernel => "kernel",
        };
        match (&self.path, self.line) {
            (Some(path), Some(line)) => write!(out, "{path}:{line}"),
            (Some(path), None) => write!(out, "{kind} {path}"),
            (None, _) => out.write_str(kind),
        }
    }
}
