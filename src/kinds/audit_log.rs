//! The API server writes an audit log: it has a policy and a log, and as a static pod it sees both.

use serde::Deserialize;

use super::directory_trust::is_shared;
use super::server::{self, Backing, Flag, Manifest, Mount};
use super::{Instance, Kind, Mend, audit_policy, fix_or_by_hand};
use crate::baseline::{Check, Fix, Owner, Written};
use crate::discover::flags;
use crate::facts::{ApiServer, Facts, LogPath, Origin, OriginKind, PolicyPath};
use crate::root::{FileKind, LookError, Meta, NodePath};

/// `audit-log: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditLog {}

/// The log and its directory are root's alone, as the API server itself makes them.
const DIRECTORY_MODE: u32 = 0o700;
const LOG_MODE: u32 = 0o600;
const ROOT: Owner = Owner { uid: 0, gid: 0 };
/// The policy's path in the API server's own view, where no flag names one.
const POLICY: &str = "/etc/kubernetes/audit-policy.yaml";

/// What is missing, and what stands in the way of adding it.
#[derive(Default)]
struct Lack {
    /// In words.
    observed: Vec<String>,
    flags: Vec<Flag>,
    mounts: Vec<Mount>,
    /// Why a person has to mend it.
    obstacle: Option<String>,
}

impl Lack {
    fn hinders(&mut self, observed: String, why: String) {
        self.observed.push(observed);
        self.obstacle.get_or_insert(why);
    }
}

/// The API server, when there is one whose flags are known.
pub(super) fn server(facts: &Facts) -> Result<&ApiServer, Box<Instance>> {
    let Some(server) = &facts.api_server else {
        let instance = Instance::not_applicable("no kube-apiserver on this node");
        return Err(Box::new(instance));
    };
    match &server.problem {
        Some(problem) => Err(Box::new(Instance::unknown(problem))),
        None => Ok(server),
    }
}

/// The place that an instance speaks of: where the flags stand.
pub(super) fn placed(instance: Instance, server: &ApiServer) -> Instance {
    let origin = server.flags.first().map(|flag| flag.origin.clone());
    let known = origin.filter(|origin| origin.path.is_some());
    let origin = match (known, server.flags_path()) {
        (Some(origin), _) => origin,
        (None, Some(path)) => Origin::at(OriginKind::Flag, path, None),
        (None, None) => return instance.from(&Origin::flag(None)),
    };
    let instance = instance.line(origin.line).from(&origin);
    match &origin.path {
        Some(path) => instance.at(path),
        None => instance,
    }
}

impl Kind for AuditLog {
    fn expected(&self) -> String {
        "an audit policy and a log, both in reach of the API server".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let server = match server(facts) {
            Ok(server) => server,
            Err(instance) => return vec![*instance],
        };
        let manifest = match server::manifest(server) {
            Ok(manifest) => manifest,
            Err(why) => return vec![placed(Instance::unknown(why), server)],
        };
        let lack = lack(server, manifest.as_ref());
        let mut instances = match lack.observed.is_empty() {
            true => vec![placed(passing(server), server)],
            false => failing(check, server, manifest.as_ref(), lack),
        };
        instances.extend(clash(server));
        instances
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match &fix.value {
            Some(Written::Bool(true)) => Ok(()),
            _ => Err("a fix of audit-log says value: true".into()),
        }
    }
}

fn passing(server: &ApiServer) -> Instance {
    let policy = given(server, "audit-policy-file");
    match &server.log.path {
        LogPath::StandardOutput(_) => Instance::judged(
            true,
            format!("policy {policy}, log to standard output"),
            || Mend::None,
        )
        .because("the container's runtime or journald keeps it, and decides how long"),
        _ => {
            let log = given(server, "audit-log-path");
            Instance::judged(true, format!("policy {policy}, log {log}"), || Mend::None)
        }
    }
}

/// A flag's value; nothing for a flag that is not given or empty.
fn given(server: &ApiServer, name: &str) -> String {
    let flag = flags::last(&server.flags, name);
    flag.and_then(|flag| flag.value.clone()).unwrap_or_default()
}

/// The policy as the API server and as the node see it. `Err`: the flag names no path.
fn policy(server: &ApiServer) -> Result<Option<(NodePath, NodePath)>, String> {
    let named = given(server, "audit-policy-file");
    let inside = if named.is_empty() { POLICY } else { &named };
    let inside = NodePath::new(inside)
        .ok_or_else(|| format!("--audit-policy-file={named} is no absolute path"))?;
    Ok(match &server.policy {
        PolicyPath::Named(node, _) | PolicyPath::Default(node) => Some((inside, node.clone())),
        // What the API server does not see is mounted from the same path of the node.
        PolicyPath::Unreachable(..) => Some((inside.clone(), inside)),
    })
}

