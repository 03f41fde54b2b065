//! A file as it is now, before anything is done to it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::chain::Chain;
use super::state::FileState;
use crate::facts::Role;
use crate::root::{FileKind, LookError, Meta, NodePath};
use crate::transaction::sha256;

/// What was looked at, kept so that every plan of one run speaks of the same node.
pub(super) type Looked = RefCell<BTreeMap<NodePath, Result<Now, LookError>>>;

/// A file as it is now.
#[derive(Clone)]
pub(super) struct Now {
    pub state: FileState,
    pub meta: Option<Meta>,
    pub bytes: Vec<u8>,
    pub directory: bool,
}

impl Chain<'_> {
    /// The file as the facts have it, since what is to be changed was read from those very bytes;
    /// what the facts did not read is looked at now. A plan reads nothing of a credential file.
    pub(super) fn look(&self) -> Result<Now, LookError> {
        let seen = self
            .planner
            .facts
            .targets
            .iter()
            .filter_map(|target| Some((target.role, target.seen.as_ref().ok()?)))
            .find(|(_, seen)| seen.path == *self.path);
        // A log grows while it is looked at, and may be larger than anything that is read.
        let server = self.planner.facts.api_server.as_ref();
        let log = server.and_then(|server| server.log.seen.as_ref().ok());
        if let Some((_, meta)) = log.filter(|(path, _)| path == self.path) {
            return Ok(self.now(meta, None));
        }
        match seen {
            Some((_, seen)) if seen.bytes.is_some() => Ok(self.now(&seen.meta, seen.bytes.clone())),
            Some((Role::ProxyCredential, seen)) => Ok(self.now(&seen.meta, None)),
            None => match self.policy() {
                Some((meta, bytes)) => Ok(self.now(meta, Some(bytes.to_vec()))),
                None => self.look_again(),
            },
            Some(_) => self.look_again(),
        }
    }

    /// The audit policy, when the file is that.
    pub(super) fn policy(&self) -> Option<(&Meta, &[u8])> {
        let server = self.planner.facts.api_server.as_ref()?;
        let own = server.policy_resolved.as_ref() == Some(self.path);
        match (&server.policy_seen, &server.policy_bytes) {
            (Ok(meta), Ok(bytes)) if own => Some((meta, bytes)),
            _ => None,
        }
    }

    fn look_again(&self) -> Result<Now, LookError> {
        let opened = match self.planner.root.open(self.path) {
            Ok((_, opened)) => opened,
            Err(LookError::Missing) => {
                return Ok(Now {
                    state: FileState::ABSENT,
                    meta: None,
                    bytes: Vec::new(),
                    directory: false,
                });
            }
            Err(error) => return Err(error),
        };
        let file = opened.meta.kind == FileKind::File;
        let bytes = file.then(|| opened.read()).transpose()?;
        Ok(self.now(&opened.meta, bytes))
    }

    fn now(&self, meta: &Meta, bytes: Option<Vec<u8>>) -> Now {
        let sum = bytes.as_deref().map(sha256);
        Now {
            state: FileState::of(meta, sum, &self.planner.names),
            meta: Some(*meta),
            bytes: bytes.unwrap_or_default(),
            directory: meta.kind == FileKind::Directory,
        }
    }
}
