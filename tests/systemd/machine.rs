//! A machine that systemd boots: the prepared tree with a layer of its own above it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::support::Ran;
use super::{PLACE, TREE};

pub const CONFIG: &str = "/var/lib/kube-proxy/config.conf";
pub const KUBE_PROXY: &str = "/usr/local/bin/kube-proxy";
const TIGHTEN: &str = "/usr/local/bin/tighten";
const UNIT: &str = "/etc/systemd/system/kube-proxy.service";
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/kube-proxy.service";

pub struct Machine {
    root: PathBuf,
    /// nspawn, and the process that is the first one inside.
    running: Option<(Child, Pid)>,
}

fn works(words: &[&str]) {
    let ran = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(ran.status.success(), "{words:?}: {ran:?}");
}

/// kube-proxy's configuration.
pub fn config(profiling: bool) -> String {
    format!(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection:
  kubeconfig: /var/lib/kube-proxy/kubeconfig
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
enableProfiling: {profiling}
"
    )
}

impl Machine {
    /// Switched off, with kube-proxy and with what install.sh puts there.
    pub fn new() -> Machine {
        let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
        let at = |name: &str| place.join(name).to_str().unwrap().to_string();
        // What an earlier test left; the first time there is nothing.
        for path in [&at("root"), &at("")] {
            let _ = Command::new("umount").arg(path).output();
        }
        works(&["mount", "-t", "tmpfs", "-o", "mode=755", "none", &at("")]);
        for name in ["root", "changes", "work"] {
            fs::create_dir(place.join(name)).unwrap();
        }
        let tree = std::env::var(TREE).unwrap();
        let layers = format!(
            "lowerdir={tree},upperdir={},workdir={}",
            at("changes"),
            at("work")
        );
        works(&["mount", "-t", "overlay", "-o", &layers, "none", &at("root")]);
        let machine = Machine {
            root: place.join("root"),
            running: None,
        };
        let install = Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh");
        let installed = Command::new(install)
            .args([
                "--binary",
                env!("CARGO_BIN_EXE_tighten"),
                "--recover-at-boot",
            ])
            .env("DESTDIR", &machine.root)
            .output()
            .unwrap();
        assert!(installed.status.success(), "{installed:?}");
        let own = std::env::current_exe().unwrap();
        fs::copy(own, machine.path(KUBE_PROXY)).unwrap();
        machine.write(CONFIG, config(true));
        let kubeconfig = "/var/lib/kube-proxy/kubeconfig";
        machine.write(kubeconfig, "apiVersion: v1\nkind: Config\n");
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(machine.path(kubeconfig), private).unwrap();
        machine.service(&format!(
            "ExecStart={KUBE_PROXY} --config={CONFIG}\nRestart=always\n"
        ));
        machine
    }

    /// The same, running, with kube-proxy running and well.
    pub fn booted() -> Machine {
        let mut machine = Machine::new();
        machine.boot();
        machine.wait_for_kube_proxy();
        machine
    }

