//! The entries that the current context leads to. Secrets are never taken over, only that they are there.

use std::fmt;

use zeroize::Zeroizing;

use super::{misplaced, url};
use crate::golang::types::decode_base64;
use crate::goyaml::{Data, Item};

/// A value and the line of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<T> {
    /// The value.
    pub value: T,
    /// Line of the key, counted from 1.
    pub line: usize,
}

/// Something that is there and not shown: only the line of its key.
pub type Present = Written<()>;

/// Certificates that are written into the file. Shown nowhere; [`Certificates::pem`] hands them out.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificates(Vec<u8>);

impl Certificates {
    /// The decoded bytes, which should be PEM.
    pub fn pem(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Certificates")
    }
}

/// The cluster entry that the current context names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its place in the list `clusters`, counted from 0.
    pub index: usize,
    /// Line of the entry.
    pub line: usize,
    /// The API server's URL, without a user's name and password, should it hold them.
    pub server: Option<Written<String>>,
    /// Path of a file of certificates.
    pub certificate_authority: Option<Written<String>>,
    /// Certificates in the file itself. When both are given, client-go refuses.
    pub certificate_authority_data: Option<Written<Certificates>>,
    /// Whether the server's certificate is left unchecked; `false` when it is written so.
    pub insecure_skip_tls_verify: Option<Written<bool>>,
    /// The name that the server's certificate must carry.
    pub tls_server_name: Option<Written<String>>,
    /// The proxy's URL, without a user's name and password.
    pub proxy_url: Option<Written<String>>,
    /// Whether client-go takes the proxy's URL.
    pub(super) proxy_fault: Option<String>,
}

/// The user entry that the current context names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its place in the list `users`, counted from 0.
    pub index: usize,
    /// Line of the entry.
    pub line: usize,
    /// Path of the certificate that the client shows.
    pub client_certificate: Option<Written<String>>,
    /// The certificate in the file itself.
    pub client_certificate_data: Option<Written<Certificates>>,
    /// Path of its private key.
    pub client_key: Option<Written<String>>,
    /// The private key in the file itself.
    pub client_key_data: Option<Present>,
    /// A token in the file itself.
    pub token: Option<Present>,
    /// Path of a token, read again and again.
    pub token_file: Option<Written<String>>,
    /// Basic authentication.
    pub username: Option<Present>,
    /// Basic authentication.
    pub password: Option<Present>,
    /// A program that fetches credentials.
    pub exec: Option<Exec>,
    /// A long gone kind of plugin.
    pub auth_provider: Option<Present>,
    /// `as`: a user to impersonate.
    pub impersonate: Option<Present>,
    /// `as-uid`
    pub impersonate_uid: Option<Present>,
    /// `as-groups`
    pub impersonate_groups: Option<Present>,
    /// `as-user-extra`
    pub impersonate_extra: Option<Present>,
}

/// A program that fetches credentials; its arguments and environment may hold secrets and are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// Line of the key.
    pub line: usize,
    /// The program.
    pub command: String,
    pub(super) api_version: String,
    pub(super) interactive_mode: String,
    pub(super) nameless_env: usize,
}

fn text(item: &Item, key: &str) -> Option<Written<String>> {
    let entry = item.get(key)?;
    let text = entry.item.text().filter(|text| !text.is_empty())?;
    Some(Written {
        value: text.to_owned(),
        line: entry.line,
    })
}

/// A path; what is shown in its place when it is a secret.
fn path(item: &Item, key: &str) -> Option<Written<String>> {
    text(item, key).map(|written| Written {
        value: misplaced::path(written.value),
        line: written.line,
    })
}

/// Whether anything that counts is written: an empty text, list or object does not.
fn present(item: &Item, key: &str) -> Option<Present> {
    let entry = item.get(key)?;
    let there = match &entry.item.data {
        Data::Null => false,
        Data::Text(text) => !text.is_empty(),
        Data::List(items) => !items.is_empty(),
        Data::Map(entries) => !entries.is_empty(),
        Data::Bool(_) | Data::Number(_) => true,
    };
    there.then_some(Written {
        value: (),
        line: entry.line,
    })
}

