//! A kubelet and a kube-apiserver, as far as an audit log needs them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio, exit};
use std::sync::Arc;
use std::thread::{self, sleep};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::stand_in::{self, flag, told};

pub const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
pub const PROXY_MANIFEST: &str = "/etc/kubernetes/manifests/kube-proxy.yaml";
pub const CERTIFICATE: &str = "/etc/kubernetes/pki/apiserver.crt";
pub const KEY: &str = "/etc/kubernetes/pki/apiserver.key";
/// While it is there, the kubelet looks at nothing.
pub const ASLEEP: &str = "/run/asleep";
/// The process that runs now.
pub const PID: &str = "/run/pod";

/// A pod: its manifest, the program that it starts, and where the process is told.
struct Pod {
    manifest: &'static str,
    command: &'static [&'static str],
    pid: &'static str,
    current: (String, Option<Child>),
}

/// Runs what the manifests say, and again when they say something else.
pub fn kubelet() -> ! {
    let pod = |manifest, command, pid| Pod {
        manifest,
        command,
        pid,
        current: (String::new(), None),
    };
    let mut pods = [
        pod(MANIFEST, &["/run/bin/kube-apiserver"], PID),
        // A container has mounts of its own.
        pod(
            PROXY_MANIFEST,
            &["/usr/bin/unshare", "--mount", "/run/bin/kube-proxy"],
            stand_in::PID,
        ),
    ];
    loop {
        sleep(Duration::from_millis(50));
        for pod in &mut pods {
            pod.look();
        }
    }
}

impl Pod {
    fn look(&mut self) {
        let text = fs::read_to_string(self.manifest).unwrap_or_default();
        let gone = match &mut self.current.1 {
            Some(child) => child.try_wait().unwrap().is_some(),
            None => true,
        };
        if Path::new(ASLEEP).exists() || (text == self.current.0 && !gone) || text.is_empty() {
            return;
        }
        if let Some(mut child) = self.current.1.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.current = (text.clone(), self.start(&text));
    }

    fn start(&self, manifest: &str) -> Option<Child> {
        let lines: Vec<&str> = manifest.lines().map(str::trim).collect();
        // A hostPath of type File that is not there keeps the container from starting.
        let missing = lines.windows(2).any(|pair| {
            let path = pair[0].strip_prefix("path: ");
            pair[1] == "type: File" && path.is_some_and(|path| !Path::new(path).exists())
        });
        if missing {
            return None;
        }
        let words: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("- "))
            .map(|word| word.trim_matches('"'))
            .filter(|word| word.starts_with("--"))
            .collect();
        let child = Command::new(self.command[0])
            .args(&self.command[1..])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        fs::write(self.pid, child.id().to_string()).unwrap();
        Some(child)
    }
}

pub fn kube_apiserver(words: &[String]) -> ! {
    let doing = told("kube-apiserver", &words.join(" ")).unwrap_or_default();
    let policy = flag(words, "audit-policy-file");
    if doing == "exit" || policy.is_some_and(|policy| !Path::new(policy).exists()) {
        exit(1);
    }
    if let (Some(log), Some(_), false) = (flag(words, "audit-log-path"), policy, doing == "silent")
    {
        let log = log.to_string();
        fs::create_dir_all(Path::new(&log).parent().unwrap()).unwrap();
        thread::spawn(move || {
            loop {
                let mut file = fs::OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(&log)
                    .unwrap();
                writeln!(file, "{{\"kind\":\"Event\"}}").unwrap();
                sleep(Duration::from_millis(50));
            }
        });
    }
    let certificate = CertificateDer::from_pem_file(flag(words, "tls-cert-file").unwrap());
    let key = PrivatePkcs8KeyDer::from_pem_file(flag(words, "tls-private-key-file").unwrap());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.unwrap()],
            PrivateKeyDer::from(key.unwrap()),
        )
        .unwrap();
    let config = Arc::new(config);
    let port: u16 = flag(words, "secure-port").unwrap().parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for stream in listener.incoming() {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream.unwrap());
        let mut request = [0; 1024];
        let read = stream.read(&mut request).unwrap_or_default();
        let ready = request[..read].starts_with(b"GET /readyz ");
        let status = match doing.as_str() {
            "unready" if ready => "500 Internal Server Error",
            "private" => "401 Unauthorized",
            _ => "200 OK",
        };
        let _ = write!(stream, "HTTP/1.0 {status}\r\nContent-Length: 2\r\n\r\nok");
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }
    exit(1)
}
