//! What the tests share: running the built binary, and trees with modes and owners.

// A test that cannot go on should stop there.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod agreement;
pub mod asked;
pub mod audit;
pub mod called;
pub mod case;
pub mod certificates;
pub mod exact;
pub mod followed;
pub mod found;
pub mod history;
pub mod logged;
pub mod manifests;
pub mod many;
pub mod markup;
pub mod metrics;
pub mod mixed;
pub mod mounted;
pub mod namespaces;
pub mod places;
pub mod play;
pub mod pods;
pub mod rights;
pub mod scans;
pub mod stepped;
pub mod tools;
pub mod traced;
pub mod waived;
pub mod watched;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Says that a test is skipped, and why. On the very stderr: what a test that passes prints is thrown away,
/// and tests/run counts these lines.
pub fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// What the binary printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            // A signal shows as -1 and no test expects it.
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            err: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }
}

/// The built binary, in a plain environment.
pub fn tighten() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tighten"));
    command.env_remove("SUDO_USER").env_remove("NO_COLOR");
    command.stdin(std::process::Stdio::null());
    command
}

/// A node tree and a state directory beside it, both gone at the end.
pub struct Node {
    directory: tempfile::TempDir,
}

impl Node {
    pub fn empty() -> Node {
        let directory = tempfile::tempdir().expect("a temporary directory");
        make_directory(&directory.path().join("node"));
        Node { directory }
    }

    /// The demo node.
    pub fn demo() -> Node {
        let node = Node::empty();
        let ran: Ran = tighten()
            .arg("demo")
            .arg(node.root())
            .output()
            .unwrap()
            .into();
        assert_eq!(ran.code, 0, "{ran:?}");
        node
    }

    pub fn root(&self) -> PathBuf {
        self.directory.path().join("node")
    }

    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub fn outside(&self) -> &Path {
        self.directory.path()
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Writes a file with mode 0644, and the directories above it with 0755.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        make_directory(path.parent().unwrap());
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    pub fn chmod(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn mode(&self, path: &str) -> u32 {
        fs::symlink_metadata(self.path(path)).unwrap().mode() & 0o7777
    }

    /// The command with --root and --state-dir, ready for more arguments.
    pub fn command(&self) -> Command {
        let mut command = tighten();
        command
            .arg("--root")
            .arg(self.root())
            .arg("--state-dir")
            .arg(self.state());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.command().args(arguments).output().unwrap().into()
    }

    /// Runs with --format json and parses stdout.
    pub fn json(&self, arguments: &[&str]) -> (i32, serde_json::Value) {
        let ran = self.run(&[&["--format", "json"], arguments].concat());
        let document =
            serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        (ran.code, document)
    }

    pub fn snapshot(&self) -> BTreeMap<String, Entry> {
        snapshot(&self.root())
    }
}

pub fn make_directory(path: &Path) {
    if path.is_dir() {
        return;
    }
    if let Some(parent) = path.parent() {
        make_directory(parent);
    }
    fs::create_dir(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A file as it is compared: kind, mode, owner, contents or target.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: char,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(&self.bytes);
        write!(
            out,
            "{} {:04o} {}:{} {text:?}",
            self.kind, self.mode, self.uid, self.gid
        )
    }
}

/// Everything below a directory, by path with a leading slash.
pub fn snapshot(root: &Path) -> BTreeMap<String, Entry> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root).min_depth(1) {
        let entry = entry.unwrap();
        let meta = entry.path().symlink_metadata().unwrap();
        let kind = meta.file_type();
        let (kind, bytes) = if kind.is_file() {
            ('f', fs::read(entry.path()).unwrap())
        } else if kind.is_dir() {
            ('d', Vec::new())
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap();
            ('l', target.to_str().unwrap().as_bytes().to_vec())
        } else {
            ('p', Vec::new())
        };
        let path = entry.path().strip_prefix(root).unwrap();
        found.insert(
            format!("/{}", path.display()),
            Entry {
                kind,
                mode: meta.mode() & 0o7777,
                uid: meta.uid(),
                gid: meta.gid(),
                bytes,
            },
        );
    }
    found
}
