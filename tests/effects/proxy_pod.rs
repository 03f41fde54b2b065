//! kube-proxy as a static pod that flags alone set: the replaced manifest is its restart.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use super::Stage;
use super::pods::PROXY_MANIFEST;
use super::stage::{PATIENCE, wait_for};
use super::support::{self, Ran};

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[
    ("a pod of kube-proxy that comes back is committed", well),
    (
        "one that does not come back has its former flags again",
        unwell,
    ),
];

struct Node {
    stage: Stage,
    kubelet: Child,
    before: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.kubelet.kill();
        let _ = self.kubelet.wait();
        let _ = Command::new("umount").args(["-l", "/etc"]).output();
    }
}

impl Node {
    fn new() -> Node {
        let stage = Stage::new();
        fs::remove_file(super::stand_in::UNIT).unwrap();
        for directory in ["/run/upper", "/run/work"] {
            support::make_directory(directory.as_ref());
        }
        let layers = "lowerdir=/etc,upperdir=/run/upper,workdir=/run/work";
        let mount = ["-t", "overlay", "overlay", "-o", layers, "/etc"];
        let mounted = Command::new("mount").args(mount).status();
        assert!(mounted.unwrap().success());
        support::make_directory("/etc/kubernetes/manifests".as_ref());
        let before = format!(
            "apiVersion: v1
kind: Pod
metadata:
  name: kube-proxy
  namespace: kube-system
spec:
  hostNetwork: true
  containers:
  - name: kube-proxy
    image: registry.k8s.io/kube-proxy:v1.36.2
    command:
    - /usr/local/bin/kube-proxy
    - --kubeconfig=/run/node/kubeconfig
    - --healthz-bind-address=127.0.0.1:{}
    - --metrics-bind-address=127.0.0.1:{}
    - --profiling=true
    volumeMounts:
    - name: node
      mountPath: /run/node
  volumes:
  - name: node
    hostPath:
      path: /run/node
",
            stage.healthz, stage.metrics
        );
        fs::write(PROXY_MANIFEST, &before).unwrap();
        fs::set_permissions(PROXY_MANIFEST, fs::Permissions::from_mode(0o600)).unwrap();
        let own = std::env::current_exe().unwrap();
        fs::copy(&own, "/run/bin/kubelet").unwrap();
        fs::set_permissions("/run/bin/kubelet", fs::Permissions::from_mode(0o755)).unwrap();
        let mut kubelet = Command::new("/run/bin/kubelet");
        let kubelet = kubelet.stdin(Stdio::null()).spawn().unwrap();
        wait_for(stage.healthz);
        assert!(stage.profiling());
        Node {
            stage,
            kubelet,
            before,
        }
    }

    fn flags(&self) -> String {
        let words = fs::read(format!("/proc/{}/cmdline", self.stage.pid())).unwrap();
        String::from_utf8(words).unwrap()
    }

    fn run(&self, command: &str) -> Ran {
        self.stage
            .run(&[command, "--yes", "--pod-timeout", PATIENCE])
    }
}

fn well() {
    let node = Node::new();
    let pid = node.stage.pid();
    let ran = node.run("apply");
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = format!(
        "Restarted: static pod {PROXY_MANIFEST}; /livez and /healthz answer 200, /configz shows what is written.\n"
    );
    assert!(ran.out.ends_with(&told), "{ran:?}");
    assert_ne!(node.stage.pid(), pid);
    assert!(node.flags().contains("--profiling=false"));
    let ran = node.run("rollback");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(fs::read_to_string(PROXY_MANIFEST).unwrap(), node.before);
    assert!(node.flags().contains("--profiling=true"));
}

fn unwell() {
    let node = Node::new();
    let pid = node.stage.pid();
    node.stage.play("kube-proxy unwell --profiling=false");
    let ran = node.run("apply");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("/livez answers 503"), "{ran:?}");
    let state = format!("everything was put back, and static pod {PROXY_MANIFEST} is well again");
    assert!(ran.err.contains(&state), "{ran:?}");
    assert_eq!(fs::read_to_string(PROXY_MANIFEST).unwrap(), node.before);
    assert_ne!(node.stage.pid(), pid);
    assert!(node.flags().contains("--profiling=true"));
    assert!(node.stage.profiling());
}
