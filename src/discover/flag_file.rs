//! The file in which a flag of kube-proxy lasts, and how it is set there.

use super::drop_in::{self, DropIn, Wanted};
use super::flags::{self, Flag};
use super::platform::{AgentConfig, FlagPlace};
use super::{KubeProxy, pod};
use crate::edit::flags::{At, Flags, Form, Set, lines, list, manifest};
use crate::facts::{Origin, OriginKind};
use crate::root::{NodePath, Root};

/// The file, as far as it was looked at.
#[derive(Clone, Debug)]
pub enum FlagFile {
    /// A drop-in of a systemd service.
    DropIn(DropIn),
    /// The configuration of k3s or RKE2, with what its files' names lead to.
    Agent(AgentConfig, Vec<(NodePath, NodePath)>),
    /// A file of flags: the service that reads it, where it lies, and what it holds.
    Lines(String, NodePath, Vec<u8>),
    /// A static pod's manifest: where it lies, what it holds, and the flags that it gives.
    Manifest(NodePath, Vec<u8>, Vec<Flag>),
}

/// Looks at the file in which this kube-proxy's flags last.
///
/// # Errors
/// Why there is none.
pub fn find(root: &Root, proxy: &KubeProxy) -> Result<FlagFile, String> {
    let read = |path: &NodePath| {
        let (resolved, opened) = root.open(path).map_err(|error| format!("{path} {error}"))?;
        let bytes = opened.read().map_err(|error| format!("{path} {error}"))?;
        Ok::<_, String>((resolved, bytes))
    };
    match &proxy.flag_place {
        FlagPlace::Nowhere(why) => Err(why.clone()),
        FlagPlace::Unit => proxy
            .unit()
            .and_then(|unit| drop_in::of(root, unit, "kube-proxy"))
            .map(FlagFile::DropIn)
            .ok_or_else(|| "its unit has no command".into()),
        FlagPlace::Agent(config) => {
            let named = config.files.iter().chain([&config.main]);
            let resolved = named.map(|path| {
                let resolved = root.locate(path).map(|place| place.path);
                (path.clone(), resolved.unwrap_or_else(|_| path.clone()))
            });
            Ok(FlagFile::Agent(config.clone(), resolved.collect()))
        }
        FlagPlace::ArgsFile(file) => {
            let (path, bytes) = read(&file.path)?;
            Ok(FlagFile::Lines(file.service.clone(), path, bytes))
        }
        FlagPlace::Manifest(path) => {
            let (path, bytes) = read(path)?;
            let found = pod::in_bytes(&path, &bytes, "kube-proxy");
            let found = found.ok_or_else(|| format!("{path} starts no kube-proxy"))?;
            let flags = flags::parse(&found.arguments, &found.origin);
            Ok(FlagFile::Manifest(path, bytes, flags))
        }
    }
}

impl FlagFile {
    /// The edit that sets a flag of kube-proxy, and the file that it is for. `given` are the flags that
    /// count now.
    ///
    /// # Errors
    /// Why it is left to a person, and what that is to do.
    pub fn edit(&self, given: &[Flag], wanted: Wanted) -> Result<(NodePath, Flags), String> {
        let (name, value) = (wanted.name, wanted.value);
        let told = |why| match self {
            FlagFile::DropIn(_) => why,
            _ => format!("{why}; kube-proxy needs --{name}={value}"),
        };
        self.made(given, wanted).map_err(told)
    }

    fn made(&self, given: &[Flag], wanted: Wanted) -> Result<(NodePath, Flags), String> {
        let program = "kube-proxy";
        let (path, form, at) = match self {
            FlagFile::DropIn(drop_in) => {
                return Ok((drop_in.path.clone(), drop_in.edit(program, &[wanted])?));
            }
            FlagFile::Agent(config, resolved) => {
                let (path, key, at) = in_agent(config, given, wanted)?;
                let real = resolved.iter().find(|(named, _)| *named == path);
                let form = Form::List {
                    key,
                    agent: config.agent,
                    service: config.service.clone(),
                };
                (real.map_or(path, |(_, real)| real.clone()), form, at)
            }
            FlagFile::Lines(_, path, bytes) => {
                let at = lines::place(bytes, wanted.name, wanted.list);
                (
                    path.clone(),
                    Form::Lines,
                    at.map_err(|why| format!("{path}: {why}"))?,
                )
            }
            FlagFile::Manifest(path, bytes, _) => {
                let at = manifest::place(bytes, program, wanted.name, wanted.list);
                (
                    path.clone(),
                    Form::Manifest,
                    at.map_err(|why| format!("{path}: {why}"))?,
                )
            }
        };
        let set = Set {
            name: wanted.name.into(),
            value: wanted.value.into(),
            at,
        };
        Ok((
            path,
            Flags {
                program: program.into(),
                form,
                set: vec![set],
            },
        ))
    }
}

/// The file and the key whose list gives the flag, or to whose list it is added.
fn in_agent(
    config: &AgentConfig,
    given: &[Flag],
    wanted: Wanted,
) -> Result<(NodePath, String, At), String> {
    if let Some(Origin {
        kind: OriginKind::Unit,
        path: Some(path),
        ..
    }) = flags::last(given, wanted.name).map(|flag| &flag.origin)
    {
        return Err(format!(
            "{path} gives it on {}'s command line: set it there",
            config.agent.name()
        ));
    }
    let counting = || config.settings.iter().filter(|setting| setting.counts);
    let mut found = Vec::new();
    for setting in counting() {
        for (item, line) in &setting.items {
            let (name, adds) = list::name_of(item);
            if name == wanted.name && adds {
                return Err(format!(
                    "{}:{line} adds to what {} gives by itself",
                    setting.path,
                    config.agent.name()
                ));
            }
            if name == wanted.name {
                found.push(setting);
            }
        }
    }
    if wanted.list && found.len() > 1 {
        return Err(format!(
            "--{} more than once, and its values add up",
            wanted.name
        ));
    }
    Ok(match (found.last(), config.last()) {
        (Some(setting), _) => (setting.path.clone(), setting.key.clone(), At::InPlace),
        (None, Some(setting)) => (setting.path.clone(), setting.key.clone(), At::Behind),
        (None, None) => (config.main.clone(), "kube-proxy-arg".into(), At::Behind),
    })
}
