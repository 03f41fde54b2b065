//! The audit policy that is asked when kube-proxy left no trace in the log.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::asked::Asked;
use super::inputs::{api_server, open_named};
use crate::cli::Global;
use crate::facts::PolicyPath;
use crate::failure::Failure;
use crate::root::MAX_FILE;
use crate::run::context::open_root;
use crate::unusual::PolicyFile;

/// A policy, and where it lies.
pub struct Policy {
    path: String,
    bytes: Vec<u8>,
}

impl Policy {
    /// The one that is named, else the node's own, where the log is the node's own. The latter is read only
    /// where it is asked.
    ///
    /// # Errors
    /// When the one that is named cannot be read.
    pub fn find(
        asked: &Asked,
        files: &[PathBuf],
        silent: bool,
        global: &Global,
    ) -> Result<Option<Policy>, Failure> {
        if let Some(path) = &asked.policy {
            return named(path, global).map(Some);
        }
        if !silent || !files.is_empty() {
            return Ok(None);
        }
        let server = api_server(&open_root(global)?);
        Ok(server.and_then(|server| {
            let (PolicyPath::Named(path, _) | PolicyPath::Default(path)) = &server.policy else {
                return None;
            };
            Some(Policy {
                path: path.to_string(),
                bytes: server.policy_bytes.clone().ok()?,
            })
        }))
    }

    /// As the judge takes it.
    pub fn file(&self) -> PolicyFile<'_> {
        PolicyFile {
            path: &self.path,
            bytes: &self.bytes,
        }
    }
}

fn named(path: &Path, global: &Global) -> Result<Policy, Failure> {
    let shown = path.display().to_string();
    let file = open_named(path, global, "the audit policy")?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::refused(format!("{shown}: {error}")).because(error))?;
    if bytes.len() as u64 > MAX_FILE {
        let most = MAX_FILE >> 20;
        return Err(
            Failure::refused(format!("{shown}: more than {most} MiB is not read"))
                .help("name the audit policy"),
        );
    }
    Ok(Policy { path: shown, bytes })
}
