//! `tighten demo`: a sample node to try everything on.
//!
//! A node as people build it by hand (systemd), with the faults of the hardening guide, and a control
//! plane's API server without an audit policy.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

use serde_json::json;

use super::print_json;
use crate::cli::{Format, Global};
use crate::failure::{Exit, Failure};
use crate::report;
use crate::report::style::out;

/// A file of the node: path, mode, owner when root lays it out, contents.
type Sample = (&'static str, u32, u32, &'static str);

const FILES: &[Sample] = &[
    ("etc/hostname", 0o644, 0, "controlplane\n"),
    (
        "etc/machine-id",
        0o444,
        0,
        "7e57c0de7e57c0de7e57c0de7e57c0de\n",
    ),
    (
        "etc/passwd",
        0o644,
        0,
        "root:x:0:0:root:/root:/bin/sh\nadmin:x:1000:1000::/home/admin:/bin/sh\n",
    ),
    ("etc/group", 0o644, 0, "root:x:0:\nadmin:x:1000:\n"),
    (
        "etc/systemd/system/kube-proxy.service",
        0o644,
        0,
        include_str!("../demo/kube-proxy.service"),
    ),
    (
        "etc/kubernetes/manifests/kube-apiserver.yaml",
        0o600,
        0,
        include_str!("../demo/kube-apiserver.yaml"),
    ),
    (
        "etc/kubernetes/pki/ca.crt",
        0o644,
        0,
        include_str!("../demo/ca.crt"),
    ),
    (
        "var/lib/kubelet/kubeadm-flags.env",
        0o644,
        0,
        "KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.10\"\n",
    ),
    (
        "var/lib/kube-proxy/kube-proxy-config.yaml",
        0o664,
        0,
        include_str!("../demo/kube-proxy-config.yaml"),
    ),
    (
        "var/lib/kube-proxy/kubeconfig",
        0o644,
        1000,
        include_str!("../demo/kubeconfig"),
    ),
    (
        "var/lib/kube-proxy/ca.crt",
        0o644,
        0,
        include_str!("../demo/ca.crt"),
    ),
    (
        "var/lib/kube-proxy/kube-proxy.crt",
        0o644,
        0,
        include_str!("../demo/kube-proxy.crt"),
    ),
    (
        "var/lib/kube-proxy/kube-proxy.key",
        0o640,
        0,
        include_str!("../demo/kube-proxy.key"),
    ),
    ("var/log/syslog", 0o640, 0, ""),
];

/// Lays the node out in a directory that is new or empty.
pub fn demo(dir: &Path, global: &Global) -> Result<Exit, Failure> {
    let refuse = |why: &dyn std::fmt::Display| {
        Failure::refused(format!("{}: {why}", dir.display())).state("no demo node was laid out")
    };
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) => {
            return Err(refuse(&"it is not empty").help("name a directory that does not exist yet"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(dir).map_err(|error| refuse(&error).because(error))?;
        }
        Err(error) => return Err(refuse(&error).because(error)),
    }
    for sample in FILES {
        lay_out(dir, sample).map_err(|error| {
            Failure::refused(format!("{}: {error}", dir.join(sample.0).display()))
                .because(error)
                .state("the demo node is incomplete; remove the directory and try again")
        })?;
    }
    match global.format() {
        Format::Json => {
            let files: Vec<String> = FILES.iter().map(|(path, ..)| format!("/{path}")).collect();
            print_json(&report::document(
                "demo",
                json!({"root": dir, "files": files}),
            ));
        }
        Format::Text => {
            let shown = dir.display();
            out(&format!(
                "A sample node lies in {shown}. Try:\n\n  tighten --root {shown} scan\n  tighten --root {shown} plan\n  tighten --root {shown} apply\n  tighten --root {shown} rollback\n"
            ));
        }
    }
    Ok(Exit::Done)
}

fn make(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(dir)?;
    // Whatever the umask took away or the group was given: others must not be able to write.
    fs::set_permissions(dir, Permissions::from_mode(0o755))
}

fn lay_out(dir: &Path, (path, mode, uid, text): &Sample) -> io::Result<()> {
    let mut sofar = dir.to_path_buf();
    let parts: Vec<&str> = path.split('/').collect();
    for part in parts.iter().take(parts.len() - 1) {
        sofar.push(part);
        if !sofar.is_dir() {
            make(&sofar)?;
        }
    }
    let mut file: File = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(dir.join(path))?;
    file.write_all(text.as_bytes())?;
    if nix::unistd::geteuid().is_root() {
        chown(dir.join(path), Some(*uid), Some(*uid))?;
    }
    file.set_permissions(Permissions::from_mode(*mode))
}
