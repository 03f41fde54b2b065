//! From the kube-proxy that was found to everything that checks may look at.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Directory, Facts, Origin, OriginKind, Role, Seen, Target, api_server};
use crate::discover::{KubeProxy, Placed, Source, Survey, address, flags};
use crate::kubeconfig::{self, Kubeconfig, Purpose};
use crate::proxyconfig::{self, Reading};
use crate::root::{FileKind, LookError, Meta, NodePath, Root, Where};

/// Looks at everything that belongs to this kube-proxy. Reads; writes nothing.
pub fn gather(root: &Root, survey: &Survey, proxy: KubeProxy, node_ip: Option<IpAddr>) -> Facts {
    let mut facts = nothing_yet(proxy);
    facts.hostname = hostname(root);
    facts.local_addresses = address::local(root);
    facts.api_server = api_server::find(root, survey);
    let mut gatherer = Gatherer {
        root,
        facts: &mut facts,
    };
    gatherer.units();
    let config = gatherer.config();
    gatherer.kubeconfig(config);
    gatherer.directories();
    let server = match &facts.kubeconfig {
        Some(Ok(kubeconfig)) => kubeconfig.server().map(|server| server.value.clone()),
        _ => None,
    };
    facts.node_ip = match node_ip {
        Some(address) => Ok((address, Origin::flag(None))),
        None => address::from_kubelet(root, &survey.processes)
            .map_or_else(|| address::from_route(root, server.as_deref()), Ok),
    };
    facts
}

/// Reads the configuration alone, and follows nothing that it names.
pub fn gather_config(root: &Root, proxy: KubeProxy) -> Facts {
    let mut facts = nothing_yet(proxy);
    let mut gatherer = Gatherer {
        root,
        facts: &mut facts,
    };
    gatherer.config();
    facts
}

fn nothing_yet(proxy: KubeProxy) -> Facts {
    Facts {
        proxy,
        hostname: None,
        node_ip: Err("it was not looked for".into()),
        local_addresses: None,
        targets: Vec::new(),
        directories: Vec::new(),
        config: None,
        kubeconfig: None,
        api_server: None,
    }
}

struct Gatherer<'a> {
    root: &'a Root,
    facts: &'a mut Facts,
}

impl Gatherer<'_> {
    /// Looks at one file, through the eyes of kube-proxy, and keeps it as a target.
    fn target(&mut self, role: Role, path: &NodePath, origin: Origin, read: bool) -> Target {
        let placed = self.facts.proxy.place(self.root, path);
        let (shown, seen, hold) = match placed {
            Placed::Node(path) => {
                let seen = look(self.root, &path, read);
                let hold = kubelets_own(seen.as_ref().map_or(&path, |seen| &seen.path));
                (path, seen, hold)
            }
            Placed::Container(path, Some(pid)) => {
                let seen = Root::process(pid).and_then(|root| look(&root, &path, read));
                let hold = format!(
                    "{path} lies in the container of process {pid}, where an edit would not last"
                );
                (path, seen, Some(hold))
            }
            Placed::Container(path, None) => {
                let hold = format!("{path} lies in the container's image");
                (path, Err(LookError::Missing), Some(hold))
            }
        };
        let target = Target {
            role,
            path: shown,
            origin,
            seen,
            hold,
        };
        self.facts.targets.push(target.clone());
        target
    }

    fn units(&mut self) {
        let files = self.facts.proxy.unit().map(|unit| unit.files.clone());
        for path in files.unwrap_or_default() {
            let origin = Origin::at(OriginKind::Unit, &path, None);
            // Read, so that a plan made before it was edited is stale.
            self.target(Role::ProxyUnit, &path, origin, true);
        }
    }

    /// The configuration, and the kubeconfig that it names.
    fn config(&mut self) -> Option<(NodePath, Origin)> {
        let Some((path, origin)) = self.facts.proxy.config.clone() else {
            let command_known = !matches!(self.facts.proxy.source, Source::Files | Source::Named);
            if command_known && self.facts.proxy.problem.is_none() {
                let given: Vec<(String, Option<String>)> = self
                    .facts
                    .proxy
                    .flags
                    .iter()
                    .map(|flag| (flag.name.clone(), flag.value.clone()))
                    .collect();
                self.facts.config = Some(proxyconfig::from_flags(&given));
            }
            return None;
        };
        let target = self.target(Role::ProxyConfig, &path, origin, true);
        let Ok(Seen {
            bytes: Some(bytes), ..
        }) = &target.seen
        else {
            return None;
        };
        let mut reading = proxyconfig::read(bytes);
        if let Some(flag) = flags::last(&self.facts.proxy.flags, "hostname-override") {
            reading = reading.with_hostname_override(flag.value.as_deref().unwrap_or_default());
        }
        let named = named_kubeconfig(&reading, &target.path, &path);
        self.facts.config = Some(reading);
        named
    }

    fn kubeconfig(&mut self, from_config: Option<(NodePath, Origin)>) {
        let proxy = &self.facts.proxy;
        let chosen = match &proxy.named_kubeconfig {
            Some(path) => Some((path.clone(), Origin::flag(None))),
            // With --config the flag counts for nothing.
            None if proxy.config.is_some() => from_config,
            None => proxy.kubeconfig.clone(),
        };
        let Some((path, origin)) = chosen else {
            return;
        };
        let target = self.target(Role::ProxyKubeconfig, &path, origin, true);
        let read = match &target.seen {
            Ok(Seen {
                bytes: Some(bytes), ..
            }) => kubeconfig::read(bytes).map_err(|problem| (problem.line, problem.message)),
            Ok(seen) => Err((None, seen.unread().to_string())),
            Err(error) => Err((None, error.to_string())),
        };
        if let Ok(kubeconfig) = &read {
            self.named_files(kubeconfig, &path.parent(), &target.path);
        }
        self.facts.kubeconfig = Some(read);
    }

    /// Keys, tokens and certificates that the kubeconfig names, relative to the file that names them.
    fn named_files(&mut self, kubeconfig: &Kubeconfig, directory: &NodePath, file: &NodePath) {
        for named in kubeconfig.files() {
            let role = match named.purpose {
                Purpose::Credential => Role::ProxyCredential,
                Purpose::Certificate => Role::ProxyCertificate,
            };
            if let Some(path) = directory.join(named.path) {
                let origin = Origin::at(OriginKind::File, file, Some(named.line));
                // Certificates are public and are parsed; keys and tokens are never read.
                self.target(role, &path, origin, role == Role::ProxyCertificate);
            }
        }
    }

    /// The directories above each target: above its name, where a link could be replaced, and above
    /// the file that the name leads to.
    fn directories(&mut self) {
        let mut found: Vec<Directory> = Vec::new();
        let mut known: BTreeMap<NodePath, usize> = BTreeMap::new();
        for target in &self.facts.targets {
            // In another mount namespace the directories are the container's own.
            if target.hold.is_some() && kubelets_own(&target.path).is_none() {
                continue;
            }
            let resolved = target.seen.as_ref().ok().map(|seen| &seen.path);
            for path in [
                Some(&target.path),
                resolved.filter(|path| **path != target.path),
            ] {
                let Some(holder) = path.map(NodePath::parent) else {
                    continue;
                };
                for ancestor in holder.ancestors() {
                    let at = *known.entry(ancestor.clone()).or_insert_with(|| {
                        let directory = look_at_directory(self.root, &ancestor);
                        let same = found.iter().position(|known| known.path == directory.path);
                        same.unwrap_or_else(|| {
                            found.push(directory);
                            found.len() - 1
                        })
                    });
                    if let Some(directory) = found.get_mut(at) {
                        directory.above.push(target.role);
                        if ancestor == holder {
                            directory.holds.push(target.role);
                        }
                    }
                }
            }
        }
        self.facts.directories = found;
    }
}

