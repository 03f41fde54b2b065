//! The API server as a static pod: the replaced manifest is its restart.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Stage;
use super::pods::{ASLEEP, CERTIFICATE, KEY, MANIFEST, PID};
use super::stage::{self, PATIENCE, free_port};
use super::support::{self, Ran};

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[
    ("an API server that comes back is committed", well),
    ("one that lets nobody ask anonymously is well", private),
    ("one that does not get ready is put back", unready),
    ("one that does not start is put back", exits),
    ("one that writes no log is put back", silent),
    (
        "a kubelet that sees nothing is waited for, and no longer",
        asleep,
    ),
    ("another program on its port is not it", impostor),
    ("one that does not come back keeps no other from it", apart),
    ("of two nobody can tell which one is meant", two),
    (
        "an apply killed meanwhile is recovered, and waited for",
        killed,
    ),
];

const CHECKS: &str = "audit-policy-missing,audit-log-disabled,audit-log-unbounded";

struct Node {
    stage: Stage,
    kubelet: Child,
    before: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.kubelet.kill();
        let _ = self.kubelet.wait();
        if let Ok(pid) = fs::read_to_string(PID) {
            let _ = kill(Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL);
        }
        for place in ["/etc", "/var/log"] {
            let _ = Command::new("umount").args(["-l", place]).output();
        }
    }
}

fn mount(arguments: &[&str]) {
    let status = Command::new("mount").args(arguments).status();
    assert!(status.unwrap().success(), "{arguments:?}");
}

