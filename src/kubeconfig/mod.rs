//! What client-go makes of a kubeconfig, as far as kube-proxy needs it: the current context alone counts.
//!
//! Of tokens, keys and passwords only the lines are kept; [`client_key`] alone hands a secret out.

mod misplaced;
mod parts;
mod schema;
mod url;

mod usable;

pub use parts::{Certificates, Cluster, Exec, Present, User, Written};
pub use url::without_credentials;

use zeroize::Zeroizing;

use crate::golang::header::{self, Misheaded};
use crate::golang::text;
use crate::golang::types;
use crate::goyaml::{self, Data, Item};

/// What client-go demands of `apiVersion` and `kind`.
const HEADER: header::Expected = header::Expected {
    group: "",
    version: "v1",
    kind: "Config",
    missing: header::Missing::Expected,
    scheme: "k8s.io/client-go/tools/clientcmd/api/latest/latest.go:50",
};

/// A kubeconfig that client-go can decode. Whether it can be used is another question: [`Self::usable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubeconfig {
    /// `current-context`, when it is not empty.
    pub current_context: Option<Written<String>>,
    /// The context of that name.
    pub context: Option<Context>,
    /// The cluster that the context names.
    pub cluster: Option<Cluster>,
    /// The user that the context names.
    pub user: Option<User>,
    /// Secrets of users that the current context does not lead to: the users' names and the secrets' lines.
    pub stray_secrets: Vec<Written<String>>,
    empty: bool,
}

/// The current context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// Line of its entry.
    pub line: usize,
    /// The name of its cluster; may be empty.
    pub cluster: String,
    /// The name of its user; may be empty.
    pub user: String,
    /// Its namespace; may be empty.
    pub namespace: String,
}

/// Why a kubeconfig cannot be read or used. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// client-go's message, short and printable.
    pub message: String,
    /// Line of what is wrong, where it is known.
    pub line: Option<usize>,
    /// It is more than is read here, so nothing is known about it.
    pub unjudged: bool,
}

impl Problem {
    /// The file could not be read.
    pub fn unread(message: String) -> Self {
        Problem {
            message,
            line: None,
            unjudged: true,
        }
    }
}

/// What a file that is named holds, and so how it must be guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A private key or a token.
    Credential,
    /// A certificate, which is public but must not be changed.
    Certificate,
}

/// A file that the current context names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'config> {
    /// The path as it is written; relative to the kubeconfig's folder when it is not absolute.
    pub path: &'config str,
    /// Line of the key.
    pub line: usize,
    /// What it holds.
    pub purpose: Purpose,
    /// The key that names it.
    pub key: &'static str,
}

/// Reads a kubeconfig as client-go's loader does.
///
/// # Errors
/// When client-go cannot decode it.
pub fn read(bytes: &[u8]) -> Result<Kubeconfig, Problem> {
    // The loader reads JSON as the YAML that it is.
    let root = match goyaml::load(bytes) {
        Ok(loaded) => loaded.root,
        Err(trouble) => {
            return Err(problem(&trouble.message, trouble.line, trouble.budget));
        }
    };
    header::check(&root, &HEADER).map_err(|misheaded| match misheaded {
        Misheaded::Refused(message, line) => problem(&message, Some(line), false),
        Misheaded::Unjudged(message, line) => problem(&message, Some(line), true),
    })?;
    if let Err(misfit) = types::check(&schema::CONFIG, &root) {
        return Err(problem(&misfit.message, Some(misfit.line), false));
    }
    names_are_unique(&root)?;
    Ok(Kubeconfig::new(&root))
}

/// The current context's `client-key-data`, decoded, for the one comparison that needs it; wiped when it is
/// dropped. Nothing else hands a secret out of a kubeconfig.
pub fn client_key(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let root = goyaml::load(bytes).ok()?.root;
    let user = Kubeconfig::new(&root).user?;
    let item = list(&root, "users").get(user.index)?;
    let user = &item.get("user")?.item;
    parts::decoded(user, "client-key-data").map(|data| Zeroizing::new(data.value))
}

fn problem(message: &str, line: Option<usize>, unjudged: bool) -> Problem {
    Problem {
        message: text::message(message),
        line,
        unjudged,
    }
}

fn list<'item>(item: &'item Item, key: &str) -> &'item [Item] {
    item.get(key)
        .map(|entry| entry.item.items())
        .unwrap_or_default()
}

fn name(item: &Item) -> &str {
    let name = item.get("name").and_then(|entry| entry.item.text());
    name.unwrap_or_default()
}

fn find<'item>(item: &'item Item, key: &str, wanted: &str) -> Option<(usize, &'item Item)> {
    let mut items = list(item, key).iter().enumerate();
    items.find(|(_, item)| name(item) == wanted)
}

