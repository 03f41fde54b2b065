//! A second process exchanges names with symlinks that lead out of the root, as fast as it can, while
//! apply, rollback and recover run: nothing outside is read or changed, and the tree ends sound.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

#[path = "race_exchanger.rs"]
mod exchanger;

pub use exchanger::exchange_when_asked;
use exchanger::{Exchanger, is_staged};

/// In no file of the demo node: where it shows up, something outside was read.
const MARK: &str = "outside-the-root-7f3a";
const PROXY: &str = "var/lib/kube-proxy";
const CONFIG: &str = "var/lib/kube-proxy/kube-proxy-config.yaml";
const KUBECONFIG: &str = "var/lib/kube-proxy/kubeconfig";
const KEY: &str = "var/lib/kube-proxy/kube-proxy.key";
const POLICY: &str = "etc/kubernetes/audit-policy.yaml";

/// What is exchanged, and by whom.
struct Attack {
    /// `name`, `planted` (a name that does not exist) or `staged` (whatever the tool stages there).
    kind: &'static str,
    name: &'static str,
    /// Owner and mode of kube-proxy's directory, where the exchanging process gets its right from.
    directory: (u32, u32),
    uid: u32,
}

const fn by_root(kind: &'static str, name: &'static str) -> Attack {
    Attack {
        kind,
        name,
        directory: (0, 0o755),
        uid: 0,
    }
}

const fn by_nobody(kind: &'static str, name: &'static str, directory: (u32, u32)) -> Attack {
    Attack {
        kind,
        name,
        directory,
        uid: 65534,
    }
}

const ATTACKS: [Attack; 12] = [
    by_nobody("name", CONFIG, (0, 0o777)),
    by_nobody("name", CONFIG, (65534, 0o755)),
    by_nobody("name", KUBECONFIG, (0, 0o777)),
    by_nobody("staged", PROXY, (65534, 0o755)),
    by_nobody("staged", PROXY, (0, 0o777)),
    by_root("name", CONFIG),
    by_root("name", KUBECONFIG),
    by_root("name", KEY),
    by_root("name", PROXY),
    by_root("name", "var/lib"),
    by_root("staged", PROXY),
    by_root("planted", POLICY),
];

/// Exchanges names with symlinks during applies and rollbacks until so many exchanges were made; how
/// many there were, and each escape or unsound end.
///
/// The program that calls this must call [`exchange_when_asked`] first, or have it as its test.
pub fn run(tries: usize) -> (usize, Vec<String>) {
    let (mut made, mut escapes) = (0, Vec::new());
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: exchanging names as another user takes root");
        return (0, escapes);
    }
    for (index, attack) in ATTACKS.iter().enumerate() {
        // Each attack gets its share of what is left.
        let share = (tries.saturating_sub(made)).div_ceil(ATTACKS.len() - index);
        let mut own = 0;
        let mut rounds = 0;
        while own < share {
            own += round(attack, &mut escapes);
            rounds += 1;
            if rounds >= 20 + share {
                escapes.push(format!("{}: no exchange succeeds", attack.shown()));
                break;
            }
        }
        made += own;
    }
    (made, escapes)
}

impl Attack {
    fn shown(&self) -> String {
        let (uid, mode) = self.directory;
        format!(
            "{} /{} by user {}, in a directory of user {uid} with mode {mode:04o}",
            self.kind, self.name, self.uid
        )
    }
}

fn node(scene: &Path, path: &str) -> PathBuf {
    scene.join("node").join(path)
}

