//! A small node, a plan of seven changes for it, and a look at everything that must be kept.
#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

// The file itself, since the rest of it is of no use here.
#[path = "../support/exact.rs"]
mod exact;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tighten::failure::Failure;
use tighten::root::{NodePath, Root};
use tighten::transaction::{
    Action, Change, Committed, Description, Expected, Interrupt, Locked, Operation, Recovered,
    Resolution, Rollback, StateDir, Transaction, recover,
};

pub use exact::{acl, xattrs};

pub const DIRECTORY: &str = "/var/lib/kube-proxy";
pub const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";
pub const CONFIG: &str = "/var/lib/kube-proxy/config.conf";
pub const ADMIN: &str = "/etc/kubernetes/admin.conf";
pub const POLICY: &str = "/etc/kubernetes/audit-policy.yaml";
pub const PROXY: &str = "/etc/kubernetes/proxy.yaml";
pub const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

pub struct Node {
    pub _directory: tempfile::TempDir,
    pub root: PathBuf,
    pub state: PathBuf,
}

/// What a file is, in everything that must be kept. Directories have no time: it moves with each name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub bytes: Option<Vec<u8>>,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Option<(i64, i64)>,
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

pub type Snapshot = BTreeMap<String, Entry>;

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// An owner other than the one who runs the tests, where that is possible.
pub fn other() -> (u32, u32) {
    if is_root() { (1000, 1000) } else { own() }
}

pub fn own() -> (u32, u32) {
    (
        nix::unistd::geteuid().as_raw(),
        nix::unistd::getegid().as_raw(),
    )
}

pub fn node_path(path: &str) -> NodePath {
    NodePath::new(path).unwrap()
}

