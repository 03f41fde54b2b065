//! Units as systemd reads them: search path, drop-ins, continuation lines, environment.

use crate::facts::Origin;
use crate::root::{LookError, NodePath, Root};

use super::flags::{self, Flag};
use super::sandbox::Sandbox;
use super::settings::Settings;
use super::words::{self, Variables};

/// Where units lie, the strongest first (systemd.unit(5)).
const SEARCH_PATH: &[&str] = &[
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
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
    /// As whom the command runs, when that is not root.
    pub user: Option<String>,
    /// The value of the ExecStart that counts, as it is written: lines joined, nothing filled in.
    pub exec: Option<String>,
    /// How many commands ExecStart gives; more than one is for `Type=oneshot`.
    pub commands: usize,
    /// Why systemd may read its files otherwise than it is done here.
    pub doubt: Option<String>,
    /// The setting that gives the command a file system other than the node's.
    pub own_root: Option<String>,
    /// Where the command may write.
    pub sandbox: Sandbox,
    /// Why the command could not be read to its end.
    pub problem: Option<String>,
}

/// What a unit's command gives to a program.
#[derive(Debug, Default)]
pub struct Given {
    /// The flags.
    pub flags: Vec<Flag>,
    /// Why they could not be read to their end, or do not speak of the node's files.
    pub problem: Option<String>,
    /// True when the program sees other files than the node's.
    pub elsewhere: bool,
    /// As whom the program runs, when that is not root.
    pub user: Option<String>,
}

impl Unit {
    /// The flags that its command gives to a program.
    pub fn flags(&self, program: &str) -> Given {
        let Some(found) = words::arguments(&self.command, &self.environment, program) else {
            return Given {
                problem: self.problem.clone(),
                user: self.user.clone(),
                ..Given::default()
            };
        };
        let elsewhere = match (found.container, &self.own_root) {
            (Some(starter), _) => Some(format!(
                "{} starts it with {starter}, in a file system of its own",
                self.name
            )),
            (None, Some(setting)) => Some(format!(
                "{} gives it a file system of its own with {setting}",
                self.name
            )),
            (None, None) => None,
        };
        let origin = self.origin.clone().unwrap_or(Origin::flag(None));
        let held = |problem| format!("its ExecStart holds {problem}");
        Given {
            flags: flags::parse(&found.words, &origin),
            elsewhere: elsewhere.is_some(),
            user: self.user.clone().or_else(|| {
                let starter = found.changes_user?;
                Some(format!("whomever {starter} makes it"))
            }),
            problem: elsewhere
                .or_else(|| self.problem.clone())
                .or(found.problem.map(held)),
        }
    }
}

/// All services whose command names the program, by unit name.
pub fn running(root: &Root, program: &str) -> Vec<Unit> {
    let names_it = |text: &str| text.contains(program) || text.contains("hyperkube");
    let mut seen: Vec<String> = Vec::new();
    let mut found: Vec<Unit> = Vec::new();
    let directories: Vec<(NodePath, Vec<String>)> = search_path()
        .into_iter()
        .map(|path| (root.list(&path).unwrap_or_default(), path))
        .map(|(listed, path)| (path, listed))
        .collect();
    // Folders of drop-ins that name the program, or cannot be read.
    let mut naming: Vec<&str> = Vec::new();
    for (directory, listed) in &directories {
        for folder in listed.iter().filter(|name| name.ends_with("service.d")) {
            let holds = directory.join(folder).is_some_and(|folder| {
                let names = root.list(&folder).unwrap_or_default();
                let mut files = names.iter().filter_map(|name| folder.join(name));
                files.any(|file| read_text(root, &file).map_or(true, |text| names_it(&text)))
            });
            if holds {
                naming.push(folder);
            }
        }
    }
    let extended = |name: &str| {
        dropin_folders(name)
            .iter()
            .any(|folder| naming.contains(&folder.as_str()))
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
                .is_some_and(|text| names_it(&text));
            if !mentioned && !extended(name) {
                continue;
            }
            found.extend(load(root, name).filter(|unit| {
                words::arguments(&unit.command, &unit.environment, program).is_some()
            }));
        }
    }
    // Of a template only its instances run: those that lie beside it or are linked to be started.
    let mut instances: Vec<String> = Vec::new();
    let any = found.iter().any(|unit| unit.name.contains('@'));
    for (directory, listed) in directories.iter().filter(|_| any) {
        let wanted = |name: &&String| name.ends_with(".wants") || name.ends_with(".requires");
        for folder in listed.iter().filter(wanted) {
            let folder = directory.join(folder);
            instances.extend(
                folder
                    .and_then(|folder| root.list(&folder).ok())
                    .into_iter()
                    .flatten(),
            );
        }
    }
    instances.sort();
    instances.dedup();
    for name in instances {
        let of_ours =
            template(&name).is_some_and(|template| found.iter().any(|unit| unit.name == template));
        if of_ours && !seen.contains(&name) {
            found.extend(load(root, &name));
        }
    }
    let templates: Vec<String> = found
        .iter()
        .filter_map(|unit| template(&unit.name))
        .collect();
    found.retain(|unit| !templates.contains(&unit.name));
    found
}