impl Node {
    /// kubeadm's own manifest, on a port that is free, with what it names.
    fn new() -> Node {
        let stage = Stage::new();
        for directory in ["/run/upper", "/run/work"] {
            support::make_directory(directory.as_ref());
        }
        let layers = "lowerdir=/etc,upperdir=/run/upper,workdir=/run/work";
        mount(&["-t", "overlay", "overlay", "-o", layers, "/etc"]);
        mount(&["-t", "tmpfs", "-o", "mode=755", "none", "/var/log"]);
        for directory in ["/etc/kubernetes/manifests", "/etc/kubernetes/pki"] {
            support::make_directory(directory.as_ref());
        }
        fs::write(CERTIFICATE, include_bytes!("apiserver.crt")).unwrap();
        fs::write(KEY, include_bytes!("apiserver.key")).unwrap();
        let port = free_port();
        let before = include_str!("../../src/demo/kube-apiserver.yaml");
        let before = before.replace("--secure-port=6443", &format!("--secure-port={port}"));
        assert!(before.contains(&port.to_string()));
        fs::write(MANIFEST, &before).unwrap();
        fs::set_permissions(MANIFEST, fs::Permissions::from_mode(0o600)).unwrap();
        let own = std::env::current_exe().unwrap();
        for name in ["/run/bin/kubelet", "/run/bin/kube-apiserver"] {
            fs::copy(&own, name).unwrap();
            fs::set_permissions(name, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut kubelet = Command::new("/run/bin/kubelet");
        let kubelet = kubelet.stdin(Stdio::null()).spawn().unwrap();
        let node = Node {
            stage,
            kubelet,
            before,
        };
        node.wait_for_another("");
        stage::wait_for(port);
        node
    }

    fn wait_for_another(&self, pid: &str) {
        for _ in 0..500 {
            if fs::read_to_string(PID).is_ok_and(|now| !now.is_empty() && now != pid) {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("the API server was not started");
    }

    fn pid(&self) -> String {
        fs::read_to_string(PID).unwrap()
    }

    fn flags(&self) -> String {
        let words = fs::read(format!("/proc/{}/cmdline", self.pid())).unwrap();
        String::from_utf8(words).unwrap()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = support::tighten();
        command.args(["--state-dir", "/run/state", "--only", CHECKS]);
        command.args(words);
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        self.command(words).output().unwrap().into()
    }

    fn apply(&self) -> Ran {
        self.run(&["apply", "--yes", "--pod-timeout", PATIENCE])
    }

    /// Everything is as before, and runs so.
    fn back(&self) {
        assert_eq!(fs::read_to_string(MANIFEST).unwrap(), self.before);
        assert!(!Path::new("/etc/kubernetes/audit-policy.yaml").exists());
        assert!(!self.flags().contains("audit-policy-file"));
    }

    fn put_back(&self, play: &str, why: &str) {
        self.stage.play(play);
        let ran = self.apply();
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.err.contains(why), "{ran:?}");
        let state = format!("everything was put back, and static pod {MANIFEST} is well again");
        assert!(ran.err.contains(&state), "{ran:?}");
        assert!(ran.err.contains("crictl logs"), "{ran:?}");
        self.back();
    }
}

fn well() {
    let node = Node::new();
    let pid = node.pid();
    let ran = node.apply();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_ne!(node.pid(), pid);
    assert!(
        node.flags()
            .contains("--audit-policy-file=/etc/kubernetes/audit-policy.yaml")
    );
    let log = "/var/log/kubernetes/audit/audit.log";
    let told =
        format!("Restarted: static pod {MANIFEST}; /livez and /readyz answer 200, {log} grows.\n");
    assert!(ran.out.ends_with(&told), "{ran:?}");
    assert_eq!(node.run(&["verify"]).code, 0);
    let ran = node.run(&["rollback", "--yes", "--pod-timeout", PATIENCE]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // What was logged is evidence and stays.
    assert!(fs::metadata(log).unwrap().len() > 0);
    assert!(ran.out.contains("/var/log/kubernetes/audit"), "{ran:?}");
    node.back();
}

fn private() {
    let node = Node::new();
    node.stage.play("kube-apiserver private audit-policy-file");
    let ran = node.apply();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("lets nobody ask for /livez anonymously"),
        "{ran:?}"
    );
}

fn unready() {
    let play = "kube-apiserver unready audit-policy-file";
    Node::new().put_back(play, "/readyz answers 500");
}

fn exits() {
    let play = "kube-apiserver exit audit-policy-file";
    Node::new().put_back(play, "was not well within 6 s: ");
}

fn silent() {
    let play = "kube-apiserver silent audit-policy-file";
    Node::new().put_back(play, "/var/log/kubernetes/audit/audit.log");
}

fn asleep() {
    let node = Node::new();
    let pid = node.pid();
    fs::write(ASLEEP, "").unwrap();
    node.put_back("", "was not started with the new --audit-");
    // It never saw the new manifest, and runs on.
    assert_eq!(node.pid(), pid);
}

fn impostor() {
    let node = Node::new();
    // The file names another certificate than the one that is shown.
    let other = include_str!("other.crt");
    fs::write(CERTIFICATE, other).unwrap();
    let ran = node.apply();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("it shows another certificate"), "{ran:?}");
    node.back();
}

fn apart() {
    let node = Node::new();
    super::stand_in::start();
    assert!(node.stage.profiling());
    node.stage
        .play("kube-apiserver exit audit-policy-file\nkube-proxy unwell enableProfiling: true\n");
    let checks = format!("{CHECKS},profiling-enabled");
    let mut command = support::tighten();
    command.args([
        "--state-dir",
        "/run/state",
        "--format",
        "json",
        "--only",
        &checks,
    ]);
    command.args(["apply", "--yes", "--systemctl", stage::SYSTEMCTL]);
    command.args(["--unit-timeout", PATIENCE, "--pod-timeout", PATIENCE]);
    let ran: Ran = command.output().unwrap().into();
    assert_eq!(ran.code, 4, "{ran:?}");
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let effects = document["effects"].as_array().unwrap();
    let last = effects.last().unwrap();
    assert_eq!(
        last["target"],
        format!("static pod {MANIFEST}"),
        "{effects:?}"
    );
    assert_eq!(last["outcome"], "healthy", "{effects:?}");
    node.back();
}

fn two() {
    let node = Node::new();
    // A cluster inside the cluster runs one as well.
    let mut other = Command::new("/run/bin/kube-apiserver");
    let port = free_port();
    let other = other
        .arg(format!("--secure-port={port}"))
        .arg(format!("--tls-cert-file={CERTIFICATE}"))
        .arg(format!("--tls-private-key-file={KEY}"));
    let mut other = other.stdin(Stdio::null()).spawn().unwrap();
    stage::wait_for(port);
    let ran = node.apply();
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("more than one process of it runs"),
        "{ran:?}"
    );
    node.back();
}

fn killed() {
    let node = Node::new();
    node.stage.play("kube-apiserver unready audit-policy-file");
    let pid = node.pid();
    let mut child = node.command(&["apply", "--yes"]);
    let child = child.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.spawn().unwrap();
    node.wait_for_another(&pid);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ne!(fs::read_to_string(MANIFEST).unwrap(), node.before);
    let ran = node.run(&["recover", "--pod-timeout", PATIENCE]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = format!("and static pod {MANIFEST} is well again");
    assert!(ran.out.contains(&told), "{ran:?}");
    node.back();
}
