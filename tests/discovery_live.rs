//! Finding kube-proxy among running processes. Only as root: everything happens in a process and a
//! mount namespace of its own, so that nothing else on the machine is seen or touched.
//!
//! The program plays kube-proxy itself, under that name, until its input closes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "live/edges.rs"]
mod edges;
#[path = "live/platforms.rs"]
mod platforms;
#[path = "live/volumes.rs"]
mod volumes;

mod support;

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use support::Ran;
use support::found::Found;

const INSIDE: &str = "TIGHTEN_TEST_INSIDE";
const PLAYING: &str = "TIGHTEN_TEST_PLAYING";

const CONFIG: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection:
  kubeconfig: kubeconfig
bindAddress: 0.0.0.0
";

type Test = fn(&Stage);

fn main() {
    // Asked before an apply, by the name of this program.
    let mut words = std::env::args();
    if let Some(out) =
        words.find_map(|word| word.strip_prefix("--write-config-to=").map(String::from))
    {
        fs::write(out, "kind: KubeProxyConfiguration\n").unwrap();
        return;
    }
    if std::env::var_os(PLAYING).is_some() {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        return;
    }
    if std::env::var_os(INSIDE).is_none() {
        return support::namespaces::enter(INSIDE);
    }
    let tests: &[(&str, Test)] = &[
        (
            "a process is found with its files, and each fact names its origin",
            found,
        ),
        ("both spellings of a flag count, and hyperkube", spellings),
        ("two at once are both named and neither is taken", two),
        ("a process of another user is not believed", another_user),
        (
            "a kubelet of another user is not believed either",
            another_kubelet,
        ),
        (
            "a set-user-id program under the name is not believed",
            set_user_id,
        ),
        ("a file in a container is mapped back to the node", mapped),
        (
            "a ConfigMap volume is left to the operator",
            volumes::config_map,
        ),
        ("what a container alone sees is left", volumes::hidden),
        ("no process of the machine counts with --root", offline),
        (
            "a ConfigMap volume is read through its links",
            volumes::linked,
        ),
        (
            "a container's own volume is read where the node has none",
            volumes::unseen,
        ),
        (
            "what the operator names is a file of the node",
            volumes::named,
        ),
        ("the kubelet is never restarted", edges::shared_service),
        ("not for kube-proxy either", edges::shared_with_kubelet),
        ("k3s is not restarted, and it is said", edges::inside_k3s),
        (
            "two with one configuration leave the named files alone",
            edges::same,
        ),
        (
            "of two the one with the named kubeconfig is taken",
            edges::kubeconfig,
        ),
        (
            "a service in a mount namespace of its own stays one",
            edges::service,
        ),
        (
            "flags of a running service are changed where it is started",
            edges::flags,
        ),
        (
            "a link of the kernel's own is not read as text",
            edges::magic,
        ),
        (
            "a process with another root directory is in a container",
            edges::chroot,
        ),
        ("a process that is not believed is named", edges::stranger),
        (
            "k3s is found although it hides its arguments",
            platforms::k3s,
        ),
        (
            "flags of a managed DaemonSet are left to who manages it",
            platforms::aks,
        ),
        (
            "a container of somebody gets no node's address either",
            platforms::somebodys,
        ),
        (
            "what stands in for kube-proxy is named by its process",
            platforms::replaced,
        ),
    ];
    for (name, test) in tests {
        let stage = Stage::new();
        test(&stage);
        println!("test {name} ... ok");
    }
}

/// A directory with kube-proxy's files, and the processes that are on.
struct Stage {
    directory: tempfile::TempDir,
}

/// A process that ends with the test.
struct Playing(Child);

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Stage {
    fn new() -> Stage {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let stage = Stage { directory };
        stage.files("files", CONFIG);
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_string()
    }

    fn files(&self, directory: &str, config: &str) {
        support::make_directory(&self.path(directory));
        fs::write(self.path(directory).join("config"), config).unwrap();
        fs::write(
            self.path(directory).join("kubeconfig"),
            "apiVersion: v1\nkind: Config\n",
        )
        .unwrap();
    }

    /// The program under another name, with what stands before it on the command line.
    fn play(&self, before: &[&str], name: &str, arguments: &[&str]) -> Playing {
        let link = self.path(name);
        support::make_directory(link.parent().unwrap());
        if !link.exists() {
            symlink(std::env::current_exe().unwrap(), &link).unwrap();
        }
        let mut words: Vec<&str> = before.to_vec();
        let link = link.to_str().unwrap().to_string();
        words.push(&link);
        words.extend(arguments);
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .env(PLAYING, "1")
            .current_dir(self.directory.path())
            .stdin(Stdio::piped());
        let playing = Playing(command.spawn().unwrap());
        playing.wait_for(&link);
        playing
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = support::tighten();
        command.arg("--state-dir").arg(self.path("state"));
        command.args(arguments).output().unwrap().into()
    }

    fn facts(&self) -> Found {
        let ran = self.run(&["--format", "json", "facts"]);
        assert!(ran.code <= 1, "{ran:?}");
        Found {
            document: serde_json::from_str(&ran.out).unwrap(),
        }
    }
}