/// `a@.service` for the instance `a@b.service`.
fn template(name: &str) -> Option<String> {
    let (prefix, rest) = name.split_once('@')?;
    let (instance, kind) = rest.rsplit_once('.')?;
    (!instance.is_empty()).then(|| format!("{prefix}@.{kind}"))
}

/// The folders of drop-ins for a unit, the strongest first: its own, for an instance its template's,
/// those of its prefixes (`a-.service.d` for `a-b.service`), and the one for all services.
fn dropin_folders(name: &str) -> Vec<String> {
    let mut names = vec![name.to_string()];
    names.extend(template(name));
    let mut prefix = name.split(['@', '.']).next().unwrap_or_default();
    while let Some((shorter, _)) = prefix.trim_end_matches('-').rsplit_once('-') {
        names.push(format!("{shorter}-.service"));
        prefix = shorter;
    }
    names.iter().map(|name| format!("{name}.d")).collect()
}

/// Loads one unit with its drop-ins. `None` when there is none, or it is masked.
pub fn load(root: &Root, name: &str) -> Option<Unit> {
    load_as_if(root, name, None)
}

/// Loads one unit as if a drop-in of it had these contents, whether or not it is there.
pub fn load_as_if(root: &Root, name: &str, drop_in: Option<(&NodePath, &[u8])>) -> Option<Unit> {
    let directories = search_path();
    let file = |name: &str| {
        directories
            .iter()
            .filter_map(|directory| directory.join(name))
            .find(|path| {
                let there = root.locate(path).and_then(|place| place.open());
                !matches!(there, Err(LookError::Missing | LookError::NotDirectory))
                    || masked(root, path)
            })
    };
    let main = file(name).or_else(|| file(&template(name)?))?;
    let mut settings = Settings::default();
    // A masked unit is no regular file.
    settings.read(root, &main)?;
    let mut unit = Unit {
        name: name.to_string(),
        files: vec![main],
        ..Unit::default()
    };
    let mut dropins: Vec<(String, NodePath)> = Vec::new();
    let own = dropin_folders(name);
    let in_each = |folders: Vec<String>| {
        directories.iter().flat_map(move |directory| {
            let folders: Vec<_> = folders
                .iter()
                .filter_map(|name| directory.join(name))
                .collect();
            folders
        })
    };
    for folder in in_each(own).chain(in_each(vec!["service.d".into()])) {
        let supposed = drop_in
            .filter(|(path, _)| path.parent() == folder)
            .map(|(path, _)| path.name().to_string());
        for file in root
            .list(&folder)
            .unwrap_or_default()
            .into_iter()
            .chain(supposed)
        {
            if file.ends_with(".conf") && !dropins.iter().any(|(known, _)| *known == file) {
                dropins.extend(folder.join(&file).map(|path| (file, path)));
            }
        }
    }
    dropins.sort();
    for (_, path) in dropins {
        if let Some((_, bytes)) = drop_in.filter(|(supposed, _)| **supposed == path) {
            settings.take(bytes, &path);
        } else if settings.read(root, &path).is_none() {
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

pub(super) fn read_text(root: &Root, path: &NodePath) -> Result<String, LookError> {
    let bytes = root.open(path)?.1.read()?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::dropin_folders;

    #[test]
    fn a_unit_is_extended_under_its_own_name_its_templates_and_its_prefixes() {
        assert_eq!(
            dropin_folders("a-b-c@x.service"),
            [
                "a-b-c@x.service.d",
                "a-b-c@.service.d",
                "a-b-.service.d",
                "a-.service.d"
            ]
        );
        assert_eq!(dropin_folders("kubelet.service"), ["kubelet.service.d"]);
    }
}
