//! The manifests that the command line names.

use std::io::Read;

use crate::cli::Global;
use crate::failure::Failure;
use crate::objects::STDIN;
use crate::report::quoted;
use crate::root::{MAX_FILE, Meta, NodePath};

/// Their paths, as the node sees them; `-` is [`STDIN`].
///
/// # Errors
/// For what cannot be a path.
pub fn paths(global: &Global) -> Result<Vec<NodePath>, Failure> {
    let path = |path: &std::path::PathBuf| {
        let found = match path.to_str() {
            Some("-") => NodePath::new(STDIN),
            _ => global.node_path(path),
        };
        found.ok_or_else(|| {
            Failure::usage(format!("{} cannot be a path of the node", path.display()))
        })
    };
    global.manifests.iter().map(path).collect()
}

/// What stdin holds, where it is among the paths.
///
/// # Errors
/// When it cannot be read, or holds more than a file may.
pub fn stdin(paths: &[NodePath]) -> Result<Option<(Meta, Vec<u8>)>, Failure> {
    if !paths.iter().any(|path| path.as_str() == STDIN) {
        return Ok(None);
    }
    let refuse = |why: String| Failure::refused(format!("stdin: {why}"));
    let stdin = std::io::stdin();
    let meta = Meta::of(&stdin).map_err(|error| refuse(error.to_string()))?;
    let mut bytes = Vec::new();
    stdin
        .lock()
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| refuse(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(refuse(format!(
            "more than {} MiB are not read",
            MAX_FILE >> 20
        )));
    }
    Ok(Some((meta, bytes)))
}

/// What is piped in cannot be changed, and is gone when it is to be read again.
///
/// # Errors
/// When stdin is among the paths.
pub fn lasting(paths: &[NodePath]) -> Result<(), Failure> {
    if paths.iter().any(|path| path.as_str() == STDIN) {
        return Err(Failure::usage(
            "what comes from stdin cannot be changed, only judged and planned",
        )
        .help("write it into a file, and name that: --manifests FILE"));
    }
    Ok(())
}

/// A saved plan is applied to what it was made of.
///
/// # Errors
/// When other manifests are named than the plan's.
pub fn same(own: &[NodePath], saved: &[NodePath]) -> Result<(), Failure> {
    lasting(saved)?;
    if own == saved {
        return Ok(());
    }
    let failure = Failure::usage("the plan was made of other manifests than those that are named");
    if saved.is_empty() {
        return Err(failure.help("it was made of a node: leave --manifests out"));
    }
    let words: Vec<String> = saved
        .iter()
        .map(|path| format!("--manifests {}", quoted(path.as_str())))
        .collect();
    Err(failure.help(format!("name the plan's own: {}", words.join(" "))))
}
