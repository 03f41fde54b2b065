//! What this program plays under other names: kube-proxy, and the systemctl that starts it.
//!
//! Both read how to behave from /run/play, a line each: `WHO DO [TEXT]`; with TEXT only when the
//! configuration holds it, so that the former one works and the new one does not.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio, exit};
use std::thread::{self, sleep};
use std::time::Duration;

use super::pods;
use serde_json::json;
use tighten::proxyconfig::{self, Effective};

pub const PLAY: &str = "/run/play";
pub const UNIT: &str = "/run/systemd/system/kube-proxy.service";
/// What tighten adds to the unit.
pub const DROP_IN: &str = "/etc/systemd/system/kube-proxy.service.d/90-tighten.conf";
pub const CONFIG: &str = "/run/node/config";
/// The process that the last restart started.
pub const PID: &str = "/run/pid";
/// There once systemd has forgotten the failures of the unit.
const FORGOTTEN: &str = "/run/forgotten";
/// What systemctl was asked to do.
pub const LOG: &str = "/run/asked";

/// Plays the part that this program's name asks for.
pub fn play(name: &str, words: &[String]) {
    match name {
        "kube-proxy" => kube_proxy(words),
        "systemctl" => systemctl(words),
        "kubelet" => pods::kubelet(),
        "kube-apiserver" => pods::kube_apiserver(words),
        _ => {}
    }
}

/// What somebody is to do, given this configuration.
pub fn told(who: &str, config: &str) -> Option<String> {
    let text = fs::read_to_string(PLAY).unwrap_or_default();
    text.lines().find_map(|line| {
        let mut words = line.splitn(3, ' ');
        let matches = words.next() == Some(who);
        let what = words.next()?.to_string();
        let when = words.next().unwrap_or_default();
        (matches && config.contains(when)).then_some(what)
    })
}

pub fn flag<'w>(words: &'w [String], name: &str) -> Option<&'w str> {
    let prefix = format!("--{name}=");
    words.iter().find_map(|word| word.strip_prefix(&prefix))
}

fn parsed(words: &[String]) -> Vec<(String, Option<String>)> {
    let words = words.iter().filter_map(|word| word.strip_prefix("--"));
    let parsed = words.map(|word| match word.split_once('=') {
        Some((name, value)) => (name.into(), Some(value.into())),
        None => (word.into(), None),
    });
    parsed.collect()
}

fn kube_proxy(words: &[String]) -> ! {
    let path = flag(words, "config");
    // Without a configuration its flags stand for it.
    let text = path.map_or_else(
        || words.join("\n"),
        |path| fs::read_to_string(path).unwrap(),
    );
    let reading = match path {
        Some(_) => proxyconfig::read(text.as_bytes()),
        None => proxyconfig::from_flags(&parsed(words)),
    };
    let path = path.unwrap_or("flags");
    let refused = told("preflight", &text).is_some();
    if refused || !reading.accepted {
        eprintln!("E1123 10:00:00.000000  1 run.go:74] \"command failed\" err=\"{path}: played\"");
        exit(1);
    }
    if let Some(out) = flag(words, "write-config-to") {
        // As klog did: a file that it names is written.
        if let Some(log) = flag(words, "log-file") {
            fs::write(log, "").unwrap();
        }
        fs::write(out, "kind: KubeProxyConfiguration\n").unwrap();
        exit(0);
    }
    let values = reading.values.unwrap();
    let doing = told("kube-proxy", &text).unwrap_or_default();
    if doing == "exit" {
        exit(1);
    }
    let address = |key: &str| -> SocketAddr { values.text(key).unwrap().parse().unwrap() };
    let (healthz, metrics) = (address("healthzBindAddress"), address("metricsBindAddress"));
    let shown = configz(&values, &doing);
    let live = if doing == "unwell" {
        "503 Bad"
    } else {
        "200 OK"
    };
    let other = (shown.clone(), doing.clone());
    thread::spawn(move || serve(metrics, "200 OK", &other.0, &other.1));
    if doing != "deaf" {
        let doing = doing.clone();
        thread::spawn(move || serve(healthz, live, "{}", &doing));
    }
    sleep(Duration::from_secs(if doing == "die" { 3 } else { 600 }));
    exit(1)
}

