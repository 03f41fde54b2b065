//! What a program asks of the kernel, from strace, as a script for [`crate::replay`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which calls make up a floor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Open, stat, read, list.
    Reads,
    /// Create, write, flush, rename, mode, owner.
    Writes,
}

/// One traced run.
pub struct Trace {
    lines: Vec<Line>,
}

struct Line {
    call: String,
    arguments: String,
    result: String,
}

impl Trace {
    pub fn of(command: &Command, file: &Path) -> Trace {
        let status = Command::new("strace")
            .args(["-y", "-s", "0", "-o"])
            .arg(file)
            .arg("--")
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .expect("this benchmark needs strace");
        assert!(
            matches!(status.code(), Some(0 | 2)),
            "{command:?}: {status}"
        );
        let text = std::fs::read_to_string(file).unwrap();
        let lines = text.lines().filter_map(|line| {
            let (call, rest) = line.split_once('(')?;
            let (arguments, result) = rest.rsplit_once(" = ")?;
            Some(Line {
                call: call.into(),
                arguments: arguments.trim_end().trim_end_matches(')').into(),
                result: result.into(),
            })
        });
        Trace {
            lines: lines.collect(),
        }
    }

    /// How often a call was made.
    pub fn count(&self, call: &str) -> usize {
        self.lines.iter().filter(|line| line.call == call).count()
    }

    /// How often a call was made and did its work.
    pub fn succeeded(&self, call: &str) -> usize {
        let done = |line: &&Line| line.call == call && line.result == "0";
        self.lines.iter().filter(done).count()
    }

    /// How many calls a floor keeps.
    pub fn calls(&self, below: &Path, kept: Kept) -> usize {
        self.script(below, kept).lines().count()
    }

    /// The calls of one kind on files below a directory, one per line.
    pub fn script(&self, below: &Path, kept: Kept) -> String {
        let mut handles = HashMap::new();
        let mut script = String::new();
        for line in &self.lines {
            let Some((kind, path, text)) = line.step(&mut handles) else {
                continue;
            };
            if kind == kept && path.starts_with(below) {
                script.push_str(&text);
                script.push('\n');
            }
        }
        script
    }
}

impl Line {
    /// What replay does for this call, and on which file.
    fn step(&self, handles: &mut HashMap<String, PathBuf>) -> Option<(Kept, PathBuf, String)> {
        let parts: Vec<&str> = self.arguments.split(", ").collect();
        let fields = |kept: Kept, path: PathBuf, step: &str, more: &[&str]| {
            let text = [&[step, path.to_str()?], more].concat().join("\t");
            Some((kept, path, text))
        };
        match self.call.as_str() {
            "open" | "openat" | "openat2" => {
                let asked = named(self.arguments.as_str())?;
                let path = held(&self.result).unwrap_or(asked);
                if let Some((number, _)) = self.result.split_once('<') {
                    handles.insert(number.into(), path.clone());
                }
                let has = |flag: &str| self.arguments.contains(flag);
                if has("O_CREAT") {
                    let new = if has("O_EXCL") { "new" } else { "any" };
                    fields(Kept::Writes, path, "create", &[new])
                } else {
                    let how = if has("O_PATH") { "path" } else { "read" };
                    fields(Kept::Reads, path, "open", &[how])
                }
            }
            "statx" | "newfstatat" => fields(Kept::Reads, named(&self.arguments)?, "stat", &[]),
            "read" => fields(Kept::Reads, held(&self.arguments)?, "read", &[]),
            "getdents64" => fields(Kept::Reads, held(&self.arguments)?, "list", &[]),
            "write" => fields(
                Kept::Writes,
                held(&self.arguments)?,
                "write",
                &[&self.result],
            ),
            "fallocate" => {
                let path = held(&self.arguments)?;
                fields(Kept::Writes, path, "reserve", &[parts[2], parts[3]])
            }
            "fsync" => fields(Kept::Writes, held(&self.arguments)?, "flush", &[]),
            "mkdirat" if self.result == "0" => {
                fields(Kept::Writes, named(&self.arguments)?, "make", &[])
            }
            "unlinkat" if self.result == "0" => {
                fields(Kept::Writes, named(&self.arguments)?, "remove", &[])
            }
            "renameat" | "renameat2" => {
                let to = named(&parts[2..].join(", "))?;
                fields(
                    Kept::Writes,
                    named(&self.arguments)?,
                    "rename",
                    &[to.to_str()?],
                )
            }
            "fchmodat" => {
                let mut path = named(&self.arguments)?;
                if let Some(number) = path.to_str()?.strip_prefix("/proc/self/fd/") {
                    path = handles.get(number)?.clone();
                }
                fields(Kept::Writes, path, "mode", &[parts[2]])
            }
            "fchownat" => {
                let path = named(&self.arguments)?;
                fields(Kept::Writes, path, "owner", &[parts[2], parts[3]])
            }
            _ => None,
        }
    }
}

/// The file behind the first handle in a text such as `3</etc>`.
fn held(text: &str) -> Option<PathBuf> {
    let (_, rest) = text.split_once('<')?;
    Some(PathBuf::from(rest.split_once('>')?.0))
}

/// The file named by a handle and a path relative to it, such as `3</etc>, "hostname"`.
fn named(text: &str) -> Option<PathBuf> {
    let path = text.split('"').nth(1)?;
    let base = held(text.split('"').next()?).unwrap_or_default();
    Some(if path.is_empty() {
        base
    } else {
        base.join(path)
    })
}
