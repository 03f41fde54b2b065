//! The files that a kubeconfig names, and the certificates and the key that it gives.

use super::{Gatherer, Told, Whose, is_secret, process};
use crate::certificates::{Certificate, Fit};
use crate::discover::Placed;
use crate::facts::credentials::{self, Credentials, Given};
use crate::facts::{Opens, Origin, OriginKind, Role, Target};
use crate::kubeconfig::{self, Certificates, Kubeconfig, Purpose, Written};
use crate::root::NodePath;

/// A file that a kubeconfig names: the key that names it, where it lies, and how it was seen.
type NamedFile = (&'static str, Told, Target);

impl Gatherer<'_> {
    /// A file of kube-proxy's container in a ConfigMap volume beside the configuration's, as on EKS: the one
    /// of its name in the same pod, where there is one alone. That it is mounted there is not known.
    pub(super) fn in_other_volume(&self, own: &NodePath, path: &NodePath) -> Option<NodePath> {
        let volumes = own.parent();
        if volumes.name() != "kubernetes.io~configmap" {
            return None;
        }
        let others = self.root.list(&volumes).ok()?;
        let others = others.iter().filter(|name| *name != own.name());
        let mut found = others
            .filter_map(|volume| volumes.join(volume)?.join(path.name()))
            .filter(|file| self.root.open(file).is_ok());
        let only = found.next()?;
        found.next().is_none().then_some(only)
    }

    /// Keys, tokens and certificates that the kubeconfig names, relative to the file that names them.
    pub(super) fn named_files(
        &mut self,
        kubeconfig: &Kubeconfig,
        naming: &Told,
        file: &NodePath,
        bytes: &[u8],
    ) {
        let mut seen = Vec::new();
        for named in kubeconfig.files() {
            let role = match named.purpose {
                Purpose::Credential => Role::ProxyCredential,
                Purpose::Certificate => Role::ProxyCertificate,
            };
            if let Some(told) = self.named(named.path, naming, file) {
                let origin = Origin::at(OriginKind::File, file, Some(named.line));
                // Certificates are public and are parsed. Of a key nothing is kept, and a token is never read.
                let read = role == Role::ProxyCertificate;
                let target = self.target(role, &told, origin, read);
                seen.push((named.key, told, target));
            }
        }
        self.facts.credentials = self.credentials(kubeconfig, file, bytes, &seen);
    }

    fn credentials(
        &self,
        kubeconfig: &Kubeconfig,
        file: &NodePath,
        bytes: &[u8],
        seen: &[NamedFile],
    ) -> Credentials {
        let cluster = kubeconfig.cluster.as_ref();
        let user = kubeconfig.user.as_ref();
        let mut found = Credentials {
            authority: cluster.and_then(|cluster| {
                let data = cluster.certificate_authority_data.as_ref();
                let path = cluster.certificate_authority.as_ref();
                given("certificate-authority", data, path, file, seen)
            }),
            client: user.and_then(|user| {
                let data = user.client_certificate_data.as_ref();
                let path = user.client_certificate.as_ref();
                given("client-certificate", data, path, file, seen)
            }),
            key: None,
            files: files(kubeconfig, seen),
            token_file: seen
                .iter()
                .find(|(key, ..)| *key == "tokenFile")
                .map(|(.., target)| match is_secret(&target.path) {
                    // Of the node's own files, what is a pod's in kubeadm's kubeconfig says nothing.
                    true => Opens::Unknown(format!("{} is a pod's", target.path)),
                    false => Opens::of(target),
                }),
        };
        if let (Some(user), Some(certificate)) = (user, found.shown()) {
            let at = |line| Origin::at(OriginKind::File, file, Some(line));
            found.key = match (&user.client_key_data, &user.client_key) {
                (Some(data), _) => Some((
                    kubeconfig::client_key(bytes)
                        .map(|key| crate::certificates::fit(certificate, &key))
                        .ok_or_else(|| "it is not base64".into()),
                    at(data.line),
                )),
                (None, Some(named)) => Some((self.key_file(certificate, seen), at(named.line))),
                (None, None) => None,
            };
        }
        found
    }

    /// Looks into the key file through the eyes of kube-proxy, and keeps nothing of it.
    fn key_file(&self, certificate: &Certificate, seen: &[NamedFile]) -> Result<Fit, String> {
        let Some((_, told, target)) = seen.iter().find(|(key, ..)| *key == "client-key") else {
            return Err("its path cannot be one".into());
        };
        let placed = match told.whose {
            Whose::Node => Placed::Node(told.path.clone()),
            Whose::Proxy => self.facts.proxy.place(self.root, &told.path),
            Whose::Container => Placed::Container(told.path.clone(), None),
        };
        match placed {
            Placed::Node(path) => credentials::key_in_file(self.root, &path, certificate),
            Placed::Container(path, Some(pid)) => process::root(pid)
                .map_err(|error| format!("{path} {error}"))
                .and_then(|root| credentials::key_in_file(&root, &path, certificate)),
            Placed::Container(_, None) => {
                Err(format!("{} is not visible on the node", target.path))
            }
        }
    }
}

/// Whether each file that client-go opens at once can be opened; a token file is read later.
fn files(kubeconfig: &Kubeconfig, seen: &[NamedFile]) -> Vec<(String, Opens)> {
    let mut files = Vec::new();
    for named in kubeconfig.files() {
        if named.key != "tokenFile" {
            let target = seen.iter().find(|(key, ..)| *key == named.key);
            let nowhere = || Opens::Unknown(format!("{} cannot be a path", named.path));
            let opens = target.map_or_else(nowhere, |(.., target)| Opens::of(target));
            files.push((named.path.to_owned(), opens));
        }
    }
    files
}

/// The data counts before the file, as client-go says when it refuses both.
fn given(
    key: &'static str,
    data: Option<&Written<Certificates>>,
    path: Option<&Written<String>>,
    file: &NodePath,
    seen: &[NamedFile],
) -> Option<Given> {
    if let Some(data) = data {
        return Some(credentials::in_data(data, &format!("{key}-data"), file));
    }
    let path = path?;
    let target = seen.iter().find(|(name, ..)| *name == key);
    Some(match target {
        Some((.., target)) => credentials::in_file(target),
        None => credentials::nowhere(path, file),
    })
}