    /// What kube-proxy.service says, and that it is started at boot.
    pub fn service(&self, settings: &str) {
        let install = "[Install]\nWantedBy=multi-user.target\n";
        self.write(UNIT, format!("[Service]\n{settings}\n{install}"));
        let _ = fs::remove_file(self.path(WANTED));
        fs::create_dir_all(self.path(WANTED).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(UNIT, self.path(WANTED)).unwrap();
    }

    /// Where a file of its lies; what the running machine mounted is not seen there.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// How what plays kube-proxy behaves until the next boot; see `stand_in`.
    pub fn play(&self, lines: &str) {
        let (_, first) = self.running.as_ref().unwrap();
        fs::write(format!("/proc/{first}/root/run/play"), lines).unwrap();
    }

    pub fn boot(&mut self) {
        let log = fs::File::create(self.root.with_file_name("console")).unwrap();
        let child = Command::new("systemd-nspawn")
            .args(["--quiet", "--boot", "--register=no", "--keep-unit"])
            .args(["--private-network", "--link-journal=no", "--console=pipe"])
            .arg("--directory")
            .arg(&self.root)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let nspawn = child.id();
        self.running = Some((child, Pid::from_raw(0)));
        for _ in 0..600 {
            sleep(Duration::from_millis(100));
            let Some(first) = first_of(nspawn) else {
                continue;
            };
            if let Some((_, known)) = &mut self.running {
                *known = first;
            }
            let state = self.run(&["systemctl", "is-system-running"]).out;
            if ["running\n", "degraded\n"].contains(&state.as_str()) {
                return;
            }
        }
        panic!("it does not boot: {}", self.console());
    }

    fn console(&self) -> String {
        fs::read_to_string(self.root.with_file_name("console")).unwrap_or_default()
    }

    /// Everything that runs ends at once, and nothing is told before.
    pub fn cut_power(&mut self) {
        let (mut child, first) = self.running.take().unwrap();
        kill(first, Signal::SIGKILL).unwrap();
        child.wait().unwrap();
    }

    /// A command on the machine, with nothing of this one's environment.
    pub fn command(&self, words: &[&str]) -> Command {
        let (_, first) = self.running.as_ref().unwrap();
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={first}"))
            .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"])
            .args(["--root", "--wd", "--"])
            .args(words)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        self.command(words).output().unwrap().into()
    }

    pub fn tighten(&self, words: &[&str]) -> Ran {
        self.run(&[&[TIGHTEN][..], words].concat())
    }

    /// `apply` or `rollback`, with little patience.
    pub fn work(&self, command: &str) -> Ran {
        let options = ["--yes", "--unit-timeout", "4s"];
        let only = ["--only", "profiling-enabled"];
        self.tighten(&[&[command][..], &options, &only].concat())
    }

    pub fn json(&self, words: &[&str]) -> Value {
        let ran = self.tighten(&[words, &["--format", "json"]].concat());
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// What systemd says of a unit.
    pub fn show(&self, unit: &str, property: &str) -> String {
        let ran = self.run(&["systemctl", "show", "--value", "-p", property, unit]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.out.trim_end().to_string()
    }

    /// The process of kube-proxy.service, as the machine itself numbers it.
    pub fn pid(&self) -> String {
        self.show("kube-proxy.service", "MainPID")
    }

    /// The words with which it was started.
    pub fn arguments(&self) -> Vec<String> {
        let (_, first) = self.running.as_ref().unwrap();
        let path = format!("/proc/{first}/root/proc/{}/cmdline", self.pid());
        let text = fs::read_to_string(path).unwrap();
        let words = text.trim_end_matches('\0').split('\0');
        words.map(String::from).collect()
    }

    /// Its own word for its configuration.
    fn configz(&self) -> Option<String> {
        let ask = "exec 3<>/dev/tcp/127.0.0.1/10249; printf 'GET /configz HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
        let ran = self.run(&["bash", "-c", ask]);
        ran.out.contains("EnableProfiling").then_some(ran.out)
    }

    pub fn wait_for_kube_proxy(&self) {
        self.profiling();
    }

    /// Whether what runs says that profiling is on.
    pub fn profiling(&self) -> bool {
        for _ in 0..100 {
            if let Some(answer) = self.configz() {
                return answer.contains("\"EnableProfiling\":true");
            }
            sleep(Duration::from_millis(100));
        }
        let status = self.run(&["systemctl", "status", "kube-proxy"]);
        panic!("it does not answer: {status:?}");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.running.is_some() && !std::thread::panicking() {
            self.cut_power();
        }
    }
}

/// The first process inside, as this process numbers it.
fn first_of(nspawn: u32) -> Option<Pid> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.into_iter().find_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let parent = field("PPid:")?.trim() == nspawn.to_string();
        let inside: Vec<&str> = field("NSpid:")?.split_whitespace().collect();
        let first = inside.len() > 1 && inside.last() == Some(&"1");
        (parent && first).then(|| Pid::from_raw(pid))
    })
}
