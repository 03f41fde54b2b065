//! From the kube-proxy that was found to everything that checks may look at.

mod look;
mod named;

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::credentials::{Credentials, clock, of_kubelet};
use super::hostname::hostname;
use super::{Directory, Facts, Hold, HoldKind, Origin, OriginKind, Role, Seen, Target, api_server};
use crate::discover::{KubeProxy, Placed, Source, Survey, address, flag_file, flags, process};
use crate::kubeconfig;
use crate::proxyconfig::{self, Reading};
use crate::root::{LookError, NodePath, Root};
use look::{hold_by_path, look, look_at_directory};

/// Looks at everything that belongs to this kube-proxy. Reads; writes nothing.
pub fn gather(root: &Root, survey: &Survey, proxy: KubeProxy, node_ip: Option<IpAddr>) -> Facts {
    let mut facts = nothing_yet(proxy);
    facts.hostname = hostname(root);
    facts.local_addresses = address::local(root);
    facts.api_server = api_server::find(root, survey);
    facts.flag_file = flag_file::find(root, &facts.proxy);
    facts.client_authority = match &facts.api_server {
        Some(found) => found.client_authority.clone(),
        None => of_kubelet(root),
    };
    let mut gatherer = Gatherer::new(root, &mut facts);
    gatherer.units();
    let config = gatherer.config();
    gatherer.kubeconfig(config);
    gatherer.directories();
    let server = facts.api_server_url().map(|(url, _)| url);
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
    Gatherer::new(root, &mut facts).config();
    facts
}

/// Looks at a kube-proxy as its pod will see it: at these files of the pod's volumes, by their paths in the
/// container, and at nothing of this machine.
pub fn gather_pod(root: &Root, proxy: KubeProxy, mounted: BTreeMap<NodePath, Seen>) -> Facts {
    let mut facts = nothing_yet(proxy);
    facts.node_ip = Err("a manifest is for every node".into());
    let mut gatherer = Gatherer {
        mounted,
        ..Gatherer::new(root, &mut facts)
    };
    let config = gatherer.config();
    gatherer.kubeconfig(config);
    facts
}

/// Facts of which nothing but kube-proxy is known.
pub fn nothing_yet(proxy: KubeProxy) -> Facts {
    Facts {
        objects: None,
        proxy,
        hostname: None,
        node_ip: Err("it was not looked for".into()),
        local_addresses: None,
        targets: Vec::new(),
        directories: Vec::new(),
        flag_file: Err("it was not looked for".into()),
        config: None,
        kubeconfig: None,
        credentials: Credentials::default(),
        clock: clock(),
        api_server: None,
        client_authority: None,
        network: None,
    }
}

struct Gatherer<'a> {
    root: &'a Root,
    facts: &'a mut Facts,
    /// Where the volume that holds the configuration is mounted for kube-proxy, once that is known.
    mounted_at: Option<NodePath>,
    /// Files of volumes that no node is needed for: their contents are known.
    mounted: BTreeMap<NodePath, Seen>,
}

/// A path, and in whose file system it means something.
#[derive(Clone)]
struct Told {
    path: NodePath,
    whose: Whose,
}

#[derive(Clone, Copy)]
enum Whose {
    /// The node's: the operator named it.
    Node,
    /// kube-proxy's, wherever that runs.
    Proxy,
    /// A container's that is not running here.
    Container,
}

/// Where every container finds its service account's token.
const SECRETS: &[&str] = &["/var/run/secrets", "/run/secrets"];

fn is_secret(path: &NodePath) -> bool {
    let below = |base: &&str| NodePath::new(base).is_some_and(|base| path.is_below(&base));
    SECRETS.iter().any(below)
}