fn lack(server: &ApiServer, manifest: Option<&Manifest>) -> Lack {
    let mut lack = Lack::default();
    let by_hand = |what: &str| format!("{what}: name an absolute path there");
    if given(server, "audit-policy-file").is_empty() {
        lack.observed.push("no --audit-policy-file".into());
        lack.flags.push(("audit-policy-file", POLICY.into()));
    }
    match &server.log.path {
        LogPath::Default(inside, _) => {
            lack.observed.push("no --audit-log-path".into());
            lack.flags.push(("audit-log-path", inside.to_string()));
        }
        LogPath::Relative(value, _) => {
            let what = format!("--audit-log-path={value} is no absolute path");
            lack.hinders(what.clone(), by_hand(&what));
        }
        LogPath::Named(..) | LogPath::StandardOutput(_) => {}
    }
    match policy(server) {
        Ok(Some((inside, node))) => {
            if let Some(manifest) = manifest {
                policy_mount(manifest, &inside, &node, &mut lack);
            }
        }
        Ok(None) => {}
        Err(what) => lack.hinders(what.clone(), by_hand(&what)),
    }
    if let (Some(manifest), LogPath::Named(inside, ..) | LogPath::Default(inside, _)) =
        (manifest, &server.log.path)
    {
        log_mount(manifest, inside, &mut lack);
    }
    if let (true, LogPath::Named(inside, ..)) = (server.log_among_pods, &server.log.path) {
        let what = format!(
            "the kubelet takes every file in {} for a pod",
            inside.parent()
        );
        let why = format!(
            "{what}: give the API server another --audit-log-path, such as /var/log/kubernetes/audit/audit.log, and mount its directory"
        );
        lack.hinders(what, why);
    }
    lack
}

fn policy_mount(manifest: &Manifest, inside: &NodePath, node: &NodePath, lack: &mut Lack) {
    match manifest.behind(inside) {
        Backing::Node { .. } => {}
        Backing::Volume(kind) => lack.hinders(
            format!("{inside} lies in a volume of the kind {kind}"),
            format!("{inside} lies in a volume of the kind {kind}, which is no file of the node: mount the policy as a hostPath of the type File"),
        ),
        Backing::Image => {
            lack.observed.push(format!("no mount for {inside}"));
            lack.mounts.push(Mount {
                name: "audit-policy",
                inside: inside.clone(),
                node: node.clone(),
                kind: "File",
                read_only: true,
            });
        }
    }
}

fn log_mount(manifest: &Manifest, inside: &NodePath, lack: &mut Lack) {
    let directory = inside.parent();
    match manifest.behind(inside) {
        Backing::Node { mounted_at, .. } if mounted_at == *inside => lack.hinders(
            format!("only the file {inside} is mounted, not its directory"),
            format!("{inside} alone is mounted, and rotation renames it, so that the log ends up in the container: mount {directory} instead, as a hostPath of the type DirectoryOrCreate"),
        ),
        Backing::Node {
            read_only: true, ..
        } => lack.hinders(
            format!("{directory} is mounted readOnly"),
            format!("{directory} is mounted readOnly, so that the API server cannot write its log: take readOnly away from that mount"),
        ),
        Backing::Node { .. } => {}
        Backing::Volume(kind) => lack.hinders(
            format!("{directory} lies in a volume of the kind {kind}"),
            format!("{directory} lies in a volume of the kind {kind}, which goes away with the pod: mount a directory of the node there, as a hostPath of the type DirectoryOrCreate"),
        ),
        Backing::Image => {
            lack.observed.push(format!("no mount for {directory}"));
            lack.mounts.push(Mount {
                name: "audit-log",
                inside: directory.clone(),
                node: directory,
                kind: "DirectoryOrCreate",
                read_only: false,
            });
        }
    }
}

/// Why the API server would not start, or not write, with what is to be added.
fn hindrance(server: &ApiServer, manifest: Option<&Manifest>) -> Option<String> {
    if let Some(user) = server.user.clone().or_else(|| manifest?.user()) {
        return Some(format!(
            "the API server runs as {user}, who must be able to read the policy and to write the log"
        ));
    }
    log_hindrance(server).or_else(|| policy_hindrance(server))
}

/// The policy that the flags name already.
pub(super) fn named_policy(server: &ApiServer) -> Option<NodePath> {
    let named = !given(server, "audit-policy-file").is_empty();
    policy(server)
        .ok()
        .flatten()
        .filter(|_| named)
        .map(|(_, node)| node)
}

/// Why the API server would not start again with the policy and the log that its flags name already.
pub(super) fn would_not_start(server: &ApiServer) -> Option<String> {
    let log = matches!(server.log.path, LogPath::Named(..)).then(|| log_hindrance(server));
    let policy = matches!(server.policy, PolicyPath::Named(..)).then(|| policy_hindrance(server));
    log.flatten().or_else(|| policy.flatten())
}

fn log_hindrance(server: &ApiServer) -> Option<String> {
    if let Some(log) = &server.log.place {
        let directory = log.parent();
        if let Some(unit) = &server.unit
            && let Some(setting) = unit.sandbox.forbids(&directory)
        {
            return Some(format!(
                "{} may not write to {directory}, because it says {setting}, and the API server does not start without its log: add ReadWritePaths=-{directory} there first",
                unit.name
            ));
        }
        match &server.log.directory {
            Ok((_, meta)) if meta.kind == FileKind::Directory => {}
            Ok((_, meta)) => {
                let what = meta.kind.describe();
                return Some(format!("{directory} is {what}, not a directory"));
            }
            Err(LookError::Missing) => {}
            Err(error) => return Some(format!("{directory}: {error}")),
        }
    }
    None
}