impl Playing {
    /// Until the program runs in the place of what stood before it.
    fn wait_for(&self, name: &str) {
        for _ in 0..500 {
            let words = fs::read(format!("/proc/{}/cmdline", self.0.id())).unwrap_or_default();
            if words.starts_with(name.as_bytes()) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{name} did not start");
    }

    fn pid(&self) -> u64 {
        u64::from(self.0.id())
    }
}

fn found(stage: &Stage) {
    let config = stage.text("files/config");
    let playing = stage.play(&[], "kube-proxy", &[&format!("--config={config}"), "--v=2"]);
    let found = stage.facts();
    assert_eq!(found.document["node"]["kube_proxy"]["pid"], playing.pid());
    assert_eq!(found.proxy("platform"), "process");
    assert_eq!(found.proxy("config"), config);
    assert_eq!(found.proxy("kubeconfig"), stage.text("files/kubeconfig"));
    let facts = found.document["facts"].as_array().unwrap();
    let origin = |name: &str| &facts.iter().find(|fact| fact["name"] == name).unwrap()["origin"];
    assert_eq!(origin("configFile")["kind"], "flag");
    assert_eq!(origin("bindAddress")["line"], 5);
    assert_eq!(origin("bindAddress")["path"], config);
    assert_eq!(origin("mode")["kind"], "default");
}

fn spellings(stage: &Stage) {
    let config = stage.text("files/config");
    for (name, arguments) in [
        ("kube-proxy", vec!["--config", &config]),
        (
            "kube-proxy",
            vec!["--profiling", "--config", "files/config"],
        ),
        ("hyperkube", vec!["kube-proxy", "--config", &config]),
        ("hyperkube", vec!["proxy", "--config=files/config"]),
    ] {
        let _playing = stage.play(&[], name, &arguments);
        assert_eq!(
            stage.facts().proxy("config"),
            config,
            "{name} {arguments:?}"
        );
    }
    // The executable's own name tells as well.
    let copy = stage.path("copy/kube-proxy");
    support::make_directory(copy.parent().unwrap());
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let mut command = Command::new(&copy);
    command
        .arg0("other")
        .arg("--config")
        .arg(&config)
        .env(PLAYING, "1");
    let playing = Playing(command.stdin(Stdio::piped()).spawn().unwrap());
    playing.wait_for("other");
    fs::remove_file(&copy).unwrap();
    assert_eq!(stage.facts().proxy("config"), config);
}

fn two(stage: &Stage) {
    stage.files("more", CONFIG);
    let (first, second) = (stage.text("files/config"), stage.text("more/config"));
    let one = stage.play(&[], "kube-proxy", &["--config", &first]);
    let two = stage.play(&[], "kube-proxy", &["--config", &second]);
    for command in ["scan", "facts", "plan", "verify"] {
        let ran = stage.run(&[command]);
        assert_eq!(ran.code, 1, "{ran:?}");
        for name in [
            &first,
            &second,
            &one.pid().to_string(),
            &two.pid().to_string(),
        ] {
            assert!(ran.err.contains(name.as_str()), "{name}: {ran:?}");
        }
    }
    let ran = stage.run(&["--format", "json", "facts", "--config", &second]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains(&format!("\"pid\": {}", two.pid())),
        "{ran:?}"
    );
}

const NOBODY: [&str; 4] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
];

fn another_user(stage: &Stage) {
    let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode();
    let before = mode("/etc/passwd");
    let _playing = stage.play(&NOBODY, "kube-proxy", &["--kubeconfig=/etc/passwd"]);
    for arguments in [&["facts"][..], &["plan"], &["apply", "--yes"]] {
        let ran = stage.run(arguments);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("no kube-proxy found"), "{ran:?}");
    }
    assert_eq!(mode("/etc/passwd"), before);
}

fn another_kubelet(stage: &Stage) {
    let config = stage.text("files/config");
    let _proxy = stage.play(&[], "kube-proxy", &["--config", &config]);
    let _kubelet = stage.play(&NOBODY, "kubelet", &["--node-ip=192.0.2.66"]);
    assert_eq!(stage.facts().fact("nodeIP"), "none");
    let _own = stage.play(&[], "own/kubelet", &["--node-ip", "192.0.2.7,2001:db8::7"]);
    assert_eq!(stage.facts().fact("nodeIP"), "192.0.2.7");
}

fn set_user_id(stage: &Stage) {
    let copy = stage.path("suid");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o4755)).unwrap();
    symlink(&copy, stage.path("kube-proxy")).unwrap();
    let _playing = stage.play(&NOBODY, "kube-proxy", &["--kubeconfig=/etc/passwd"]);
    let ran = stage.run(&["facts"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("no kube-proxy found"), "{ran:?}");
}

/// Plays in a mount namespace of its own, after this script.
fn contained(stage: &Stage, script: &str, config: &Path) -> Playing {
    contained_with(stage, script, &["--config", config.to_str().unwrap()])
}

fn contained_with(stage: &Stage, script: &str, arguments: &[&str]) -> Playing {
    let script = format!("{script}; exec \"$0\" \"$@\"");
    let before = ["unshare", "--mount", "sh", "-ec", &script];
    stage.play(&before, "kube-proxy", arguments)
}

fn mapped(stage: &Stage) {
    support::make_directory(&stage.path("mnt"));
    let script = format!("mount --bind {} {}", stage.text("files"), stage.text("mnt"));
    let _playing = contained(stage, &script, &stage.path("mnt/config"));
    let found = stage.facts();
    assert_eq!(found.proxy("platform"), "container");
    assert_eq!(found.proxy("config"), stage.text("files/config"));
    assert_eq!(found.proxy("kubeconfig"), stage.text("files/kubeconfig"));
    let ran = stage.run(&["plan", "--only", "proxy-kubeconfig-mode"]);
    assert!(ran.out.contains(&stage.text("files/kubeconfig")), "{ran:?}");
    assert!(ran.out.contains("mode 0644 -> 0600"), "{ran:?}");
}

fn offline(stage: &Stage) {
    let config = stage.text("files/config");
    let _playing = stage.play(&[], "kube-proxy", &["--config", &config]);
    let ran = stage.run(&["--root", &stage.text("files"), "facts"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("no kube-proxy found"), "{ran:?}");
}