impl<'a> Gatherer<'a> {
    fn new(root: &'a Root, facts: &'a mut Facts) -> Gatherer<'a> {
        Gatherer {
            root,
            facts,
            mounted_at: None,
            mounted: BTreeMap::new(),
        }
    }

    /// Looks at one file, through the eyes of kube-proxy, and keeps it as a target.
    fn target(&mut self, role: Role, told: &Told, origin: Origin, read: bool) -> Target {
        let path = &told.path;
        let placed = match told.whose {
            Whose::Node => Placed::Node(path.clone()),
            Whose::Proxy => self.facts.proxy.place(self.root, path),
            Whose::Container => Placed::Container(path.clone(), None),
        };
        let held = |path: NodePath, kind: HoldKind| Some(Hold::new(path, kind));
        let (shown, seen, hold) = match placed {
            Placed::Node(path) => {
                let seen = look(self.root, &path, read);
                let resolved = seen.as_ref().ok().map(|seen| &seen.path);
                let user = self.facts.proxy.user.as_ref();
                let user = user.filter(|_| role != Role::ProxyUnit);
                let hold = hold_by_path(self.root, &path)
                    .or_else(|| hold_by_path(self.root, resolved?))
                    .or_else(|| Hold::by_platform(&self.facts.proxy, role, &path))
                    .or_else(|| held(path.clone(), HoldKind::ReadBy(user?.clone())));
                (path, seen, hold)
            }
            Placed::Container(path, Some(pid)) => {
                let seen = process::root(pid).and_then(|root| look(&root, &path, read));
                let hold = held(path.clone(), HoldKind::Container(Some(pid)));
                (path, seen, hold)
            }
            Placed::Container(path, None) if self.mounted.contains_key(&path) => {
                let seen = self.mounted.get(&path).cloned();
                let hold = held(path.clone(), HoldKind::ConfigMap);
                (path, seen.ok_or(LookError::Missing), hold)
            }
            Placed::Container(path, None) => {
                let kind = match told.whose {
                    _ if is_secret(&path) => HoldKind::OtherVolume("projected".into()),
                    Whose::Container => HoldKind::Container(None),
                    Whose::Node | Whose::Proxy => HoldKind::Image,
                };
                let hold = held(path.clone(), kind);
                (path, Err(LookError::Missing), hold)
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
            let told = Told {
                path,
                whose: Whose::Node,
            };
            self.target(Role::ProxyUnit, &told, origin, true);
        }
    }

    /// What a path means that stands in a file: a relative one lies beside the file, an absolute one is
    /// kube-proxy's.
    fn named(&mut self, named: &str, naming: &Told, file: &NodePath) -> Option<Told> {
        let beside = naming.path.parent();
        let path = beside.join(named)?;
        let whose = match (named.starts_with('/'), &self.facts.proxy.source) {
            (false, _) => naming.whose,
            // Only the files are known, and they lie in a container's volume: where that is mounted
            // their own directory is meant, and everything else is the container's.
            (true, Source::Files | Source::Named)
                if Hold::by_path(file).is_some_and(|hold| hold.is_kubelets()) =>
            {
                let sibling = beside.join(path.name())?;
                let there = || !matches!(self.root.open(&sibling), Err(LookError::Missing));
                let mounted_here = match &self.mounted_at {
                    Some(known) => *known == path.parent(),
                    None => there(),
                };
                let found = match mounted_here {
                    true => Some(sibling),
                    false if self.mounted_at.is_none() => self.in_other_volume(&beside, &path),
                    false => None,
                };
                if let Some(found) = found.filter(|_| !is_secret(&path)) {
                    self.mounted_at = Some(path.parent());
                    let whose = Whose::Node;
                    return Some(Told { path: found, whose });
                }
                Whose::Container
            }
            (true, _) => Whose::Proxy,
        };
        Some(Told { path, whose })
    }

    /// The configuration, and the kubeconfig that it names.
    fn config(&mut self) -> Option<(Told, Origin)> {
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
        let whose = match self.facts.proxy.named_config {
            true => Whose::Node,
            false => Whose::Proxy,
        };
        let told = Told { path, whose };
        let target = self.target(Role::ProxyConfig, &told, origin, true);
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
        let named = self.named_kubeconfig(&reading, &target.path, &told);
        self.facts.config = Some(reading);
        named
    }

    /// Where the configuration's `clientConnection.kubeconfig` leads.
    fn named_kubeconfig(
        &mut self,
        reading: &Reading,
        shown: &NodePath,
        config: &Told,
    ) -> Option<(Told, Origin)> {
        let key = "clientConnection.kubeconfig";
        let values = reading.values.as_ref()?;
        let named = values.text(key).filter(|path| !path.is_empty())?;
        let line = values.field(key).and_then(|field| field.line);
        let told = self.named(named, config, shown)?;
        Some((told, Origin::at(OriginKind::File, shown, line)))
    }

    fn kubeconfig(&mut self, from_config: Option<(Told, Origin)>) {
        let proxy = &self.facts.proxy;
        let chosen = match &proxy.named_kubeconfig {
            Some(path) => Some((
                Told {
                    path: path.clone(),
                    whose: Whose::Node,
                },
                Origin::flag(None),
            )),
            // With --config the flag counts for nothing.
            None if proxy.config.is_some() => from_config,
            None => proxy.kubeconfig.clone().map(|(path, origin)| {
                let whose = Whose::Proxy;
                (Told { path, whose }, origin)
            }),
        };
        let Some((told, origin)) = chosen else {
            return;
        };
        let target = self.target(Role::ProxyKubeconfig, &told, origin, true);
        let read = match &target.seen {
            Ok(Seen {
                bytes: Some(bytes), ..
            }) => kubeconfig::read(bytes),
            Ok(seen) => Err(kubeconfig::Problem::unread(seen.unread().to_string())),
            Err(error) => Err(kubeconfig::Problem {
                // kube-proxy does not start without it; in a container it may see one.
                unjudged: *error != LookError::Missing || target.hidden().is_some(),
                ..kubeconfig::Problem::unread(error.to_string())
            }),
        };
        let bytes = target
            .seen
            .as_ref()
            .ok()
            .and_then(|seen| seen.bytes.as_ref());
        if let (Ok(kubeconfig), Some(bytes)) = (&read, bytes) {
            self.named_files(kubeconfig, &told, &target.path, bytes);
        }
        self.facts.kubeconfig = Some(read);
    }

    /// The directories above each target: above its name, where a link could be replaced, and above
    /// the file that the name leads to.
    fn directories(&mut self) {
        let mut found: Vec<Directory> = Vec::new();
        let mut known: BTreeMap<NodePath, usize> = BTreeMap::new();
        for target in &self.facts.targets {
            // In another mount namespace the directories are the container's own.
            let inside = target.hold.as_ref().is_some_and(Hold::is_inside);
            if inside && target.path.kubelet_volume().is_none() {
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
                            // Who must read the file must reach it.
                            if let (None, Some(hold)) = (&directory.hold, &target.hold)
                                && matches!(hold.kind, HoldKind::ReadBy(_))
                            {
                                directory.hold = Some(hold.clone());
                            }
                        }
                    }
                }
            }
        }
        self.facts.directories = found;
    }
}