fn policy_hindrance(server: &ApiServer) -> Option<String> {
    let path = match &server.policy {
        PolicyPath::Named(path, _) | PolicyPath::Default(path) => path,
        PolicyPath::Unreachable(..) => return None,
    };
    match &server.policy_bytes {
        Err(LookError::Missing) => None,
        Err(error) => Some(format!("the policy {path}: {error}")),
        Ok(bytes) => audit_policy::contents(bytes)
            .err()
            .map(|refused| format!("the policy {path}: {}", refused.message)),
    }
}

fn failing(
    check: &Check,
    server: &ApiServer,
    manifest: Option<&Manifest>,
    lack: Lack,
) -> Vec<Instance> {
    let observed = lack.observed.join(", ");
    let mut made = Vec::new();
    let mut besides = None;
    let mend = fix_or_by_hand(check, |_| {
        let obstacle = lack.obstacle.clone();
        let obstacle = obstacle.or_else(|| hindrance(server, manifest));
        let change = match obstacle {
            Some(why) => Err(why),
            None => server::set(server, manifest, &lack.flags, &lack.mounts),
        };
        match change {
            Ok(change) => {
                made.extend(change.directory.map(|path| (path, Mend::ABOVE)));
                besides = change.besides;
                Mend::Edit(change.path, change.edit)
            }
            Err(why) => Mend::ByHand(why),
        }
    });
    let mut narrowed = Vec::new();
    if matches!(mend, Mend::Edit(..)) {
        if let (Some(log), Err(LookError::Missing)) = (&server.log.place, &server.log.directory) {
            let directory = log.parent();
            let mode = match is_shared(&directory) {
                true => Mend::ABOVE,
                false => DIRECTORY_MODE,
            };
            made.push((directory, mode));
        }
        narrowed = narrow(server);
    }
    let policy = policy(server).ok().flatten().map(|(_, node)| node);
    let needing = |instance: Instance| match &policy {
        Some(policy) => instance.needing(policy),
        None => instance,
    };
    let mut all: Vec<Instance> = made
        .into_iter()
        .map(|(path, mode)| {
            let mend = || Mend::MakeDirectory(path.clone(), mode);
            needing(Instance::judged(false, "it does not exist", mend).at(&path))
        })
        .chain(narrowed)
        .collect();
    let instance = needing(Instance::judged(false, observed, || mend).besides(besides));
    all.insert(0, placed(instance, server));
    all
}

/// What lies already where the log is to be written from now on. A log that is in use is for
/// `audit-log-readable` to judge; of one that nobody writes yet nothing says whose its place is.
fn narrow(server: &ApiServer) -> Vec<Instance> {
    let of_others = |directory: &NodePath| {
        let auditds = server.log.auditd.as_ref().map(NodePath::parent);
        is_shared(directory) || auditds.as_ref() == Some(directory)
    };
    let in_use = matches!(server.log.path, LogPath::Named(_, Some(_), _));
    let Ok((directory, _)) = &server.log.directory else {
        return Vec::new();
    };
    if in_use || of_others(directory) {
        return Vec::new();
    }
    let both = [
        (&server.log.directory, FileKind::Directory, DIRECTORY_MODE),
        (&server.log.seen, FileKind::File, LOG_MODE),
    ];
    let wrong = |(seen, kind, at_most): (&Result<(NodePath, Meta), LookError>, _, u32)| {
        let (path, meta) = seen.as_ref().ok().filter(|(_, meta)| meta.kind == kind)?;
        let observed = format!("mode {:04o}, owner {}:{}", meta.mode, meta.uid, meta.gid);
        let mode = (meta.mode & !at_most != 0).then_some(meta.mode & at_most);
        let owner = ((meta.uid, meta.gid) != (ROOT.uid, ROOT.gid)).then_some(ROOT);
        (mode.is_some() || owner.is_some()).then(|| {
            let mend = || Mend::Directory(path.clone(), mode, owner);
            Instance::judged(false, observed, mend).at(path)
        })
    };
    both.into_iter().filter_map(wrong).collect()
}

/// Two programs that write one file spoil it for both.
fn clash(server: &ApiServer) -> Option<Instance> {
    let log = server.log.place.as_ref()?;
    let (LogPath::Named(..), Some(auditd)) = (&server.log.path, &server.log.auditd) else {
        return None;
    };
    (auditd == log).then(|| {
        Instance::judged(false, "auditd writes it, too", || {
            Mend::ByHand(format!(
                "auditd writes {log}, too, and two writers spoil it: give the API server another --audit-log-path, such as /var/log/kubernetes/audit/audit.log, and mount its directory"
            ))
        })
        .at(log)
    })
}
