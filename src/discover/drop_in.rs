//! Where the flags of a systemd service last: in a drop-in of ours that gives its command again.

use crate::edit::flags::{Command, Flags, Form, Set};
use crate::root::{FileKind, LookError, NodePath, Root};

use super::systemd::Unit;
use super::words::Variables;

/// Where the administrator's drop-ins lie; only `systemctl` itself and what is gone at the next boot
/// are stronger.
const DIRECTORY: &str = "/etc/systemd/system";
/// Ours. It comes behind most others.
const NAME: &str = "90-tighten.conf";
/// Where another drop-in that gives the command comes behind it, as `override.conf` of `systemctl edit`.
const LATER_NAME: &str = "zz-tighten.conf";
/// What is gone at the next boot, or made anew by it.
const VOLATILE: &str = "/run";
/// The mode of a unit file.
const MODE: u32 = 0o644;

/// Where the flags of a service can be set.
#[derive(Clone, Debug)]
pub struct DropIn {
    /// The service.
    pub unit: String,
    /// The drop-in, whether or not it is there.
    pub path: NodePath,
    /// The value of the ExecStart that counts.
    pub exec: String,
    /// The mode of a new drop-in.
    pub mode: u32,
    /// Why the command cannot be given again.
    pub obstacle: Option<String>,
    /// True when the command is the only one, so that a person can give it again.
    alone: bool,
    environment: Variables,
}

/// A flag that is to be set, as [`DropIn::edit`] takes it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The name without dashes.
    pub name: &'a str,
    /// The value.
    pub value: &'a str,
    /// True for a flag whose values add up when it is repeated.
    pub list: bool,
}

/// Finds the drop-in for a service. `None` for one without a command.
pub fn of(root: &Root, unit: &Unit, program: &str) -> Option<DropIn> {
    let exec = unit.exec.clone()?;
    let origin = unit.origin.as_ref()?.path.clone()?;
    let directory = NodePath::new(DIRECTORY)?.join(&format!("{}.d", unit.name))?;
    let main = unit.files.first() == Some(&origin);
    let later = !main && origin.name() > NAME;
    let path = directory.join(if later { LATER_NAME } else { NAME })?;
    let found = root.open(&directory);
    let readable = |path: &NodePath| {
        let mode = root.open(path).map(|(_, opened)| opened.meta.mode);
        mode.unwrap_or(MODE)
    };
    // What was kept from others in the unit stays kept from them.
    let mode = MODE & (readable(&origin) | 0o600);
    let obstacle = obstacle(unit, program, &origin, &exec).or_else(|| match &found {
        Ok((resolved, opened)) => {
            let real = *resolved == directory && opened.meta.kind == FileKind::Directory;
            (!real).then(|| format!("{directory} is no directory of its own"))
        }
        Err(LookError::Missing) => None,
        Err(error) => Some(format!("{directory} {error}")),
    });
    Some(DropIn {
        unit: unit.name.clone(),
        path,
        exec,
        mode,
        obstacle,
        alone: unit.commands == 1 && unit.doubt.is_none(),
        environment: unit.environment.clone(),
    })
}

/// Why the command of a unit is not given again elsewhere.
fn obstacle(unit: &Unit, program: &str, origin: &NodePath, exec: &str) -> Option<String> {
    let volatile = NodePath::new(VOLATILE)?;
    let name = &unit.name;
    let holds = |what: String| format!("{origin} holds {what}");
    if let Some(file) = [Some(origin), unit.files.first()]
        .into_iter()
        .flatten()
        .find(|file| file.is_below(&volatile))
    {
        return Some(format!("{file} is made anew at each boot"));
    }
    if unit.commands != 1 {
        return Some(format!("{name} has {} commands", unit.commands));
    }
    if let Some(problem) = unit.doubt.as_ref().or(unit.problem.as_ref()) {
        return Some(problem.clone());
    }
    let command = match Command::read(exec, program) {
        Ok(command) => command,
        Err(what) => return Some(holds(what)),
    };
    if command.has_secret() {
        return Some(holds("a secret, which is not to be copied".into()));
    }
    // Two readings of one command: where they differ, neither is believed.
    match command.words(&unit.environment) {
        Err(what) => return Some(holds(what)),
        Ok(words) if words != unit.command => {
            return Some(holds("a command that is not understood".into()));
        }
        Ok(_) => {}
    }
    unit.flags(program).problem
}

impl DropIn {
    /// The edit of the drop-in that sets these flags of a program.
    ///
    /// # Errors
    /// Why it is left to a person, with the text of the drop-in where that is known.
    pub fn edit(&self, program: &str, wanted: &[Wanted]) -> Result<Flags, String> {
        match self.sets(program, wanted) {
            Ok(set) => Ok(Flags {
                program: program.into(),
                form: Form::DropIn {
                    unit: self.unit.clone(),
                    exec: self.exec.clone(),
                    mode: self.mode,
                },
                set,
            }),
            Err(why) => Err(format!("{why}; {}", self.by_hand(program, wanted))),
        }
    }

    fn sets(&self, program: &str, wanted: &[Wanted]) -> Result<Vec<Set>, String> {
        if let Some(obstacle) = &self.obstacle {
            return Err(obstacle.clone());
        }
        let holds = |what| format!("the command of {} holds {what}", self.unit);
        let command = Command::read(&self.exec, program).map_err(holds)?;
        let set = |wanted: &Wanted| {
            let at = command
                .place(wanted.name, wanted.list, &self.environment)
                .map_err(holds)?;
            Ok(Set {
                name: wanted.name.into(),
                value: wanted.value.into(),
                at,
            })
        };
        wanted.iter().map(set).collect()
    }

    /// What a person is to do.
    fn by_hand(&self, program: &str, wanted: &[Wanted]) -> String {
        let flags: Vec<String> = wanted
            .iter()
            .map(|wanted| format!("--{}={}", wanted.name, wanted.value))
            .collect();
        let flags = flags.join(" ");
        let (unit, path) = (&self.unit, &self.path);
        let plain = self.alone
            && !wanted.iter().any(|wanted| wanted.list)
            && self
                .exec
                .split_whitespace()
                .any(|word| word.ends_with(program))
            && !self.exec.contains([';', '\'', '"']);
        let secret = Command::read(&self.exec, program).is_ok_and(|command| command.has_secret())
            || self.exec.contains('@') && self.exec.contains("://")
            || ["token", "password", "secret"]
                .iter()
                .any(|word| self.exec.contains(word));
        if plain && !secret {
            return format!(
                "put into {path}:\n[Service]\nExecStart=\nExecStart={} {flags}\nthen systemctl daemon-reload and systemctl restart {unit}",
                self.exec
            );
        }
        format!("give {program} {flags} where {unit} starts it")
    }
}
