//! Certificates and keys that the kubeconfig gives, and the CA by which the API server knows its clients.

use zeroize::Zeroizing;

use super::{Origin, OriginKind, Seen, Target};
use crate::certificates::{self, Bundle, Certificate, Fit, MAX_KEY, Moment};
use crate::discover::flags::{self, Flag};
use crate::goyaml;
use crate::kubeconfig::{Certificates, Written};
use crate::root::{LookError, NodePath, Root};

/// The kubelet's configuration, where kubeadm and the packages put it.
const KUBELET: &str = "/var/lib/kubelet/config.yaml";

/// Why there are no certificates to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoBundle {
    /// Looked, and there are none.
    Wrong(String),
    /// Could not look.
    Unknown(String),
}

/// Certificates that a kubeconfig gives, in a file or in itself.
#[derive(Clone, Debug)]
pub struct Given {
    /// The file that holds them.
    pub path: NodePath,
    /// The key of the kubeconfig that gives them, with its line.
    pub origin: Origin,
    /// What holds them, in words: a path, or the name of the key.
    pub described: String,
    /// The certificates.
    pub bundle: Result<Bundle, NoBundle>,
}

/// Whether kube-proxy can open a file that the kubeconfig names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opens {
    /// It is there, and kube-proxy is root.
    Yes,
    /// It is not there.
    No,
    /// Could not look, and why.
    Unknown(String),
}

impl Opens {
    /// Of a file as it was seen.
    pub(super) fn of(target: &Target) -> Opens {
        let unknown = |why: String| Opens::Unknown(format!("{} {why}", target.path));
        match &target.seen {
            Ok(_) => Opens::Yes,
            Err(LookError::Missing) if target.hidden().is_some() => {
                unknown("is not visible on the node".into())
            }
            Err(LookError::Missing | LookError::NotDirectory | LookError::Loop) => Opens::No,
            Err(LookError::TooLarge(_) | LookError::Changing) => Opens::Yes,
            Err(error) => unknown(error.to_string()),
        }
    }
}

impl Given {
    /// What holds them, and what is wrong with it.
    pub fn told(&self, why: &str) -> String {
        match why.starts_with("it") {
            true => format!("{}: {why}", self.described),
            false => format!("{} {why}", self.described),
        }
    }

    /// What is wrong, where the file that holds them is told beside it.
    pub fn told_beside(&self, why: &str) -> String {
        match self.described == self.path.as_str() {
            true => why.to_owned(),
            false => self.told(why),
        }
    }
}

/// What the current context gives.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The CA by which kube-proxy knows the API server.
    pub authority: Option<Given>,
    /// The certificate that kube-proxy shows; the first of its file.
    pub client: Option<Given>,
    /// The CA, certificate and key files that are named, as they are written, and whether they open.
    pub files: Vec<(String, Opens)>,
    /// Whether the token file opens that is named.
    pub token_file: Option<Opens>,
    /// Whether the private key belongs to that certificate, or why it is not known, and where it is given.
    pub key: Option<(Result<Fit, String>, Origin)>,
}

/// The CAs whose clients the API server takes.
#[derive(Clone, Debug)]
pub struct ClientAuthority {
    /// The file, as it is named.
    pub path: String,
    /// What names it.
    pub origin: Origin,
    /// The kubelet names it for its own clients, which need not be the API server's.
    pub hint: bool,
    /// The certificates, or why there are none.
    pub bundle: Result<Bundle, String>,
}

/// A file of certificates as it was seen, named by a key of the kubeconfig.
pub(super) fn in_file(target: &Target) -> Given {
    let path = &target.path;
    let unknown = |why: String| Err(NoBundle::Unknown(why));
    let bundle = match &target.seen {
        Ok(Seen {
            bytes: Some(bytes), ..
        }) => certificates::read(bytes).map_err(NoBundle::Wrong),
        Ok(seen) => unknown(seen.unread().to_string()),
        // A container's own file that the node does not see says nothing.
        Err(LookError::Missing) if target.hidden().is_some() => {
            unknown("is not visible on the node".into())
        }
        Err(LookError::Missing) => Err(NoBundle::Wrong(LookError::Missing.to_string())),
        Err(error) => unknown(error.to_string()),
    };
    Given {
        path: path.clone(),
        origin: target.origin.clone(),
        described: path.to_string(),
        bundle,
    }
}

