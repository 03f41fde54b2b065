//! The cluster's objects, out of manifests: as people keep them in git, as `kubectl get -o yaml` prints them,
//! as Helm renders them, or as the kubelet reads them for its static pods.
//!
//! ```text
//! paths -> files -> documents -> objects -> workloads, and what their volumes hold
//! ```
//!
//! A check of objects judges [`Objects`]. A check of kube-proxy's configuration or kubeconfig judges the
//! [`View`] of a pod, which shows what stands in a ConfigMap as the pod will see it, and says where in the
//! manifest it stands.

mod embedded;
mod kustomize;
mod object;
mod read;
mod view;
mod volumes;
mod walk;
mod workload;

use crate::facts::{Facts, Role, Seen, Target, nothing_yet};
use crate::facts::{Origin, OriginKind};
use crate::rbac::is_rbac;
use crate::root::NodePath;

pub use embedded::carried_configuration;
pub use kustomize::Kustomized;
pub use object::{Object, Title};
pub use read::{Given, of_static_pods, read};
pub use view::View;
pub use workload::Workload;

/// The path that stands for what is read from stdin.
pub const STDIN: &str = "/dev/stdin";

/// A file of manifests.
#[derive(Clone, Debug)]
pub struct ManifestFile {
    /// Its path, as it was named or found.
    pub path: NodePath,
    /// The file: its real path, metadata and contents.
    pub seen: Seen,
    /// The kustomization through which it was reached.
    pub kustomized: Option<Kustomized>,
}

/// All objects of the manifests that were named.
#[derive(Debug, Default)]
pub struct Objects {
    /// The files, in the order in which they were read.
    pub files: Vec<ManifestFile>,
    /// The objects, in their order.
    pub all: Vec<Object>,
    /// Those that start a kube-proxy.
    pub workloads: Vec<Workload>,
    /// The configurations of kube-proxy that they hold.
    pub views: Vec<View>,
    /// What was passed over, or is not done here: a sentence each.
    pub remarks: Vec<String>,
    /// False for the static pods of a node, where its own files are judged besides.
    pub alone: bool,
    /// The digest that kube-proxy's image is to be pinned to, `sha256:...`.
    pub image_digest: Option<String>,
}

impl Objects {
    /// The objects of a kind, `ClusterRole`, in an API group of any version; the core group's name is empty.
    pub fn of_kind<'a>(
        &'a self,
        group: &'a str,
        kind: &'a str,
    ) -> impl Iterator<Item = &'a Object> {
        self.all
            .iter()
            .filter(move |object| object.kind == kind && object.group() == group)
    }

    /// The kustomization through which a file was reached.
    pub fn kustomized(&self, file: &NodePath) -> Option<&Kustomized> {
        let mut files = self.files.iter();
        let file = files.find(|known| known.seen.path == *file)?;
        file.kustomized.as_ref()
    }

    /// The object of a workload.
    pub fn object(&self, workload: &Workload) -> Option<&Object> {
        self.all.get(workload.object)
    }

    /// What the whole of it is, in words: `12 objects in 2 files`.
    pub fn described(&self) -> String {
        let counted = |count: usize, word: &str| match count {
            1 => format!("1 {word}"),
            _ => format!("{count} {word}s"),
        };
        let (all, files) = (self.all.len(), self.files.len());
        format!("{} in {}", counted(all, "object"), counted(files, "file"))
    }

    /// True when something in it belongs to kube-proxy, or decides what kube-proxy may do.
    pub fn concern_kube_proxy(&self) -> bool {
        let rights = |object: &Object| is_rbac(&object.api_version, &object.kind);
        !self.workloads.is_empty() || !self.views.is_empty() || self.all.iter().any(rights)
    }

    /// The facts of manifests: nothing of a node is among them.
    pub fn into_facts(self) -> Facts {
        let proxy = match self.workloads.first() {
            Some(workload) => workload.kube_proxy(&self.all),
            None => crate::discover::KubeProxy::absent(),
        };
        let mut facts = nothing_yet(proxy);
        facts.node_ip = Err("a manifest is for every node".into());
        facts.add(self);
        facts
    }
}

impl Facts {
    /// What was passed over of the manifests, or is not done: a sentence each.
    pub fn remarks(&self) -> impl Iterator<Item = &String> {
        self.objects.iter().flat_map(|objects| &objects.remarks)
    }

    /// Takes objects in, and their files among those that were looked at.
    pub fn add(&mut self, objects: Objects) {
        self.targets.extend(objects.files.iter().map(target));
        self.objects = Some(objects);
    }
}

/// A manifest among the files that were looked at.
fn target(file: &ManifestFile) -> Target {
    Target {
        role: Role::Manifest,
        path: file.path.clone(),
        origin: Origin::at(OriginKind::File, &file.path, None),
        seen: Ok(file.seen.clone()),
        hold: None,
    }
}
