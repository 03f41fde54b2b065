//! What the files of a unit say, line by line.

use crate::facts::{Origin, OriginKind};
use crate::root::{FileKind, NodePath, Root};

use super::systemd::{Unit, read_text};
use super::words::{self, Variables};

/// What the files of a unit say, merged.
#[derive(Default)]
pub struct Settings {
    exec: Option<(String, Origin)>,
    environment: Vec<(String, String)>,
    environment_files: Vec<String>,
    directory: Option<NodePath>,
    user: Option<String>,
    dynamic_user: bool,
    own_root: Vec<(String, String)>,
    /// Why what they say is not all of it.
    pub problem: Option<String>,
}

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
        let text = String::from_utf8_lossy(&opened.read().ok()?).into_owned();
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
        Some(())
    }

    fn set(&mut self, key: &str, value: &str, path: &NodePath, line: usize) {
        match (key, value.is_empty()) {
            ("ExecStart", true) => self.exec = None,
            ("ExecStart", false) => {
                self.exec = Some((
                    value.to_string(),
                    Origin::at(OriginKind::Unit, path, Some(line)),
                ));
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
            _ => {}
        }
    }

    /// Fills in the unit.
    pub fn finish(self, root: &Root, unit: &mut Unit) {
        unit.problem = self.problem;
        unit.directory = self.directory;
        unit.user = match self.user.as_deref() {
            _ if self.dynamic_user => Some("a user that systemd makes up (DynamicUser=)".into()),
            None | Some("" | "root" | "0") => None,
            Some(user) => Some(format!("user {user}")),
        };
        let own_root = self.own_root.first();
        unit.own_root = own_root.map(|(key, value)| format!("{key}={value}"));
        let Some((line, origin)) = self.exec else {
            return;
        };
        let mut variables: Variables = self.environment.into_iter().collect();
        for file in &self.environment_files {
            let optional = file.starts_with('-');
            let path = NodePath::new(file.trim_start_matches('-'));
            match path.as_ref().map(|path| read_text(root, path)) {
                Some(Ok(text)) => variables.extend(words::environment_file(&text)),
                _ if optional => {}
                _ => unit.problem = Some(format!("its EnvironmentFile {file} cannot be read")),
            }
        }
        // `@` makes the second word argv[0]; the other prefixes do not change the words.
        let marks: &[char] = &['-', ':', '+', '!', '@', '|'];
        let command = line.trim_start_matches(marks);
        let own_name = line
            .chars()
            .take_while(|letter| marks.contains(letter))
            .any(|letter| letter == '@');
        match words::systemd(command, &variables) {
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
    }
}

/// Lines with continuations joined and comments left out, each with the number of its first line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with(['#', ';']) || (line.is_empty() && open.is_none()) {
            continue;
        }
        let (number, mut sofar) = open.take().unwrap_or((index + 1, String::new()));
        match line.strip_suffix('\\') {
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
