//! Why a role or a binding is not counted on, although it can be read.

use crate::goyaml::{Data, Item};

/// Why a role or a binding is not counted on, although it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The API server has been told to delete it, and waits for its finalizers.
    Deleted,
    /// It is of OpenShift's API. There it is another face of the object of RBAC with its name; a cluster that is
    /// none of OpenShift does not know it.
    OpenShift,
}

impl Doubt {
    /// What is behind the object's name: `is being deleted`.
    pub fn told(self) -> &'static str {
        match self {
            Doubt::Deleted => "is being deleted",
            Doubt::OpenShift => "is of OpenShift's own API",
        }
    }

    /// What a person does about it.
    pub(super) fn instead(self) -> &'static str {
        match self {
            Doubt::Deleted => "take it out of the manifests once it is gone",
            Doubt::OpenShift => "take kube-proxy out of the binding of RBAC with its name",
        }
    }
}

/// Whether metadata.deletionTimestamp is set.
pub(super) fn is_being_deleted(object: &Item) -> bool {
    let metadata = object.get("metadata").map(|entry| &entry.item);
    let at = metadata.and_then(|metadata| metadata.get("deletionTimestamp"));
    at.is_some_and(|entry| entry.item.data != Data::Null)
}