/// Beside what is exchanged, as only that directory is sure to be writable.
fn link_of(attack: &Attack, scene: &Path) -> PathBuf {
    let name = node(scene, attack.name);
    if attack.kind == "staged" {
        name.join("decoy")
    } else {
        name.with_file_name("decoy")
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn tighten(scene: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tighten"))
        .arg("--root")
        .arg(scene.join("node"))
        .arg("--state-dir")
        .arg(scene.join("state"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// One node, an apply and a rollback of it; how many exchanges were made meanwhile.
fn round(attack: &Attack, escapes: &mut Vec<String>) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let scene = directory.path();
    set_mode(scene, 0o755);
    lay_out(attack, scene);
    let outside = outside(scene);
    let mut exchanger = Exchanger::start(
        scene,
        attack.uid,
        attack.kind,
        &node(scene, attack.name),
        &link_of(attack, scene),
    );
    let mut made = 0;
    let before = untouched(attack, scene);
    let (count, applied) = exchanger.during(|| tighten(scene, &["apply", "--yes"]));
    made += count;
    let mut faults = Vec::new();
    let after = judge(attack, scene, "apply", &applied, &before, &mut faults);
    if applied.0 == 0 {
        let (count, undone) = exchanger.during(|| tighten(scene, &["rollback", "--yes"]));
        made += count;
        judge(attack, scene, "rollback", &undone, &after, &mut faults);
    }
    if self::outside(scene) != outside {
        faults.push("a file outside the root was read or changed".into());
    }
    for part in ["node", "state"] {
        for path in files(&scene.join(part)) {
            let bytes = fs::read(&path).unwrap();
            if String::from_utf8_lossy(&bytes).contains(MARK) {
                faults.push(format!("{} holds what lies outside", path.display()));
            }
        }
    }
    let shown = attack.shown();
    escapes.extend(faults.iter().map(|fault| format!("{shown}: {fault}")));
    made
}

fn lay_out(attack: &Attack, scene: &Path) {
    assert!(
        Command::new(env!("CARGO_BIN_EXE_tighten"))
            .arg("demo")
            .arg(scene.join("node"))
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
    let (uid, mode) = attack.directory;
    let proxy = node(scene, PROXY);
    chown(&proxy, Some(uid), Some(uid)).unwrap();
    set_mode(&proxy, mode);
    // The same names outside, open to everybody: whoever is led there finds what the tool looks for.
    let outside = scene.join("outside");
    for path in [CONFIG, KUBECONFIG, KEY] {
        let bytes = fs::read_to_string(node(scene, path)).unwrap() + "# " + MARK + "\n";
        let name = path.rsplit('/').next().unwrap();
        for copy in [outside.join("kube-proxy").join(name), outside.join(name)] {
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::write(&copy, &bytes).unwrap();
            set_mode(&copy, 0o666);
            // Older than the contents, so that a read would move it (relatime).
            let file = fs::File::options().write(true).open(&copy).unwrap();
            let times = fs::FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH);
            file.set_times(times).unwrap();
        }
    }
    let target = match attack.name {
        PROXY if attack.kind == "name" => "kube-proxy".into(),
        "var/lib" => String::new(),
        PROXY | POLICY => "kubeconfig".into(),
        name => name.rsplit('/').next().unwrap().into(),
    };
    let link = link_of(attack, scene);
    symlink(outside.join(target), &link).unwrap();
    std::os::unix::fs::lchown(&link, Some(attack.uid), Some(attack.uid)).unwrap();
}

fn files(below: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(below)
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// Everything outside in all that a look or a change would move.
fn outside(scene: &Path) -> Vec<String> {
    let shown = |path: &PathBuf| {
        let meta = fs::metadata(path).unwrap();
        format!(
            "{} {:o} {}:{} {} {:?} {:?} {:?}",
            path.display(),
            meta.mode(),
            meta.uid(),
            meta.gid(),
            meta.size(),
            (meta.atime(), meta.atime_nsec()),
            (meta.mtime(), meta.mtime_nsec()),
            (meta.ctime(), meta.ctime_nsec()),
        )
    };
    files(&scene.join("outside")).iter().map(shown).collect()
}

type State = (Vec<u8>, u32, u32);

/// The files that are not exchanged themselves, by name: an exchanged directory may lie at either name.
fn untouched(attack: &Attack, scene: &Path) -> BTreeMap<String, State> {
    let mut found = BTreeMap::new();
    for path in files(&scene.join("node")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "decoy" || attack.name.ends_with(&name) {
            continue;
        }
        let meta = fs::metadata(&path).unwrap();
        let state = (fs::read(&path).unwrap(), meta.mode(), meta.uid());
        found.insert(name, state);
    }
    found
}

/// The exit code is one of four, the others' files are all before or all after, and nothing is left.
fn judge(
    attack: &Attack,
    scene: &Path,
    command: &str,
    (code, text): &(i32, String),
    before: &BTreeMap<String, State>,
    faults: &mut Vec<String>,
) -> BTreeMap<String, State> {
    let mut fault = |what: String| faults.push(format!("{command}: {what}\n{text}"));
    if ![0, 1, 3, 4].contains(code) {
        fault(format!("exit {code}"));
    }
    if text.contains(MARK) {
        fault("the output holds what lies outside".into());
    }
    if *code == 4 {
        let (recovered, first) = tighten(scene, &["recover"]);
        // A file that the exchanging process left elsewhere is for a person to decide.
        if recovered != 0 {
            let (forced, second) = tighten(scene, &["recover", "--force"]);
            if forced != 0 {
                fault(format!(
                    "recover ends {recovered}: {first}, and --force ends {forced}: {second}"
                ));
            }
        }
    }
    let after = untouched(attack, scene);
    let moved = |name: &String| before.get(name) != after.get(name);
    let names: Vec<&String> = before
        .keys()
        .chain(after.keys())
        .filter(|name| moved(name))
        .collect();
    if *code != 0 && !names.is_empty() {
        fault(format!(
            "exit {code} and these are not as before: {names:?}"
        ));
    }
    if *code == 0 && after == *before {
        fault("exit 0 and nothing changed".into());
    }
    if let Some(left) = files(&scene.join("node"))
        .iter()
        .find(|path| is_staged(path))
    {
        fault(format!("{} is left", left.display()));
    }
    after
}