/// The lists become maps, and the loader refuses two entries of one name. The names of extensions, too.
fn names_are_unique(root: &Item) -> Result<(), Problem> {
    let lists = [
        ("clusters", "cluster", "NamedCluster", "Cluster"),
        ("users", "user", "NamedAuthInfo", "AuthInfo"),
        ("contexts", "context", "NamedContext", "Context"),
    ];
    for (key, inner, from, to) in lists {
        let to = format!("*api.{to}");
        unique(list(root, key), from, &to)?;
        for item in list(root, key) {
            if let Some(entry) = item.get(inner) {
                unique(
                    list(&entry.item, "extensions"),
                    "NamedExtension",
                    "runtime.Object",
                )?;
            }
        }
    }
    if let Some(entry) = root.get("preferences") {
        unique(
            list(&entry.item, "extensions"),
            "NamedExtension",
            "runtime.Object",
        )?;
    }
    unique(list(root, "extensions"), "NamedExtension", "runtime.Object")
}

fn unique(items: &[Item], from: &str, to: &str) -> Result<(), Problem> {
    let mut seen = std::collections::HashSet::new();
    for item in items {
        let name = name(item);
        if !seen.insert(name) {
            let name = text::quoted(name);
            // client-go goes on to print the whole list, secrets and all.
            let message = format!(
                "error converting *[]{from} into *map[string]{to}: duplicate name {name} in list"
            );
            return Err(problem(&message, Some(item.line), false));
        }
    }
    Ok(())
}

impl Kubeconfig {
    fn new(root: &Item) -> Self {
        let current_context = root.get("current-context").and_then(|entry| {
            let value = entry.item.text().filter(|text| !text.is_empty())?;
            Some(Written {
                value: value.to_owned(),
                line: entry.line,
            })
        });
        let found = current_context
            .as_ref()
            .and_then(|current| find(root, "contexts", &current.value));
        let context = found.map(|(_, item)| Context::new(item));
        let user = context
            .as_ref()
            .and_then(|context| find(root, "users", &context.user));
        let cluster = context
            .as_ref()
            .and_then(|context| find(root, "clusters", &context.cluster));
        let lists = ["clusters", "users", "contexts", "extensions"];
        Kubeconfig {
            empty: current_context.is_none() && lists.iter().all(|key| list(root, key).is_empty()),
            stray_secrets: stray(root, user.map(|(index, _)| index)),
            user: user.map(|(index, item)| User::new(name(item), index, item)),
            cluster: cluster.map(|(index, item)| Cluster::new(name(item), index, item)),
            current_context,
            context,
        }
    }

    /// The API server's URL.
    pub fn server(&self) -> Option<&Written<String>> {
        self.cluster.as_ref()?.server.as_ref()
    }

    /// True when nothing in it lets anybody in, as in the kubeconfig that kubeadm gives to kube-proxy: that
    /// the key or the token lies in a file of its own. A program and a proxy can be told a secret.
    pub fn holds_no_secret(&self) -> bool {
        let proxy = self.cluster.as_ref().and_then(|it| it.proxy_url.as_ref());
        let in_user = |user: &User| {
            let present = [
                &user.client_key_data,
                &user.token,
                &user.password,
                &user.auth_provider,
            ];
            user.exec.is_some() || present.into_iter().any(Option::is_some)
        };
        proxy.is_none() && self.stray_secrets.is_empty() && !self.user.as_ref().is_some_and(in_user)
    }

    /// The files that the current context names.
    pub fn files(&self) -> Vec<Named<'_>> {
        let user = self.user.as_ref();
        let cluster = self.cluster.as_ref();
        let files = [
            (
                cluster.and_then(|cluster| cluster.certificate_authority.as_ref()),
                Purpose::Certificate,
                "certificate-authority",
            ),
            (
                user.and_then(|user| user.client_certificate.as_ref()),
                Purpose::Certificate,
                "client-certificate",
            ),
            (
                user.and_then(|user| user.client_key.as_ref()),
                Purpose::Credential,
                "client-key",
            ),
            (
                user.and_then(|user| user.token_file.as_ref()),
                Purpose::Credential,
                "tokenFile",
            ),
        ];
        files
            .into_iter()
            .filter_map(|(path, purpose, key)| {
                path.map(|path| Named {
                    path: &path.value,
                    line: path.line,
                    purpose,
                    key,
                })
            })
            .collect()
    }
}

impl Context {
    fn new(item: &Item) -> Self {
        let text = |key| {
            let context = item.get("context").map(|entry| &entry.item);
            let entry = context.and_then(|context| context.get(key));
            let text = entry.and_then(|entry| entry.item.text());
            text.unwrap_or_default().to_owned()
        };
        Context {
            name: name(item).to_owned(),
            line: item.line,
            cluster: text("cluster"),
            user: text("user"),
            namespace: text("namespace"),
        }
    }
}

/// The secrets that lie in entries of other users.
fn stray(root: &Item, current: Option<usize>) -> Vec<Written<String>> {
    let mut secrets = Vec::new();
    for (index, item) in list(root, "users").iter().enumerate() {
        let Some(user) = item.get("user").filter(|_| current != Some(index)) else {
            continue;
        };
        for key in ["client-key-data", "token", "password"] {
            let entry = user.item.get(key);
            let there = |data: &Data| match data {
                Data::Text(text) => !text.is_empty(),
                Data::List(items) => !items.is_empty(),
                _ => false,
            };
            if let Some(entry) = entry.filter(|entry| there(&entry.item.data)) {
                secrets.push(Written {
                    value: name(item).to_owned(),
                    line: entry.line,
                });
            }
        }
    }
    secrets
}

#[cfg(test)]
mod tests;
