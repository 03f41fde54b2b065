//! Whether packets from elsewhere may be routed to loopback: net.ipv4.conf.all.route_localnet, in the kernel
//! and in the files that set it at boot (sysctl.d(5)).

use std::collections::BTreeMap;
use std::fs;

use crate::root::{LookError, NodePath, Root, Where};
use crate::waivers::Glob;

/// The setting, as sysctl(8) names it.
pub const NAME: &str = "net.ipv4.conf.all.route_localnet";
/// Where the kernel shows it.
pub const PROC: &str = "/proc/sys/net/ipv4/conf/all/route_localnet";
/// The file that tighten sets it in. Files count in the order of their names, the last one decides, and
/// 99-sysctl.conf is /etc/sysctl.conf on Debian.
pub const FILE: &str = "/etc/sysctl.d/99-tighten.conf";
/// What it holds.
pub const TEXT: &str = "\
# Written by tighten; a rollback takes it back. kube-proxy sets this to 1 for NodePorts on loopback, and does not
# set it back when it stops serving them there.
net.ipv4.conf.all.route_localnet = 0
";
/// What `sysctl --system` of procps reads last of all, and systemd does not read.
const OLD: &str = "/etc/sysctl.conf";
/// Of files of one name the one in the first of these counts.
const DIRECTORIES: &[&str] = &[
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
];
/// Most files that are read; a node has some ten.
const MAX_FILES: usize = 1024;

/// The setting in the kernel and in files.
#[derive(Clone, Debug)]
pub struct RouteLocalnet {
    /// What the kernel has now; `None` in a tree that is not running.
    pub now: Option<Result<bool, String>>,
    /// What sets it at boot, in the order in which that happens, or why that is not known.
    pub settings: Result<Vec<Setting>, String>,
    /// What the file of ours holds; `None` when it is not there.
    pub own: Result<Option<String>, LookError>,
}

/// A line that sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The file.
    pub path: NodePath,
    /// The line in it, counted from 1.
    pub line: usize,
    /// To what; `None` for something else than a number.
    pub on: Option<bool>,
    /// True when it names the setting, and no pattern: a name counts before all patterns.
    pub named: bool,
}

impl RouteLocalnet {
    /// Looks at the kernel and at the files.
    pub fn gather(root: &Root) -> RouteLocalnet {
        RouteLocalnet {
            now: (root.place() == Where::Live).then(now),
            settings: settings(root),
            own: NodePath::new(FILE).map_or(Ok(None), |path| text(root, &path)),
        }
    }

    /// The line that decides at boot.
    pub fn deciding(&self) -> Option<&Setting> {
        let settings = self.settings.as_ref().ok()?;
        let last = |named: bool| settings.iter().rev().find(|one| one.named == named);
        last(true).or_else(|| last(false))
    }

    /// The first line that sets it again behind the file of ours.
    pub fn behind_ours(&self) -> Option<&Setting> {
        let settings = self.settings.as_ref().ok()?;
        let behind = |one: &&Setting| {
            let later = one.path.as_str() == OLD || Some(one.path.name()) > own_name();
            one.named && later && one.on == Some(true)
        };
        settings.iter().find(behind)
    }
}

fn own_name() -> Option<&'static str> {
    FILE.rsplit('/').next()
}

