//! Asks the node's own kube-proxy whether it would start with a new configuration, or with new flags.
//!
//! `kube-proxy --config=NEW --write-config-to=OUT` reads, defaults, validates, writes and ends; it
//! needs no API server and touches no rules (facts page, section 1.4; run against 1.36.2). Without
//! `--config` it does the same with its flags (facts page, section 2).

use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::program;
use crate::discover::flags::Flag;
use crate::discover::{KubeProxy, Source};
use crate::failure::Failure;
use crate::report::printable;
use crate::root::{FileKind, LookError, Meta, NodePath, Root};

/// How long kube-proxy may take to read its configuration.
const LIMIT: Duration = Duration::from_secs(30);

/// What kube-proxy is asked about.
#[derive(Clone, Copy, Debug)]
pub enum New<'a> {
    /// The bytes of its configuration.
    Config(&'a [u8]),
    /// All of its flags, without `--config`.
    Flags(&'a [Flag]),
}

impl New<'_> {
    /// Whose judgement it is, as people name it.
    pub fn name(&self) -> &'static str {
        match self {
            New::Config(_) => "the new configuration",
            New::Flags(_) => "the new flags",
        }
    }
}

/// Flags that let kube-proxy do something else, or write another file, than it is asked for here.
const NOT_ASKED: &[&str] = &["cleanup", "init-only", "version", "write-config-to"];
/// klog's flags of older releases: they name files that it would write.
const NOT_GIVEN: &[&str] = &["log-dir", "log-file", "log-file-max-size"];

/// Whether kube-proxy was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It would start.
    Accepted(NodePath),
    /// It could not be asked: why.
    Not(String),
}

/// Lets kube-proxy judge what is new, in a private directory below the state directory. The caller
/// holds the lock.
///
/// # Errors
/// Exit 1, nothing was written: kube-proxy refuses them, or does not answer.
pub fn preflight(
    root: &Root,
    proxy: &KubeProxy,
    asked: New<'_>,
    state: &Path,
) -> Result<Asked, Failure> {
    if let New::Flags(flags) = asked
        && let Some(flag) = flags
            .iter()
            .find(|flag| NOT_ASKED.contains(&flag.name.as_str()))
    {
        return Ok(Asked::Not(format!("it is started with --{}", flag.name)));
    }
    let program = match program_of(root, proxy) {
        Ok(program) => program,
        Err(why) => return Ok(Asked::Not(why)),
    };
    let place = Place::make(state).map_err(|error| {
        let path = state.join(Place::NAME);
        Failure::refused(format!("{}: cannot be made: {error}", path.display()))
            .state("nothing was written")
            .because(error)
    })?;
    let (new, out) = (place.file("config"), place.file("out"));
    let flag = |name: &str, path: &Path| {
        let mut word = OsString::from(name);
        word.push(path);
        word
    };
    let mut words = vec![flag("--write-config-to=", &out)];
    let written = match asked {
        New::Config(bytes) => {
            words.push(flag("--config=", &new));
            write(&new, bytes)
        }
        New::Flags(flags) => {
            let given = flags
                .iter()
                .filter(|flag| !NOT_GIVEN.contains(&flag.name.as_str()));
            words.extend(given.map(as_word));
            Ok(())
        }
    };
    let arguments: Vec<_> = words.iter().map(OsString::as_os_str).collect();
    let ran = written
        .map_err(|error| format!("{} cannot be written: {error}", new.display()))
        .and_then(|()| program::run(Path::new(program.as_str()), &arguments, LIMIT));
    let refused = |why: String| {
        Failure::refused(printable(&why))
            .state("nothing was written")
            .help("this is what kube-proxy itself says of it; leave the change out with --skip, or see docs/failures.md")
    };
    let ran = ran.map_err(refused)?;
    let written = fs::metadata(&out).is_ok_and(|meta| meta.len() > 0);
    match (ran.status.success(), written) {
        (true, true) => Ok(Asked::Accepted(program)),
        // Not kube-proxy, or one that does not know the flag.
        (true, false) => Ok(Asked::Not(format!("{program} wrote no configuration"))),
        (false, _) => Err(refused(format!(
            "{program} refuses {}: {}",
            asked.name(),
            // Its own path would mean nothing to the reader.
            program::last_lines(&ran.output, 3).replace(&new.display().to_string(), "the file")
        ))),
    }
}

/// A flag as it stands on a command line.
fn as_word(flag: &Flag) -> OsString {
    match &flag.value {
        Some(value) => format!("--{}={value}", flag.name),
        None => format!("--{}", flag.name),
    }
    .into()
}

/// The directory for the question, gone with it.
pub(super) struct Place(PathBuf);

impl Place {
    const NAME: &str = "preflight";

    pub(super) fn make(state: &Path) -> std::io::Result<Place> {
        let path = state.join(Place::NAME);
        // One that was killed has left it; the lock says that nobody uses it now.
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Place(path))
    }

    /// A file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    options.open(path)?.write_all(bytes)
}

/// The program that will be started: what the unit names, or what runs. It is run as root, so it must
/// be one that only root can have put there.
fn program_of(root: &Root, proxy: &KubeProxy) -> Result<NodePath, String> {
    let is_it = |word: &&String| word.starts_with('/') && word.ends_with("/kube-proxy");
    let named = proxy
        .unit()
        .and_then(|unit| unit.command.iter().find(is_it).cloned());
    let path = match (&proxy.source, named) {
        _ if proxy.has_own_files() => {
            return Err("kube-proxy's program lies in a container".into());
        }
        (_, Some(named)) => Some(named),
        (Source::Process(process, _), None) => {
            let exe = fs::read_link(format!("/proc/{}/exe", process.pid)).ok();
            exe.and_then(|path| path.into_os_string().into_string().ok())
                .filter(|path| path.ends_with("/kube-proxy"))
        }
        _ => None,
    };
    let path = path
        .as_deref()
        .and_then(NodePath::new)
        .ok_or("it is not known which program kube-proxy is")?;
    let (resolved, opened) = root
        .open(&path)
        .map_err(|error| format!("{path}: {error}"))?;
    let safe = |uid: u32, mode: u32| root.trusts(uid) && mode & 0o022 == 0;
    if opened.meta.kind != FileKind::File || !safe(opened.meta.uid, opened.meta.mode) {
        return Err(format!("{resolved} is not root's alone, so it is not run"));
    }
    for directory in resolved.parent().ancestors() {
        let meta = if directory == NodePath::root() {
            Meta::of(root.handle()).map_err(LookError::from)
        } else {
            root.open(&directory).map(|(_, opened)| opened.meta)
        };
        let meta = meta.map_err(|error| format!("{directory}: {error}"))?;
        if !safe(meta.uid, meta.mode) {
            return Err(format!(
                "{resolved} is not run, because others may write to {directory}"
            ));
        }
    }
    Ok(resolved)
}
