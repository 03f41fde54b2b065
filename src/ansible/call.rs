//! Telling a call by Ansible from everything that somebody types.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc::{O_NOCTTY, O_NONBLOCK};
use serde_json::{Map, Value};

/// Largest file of arguments that is read, in bytes: a task's options are a few hundred.
const MAX_ARGUMENTS: u64 = 1 << 20;
/// What Ansible's own keys start with.
const OWN: &str = "_ansible_";

/// What Ansible calls with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The module's name as the play knows it, for messages.
    pub module: String,
    /// Nothing may be written.
    pub check_mode: bool,
    /// Options that are not known are passed over.
    pub ignore_unknown: bool,
    /// The options of the task.
    pub options: Map<String, Value>,
}

/// What the only argument turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Given {
    /// A call by Ansible.
    Call(Box<Call>),
    /// A call by Ansible that cannot be understood: why.
    Broken(String),
    /// No call by Ansible: why.
    Other(String),
}

/// The path in the only argument, when it can be one: no command and no flag has a slash in it, and
/// the path that Ansible gives always has one.
pub fn argument(mut arguments: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let only = arguments.nth(1)?;
    let path = only.as_bytes().contains(&b'/') && !only.as_bytes().starts_with(b"-");
    (path && arguments.next().is_none()).then(|| PathBuf::from(only))
}

/// Reads the file and says what it is. Opened first, judged on the handle.
pub fn given(path: &Path) -> Given {
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(why) => return Given::Other(why),
    };
    let fields = match serde_json::from_slice(&bytes) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return Given::Other("it holds no JSON object".into()),
        Err(_) => return Given::Other("it holds no JSON".into()),
    };
    let (own, options): (Map<_, _>, Map<_, _>) = fields
        .into_iter()
        .partition(|(name, _)| name.starts_with(OWN));
    if own.is_empty() {
        return Given::Other(format!(
            "its JSON has none of Ansible's own keys ({OWN}...)"
        ));
    }
    match call(&own, options) {
        Ok(call) => Given::Call(Box::new(call)),
        Err(why) => Given::Broken(why),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::options()
        .read(true)
        // A pipe or a terminal in its place must not hold us.
        .custom_flags(O_NONBLOCK | O_NOCTTY)
        .open(path)
        .map_err(|error| error.to_string())?;
    let meta = file.metadata().map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is no regular file".into());
    }
    let mut bytes = Vec::new();
    file.take(MAX_ARGUMENTS + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_ARGUMENTS {
        return Err(format!("it is larger than {} MiB", MAX_ARGUMENTS >> 20));
    }
    Ok(bytes)
}

fn call(own: &Map<String, Value>, options: Map<String, Value>) -> Result<Call, String> {
    let flag = |name: &str| match own.get(name) {
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(Value::Null) | None => Ok(None),
        Some(_) => Err(format!("{name} is neither true nor false")),
    };
    // Ansible always says it. To guess would be to guess whether anything may be written.
    let check_mode = flag("_ansible_check_mode")?.ok_or(
        "_ansible_check_mode is missing, so it is not known whether anything may be written",
    )?;
    Ok(Call {
        module: name(own.get("_ansible_module_name")),
        check_mode,
        ignore_unknown: flag("_ansible_ignore_unknown_opts")?.unwrap_or(false),
        options,
    })
}

/// The collection has a binary for each architecture, which nobody names in a play.
fn name(own: Option<&Value>) -> String {
    let name = own.and_then(Value::as_str).unwrap_or("tighten");
    let plain = ["_amd64", "_arm64"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix));
    plain.unwrap_or(name).replace(".__binaries.", ".")
}
