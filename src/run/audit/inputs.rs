//! Which logs are read: those that are named, or the node's own with what was rotated away from it.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::auditlog::logs::{OnNode, with_rotated};
use crate::auditlog::source::{Input, Unreadable, input};
use crate::auditlog::time::Instant;
use crate::cli::Global;
use crate::discover::{self, KubeProxy};
use crate::facts::{self, ApiServer, LogPath};
use crate::failure::Failure;
use crate::root::{LookError, NodePath, Root};
use crate::run::context::open_root;
use crate::unusual::{IpNetwork, OwnNode};

/// What is read, as messages call it.
const LOG: &str = "the API server's audit log";

/// A log that is open, and what it is called.
pub struct Named {
    /// Its path as it was named, or as the node sees it.
    pub path: String,
    /// The log.
    pub input: Input,
}

impl Named {
    /// Whether somebody may still write to it: a file that is not compressed.
    pub fn may_grow(&self) -> bool {
        self.input.size.is_some() && self.input.packed.is_none()
    }
}

/// The logs that are read.
pub struct Inputs {
    /// The oldest first.
    pub logs: Vec<Named>,
    /// Those that belong to the log and are not read, and why.
    pub left: Vec<(NodePath, String)>,
}

impl Inputs {
    /// Opens them all, before anything is read.
    ///
    /// # Errors
    /// When one of them cannot be read, or the node has none.
    pub fn find(
        files: &[PathBuf],
        since: Option<Instant>,
        global: &Global,
    ) -> Result<Inputs, Failure> {
        if files.is_empty() {
            let (root, log) = of_node(global)?;
            return with_rotated(&root, &log, since)
                .map_err(|error| unreadable(&log.to_string(), LOG, &error))
                .and_then(|found| {
                    let logs = found.logs.into_iter().map(of_rotated);
                    let logs = logs.collect::<Result<_, _>>()?;
                    Ok(Inputs {
                        logs,
                        left: found.left,
                    })
                });
        }
        if files.iter().filter(|file| is_stdin(file)).count() > 1 {
            return Err(Failure::usage("stdin can be read once"));
        }
        let logs = files.iter().map(|file| {
            let path = file.display().to_string();
            let input =
                input(open_named(file, global, LOG)?).map_err(|why| refused(&path, &why))?;
            Ok(Named { path, input })
        });
        Ok(Inputs {
            logs: logs.collect::<Result<_, Failure>>()?,
            left: Vec::new(),
        })
    }
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

fn of_rotated(one: OnNode) -> Result<Named, Failure> {
    let path = one.path.to_string();
    let file = one
        .opened
        .reader()
        .map_err(|error| unreadable(&path, LOG, &error))?;
    let input = input(file).map_err(|why| refused(&path, &why))?;
    Ok(Named { path, input })
}

/// Opens a log that is named. On this machine it may be a pipe, and is opened like any file that a user names
/// to a program; below --root it is found as the node would find it.
///
/// # Errors
/// When it cannot be opened.
pub fn open_named(file: &Path, global: &Global, what: &str) -> Result<File, Failure> {
    let shown = file.display().to_string();
    if is_stdin(file) {
        return match std::io::stdin().as_fd().try_clone_to_owned() {
            Ok(handle) => Ok(handle.into()),
            Err(error) => Err(Failure::refused(format!("stdin: {error}")).because(error)),
        };
    }
    if global.root.is_some() {
        let path = global
            .node_path(file)
            .ok_or_else(|| Failure::usage(format!("{shown} cannot be a path of the node")))?;
        let root = open_root(global)?;
        let opened = root.open(&path).and_then(|(_, opened)| opened.reader());
        return opened.map_err(|error| unreadable(&shown, what, &error));
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    match open(file, flags, Mode::empty()) {
        Ok(handle) => Ok(handle.into()),
        Err(errno) => Err(unreadable(&shown, what, &errno.into())),
    }
}

fn unreadable(path: &str, what: &str, error: &LookError) -> Failure {
    let failure = Failure::refused(format!("{path}: {error}"));
    match error {
        LookError::Missing => failure.help(format!("name {what}")),
        LookError::Denied => failure.help("run tighten as root, or name a copy that you may read"),
        LookError::Kind(_) => failure.help("name a file"),
        _ => failure,
    }
}

fn refused(path: &str, why: &Unreadable) -> Failure {
    let failure = Failure::refused(format!("{path}: {why}"));
    match why {
        Unreadable::Kind(_) => failure.help("name a file or a pipe"),
        Unreadable::Packing(_, program) => failure.help(unpacking(program, path)),
        Unreadable::Window(window) => failure.help(unpacking(&window.program(), path)),
        Unreadable::System(_) => failure,
    }
}

/// The command that reads a log which another program has to unpack.
pub fn unpacking(program: &str, path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%=".contains(c);
    match path {
        "-" => format!("unpack it: ... | {program} | tighten audit -"),
        path if path.chars().all(plain) => format!("unpack it: {program} {path} | tighten audit -"),
        path => {
            let path = path.replace('\'', "'\\''");
            format!("unpack it: {program} '{path}' | tighten audit -")
        }
    }
}

/// The log that the flags of the node's API server name, as the node sees it.
///
/// # Errors
/// When the node has no API server, or no flag names a log, or it lies where nobody sees it.
pub fn of_node(global: &Global) -> Result<(Root, NodePath), Failure> {
    let root = open_root(global)?;
    let server = api_server(&root).ok_or_else(|| {
        Failure::refused("no kube-apiserver was found on this node, whose flags name its audit log")
            .help("name the log: tighten audit FILE, or - for stdin")
    })?;
    if let Some(problem) = &server.problem {
        return Err(Failure::refused(format!(
            "where the audit log of {} lies is not known: {problem}",
            server.described
        ))
        .help("name the log: tighten audit FILE"));
    }
    let why = match &server.log.path {
        LogPath::Named(_, Some(node), _) => return Ok((root, node.clone())),
        LogPath::Named(inside, None, _) => format!("{inside} is not visible on the node"),
        LogPath::StandardOutput(_) => {
            "it goes to the API server's standard output, with its other messages".into()
        }
        LogPath::Relative(path, _) => format!("{path} is relative to an unknown directory"),
        LogPath::Default(..) => "no flag --audit-log-path names one".into(),
    };
    let failure = Failure::refused(format!(
        "{} has no audit log to read: {why}",
        server.described
    ));
    Err(match server.log.path {
        LogPath::Default(..) => {
            failure.help("see what would have it written: tighten plan --only audit-log-disabled,audit-policy-missing")
        }
        _ => failure.help("name the log: tighten audit FILE, or - for stdin"),
    })
}

/// The API server of the node.
pub fn api_server(root: &Root) -> Option<ApiServer> {
    let survey = discover::survey(root);
    facts::gather(root, &survey, KubeProxy::absent(), None).api_server
}

/// The name and the addresses of the node, where it runs.
pub fn own_node(global: &Global) -> Option<OwnNode> {
    let root = open_root(global).ok()?;
    let addresses = discover::address::local(&root)?;
    Some(OwnNode {
        name: facts::hostname(&root)?,
        addresses: addresses.into_iter().map(IpNetwork::from).collect(),
    })
}
