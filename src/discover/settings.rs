//! What the files of a unit say, line by line.

use crate::facts::{Origin, OriginKind};
use crate::root::{FileKind, NodePath, Root};

use super::environment::environment_file;
use super::systemd::{Unit, read_text};
use super::words::{self, Variables};

/// What the files of a unit say, merged.
#[derive(Default)]
pub struct Settings {
    exec: Vec<(String, Origin)>,
    environment: Vec<(String, String)>,
    environment_files: Vec<String>,
    directory: Option<NodePath>,
    user: Option<String>,
    dynamic_user: bool,
    own_root: Vec<(String, String)>,
    /// Settings that say where the command may write, in their order: they need the unit's name.
    writing: Vec<(String, String)>,
    /// Why what they say is not all of it.
    pub problem: Option<String>,
    /// Why systemd may read them otherwise than it is done here.
    doubt: Option<String>,
}

/// Settings that take variables away from the command, or give it those of the manager.
const ODD_ENVIRONMENT: &[&str] = &["PassEnvironment", "UnsetEnvironment"];

/// Settings that show the command another file system than the node's.
const OWN_ROOT: &[&str] = &[
    "RootDirectory",
    "RootImage",
    "BindPaths",
    "BindReadOnlyPaths",
    "TemporaryFileSystem",
    "MountImages",
    "ExtensionImages",
    "ExtensionDirectories",
];

impl Settings {
    /// Adds what a file says; `None` when it is no regular file or cannot be read.
    pub fn read(&mut self, root: &Root, path: &NodePath) -> Option<()> {
        let (_, opened) = root.open(path).ok()?;
        if opened.meta.kind != FileKind::File {
            return None;
        }
        self.take(&opened.read().ok()?, path);
        Some(())
    }

