//! Names of users and groups as the node has them, read from its own files: asking a directory service
//! would make a scan wait for the network.

use std::collections::BTreeMap;

use crate::root::{NodePath, Root};

/// Names by number.
#[derive(Clone, Debug, Default)]
pub struct Names {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
}

impl Names {
    /// Reads `/etc/passwd` and `/etc/group`; what cannot be read has no names.
    pub fn read(root: &Root) -> Names {
        Names {
            users: table(root, "/etc/passwd"),
            groups: table(root, "/etc/group"),
        }
    }

    /// The user's name, or the number.
    pub fn user(&self, uid: u32) -> String {
        named(&self.users, uid)
    }

    /// The group's name, or the number.
    pub fn group(&self, gid: u32) -> String {
        named(&self.groups, gid)
    }
}

fn named(table: &BTreeMap<u32, String>, number: u32) -> String {
    match table.get(&number) {
        Some(name) => name.clone(),
        // Everywhere, whatever the files say.
        None if number == 0 => "root".into(),
        None => number.to_string(),
    }
}

fn table(root: &Root, path: &str) -> BTreeMap<u32, String> {
    let bytes = NodePath::new(path)
        .and_then(|path| root.open(&path).ok()?.1.read().ok())
        .unwrap_or_default();
    let mut found = BTreeMap::new();
    for line in String::from_utf8_lossy(&bytes).lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(number)) = (fields.next(), fields.nth(1))
            && let Ok(number) = number.parse()
        {
            found.entry(number).or_insert_with(|| name.to_string());
        }
    }
    found
}