/// As the real one shows its inner type.
fn configz(values: &Effective, doing: &str) -> String {
    let old = doing == "stale";
    json!({"kubeproxy.config.k8s.io": {
        "BindAddress": values.text("bindAddress"),
        "MetricsBindAddress": values.text("metricsBindAddress"),
        "EnableProfiling": old || values.flag("enableProfiling").unwrap(),
    }})
    .to_string()
}

fn serve(address: SocketAddr, status: &str, body: &str, doing: &str) {
    let listener = TcpListener::bind(address).unwrap();
    for stream in listener.incoming() {
        let mut stream: TcpStream = stream.unwrap();
        if doing == "hang" {
            std::mem::forget(stream);
            continue;
        }
        if doing == "drip" {
            while stream.write_all(b"x").is_ok() {
                sleep(Duration::from_millis(500));
            }
            continue;
        }
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let length = body.len();
        let _ = write!(
            stream,
            "HTTP/1.0 {status}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
    }
}

fn systemctl(words: &[String]) -> ! {
    let mut log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(LOG)
        .unwrap();
    writeln!(log, "{}", words.join(" ")).unwrap();
    if words.last().is_some_and(|word| word == "daemon-reload") {
        exit(0);
    }
    if words
        == [
            "--no-ask-password",
            "reset-failed",
            "--",
            "kube-proxy.service",
        ]
    {
        fs::write(FORGOTTEN, "").unwrap();
        exit(0);
    }
    assert_eq!(
        words,
        ["--no-ask-password", "restart", "--", "kube-proxy.service"]
    );
    let config = fs::read_to_string(CONFIG).unwrap();
    match told("systemctl", &config).as_deref() {
        Some("fail") => {
            eprintln!("Job for kube-proxy.service failed.");
            exit(1)
        }
        Some("refuse") if !Path::new(FORGOTTEN).exists() => {
            eprintln!("kube-proxy.service: Start request repeated too quickly.");
            exit(1)
        }
        Some("hang") => sleep(Duration::from_secs(600)),
        _ => {}
    }
    stop();
    match told("systemctl", &config).as_deref() {
        Some("forget") => start_with(false),
        _ => start(),
    }
    exit(0)
}

/// Ends the process of the last start, and waits until it is gone.
pub fn stop() {
    let Ok(pid) = fs::read_to_string(PID) else {
        return;
    };
    let pid: i32 = pid.trim().parse().unwrap();
    let _ = Command::new("umount")
        .arg(format!("/proc/{pid}/cgroup"))
        .output();
    let target = nix::unistd::Pid::from_raw(pid);
    let _ = nix::sys::signal::kill(target, nix::sys::signal::Signal::SIGKILL);
    for _ in 0..500 {
        // Nobody waits for it: a zombie is gone as well.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if stat.is_empty() || stat.contains(") Z ") {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("process {pid} does not end");
}

/// Starts what the unit names, in a cgroup as systemd would.
pub fn start() {
    start_with(true);
}

#[allow(
    clippy::zombie_processes,
    reason = "`stop` ends it, and a zombie is gone for it"
)]
fn start_with(drop_ins: bool) {
    let unit = fs::read_to_string(UNIT).unwrap();
    let drop_in = fs::read_to_string(DROP_IN).ok().filter(|_| drop_ins);
    let drop_in = drop_in.unwrap_or_default();
    // A drop-in gives the command again; the lines of one command end in a backslash.
    let unit = format!("{unit}{drop_in}").replace("\\\n", "");
    let command = unit
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let words: Vec<&str> = command.unwrap().split_whitespace().collect();
    let child = Command::new(words[0])
        .args(&words[1..])
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let cgroup = "/run/cgroup";
    if !Path::new(cgroup).exists() {
        fs::write(cgroup, "0::/system.slice/kube-proxy.service\n").unwrap();
    }
    let place = format!("/proc/{}/cgroup", child.id());
    let mounted = Command::new("mount")
        .args(["--bind", cgroup, &place])
        .status();
    // One that ended at once has no place to mount on any more.
    let _ = mounted;
    // Whoever is killed in between leaves no half of it.
    let whole = format!("{PID}.new");
    fs::write(&whole, child.id().to_string()).unwrap();
    fs::rename(&whole, PID).unwrap();
}
