//! The API server of the node, as far as its audit log needs it: where its flags are set, and what its
//! static pod sees of the node.

mod command;
mod manifest;
mod mounts;

pub(super) use manifest::Manifest;
pub(super) use mounts::{Backing, Wanted as Mount};

use super::mend::Edit;
use crate::discover::drop_in::{DropIn, Wanted as Given};
use crate::edit::Alteration;
use crate::facts::{ApiServer, ServerSource};
use crate::root::NodePath;

const PROGRAM: &str = "kube-apiserver";

/// A flag without its dashes, and the value that it is to have.
pub(super) type Flag = (&'static str, String);

/// A change of the API server's flags and mounts, and the file that it is made in.
pub(super) struct Change {
    pub(super) path: NodePath,
    pub(super) edit: Edit,
    /// The directory that must be made first.
    pub(super) directory: Option<NodePath>,
    /// What a person has to do besides.
    pub(super) besides: Option<String>,
}

/// The manifest of a static pod; `None` for an API server that is started otherwise.
///
/// # Errors
/// Why it is not understood.
pub(super) fn manifest(server: &ApiServer) -> Result<Option<Manifest>, String> {
    let ServerSource::StaticPod(pod) = &server.source else {
        return Ok(None);
    };
    let seen = pod.seen.as_ref();
    let seen = seen.map_err(|error| format!("{}: {error}", pod.path))?;
    let bytes = seen.bytes.as_deref().unwrap_or_default();
    Manifest::read(bytes, pod.container, &server.flags)
        .map(Some)
        .map_err(|why| format!("{}: {why}", pod.path))
}

/// Sets flags and adds mounts where that lasts.
///
/// # Errors
/// Why a person has to, and what to set where.
pub(super) fn set(
    server: &ApiServer,
    manifest: Option<&Manifest>,
    flags: &[Flag],
    mounts: &[Mount],
) -> Result<Change, String> {
    let shown = spelled(flags);
    match (&server.source, manifest) {
        (ServerSource::StaticPod(pod), Some(manifest)) => {
            if let Ok(seen) = &pod.seen
                && seen.path != pod.path
            {
                return Err(format!(
                    "{} leads to {}, which somebody keeps elsewhere for a reason: give {PROGRAM} {shown} there, and mount what they name",
                    pod.path, seen.path
                ));
            }
            let (alterations, added) = manifest.alterations(flags, mounts)?;
            let edit = Edit::Values(alterations);
            // No directory is made for a log that then cannot be named.
            if let Ok(seen) = &pod.seen {
                let proved = edit.of(seen.bytes.as_deref().unwrap_or_default());
                proved.map_err(|why| format!("{}: {why}", pod.path))?;
            }
            let version = server.version.as_deref();
            Ok(Change {
                path: pod.path.clone(),
                edit,
                directory: None,
                besides: manifest
                    .is_kubeadms()
                    .then(|| manifest::for_kubeadm(version, flags, &added)),
            })
        }
        (ServerSource::Unit(Some(drop_in)), _) => in_unit(drop_in, flags),
        (ServerSource::Unit(None), _) | (ServerSource::Process, _) => Err(format!(
            "what starts the API server ({}) is not known: give it {shown} there",
            server.described
        )),
        (ServerSource::Controller(who, instead), _) => Err(format!(
            "{who} starts the API server, and would undo a change elsewhere: put {shown} into {instead}"
        )),
        (ServerSource::StaticPod(_), None) => Err("its manifest is not understood".into()),
    }
}

fn in_unit(drop_in: &DropIn, flags: &[Flag]) -> Result<Change, String> {
    let wanted: Vec<Given> = flags
        .iter()
        .map(|(name, value)| Given {
            name,
            value,
            list: false,
        })
        .collect();
    let edit = drop_in.edit(PROGRAM, &wanted)?;
    Ok(Change {
        path: drop_in.path.clone(),
        edit: Edit::Flags(edit),
        directory: None,
        besides: None,
    })
}

/// The flags as a command line has them.
pub(super) fn spelled(flags: &[Flag]) -> String {
    let flags: Vec<String> = flags
        .iter()
        .map(|(name, value)| format!("--{name}={value}"))
        .collect();
    flags.join(" ")
}

/// The alterations of a manifest, and the mounts as they were added: with the names of their volumes.
type Altered = (Vec<Alteration>, Vec<(String, Mount)>);
