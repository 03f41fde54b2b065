//! A node with a kube-proxy that runs, in namespaces of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::stand_in::{self, CONFIG, LOG, PID, PLAY, UNIT};
use super::support::{self, Ran};

const UNITS: &str = "/etc/systemd/system";
pub const SYSTEMCTL: &str = "/run/bin/systemctl";
/// Little, but enough for a machine that has much else to do.
pub const PATIENCE: &str = "6s";

pub struct Stage {
    pub before: String,
    pub after: String,
    pub metrics: u16,
    pub healthz: u16,
}

impl Stage {
    /// Files and programs, with nothing running yet.
    pub fn new() -> Stage {
        stand_in::stop();
        for place in [UNITS, "/etc", "/run"] {
            let _ = Command::new("umount").arg(place).output();
        }
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "mode=755", "none", "/run"])
            .status();
        assert!(mounted.unwrap().success());
        for directory in ["/run/bin", "/run/node", "/run/systemd/system"] {
            support::make_directory(directory.as_ref());
        }
        let own = std::env::current_exe().unwrap();
        for name in ["/run/bin/kube-proxy", SYSTEMCTL] {
            fs::copy(&own, name).unwrap();
            fs::set_permissions(name, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let (metrics, healthz) = (free_port(), free_port());
        let config = |profiling: bool| {
            format!(
                "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection:
  kubeconfig: kubeconfig
healthzBindAddress: 127.0.0.1:{healthz}
metricsBindAddress: 127.0.0.1:{metrics}
enableProfiling: {profiling}
"
            )
        };
        let stage = Stage {
            before: config(true),
            after: config(false),
            metrics,
            healthz,
        };
        fs::write(CONFIG, &stage.before).unwrap();
        fs::write("/run/node/kubeconfig", "apiVersion: v1\nkind: Config\n").unwrap();
        fs::set_permissions("/run/node/kubeconfig", fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(
            UNIT,
            format!("[Service]\nExecStart=/run/bin/kube-proxy --config={CONFIG}\n"),
        )
        .unwrap();
        stage
    }

    /// The same, with a kube-proxy that its unit gives flags instead of a configuration, running and well.
    pub fn with_flags() -> Stage {
        let stage = Stage::new();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "mode=755", "none", UNITS])
            .status();
        assert!(mounted.unwrap().success());
        let (metrics, healthz) = (stage.metrics, stage.healthz);
        let flags = format!(
            "--profiling=true --kubeconfig=/run/node/kubeconfig --metrics-bind-address=127.0.0.1:{metrics} --healthz-bind-address=127.0.0.1:{healthz} --log-file=/run/klog"
        );
        let unit = format!("[Service]\nExecStart=/run/bin/kube-proxy {flags}\n");
        fs::write(format!("{UNITS}/kube-proxy.service"), &unit).unwrap();
        fs::write(UNIT, unit).unwrap();
        stand_in::start();
        wait_for(stage.healthz);
        stage
    }

    /// The same, with kube-proxy running and well.
    pub fn running() -> Stage {
        let stage = Stage::new();
        stand_in::start();
        wait_for(stage.healthz);
        stage
    }

    /// How the stand-ins behave from now on; see `stand_in`.
    pub fn play(&self, lines: &str) {
        fs::write(PLAY, lines).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = support::tighten();
        command.args(["--state-dir", "/run/state", "--only", "profiling-enabled"]);
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// `apply` or `rollback` with what stands in for systemctl, and little patience.
    pub fn work(&self, command: &str, more: &[&str]) -> Ran {
        let mut words = vec![command, "--yes", "--systemctl", SYSTEMCTL];
        words.extend(["--unit-timeout", PATIENCE]);
        words.extend(more);
        self.run(&words)
    }

    /// The same in the background.
    pub fn begin(&self, command: &str) -> Child {
        let words = [command, "--yes", "--systemctl", SYSTEMCTL];
        let mut command = self.command(&words);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    pub fn json(&self, command: &str) -> (i32, Value) {
        let ran = self.work(command, &["--format", "json"]);
        (ran.code, serde_json::from_str(&ran.out).unwrap())
    }

    pub fn config(&self) -> String {
        fs::read_to_string(CONFIG).unwrap()
    }

    pub fn pid(&self) -> String {
        fs::read_to_string(PID).unwrap()
    }

    /// What systemctl was asked to do.
    pub fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(LOG).unwrap_or_default();
        text.lines().map(String::from).collect()
    }

    /// Whether what runs says that profiling is on.
    pub fn profiling(&self) -> bool {
        use std::io::{Read, Write};
        wait_for(self.metrics);
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics)).unwrap();
        stream.write_all(b"GET /configz HTTP/1.0\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.contains("\"EnableProfiling\":true")
    }

    /// Nothing was written, and nothing was restarted.
    pub fn untouched(&self, pid: &str) {
        assert_eq!(self.config(), self.before);
        assert_eq!(self.pid(), pid);
        assert_eq!(self.asked(), Vec::<String>::new());
        assert!(self.profiling());
    }

    /// Everything is as before, and runs so again.
    pub fn back(&self, pid: &str) {
        assert_eq!(self.config(), self.before);
        assert_ne!(self.pid(), pid, "it was not restarted");
        assert!(self.profiling());
        let ran = self.run(&["verify"]);
        assert!(!ran.err.contains("interrupted"), "{ran:?}");
    }
}

pub const RESTART: &str = "--no-ask-password restart -- kube-proxy.service";

/// A port that nobody listens on and that was not given before, below those that the kernel gives to
/// whoever asks for any: another program's connection must not take it before it is used.
pub fn free_port() -> u16 {
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    let next = NEXT.get_or_init(|| {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        AtomicU16::new(20_000 + (clock.subsec_nanos() % 8_000) as u16)
    });
    loop {
        let port = next.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Until something listens on a port.
pub fn wait_for(port: u16) {
    for _ in 0..500 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("nothing listens on {port}");
}