    /// Adds what these bytes of a file say.
    pub fn take(&mut self, bytes: &[u8], path: &NodePath) {
        let text = String::from_utf8_lossy(bytes);
        let odd = text
            .replace("\r\n", "\n")
            .contains(['\r', '\0', '\u{fffd}']);
        if odd || text.starts_with('\u{feff}') {
            self.doubt = Some(format!("{path} is no plain text"));
        }
        let mut section = String::new();
        for (line, text) in logical_lines(&text) {
            if let Some(name) = text
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                section = name.to_string();
            } else if section == "Service"
                && let Some((key, value)) = text.split_once('=')
            {
                self.set(key.trim(), value.trim(), path, line);
            }
        }
    }

    fn set(&mut self, key: &str, value: &str, path: &NodePath, line: usize) {
        match (key, value.is_empty()) {
            ("ExecStart", true) => self.exec.clear(),
            ("ExecStart", false) => self.exec.push((
                value.to_string(),
                Origin::at(OriginKind::Unit, path, Some(line)),
            )),
            (_, false) if ODD_ENVIRONMENT.contains(&key) => {
                self.doubt = Some(format!("{path} says {key}="));
            }
            ("Environment", true) => self.environment.clear(),
            ("Environment", false) => {
                for word in words::quoted(value).unwrap_or_default() {
                    if let Some((name, value)) = word.split_once('=') {
                        self.environment.push((name.into(), value.into()));
                    }
                }
            }
            ("EnvironmentFile", true) => self.environment_files.clear(),
            ("EnvironmentFile", false) => self.environment_files.push(value.to_string()),
            ("WorkingDirectory", _) => {
                self.directory = NodePath::new(value.trim_start_matches('-'));
            }
            ("User", _) => self.user = Some(value.to_string()),
            ("DynamicUser", _) => {
                let yes = ["1", "y", "yes", "t", "true", "on"];
                self.dynamic_user = yes.contains(&value.to_ascii_lowercase().as_str());
            }
            (_, empty) if OWN_ROOT.contains(&key) => {
                if empty || key.starts_with("Root") {
                    self.own_root.retain(|(known, _)| known != key);
                }
                if !empty && value != "/" {
                    self.own_root.push((key.into(), value.into()));
                }
            }
            _ => self.writing.push((key.into(), value.into())),
        }
    }

    /// Fills in the unit.
    pub fn finish(mut self, root: &Root, unit: &mut Unit) {
        unit.problem = self.problem;
        unit.doubt = self.doubt;
        unit.directory = self.directory;
        unit.user = match self.user.as_deref() {
            _ if self.dynamic_user => Some("a user that systemd makes up (DynamicUser=)".into()),
            None | Some("" | "root" | "0") => None,
            Some(user) => Some(format!("user {user}")),
        };
        let own_root = self.own_root.first();
        unit.own_root = own_root.map(|(key, value)| format!("{key}={value}"));
        for (key, value) in &self.writing {
            unit.sandbox.set(key, value, &unit.name);
        }
        unit.commands = self.exec.len();
        let Some((line, origin)) = self.exec.pop() else {
            return;
        };
        let mut variables = Variables::new();
        // Variables whose value only systemd knows, and why.
        let mut unknown: Vec<(String, String)> = Vec::new();
        for (name, value) in self.environment {
            match words::specifiers(&value, &unit.name) {
                Ok(value) => {
                    unknown.retain(|(known, _)| *known != name);
                    variables.insert(name, value);
                }
                Err(why) => unknown.push((name, why)),
            }
        }
        for file in &self.environment_files {
            let optional = file.starts_with('-');
            let read = words::specifiers(file.trim_start_matches('-'), &unit.name);
            let read = read.and_then(|path| match path.contains(['*', '?', '[']) {
                true => Err("a pattern, which is not read here".into()),
                false => Ok(NodePath::new(&path).map(|path| read_text(root, &path))),
            });
            match read {
                Ok(Some(Ok(text))) => {
                    let set = environment_file(&text);
                    unknown.retain(|(name, _)| !set.iter().any(|(known, _)| known == name));
                    variables.extend(set);
                }
                Ok(_) if optional => {}
                Ok(_) => unit.problem = Some(format!("its EnvironmentFile {file} cannot be read")),
                Err(why) => unit.problem = Some(format!("its EnvironmentFile holds {why}")),
            }
        }
        // `@` makes the second word argv[0], and with `:` no variable is filled in.
        let marks: &[char] = &['-', ':', '+', '!', '@', '|'];
        let command = line.trim_start_matches(marks);
        let marked = |mark: char| {
            let mut own = line.chars().take_while(|letter| marks.contains(letter));
            own.any(|letter| letter == mark)
        };
        let own_name = marked('@');
        let used = unknown.into_iter().find(|(name, _)| {
            ["$", "${"]
                .iter()
                .any(|sign| line.contains(&format!("{sign}{name}")))
        });
        if let Some((name, why)) = used {
            unit.problem = Some(format!("its variable {name} holds {why}"));
        }
        match words::systemd(command, (!marked(':')).then_some(&variables), &unit.name) {
            Ok(mut words) => {
                if own_name && words.len() > 1 {
                    words.remove(1);
                }
                unit.command = words;
            }
            Err(problem) => {
                unit.command = command.split_whitespace().map(String::from).collect();
                unit.problem = Some(format!("its ExecStart holds {problem}"));
            }
        }
        unit.environment = variables;
        unit.origin = Some(origin);
        unit.exec = Some(line);
    }
}

/// Lines with continuations joined and comments left out, each with the number of its first line. Only a
/// backslash that is the last byte of its line, and is not escaped by another, continues it
/// (systemd's config_parse).
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let whole = line.trim_start();
        let line = whole.trim_end();
        if line.starts_with(['#', ';']) || (line.is_empty() && open.is_none()) {
            continue;
        }
        let (number, mut sofar) = open.take().unwrap_or((index + 1, String::new()));
        let backslashes = whole.len() - whole.trim_end_matches('\\').len();
        let continued = line.strip_suffix('\\').filter(|_| backslashes % 2 == 1);
        match continued {
            Some(part) => {
                sofar.push_str(part);
                sofar.push(' ');
                open = Some((number, sofar));
            }
            None => {
                sofar.push_str(line);
                found.push((number, sofar));
            }
        }
    }
    found.extend(open);
    found
}

#[cfg(test)]
mod tests {
    use super::logical_lines;

    #[test]
    fn a_line_goes_on_only_behind_a_last_backslash_that_is_not_escaped() {
        assert_eq!(
            logical_lines("A=x \\ \nB=y\\\\\nC=z\\\\\\\n d\n"),
            [
                (1, "A=x \\".to_string()),
                (2, "B=y\\\\".to_string()),
                (3, "C=z\\\\ d".to_string()),
            ]
        );
    }

    #[test]
    fn a_continued_line_keeps_the_number_of_its_first() {
        assert_eq!(
            logical_lines("[Service]\nExecStart=/a \\\n# between\n  --x\n\nRestart=no"),
            [
                (1, "[Service]".to_string()),
                (2, "ExecStart=/a  --x".to_string()),
                (6, "Restart=no".to_string())
            ]
        );
    }
}