/// Where the configuration's `clientConnection.kubeconfig` leads.
fn named_kubeconfig(
    reading: &Reading,
    shown: &NodePath,
    config: &NodePath,
) -> Option<(NodePath, Origin)> {
    let key = "clientConnection.kubeconfig";
    let values = reading.values.as_ref()?;
    let named = values.text(key).filter(|path| !path.is_empty())?;
    let line = values.field(key).and_then(|field| field.line);
    let path = config.parent().join(named)?;
    Some((path, Origin::at(OriginKind::File, shown, line)))
}

fn look(root: &Root, path: &NodePath, read: bool) -> Result<Seen, LookError> {
    let (path, opened) = root.open(path)?;
    let bytes = if read && opened.meta.kind == FileKind::File {
        match opened.read() {
            Ok(bytes) => Some(bytes),
            // Its mode and owner can still be judged; who needs the contents asks again.
            Err(LookError::Denied) => return unreadable(path, opened.meta),
            Err(error) => return Err(error),
        }
    } else {
        None
    };
    Ok(Seen {
        path,
        meta: opened.meta,
        bytes,
    })
}

fn look_at_directory(root: &Root, path: &NodePath) -> Directory {
    let (path, seen) = match root.open(path) {
        Ok((path, opened)) => (path, Ok(opened.meta)),
        Err(error) => (path.clone(), Err(error)),
    };
    Directory {
        hold: kubelets_own(&path),
        path,
        seen,
        holds: Vec::new(),
        above: Vec::new(),
    }
}

fn unreadable(path: NodePath, meta: Meta) -> Result<Seen, LookError> {
    Ok(Seen {
        path,
        meta,
        bytes: None,
    })
}

/// Volumes that the kubelet writes anew: an edit on the node is undone within a minute or two.
fn kubelets_own(path: &NodePath) -> Option<String> {
    let kind = path
        .components()
        .find_map(|part| part.strip_prefix("kubernetes.io~"))?;
    Some(match kind {
        "configmap" => format!(
            "{path} is a ConfigMap volume, which the kubelet writes anew: change the ConfigMap (kubectl -n kube-system edit configmap kube-proxy) and restart the DaemonSet"
        ),
        _ => format!("{path} is a {kind} volume, which the kubelet writes anew"),
    })
}

fn hostname(root: &Root) -> Option<String> {
    let path = match root.place() {
        Where::Live => "/proc/sys/kernel/hostname",
        _ => "/etc/hostname",
    };
    let bytes = NodePath::new(path).and_then(|path| root.open(&path).ok()?.1.read().ok())?;
    let text = String::from_utf8(bytes).ok()?;
    Some(text.lines().next()?.trim().to_string()).filter(|name| !name.is_empty())
}