/// The decoded bytes of a `-data` key.
pub(super) fn decoded(item: &Item, key: &str) -> Option<Written<Vec<u8>>> {
    let entry = item.get(key)?;
    let bytes = match &entry.item.data {
        Data::Text(text) => decode_base64(text)?,
        Data::List(items) => items
            .iter()
            .map(|item| match &item.data {
                Data::Number(text) => text.parse().unwrap_or_default(),
                _ => 0,
            })
            .collect(),
        _ => return None,
    };
    (!bytes.is_empty()).then_some(Written {
        value: bytes,
        line: entry.line,
    })
}

fn certificates(item: &Item, key: &str) -> Option<Written<Certificates>> {
    decoded(item, key).map(|data| Written {
        value: Certificates(data.value),
        line: data.line,
    })
}

impl Cluster {
    pub(super) fn new(name: &str, index: usize, item: &Item) -> Self {
        let empty = nothing(item);
        let cluster = item.get("cluster").map_or(&empty, |entry| &entry.item);
        let hide = |written: Written<String>| Written {
            value: url::without_credentials(&written.value),
            line: written.line,
        };
        let proxy = text(cluster, "proxy-url");
        Cluster {
            name: name.to_owned(),
            index,
            line: item.line,
            server: text(cluster, "server").map(hide),
            certificate_authority: path(cluster, "certificate-authority"),
            certificate_authority_data: certificates(cluster, "certificate-authority-data"),
            insecure_skip_tls_verify: cluster.get("insecure-skip-tls-verify").and_then(|entry| {
                match entry.item.data {
                    Data::Bool(value) => Some(Written {
                        value,
                        line: entry.line,
                    }),
                    _ => None,
                }
            }),
            tls_server_name: text(cluster, "tls-server-name"),
            proxy_fault: proxy.as_ref().and_then(|url| url::proxy_fault(&url.value)),
            proxy_url: proxy.map(hide),
        }
    }
}

impl User {
    pub(super) fn new(name: &str, index: usize, item: &Item) -> Self {
        let empty = nothing(item);
        let user = item.get("user").map_or(&empty, |entry| &entry.item);
        let exec = user
            .get("exec")
            .filter(|entry| matches!(entry.item.data, Data::Map(_)));
        let object = |key| {
            let entry = user.get(key)?;
            matches!(entry.item.data, Data::Map(_)).then_some(Written {
                value: (),
                line: entry.line,
            })
        };
        User {
            name: name.to_owned(),
            index,
            line: item.line,
            client_certificate: path(user, "client-certificate"),
            client_certificate_data: certificates(user, "client-certificate-data"),
            client_key: path(user, "client-key"),
            client_key_data: decoded(user, "client-key-data").map(|data| {
                drop(Zeroizing::new(data.value));
                Written {
                    value: (),
                    line: data.line,
                }
            }),
            token: present(user, "token"),
            token_file: path(user, "tokenFile"),
            username: present(user, "username"),
            password: present(user, "password"),
            exec: exec.map(|entry| Exec::new(&entry.item, entry.line)),
            // A plugin counts even when nothing is written about it.
            auth_provider: object("auth-provider"),
            impersonate: present(user, "as"),
            impersonate_uid: present(user, "as-uid"),
            impersonate_groups: present(user, "as-groups"),
            impersonate_extra: present(user, "as-user-extra"),
        }
    }
}

impl Exec {
    fn new(item: &Item, line: usize) -> Self {
        let text = |key| {
            let entry = item.get(key);
            let text = entry.and_then(|entry| entry.item.text());
            text.unwrap_or_default().to_owned()
        };
        let api_version = text("apiVersion");
        let interactive_mode = match (text("interactiveMode"), api_version.as_str()) {
            // The older versions have a default, v1 has none.
            (
                mode,
                "client.authentication.k8s.io/v1beta1" | "client.authentication.k8s.io/v1alpha1",
            ) if mode.is_empty() => "IfAvailable".to_owned(),
            (mode, _) => mode,
        };
        let env = item.get("env").map(|entry| entry.item.items());
        let nameless = |variable: &&Item| {
            let name = variable.get("name").and_then(|entry| entry.item.text());
            name.is_none_or(str::is_empty)
        };
        Exec {
            line,
            command: text("command"),
            nameless_env: env.unwrap_or_default().iter().filter(nameless).count(),
            api_version,
            interactive_mode,
        }
    }
}

fn nothing(item: &Item) -> Item {
    Item {
        data: Data::Null,
        line: item.line,
        span: item.span.clone(),
    }
}
