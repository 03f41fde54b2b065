//! Units as systemd reads them: search path, drop-ins, continuation lines, environment.

use crate::facts::{Origin, OriginKind};
use crate::root::{FileKind, LookError, NodePath, Root};

use super::flags::{self, Flag};
use super::words::{self, Variables};

/// Where units lie, the strongest first (systemd.unit(5)).
const SEARCH_PATH: &[&str] = &[
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// A service with everything that adds to it.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// `kube-proxy.service`.
    pub name: String,
    /// The unit file first, then its drop-ins in the order in which they apply.
    pub files: Vec<NodePath>,
    /// The words of the command that counts, variables filled in.
    pub command: Vec<String>,
    /// Where that command stands.
    pub origin: Option<Origin>,
    /// What the command finds in its environment.
    pub environment: Variables,
    /// Where the command starts; the root when nothing says so.
    pub directory: Option<NodePath>,
    /// Why the command could not be read to its end.
    pub problem: Option<String>,
}

impl Unit {
    /// The flags that its command gives to a program, and why they could not be read to their end.
    pub fn flags(&self, program: &str) -> (Vec<Flag>, Option<String>) {
        let Some(found) = words::arguments(&self.command, &self.environment, program) else {
            return (Vec::new(), self.problem.clone());
        };
        let origin = self.origin.clone().unwrap_or(Origin::flag(None));
        let held = |problem| format!("its ExecStart holds {problem}");
        let problem = self.problem.clone().or(found.problem.map(held));
        (flags::parse(&found.words, &origin), problem)
    }
}

/// All services whose command names the program, by unit name.
pub fn running(root: &Root, program: &str) -> Vec<Unit> {
    let mut seen: Vec<String> = Vec::new();
    let mut found = Vec::new();
    let directories: Vec<(NodePath, Vec<String>)> = search_path()
        .into_iter()
        .map(|path| (root.list(&path).unwrap_or_default(), path))
        .map(|(listed, path)| (path, listed))
        .collect();
    let extended = |name: &str| {
        let folder = format!("{name}.d");
        directories
            .iter()
            .any(|(_, listed)| listed.contains(&folder))
    };
    for (directory, listed) in &directories {
        for name in listed.iter().filter(|name| name.ends_with(".service")) {
            if seen.contains(name) {
                continue;
            }
            seen.push(name.clone());
            // Most services are not ours: only those are read to their end that name the program,
            // or whose drop-ins may do so.
            let mentioned = directory
                .join(name)
                .and_then(|path| read_text(root, &path).ok())
                .is_some_and(|text| text.contains(program) || text.contains("hyperkube"));
            if !mentioned && !extended(name) {
                continue;
            }
            found.extend(load(root, name).filter(|unit| {
                words::arguments(&unit.command, &unit.environment, program).is_some()
            }));
        }
    }
    found
}

/// Loads one unit with its drop-ins. `None` when there is none, or it is masked.
pub fn load(root: &Root, name: &str) -> Option<Unit> {
    let directories = search_path();
    let main = directories
        .iter()
        .filter_map(|directory| directory.join(name))
        .find(|path| {
            let there = root.locate(path).and_then(|place| place.open());
            !matches!(there, Err(LookError::Missing)) || masked(root, path)
        })?;
    let mut settings = Settings::default();
    // A masked unit is no regular file.
    settings.read(root, &main)?;
    let mut unit = Unit {
        name: name.to_string(),
        files: vec![main],
        ..Unit::default()
    };
    let mut dropins: Vec<(String, NodePath)> = Vec::new();
    for directory in &directories {
        let Some(folder) = directory.join(&format!("{name}.d")) else {
            continue;
        };
        for file in root.list(&folder).unwrap_or_default() {
            if file.ends_with(".conf") && !dropins.iter().any(|(known, _)| *known == file) {
                dropins.extend(folder.join(&file).map(|path| (file, path)));
            }
        }
    }
    dropins.sort();
    for (_, path) in dropins {
        if settings.read(root, &path).is_none() {
            // Anything but a mask may say what is not known then.
            if masked(root, &path) {
                continue;
            }
            settings.problem = Some(format!("its drop-in {path} cannot be read"));
        }
        unit.files.push(path);
    }
    settings.finish(root, &mut unit);
    Some(unit)
}

/// A link to /dev/null, which is not there in an image, switches a unit or a drop-in off.
fn masked(root: &Root, path: &NodePath) -> bool {
    root.link(path).is_some_and(|target| target == "/dev/null")
}

fn search_path() -> Vec<NodePath> {
    SEARCH_PATH
        .iter()
        .filter_map(|path| NodePath::new(path))
        .collect()
}

/// What the files of a unit say, merged.
#[derive(Default)]
struct Settings {
    exec: Option<(String, Origin)>,
    environment: Vec<(String, String)>,
    environment_files: Vec<String>,
    directory: Option<NodePath>,
    problem: Option<String>,
}

impl Settings {
    fn read(&mut self, root: &Root, path: &NodePath) -> Option<()> {
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
            _ => {}
        }
    }

    fn finish(self, root: &Root, unit: &mut Unit) {
        unit.problem = self.problem;
        unit.directory = self.directory;
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

fn read_text(root: &Root, path: &NodePath) -> Result<String, LookError> {
    let bytes = root.open(path)?.1.read()?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
