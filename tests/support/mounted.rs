//! Mounts that end with the test.

use std::path::{Path, PathBuf};
use std::process::Command;

/// True for root; otherwise says that a test is skipped.
pub fn as_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: only root can do this");
    }
    root
}

/// Runs a tool; false, and a word about it, when it cannot do what was asked.
pub fn tool(program: &str, arguments: &[&str]) -> bool {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            eprintln!("skipped: {program} {arguments:?}: {why}");
            false
        }
        Err(error) => {
            eprintln!("skipped: {program}: {error}");
            false
        }
    }
}

/// A mount; gone when dropped.
#[derive(Debug)]
pub struct Mounted(PathBuf);

impl Mounted {
    /// `None`, and a word about it, where nothing can be mounted.
    pub fn new(arguments: &[&str], at: &Path) -> Option<Mounted> {
        let mut all = arguments.to_vec();
        all.push(at.to_str().unwrap());
        tool("mount", &all).then(|| Mounted(at.to_path_buf()))
    }

    /// A new, empty file system in memory.
    pub fn memory(options: &str, at: &Path) -> Option<Mounted> {
        Mounted::new(&["-t", "tmpfs", "-o", options, "tmpfs"], at)
    }

    /// A new file system in memory over a directory, with the same files, modes and owners in it.
    pub fn over(options: &str, directory: &Path) -> Option<Mounted> {
        let kept = tempfile::tempdir().unwrap();
        let copy = |from: &Path, to: &Path| {
            let done = Command::new("cp")
                .arg("-a")
                .arg(from.join("."))
                .arg(to)
                .status();
            assert!(done.unwrap().success());
        };
        copy(directory, kept.path());
        let mounted = Mounted::memory(options, directory)?;
        copy(kept.path(), directory);
        Some(mounted)
    }

    /// A new ext4 in a file, which has the flags of chattr whatever the file system of /tmp has.
    pub fn ext4(image: &Path, at: &Path) -> Option<Mounted> {
        let file = std::fs::File::create(image).unwrap();
        file.set_len(16 << 20).unwrap();
        let image = image.to_str().unwrap();
        if !tool("mkfs.ext4", &["-q", "-F", image]) {
            return None;
        }
        Mounted::new(&["-o", "loop", image], at)
    }

    /// A new XFS in a file, which holds more extended attributes than any journal.
    pub fn xfs(image: &Path, at: &Path) -> Option<Mounted> {
        let file = std::fs::File::create(image).unwrap();
        file.set_len(320 << 20).unwrap();
        let image = image.to_str().unwrap();
        if !tool("mkfs.xfs", &["-q", "-f", image]) {
            return None;
        }
        Mounted::new(&["-o", "loop", image], at)
    }

    /// The same mount with other options.
    pub fn again(&self, options: &str) {
        let at = self.0.to_str().unwrap();
        assert!(tool("mount", &["-o", &format!("remount,{options}"), at]));
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let done = Command::new("umount").arg(&self.0).output();
        if !done.is_ok_and(|output| output.status.success()) {
            // Somebody looks at it: taken out of the tree now, and gone when they have finished.
            let _ = Command::new("umount").arg("-l").arg(&self.0).output();
        }
    }
}