/// Certificates in the kubeconfig itself.
pub(super) fn in_data(data: &Written<Certificates>, key: &str, file: &NodePath) -> Given {
    Given {
        path: file.clone(),
        origin: Origin::at(OriginKind::File, file, Some(data.line)),
        described: key.into(),
        bundle: certificates::read(data.value.pem()).map_err(NoBundle::Wrong),
    }
}

/// A path that cannot be one.
pub(super) fn nowhere(named: &Written<String>, file: &NodePath) -> Given {
    Given {
        path: file.clone(),
        origin: Origin::at(OriginKind::File, file, Some(named.line)),
        described: named.value.clone(),
        bundle: Err(NoBundle::Unknown("cannot be a path".into())),
    }
}

/// Compares a key file with the certificate. Its bytes are wiped when this returns.
pub(super) fn key_in_file(
    root: &Root,
    path: &NodePath,
    certificate: &Certificate,
) -> Result<Fit, String> {
    let told = |error: LookError| format!("{path} {error}");
    let (_, opened) = root.open(path).map_err(told)?;
    if opened.meta.size > MAX_KEY {
        let size = opened.meta.size;
        return Err(format!("{path} is {size} bytes, more than any key"));
    }
    let bytes = Zeroizing::new(opened.read().map_err(told)?);
    Ok(certificates::fit(certificate, &bytes))
}

/// The CA that `--client-ca-file` of the API server names. `read` reads through the API server's eyes.
pub(super) fn of_api_server(
    given: &[Flag],
    read: impl FnOnce(&str) -> Result<Vec<u8>, String>,
) -> Option<ClientAuthority> {
    let flag = flags::last(given, "client-ca-file")?;
    let path = flag.value.clone().filter(|path| !path.is_empty())?;
    Some(ClientAuthority {
        bundle: read(&path).and_then(|bytes| bundle(&path, &bytes)),
        origin: flag.origin.clone(),
        path,
        hint: false,
    })
}

fn bundle(path: &str, bytes: &[u8]) -> Result<Bundle, String> {
    certificates::read(bytes).map_err(|why| format!("{path}: {why}"))
}

/// The CA by which the kubelet knows its own clients; kubeadm gives both the same.
pub(super) fn of_kubelet(root: &Root) -> Option<ClientAuthority> {
    let file = NodePath::new(KUBELET)?;
    let bytes = root.open(&file).ok()?.1.read().ok()?;
    let loaded = goyaml::load(&bytes).ok()?;
    let mut entry = loaded.root.get("authentication")?;
    for key in ["x509", "clientCAFile"] {
        entry = entry.item.get(key)?;
    }
    let named = entry.item.text().filter(|path| !path.is_empty())?;
    let path = NodePath::new(named).ok_or(LookError::Missing);
    let read = path.and_then(|path| root.open(&path)?.1.read());
    Some(ClientAuthority {
        bundle: read
            .map_err(|error| format!("{named} {error}"))
            .and_then(|bytes| bundle(named, &bytes)),
        origin: Origin::at(OriginKind::File, &file, Some(entry.line)),
        path: named.to_owned(),
        hint: true,
    })
}

impl Credentials {
    /// The certificate that kube-proxy shows, when it could be read.
    pub fn shown(&self) -> Option<&Certificate> {
        self.client.as_ref()?.bundle.as_ref().ok()?.first().ok()
    }
}

/// The machine's clock, once for all that is judged. One that stands before 1970 counts as 1970.
pub(super) fn clock() -> (Moment, Origin) {
    (Moment::now(), Origin::KERNEL)
}
