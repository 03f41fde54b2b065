//! What a plan was made from.

use super::Saw;
use super::names::Names;
use super::state::FileState;
use crate::facts::{Facts, PolicyPath, ServerSource};
use crate::root::{LookError, Meta};
use crate::transaction::sha256;

/// The state of every file and directory that was looked at; of unread ones without their contents.
pub(super) fn saw(facts: &Facts, names: &Names) -> Vec<Saw> {
    let state = |seen: Result<&Meta, &LookError>, bytes: Option<&[u8]>| match seen {
        Ok(meta) => Some(FileState::of(meta, bytes.map(sha256), names)),
        Err(LookError::Missing) => Some(FileState::ABSENT),
        Err(_) => None,
    };
    let files = facts.targets.iter().map(|target| {
        let seen = target.seen.as_ref();
        let bytes = seen.ok().and_then(|seen| seen.bytes.as_deref());
        (&target.path, state(seen.map(|seen| &seen.meta), bytes))
    });
    let directories = facts
        .directories
        .iter()
        .map(|directory| (&directory.path, state(directory.seen.as_ref(), None)));
    let policy = facts
        .api_server
        .iter()
        .filter_map(|server| match &server.policy {
            PolicyPath::Named(path, _) | PolicyPath::Default(path) => {
                Some((path, state(server.policy_seen.as_ref(), None)))
            }
            PolicyPath::Unreachable(..) => None,
        });
    let server = facts.api_server.iter().flat_map(|server| {
        let manifest = match &server.source {
            ServerSource::StaticPod(manifest) => {
                let seen = manifest.seen.as_ref();
                let bytes = seen.ok().and_then(|seen| seen.bytes.as_deref());
                Some((&manifest.path, state(seen.map(|seen| &seen.meta), bytes)))
            }
            _ => None,
        };
        let directory = server.log.directory.as_ref();
        let directory = directory
            .ok()
            .map(|(path, meta)| (path, state(Ok(meta), None)));
        manifest.into_iter().chain(directory)
    });
    files
        .chain(directories)
        .chain(policy)
        .chain(server)
        .filter_map(|(path, state)| {
            Some(Saw {
                path: path.clone(),
                state: state?,
            })
        })
        .collect()
}