pub fn host(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

pub fn put(root: &Path, path: &str, bytes: &[u8], mode: u32, (uid, gid): (u32, u32)) {
    let file = host(root, path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, bytes).unwrap();
    chown(&file, Some(uid), Some(gid)).unwrap();
    let old =
        std::time::SystemTime::UNIX_EPOCH + std::time::Duration::new(1_700_000_000, 123_456_789);
    let handle = fs::File::options().write(true).open(&file).unwrap();
    handle.set_modified(old).unwrap();
    set_mode(&file, mode);
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub fn set_xattr(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::setxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
}

/// Lays out the node's tree, with every fault that the plan mends.
pub fn lay_out(root: &Path) {
    put(root, KUBECONFIG, b"kubeconfig: secret\n", 0o644, other());
    put(
        root,
        CONFIG,
        "mode: old\n".repeat(3000).as_bytes(),
        0o644,
        own(),
    );
    put(root, ADMIN, b"admin: secret\n", 0o644, own());
    put(root, PROXY, b"bindAddress: 0.0.0.0\r\n", 0o640, own());
    put(root, MANIFEST, b"kind: Pod\n", 0o600, own());
    put(
        root,
        "/etc/kubernetes/untouched",
        b"as it is\n",
        0o444,
        other(),
    );
    let config = host(root, CONFIG);
    set_xattr(&config, "user.note", b"kept");
    set_xattr(&config, "system.posix_acl_access", &acl(6, 4, 4, 4, 4));
    for directory in [
        "",
        "etc",
        "etc/kubernetes",
        "etc/kubernetes/manifests",
        "var",
        "var/lib",
    ] {
        set_mode(&root.join(directory), 0o755);
    }
    let directory = host(root, DIRECTORY);
    set_mode(&directory, 0o775);
    chown(&directory, Some(other().0), Some(other().1)).unwrap();
}

impl Node {
    pub fn new() -> Node {
        let directory = tempfile::tempdir().unwrap();
        let (root, state) = (
            directory.path().join("root"),
            directory.path().join("state"),
        );
        lay_out(&root);
        Node {
            _directory: directory,
            root,
            state,
        }
    }

    pub fn root(&self) -> Root {
        Root::directory(&self.root).unwrap()
    }

    pub fn host(&self, path: &str) -> PathBuf {
        host(&self.root, path)
    }

    pub fn snapshot(&self) -> Snapshot {
        snapshot(&self.root)
    }

    pub fn lock(&self) -> Locked {
        StateDir::open(&self.state, &self.root())
            .unwrap()
            .lock()
            .unwrap()
    }

    pub fn apply(&self) -> Result<Committed, Failure> {
        apply(&self.root, &self.state)
    }

    pub fn rollback(&self, id: Option<&str>, force: bool) -> Result<Committed, Failure> {
        rollback(&self.root, &self.state, id, force)
    }

    pub fn recover(&self, resolution: Resolution) -> Result<Recovered, Failure> {
        recover(&self.lock(), &self.root(), resolution, &mut |_| Ok(None))
    }

    pub fn operation(&self, path: &str, action: Action) -> Operation {
        operation(&self.root(), path, action)
    }

    /// Carries out these operations.
    pub fn run(&self, operations: Vec<Operation>) -> Result<Committed, Failure> {
        let (root, state) = (self.root(), self.lock());
        let interrupt = Interrupt::hold().unwrap();
        Transaction::begin(&state, &root, &interrupt, description(), operations)?
            .stage(&mut |_, _| Ok(()))?
            .carry_out()?
            .verify(&mut || Ok(()))?
            .commit()
    }

    /// The only transaction's directory.
    pub fn transaction(&self) -> PathBuf {
        let mut all = transactions(&self.state);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}

pub fn transactions(state: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for key in fs::read_dir(state.join("roots")).unwrap() {
        for entry in fs::read_dir(key.unwrap().path().join("tx")).unwrap() {
            found.push(entry.unwrap().path());
        }
    }
    found.sort();
    found
}

pub fn snapshot(root: &Path) -> Snapshot {
    let mut found = Snapshot::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.unwrap();
        let meta = fs::symlink_metadata(entry.path()).unwrap();
        let name = entry.path().strip_prefix(root).unwrap().to_str().unwrap();
        let is_file = meta.is_file();
        found.insert(
            name.into(),
            Entry {
                bytes: is_file.then(|| fs::read(entry.path()).unwrap()),
                mode: meta.mode(),
                uid: meta.uid(),
                gid: meta.gid(),
                mtime: is_file.then(|| (meta.mtime(), meta.mtime_nsec())),
                xattrs: xattrs(entry.path()),
            },
        );
    }
    found
}

/// Without the times of change, which are new after an apply.
pub fn without_times(mut snapshot: Snapshot) -> Snapshot {
    for entry in snapshot.values_mut() {
        entry.mtime = None;
    }
    snapshot
}

pub fn operation(root: &Root, path: &str, action: Action) -> Operation {
    let path = node_path(path);
    let expected = match root.open(&path) {
        // Under injected errors a file may be unreadable: then the plan is simply stale.
        Ok((_, opened)) => Expected::of(&opened).unwrap_or_else(|_| Expected::absent()),
        Err(_) => Expected::absent(),
    };
    Operation::new(path, expected, action)
}

pub fn replace(content: &str, mode: u32) -> Action {
    let (uid, gid) = own();
    Action::Replace {
        content: content.into(),
        mode,
        uid,
        gid,
    }
}

pub fn create(content: &str, mode: u32) -> Action {
    let (uid, gid) = own();
    Action::Create {
        content: content.into(),
        mode,
        uid,
        gid,
    }
}

pub fn set_meta(mode: u32) -> Action {
    let (uid, gid) = own();
    Action::SetMeta { mode, uid, gid }
}

/// Three edits, one new file, three changes of metadata, in three directories.
pub fn seven(root: &Root) -> Vec<Operation> {
    vec![
        operation(root, DIRECTORY, set_meta(0o755)),
        operation(root, KUBECONFIG, set_meta(0o600)),
        operation(root, ADMIN, set_meta(0o600)),
        operation(root, POLICY, create("kind: Policy\n", 0o600)),
        operation(
            root,
            PROXY,
            replace("bindAddress: \"10.0.0.10\"\r\n", 0o640),
        ),
        operation(root, CONFIG, replace(&"mode: new\n".repeat(3001), 0o600)),
        operation(root, MANIFEST, replace("kind: Pod # new\n", 0o600)),
    ]
}

pub fn description() -> Description {
    Description {
        user: "tester".into(),
        changes: vec![Change {
            id: "1".into(),
            check: "proxy-kubeconfig-mode".into(),
            path: KUBECONFIG.into(),
            action: "set-mode".into(),
            risk: "safe".into(),
            summary: "mode 0644 -> 0600".into(),
        }],
        plan: Some(b"{\"schema\":\"tighten.plan/v1\"}\n".to_vec()),
        restarts: Vec::new(),
        kernel: Vec::new(),
    }
}

pub fn apply(root: &Path, state: &Path) -> Result<Committed, Failure> {
    apply_with(root, state, &mut || Ok(()))
}

pub fn apply_with(
    root: &Path,
    state: &Path,
    verify: &mut dyn FnMut() -> Result<(), String>,
) -> Result<Committed, Failure> {
    let root = Root::directory(root).unwrap();
    let interrupt = Interrupt::hold()?;
    let state = StateDir::open(state, &root)?.lock()?;
    recover(&state, &root, Resolution::Stop, &mut |_| Ok(None))?;
    let operations = seven(&root);
    Transaction::begin(&state, &root, &interrupt, description(), operations)?
        .stage(&mut |_, _| Ok(()))?
        .carry_out()?
        .verify(verify)?
        .commit()
}

pub fn rollback(
    root: &Path,
    state: &Path,
    id: Option<&str>,
    force: bool,
) -> Result<Committed, Failure> {
    let root = Root::directory(root).unwrap();
    let none = Default::default();
    let interrupt = Interrupt::hold()?;
    let state = StateDir::open(state, &root)?.lock()?;
    recover(&state, &root, Resolution::Stop, &mut |_| Ok(None))?;
    Rollback::plan(&state, &root, id, force)?
        .begin(&state, &root, &interrupt, "tester".into(), none)?
        .stage(&mut |_, _| Ok(()))?
        .carry_out()?
        .verify(&mut || Ok(()))?
        .commit()
}

/// Names that only a transaction under way may leave.
pub fn leftovers(root: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(".tighten-")
        })
        .collect()
}
