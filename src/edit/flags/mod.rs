//! Flags of a program, set in the file where they last.
//!
//! As with `edit` itself nobody trusts the result: the plan reads it again as it will be read on the node,
//! and the flags must be the former ones with exactly this change (`plan::proved`).

mod drop_in;
mod exec;
pub mod lines;
pub mod list;
pub mod manifest;
mod tokens;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use exec::Command;

use crate::discover::platform::Agent;

/// Flags of one program that are set in one file; all of them, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flags {
    /// The program: `kube-proxy`, `kube-apiserver`.
    pub program: String,
    /// How the file writes them.
    pub form: Form,
    /// The flags.
    pub set: Vec<Set>,
}

/// How a file writes flags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Form {
    /// As a command in a drop-in of a systemd service, which tighten makes.
    DropIn {
        /// The service.
        unit: String,
        /// The value of the ExecStart that counts as long as the drop-in is not there, lines joined.
        exec: String,
        /// The mode of a new drop-in: 0644, or stricter where the unit is.
        mode: u32,
    },
    /// As lines of a file of flags.
    Lines,
    /// As the items of a list in the configuration of k3s or RKE2, without dashes.
    List {
        /// `kube-proxy-arg` or `kube-proxy-arg+`.
        key: String,
        /// Whose configuration it is.
        agent: Agent,
        /// The service that reads it.
        service: Option<String>,
    },
    /// As the command of a container in a static pod's manifest.
    Manifest,
}

/// The mode of a configuration of k3s or RKE2 that is made: it may come to hold the cluster's token.
const AGENT_MODE: u32 = 0o600;

/// A flag and its new value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The name without dashes.
    pub name: String,
    /// The value.
    pub value: String,
    /// Where it goes.
    pub at: At,
}

/// Where a flag is set among those that are given already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// Where it stands; of several, at the last one, which counts.
    InPlace,
    /// Behind everything.
    Behind,
}

impl At {
    /// The place for a flag that is given so often, the last time where it can be written or not. A `list`
    /// flag adds up where it is repeated (pflag's slices); of others the last counts.
    fn of(name: &str, list: bool, times: usize, written: bool) -> Result<At, String> {
        match times {
            0 => Ok(At::Behind),
            2.. if list => Err(format!("--{name} more than once, and its values add up")),
            _ if written => Ok(At::InPlace),
            _ if list => Err(format!(
                "--{name} in a variable, and another one would add to it"
            )),
            _ => Ok(At::Behind),
        }
    }
}

impl Set {
    /// `--name=value`.
    ///
    /// # Errors
    /// When a reader of the file could take the value for anything but itself.
    fn spelled(&self) -> Result<String, String> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,[]".contains(letter);
        if self.value.is_empty() || !self.value.chars().all(plain) {
            return Err(format!("a value of --{} that needs quotes", self.name));
        }
        Ok(format!("--{}={}", self.name, self.value))
    }
}

impl fmt::Display for Set {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "--{}={}", self.name, self.value)
    }
}

/// Sets one flag in a file of some form.
type SetOne<'s> = dyn Fn(&[u8], &Set) -> Result<Vec<u8>, String> + 's;

impl Flags {
    /// The contents afterwards; of a file that is not there, from nothing.
    ///
    /// # Errors
    /// Why it is not made.
    pub fn of(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let holds = |what| format!("its command holds {what}");
        let each = |set: &SetOne<'_>| {
            let mut bytes = bytes.to_vec();
            for wanted in &self.set {
                bytes = set(&bytes, wanted)?;
            }
            Ok(bytes)
        };
        match &self.form {
            Form::Lines => each(&lines::set),
            Form::List { key, .. } => each(&|bytes, wanted| list::set(bytes, key, wanted)),
            Form::Manifest => each(&|bytes, wanted| manifest::set(bytes, &self.program, wanted)),
            Form::DropIn { unit, exec, .. } => {
                let mut command = match bytes {
                    [] => Command::read(exec, &self.program).map_err(holds)?,
                    bytes => drop_in::read(bytes, unit, &self.program)?,
                };
                for set in &self.set {
                    command.set(set)?;
                }
                Ok(drop_in::text(unit, &command).into_bytes())
            }
        }
    }

    /// True where the file is a YAML document.
    pub fn is_yaml(&self) -> bool {
        matches!(self.form, Form::List { .. } | Form::Manifest)
    }

    /// The mode with which the file is made where there is none; `None` where it must be there.
    pub fn makes(&self) -> Option<u32> {
        match &self.form {
            Form::DropIn { mode, .. } => Some(*mode),
            Form::List { .. } => Some(AGENT_MODE),
            Form::Lines | Form::Manifest => None,
        }
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = self.set.iter().map(ToString::to_string).collect();
        out.write_str(&shown.join(" "))
    }
}