/// What a file holds; `None` when it is not there.
///
/// # Errors
/// When it cannot be read.
pub(super) fn text(root: &Root, path: &NodePath) -> Result<Option<String>, LookError> {
    match root.open(path).and_then(|(_, opened)| opened.read()) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(LookError::Missing) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the kernel has now.
///
/// # Errors
/// In words, when it does not say.
pub fn now() -> Result<bool, String> {
    let text = fs::read_to_string(PROC).map_err(|error| format!("{PROC}: {error}"))?;
    switch(text.trim()).ok_or_else(|| format!("{PROC} is no number"))
}

/// Any number but 0 is on, as for the kernel.
fn switch(text: &str) -> Option<bool> {
    text.parse::<i64>().ok().map(|number| number != 0)
}

fn settings(root: &Root) -> Result<Vec<Setting>, String> {
    let mut files: BTreeMap<String, NodePath> = BTreeMap::new();
    for directory in DIRECTORIES.iter().filter_map(|path| NodePath::new(path)) {
        let names = match root.list(&directory) {
            Ok(names) => names,
            Err(LookError::Missing) => continue,
            Err(error) => return Err(format!("{directory}: {error}")),
        };
        for name in names.into_iter().filter(|name| name.ends_with(".conf")) {
            if let Some(path) = directory.join(&name) {
                files.entry(name).or_insert(path);
            }
        }
    }
    if files.len() > MAX_FILES {
        return Err(format!("more than {MAX_FILES} files of sysctl.d"));
    }
    let mut found = Vec::new();
    for path in files.into_values().chain(NodePath::new(OLD)) {
        match root.open(&path).and_then(|(_, opened)| opened.read()) {
            Ok(bytes) => found.extend(in_text(&path, &String::from_utf8_lossy(&bytes))),
            Err(LookError::Missing) => {}
            // A link to /dev/null, by which a file of this name is masked.
            Err(LookError::Kind(_)) => {}
            Err(error) => return Err(format!("{path}: {error}")),
        }
    }
    Ok(found)
}

/// The lines of a file that set it.
fn in_text(path: &NodePath, text: &str) -> Vec<Setting> {
    let set = |(index, line): (usize, &str)| {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            return None;
        }
        let (name, value) = line.split_once('=')?;
        // A minus means that it is no error when it cannot be set.
        let name = name.trim();
        let name = name.strip_prefix('-').unwrap_or(name);
        let named = matches(name)?;
        Some(Setting {
            path: path.clone(),
            line: index + 1,
            on: switch(value.trim()),
            named,
        })
    };
    text.lines().enumerate().filter_map(set).collect()
}

/// Whether a name is the setting's (true), or a pattern that it matches (false). What stands first, a dot or a
/// slash, separates, and the other one belongs to a part.
fn matches(name: &str) -> Option<bool> {
    let separator = name.chars().find(|letter| matches!(letter, '.' | '/'))?;
    let name = name.strip_prefix("/proc/sys/").unwrap_or(name);
    let (parts, wanted) = (name.split(separator), NAME.split('.'));
    if parts.clone().count() != wanted.clone().count() {
        return None;
    }
    let mut named = true;
    for (part, wanted) in parts.zip(wanted) {
        if part == wanted {
            continue;
        }
        named = false;
        if !fits(part, wanted) {
            return None;
        }
    }
    Some(named)
}

/// Whether a part of a pattern fits. What is no pattern that is read here, such as a range of letters, is taken
/// to fit, so that its line is told rather than passed over.
fn fits(part: &str, wanted: &str) -> bool {
    match Glob::of_path(&format!("/{part}")) {
        Ok(pattern) => pattern.matches(&format!("/{wanted}")),
        Err(_) => !part.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_known_in_each_of_its_spellings() {
        for (line, expected) in [
            (
                "net.ipv4.conf.all.route_localnet = 1",
                Some((Some(true), true)),
            ),
            (
                "  net/ipv4/conf/all/route_localnet=1",
                Some((Some(true), true)),
            ),
            (
                "-net.ipv4.conf.all.route_localnet=0",
                Some((Some(false), true)),
            ),
            (
                "net.ipv4.conf.*.route_localnet = 2",
                Some((Some(true), false)),
            ),
            (
                "net.ipv4.conf.a?l.route_local* = 1",
                Some((Some(true), false)),
            ),
            (
                "net.ipv4.conf.[a-z]*.route_localnet = 1",
                Some((Some(true), false)),
            ),
            ("net.ipv4.conf.all.route_localnet = yes", Some((None, true))),
            (
                "/proc/sys/net/ipv4/conf/all/route_localnet = 1",
                Some((Some(true), true)),
            ),
            ("# net.ipv4.conf.all.route_localnet = 1", None),
            ("; net.ipv4.conf.all.route_localnet = 1", None),
            ("net.ipv4.conf.all.route_localnet", None),
            ("net.ipv4.conf.all.route_localnet.x = 1", None),
            ("net.ipv4.conf.eth0.route_localnet = 1", None),
            ("net.ipv4.conf.*x.route_localnet = 1", None),
            ("net.ipv4.ip_forward = 1", None),
            ("= 1", None),
            ("", None),
        ] {
            let path = NodePath::new("/etc/sysctl.d/a.conf").unwrap();
            let found = in_text(&path, &format!("\n{line}\n"));
            let found = found.first().map(|one| (one.on, one.named));
            assert_eq!(found, expected, "{line}");
        }
    }
}
