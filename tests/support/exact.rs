//! A tree in all that must be kept: bytes, mode, owner, time of change, extended attributes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// One file of a tree. Directories have no time: it moves with each name in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exact {
    pub bytes: Option<Vec<u8>>,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Option<(i64, i64)>,
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// Everything below a directory, by path with a leading slash; symlinks are not followed.
pub fn exact(root: &Path) -> BTreeMap<String, Exact> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.unwrap();
        let name = entry.path().strip_prefix(root).unwrap();
        found.insert(format!("/{}", name.display()), exact_file(entry.path()));
    }
    found
}

pub fn exact_file(path: &Path) -> Exact {
    let meta = fs::symlink_metadata(path).unwrap();
    let bytes = if meta.is_file() {
        Some(fs::read(path).unwrap())
    } else if meta.is_symlink() {
        let target = fs::read_link(path).unwrap();
        Some(target.into_os_string().into_encoded_bytes())
    } else {
        None
    };
    Exact {
        bytes,
        mode: meta.mode(),
        uid: meta.uid(),
        gid: meta.gid(),
        mtime: (!meta.is_dir()).then(|| (meta.mtime(), meta.mtime_nsec())),
        xattrs: xattrs(path),
    }
}

/// Names that only a transaction under way may leave.
pub fn leftovers(root: &Path) -> Vec<String> {
    exact(root)
        .into_keys()
        .filter(|path| path.contains("/.tighten-"))
        .collect()
}

pub fn set_xattr(path: &Path, name: &str, value: &[u8]) -> bool {
    let set = rustix::fs::setxattr(path, name, value, rustix::fs::XattrFlags::empty());
    if let Err(error) = set {
        eprintln!("skipped: {name}: {error}");
    }
    set.is_ok()
}

pub fn xattrs(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut names = vec![0; 65536];
    let length = match rustix::fs::llistxattr(path, &mut names[..]) {
        Ok(length) => length,
        Err(rustix::io::Errno::OPNOTSUPP) => 0,
        Err(error) => panic!("{}: {error}", path.display()),
    };
    let mut found = BTreeMap::new();
    for name in names[..length].split(|byte| *byte == 0) {
        if name.is_empty() {
            continue;
        }
        let name = String::from_utf8(name.to_vec()).unwrap();
        let mut value = vec![0; 65536];
        let length = rustix::fs::lgetxattr(path, name.as_str(), &mut value[..]).unwrap();
        found.insert(name, value[..length].to_vec());
    }
    found
}

/// An ACL with one named user, as the kernel stores it: owner, user 4242, group, mask, others.
pub fn acl(owner: u8, named: u8, group: u8, mask: u8, others: u8) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    let nobody = u32::MAX;
    for (tag, permission, id) in [
        (1_u16, owner, nobody),
        (2, named, 4242),
        (4, group, nobody),
        (16, mask, nobody),
        (32, others, nobody),
    ] {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(u16::from(permission).to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}
