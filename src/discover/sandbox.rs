//! What systemd lets a service write: ProtectSystem= and the lists of paths (systemd.exec(5)).

use super::words;
use crate::root::NodePath;

/// What `ProtectSystem=` makes read-only.
const VENDOR: &[&str] = &["/usr", "/boot", "/efi"];
/// What stays writable under `ProtectSystem=strict`.
const NEVER: &[&str] = &["/dev", "/proc", "/sys"];
/// Lists of paths, and whether the service may write there.
const LISTS: &[(&str, bool)] = &[
    ("ReadWritePaths", true),
    ("ReadOnlyPaths", false),
    ("InaccessiblePaths", false),
    // The names that they had before systemd 231.
    ("ReadWriteDirectories", true),
    ("ReadOnlyDirectories", false),
    ("InaccessibleDirectories", false),
];
/// Directories that systemd makes for the service, and where.
const OWN: &[(&str, &str)] = &[
    ("LogsDirectory", "/var/log"),
    ("StateDirectory", "/var/lib"),
    ("CacheDirectory", "/var/cache"),
    ("RuntimeDirectory", "/run"),
    ("ConfigurationDirectory", "/etc"),
];

/// Where a service may write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// `ProtectSystem=` as it is written.
    protect_system: String,
    /// The lists' entries: setting, path, whether it may be written.
    listed: Vec<(String, NodePath, bool)>,
}

impl Sandbox {
    /// Takes a setting of the section `[Service]`.
    pub(super) fn set(&mut self, key: &str, value: &str, unit: &str) {
        if key == "ProtectSystem" {
            self.protect_system = value.to_ascii_lowercase();
        }
        let list = LISTS.iter().find(|(name, _)| *name == key);
        let own = OWN.iter().find(|(name, _)| *name == key);
        let (below, write) = match (list, own) {
            (Some((_, write)), _) => ("", *write),
            (None, Some((_, below))) => (*below, true),
            (None, None) => return,
        };
        if value.is_empty() {
            self.listed.retain(|(known, ..)| known != key);
        }
        for word in words::quoted(value).unwrap_or_default() {
            // What only systemd can fill in is left out, so that too little counts as writable.
            let Ok(word) = words::specifiers(&word, unit) else {
                continue;
            };
            let path = match below {
                "" => word.trim_start_matches(['-', '+']).to_owned(),
                // `NAME:LINK` makes a link to it, too.
                below => format!("{below}/{}", word.split(':').next().unwrap_or_default()),
            };
            let path = NodePath::new(&path);
            self.listed
                .extend(path.map(|path| (key.to_owned(), path, write)));
        }
    }

    /// The setting that keeps the service from writing below a directory; `None` where it may.
    pub fn forbids(&self, directory: &NodePath) -> Option<String> {
        let covers = |path: &NodePath| directory.is_below(path);
        let depth = |path: &NodePath| path.components().count();
        let built_in = self.built_in(directory);
        // Of several paths the deepest decides; of two settings for one the stricter.
        let listed = self.listed.iter().filter(|(_, path, _)| covers(path));
        let listed = listed.max_by_key(|(_, path, write)| (depth(path), !*write));
        match (listed, built_in) {
            (Some((_, path, true)), Some(protected)) if depth(path) >= depth(&protected) => None,
            (Some((_, _, true)), None) | (None, None) => None,
            (Some((key, path, false)), _) => Some(format!("{key}={path}")),
            (_, Some(_)) => Some(format!("ProtectSystem={}", self.protect_system)),
        }
    }

    /// The deepest path above the directory that `ProtectSystem=` makes read-only.
    fn built_in(&self, directory: &NodePath) -> Option<NodePath> {
        let below = |all: &[&str]| {
            let mut paths = all.iter().filter_map(|path| NodePath::new(path));
            paths.find(|path| directory.is_below(path))
        };
        match self.protect_system.as_str() {
            "strict" => below(NEVER).is_none().then(NodePath::root),
            "full" => below(VENDOR).or_else(|| below(&["/etc"])),
            "1" | "y" | "yes" | "t" | "true" | "on" => below(VENDOR),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbids(settings: &[(&str, &str)], directory: &str) -> Option<String> {
        let mut sandbox = Sandbox::default();
        for (key, value) in settings {
            sandbox.set(key, value, "kube-apiserver.service");
        }
        sandbox.forbids(&NodePath::new(directory).unwrap())
    }

    #[test]
    fn the_deepest_path_decides_what_a_service_may_write() {
        let log = "/var/log/kubernetes/audit";
        let strict = ("ProtectSystem", "strict");
        let by_strict = Some("ProtectSystem=strict".to_string());
        for (settings, expected) in [
            (&[][..], None),
            (&[strict], by_strict.clone()),
            (&[("ProtectSystem", "full")], None),
            (&[("ProtectSystem", "true")], None),
            (&[strict, ("ProtectSystem", "")], None),
            (&[strict, ("ReadWritePaths", "/var/log")], None),
            (
                &[strict, ("ReadWritePaths", "/srv -/var/log/kubernetes")],
                None,
            ),
            (&[strict, ("LogsDirectory", "kubernetes")], None),
            (
                &[strict, ("ReadWritePaths", "/var/logs /etc")],
                by_strict.clone(),
            ),
            (
                &[
                    strict,
                    ("ReadWritePaths", "/var/log"),
                    ("ReadWritePaths", ""),
                ],
                by_strict.clone(),
            ),
            (&[strict, ("ReadWritePaths", "%L")], by_strict),
            (
                &[
                    ("ReadWritePaths", "/var/log"),
                    ("ReadOnlyPaths", "/var/log/kubernetes"),
                ],
                Some("ReadOnlyPaths=/var/log/kubernetes".into()),
            ),
            (
                &[
                    ("InaccessiblePaths", "/var"),
                    ("ReadWritePaths", "/var/log"),
                ],
                None,
            ),
            (
                &[
                    ("ReadOnlyPaths", "/var/log"),
                    ("ReadWritePaths", "/var/log"),
                ],
                Some("ReadOnlyPaths=/var/log".into()),
            ),
        ] {
            assert_eq!(forbids(settings, log), expected, "{settings:?}");
        }
        let full = &[("ProtectSystem", "full")];
        assert_eq!(forbids(full, "/etc/x"), Some("ProtectSystem=full".into()));
        assert_eq!(forbids(&[strict], "/dev/shm"), None);
    }
}
