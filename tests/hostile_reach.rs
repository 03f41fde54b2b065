//! Nothing outside the root, the state directory and the program's own files is ever opened or looked at:
//! told from every call that names a file, on trees whose files lead elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use support::Node;
use support::mounted::{Mounted, as_root};
use support::places::DIRECTORY;
use support::traced::traced;

const TARGETS: [&str; 8] = [
    DIRECTORY,
    "/var/lib/kube-proxy/kube-proxy-config.yaml",
    "/var/lib/kube-proxy/kubeconfig",
    "/var/lib/kube-proxy/kube-proxy.key",
    "/var/lib/kube-proxy/ca.crt",
    "/etc/systemd/system/kube-proxy.service",
    "/etc/kubernetes/manifests/kube-apiserver.yaml",
    "/etc/machine-id",
];
/// What any program on this system opens to start, and what Rust's runtime reads of its own process.
const OWN: [&str; 9] = [
    "/etc/ld.so.",
    "/lib/",
    "/lib64/",
    "/usr/lib/",
    "/usr/lib64/",
    "/proc/self/",
    // The C library asks how many groups a process may have.
    "/proc/sys/kernel/ngroups_max",
    "/dev/null",
    "/sys/fs/cgroup/",
];
const MARK: &str = "outside-the-root-51c9";

/// The demo node, and beside it a copy of it that must not be reached.
fn scene() -> (Node, PathBuf) {
    let node = Node::demo();
    let elsewhere = node.outside().join("elsewhere");
    for (path, entry) in node.snapshot() {
        let copy = elsewhere.join(path.trim_start_matches('/'));
        if entry.kind == 'f' {
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            let bytes = [entry.bytes, format!("# {MARK}\n").into_bytes()].concat();
            fs::write(copy, bytes).unwrap();
        }
    }
    (node, elsewhere)
}

/// Every path that a call names, by its handles and by its text; the directory that it starts from is no
/// such path.
fn paths(call: &str) -> Vec<String> {
    let name = &call[..call.find('(').unwrap()];
    let call = call.replace("AT_FDCWD<", "<cwd<");
    let mut found = Vec::new();
    // Buffers hold anything; only the handle counts.
    let only_handle = matches!(
        name,
        "read" | "write" | "pread64" | "pwrite64" | "getdents64" | "poll" | "mmap"
    );
    let mut rest = call.as_str();
    while let Some(at) = rest.find(['<', '"']) {
        let handle = &rest[at..=at] == "<";
        let cwd = rest[at..].starts_with("<cwd<");
        rest = &rest[at + if cwd { 5 } else { 1 }..];
        let Some(end) = rest.find(if handle { '>' } else { '"' }) else {
            break;
        };
        let text = &rest[..end];
        rest = &rest[end + 1..];
        if text.starts_with('/') && (handle || !only_handle) && !cwd {
            found.push(text.to_string());
        }
        // The second text of readlink is what the link says, which is not looked at by this call.
        if !handle && (only_handle || name.starts_with("readlink")) {
            break;
        }
    }
    found
}

/// True for a relative path that the kernel itself is not told to keep below its handle.
fn wanders(call: &str) -> bool {
    let name = &call[..call.find('(').unwrap()];
    let relative = |text: &&str| !text.starts_with('/') && (text.contains('/') || *text == "..");
    let texts: Vec<&str> = call.split('"').skip(1).step_by(2).take(1).collect();
    let takes_path =
        name.contains("at") && name != "getdents64" && name != "fstatfs" && name != "statfs";
    let kept = call.contains("RESOLVE_BENEATH") && call.contains("RESOLVE_NO_SYMLINKS");
    takes_path && !kept && texts.iter().any(relative)
}

fn judge(node: &Node, calls: &[String], what: &str) {
    let (root, state) = (node.root(), node.state());
    let mut looked = 0;
    for call in calls {
        if call.starts_with("execve(") || !call.contains('(') {
            continue;
        }
        for path in paths(call) {
            let allowed = Path::new(&path);
            let below = allowed.starts_with(&root) || allowed.starts_with(&state);
            // On the way there: a path's own components.
            let above = root.starts_with(allowed) || state.starts_with(allowed);
            let own = OWN.iter().any(|own| path.starts_with(own));
            let process = path.strip_prefix("/proc/").is_some_and(|rest| {
                let number = rest.split('/').next().unwrap();
                number.parse::<u32>().is_ok() && rest.ends_with("/maps")
            });
            assert!(below || above || own || process, "{what}: {path}: {call}");
            looked += usize::from(below);
        }
        // From the state directory up to `/`, to see that it does not lie in the root.
        let up = call.contains("\"..\"") && !call.contains(root.to_str().unwrap());
        assert!(up || !wanders(call), "{what}: {call}");
    }
    assert!(looked > 10, "{what}: {looked} looks at the node");
}

/// The commands that look at everything and change what there is to change.
const CHANGING: [&[&str]; 3] = [&["-v", "scan"], &["apply", "--yes"], &["rollback", "--yes"]];
const ALL: [&[&str]; 8] = [
    &["-v", "scan"],
    &["facts"],
    &["-v", "plan"],
    &["apply", "--yes"],
    &["verify"],
    &["recover"],
    &["rollback", "--yes"],
    &["history"],
];

/// One command after the other, each traced and judged; false without strace.
fn all(commands: &[&[&str]], node: &Node, what: &str) -> bool {
    let command = node.command();
    for &arguments in commands {
        let Some((ran, calls)) = traced(&command, arguments) else {
            return false;
        };
        assert!(
            (0..=2).contains(&ran.code),
            "{what}: {arguments:?}: {ran:?}"
        );
        assert!(
            !(ran.out.clone() + &ran.err).contains(MARK),
            "{what}: {ran:?}"
        );
        judge(node, &calls, &format!("{what}: {arguments:?}"));
    }
    true
}

#[test]
fn a_plain_node_is_all_that_is_looked_at() {
    let node = Node::demo();
    all(&ALL, &node, "plain");
}

#[test]
fn links_that_lead_out_of_the_root_are_not_walked() {
    for target in TARGETS {
        for kind in [
            "absolute",
            "with ..",
            "a chain",
            "through a directory",
            "of /proc",
        ] {
            let (node, elsewhere) = scene();
            let place = node.path(target);
            let kept = place.with_extension("kept");
            fs::rename(&place, &kept).unwrap();
            let outside = elsewhere.join(target.trim_start_matches('/'));
            let up = format!(
                "{}{}",
                "../".repeat(40),
                outside.to_str().unwrap().trim_start_matches('/')
            );
            match kind {
                "absolute" => symlink(&outside, &place).unwrap(),
                "with .." => symlink(up, &place).unwrap(),
                "a chain" => {
                    symlink(up, node.path("/etc/second")).unwrap();
                    symlink("/etc/second", &place).unwrap();
                }
                "through a directory" => {
                    symlink(&elsewhere, node.path("/etc/directory")).unwrap();
                    symlink(format!("/etc/directory{target}"), &place).unwrap();
                }
                _ => symlink(format!("/proc/self/root{}", outside.display()), &place).unwrap(),
            }
            if !all(&CHANGING, &node, &format!("{target} {kind}")) {
                return;
            }
        }
    }
}

#[test]
fn paths_in_files_of_the_node_do_not_lead_out_of_the_root() {
    let (node, elsewhere) = scene();
    let up = format!(
        "{}{}",
        "../".repeat(40),
        elsewhere.to_str().unwrap().trim_start_matches('/')
    );
    let unit = "/etc/systemd/system/kube-proxy.service";
    let text = node.read(unit);
    node.write(
        unit,
        text.replace("--config=/var", &format!("--config=/{up}/var")),
    );
    let kubeconfig = "/var/lib/kube-proxy/kubeconfig";
    let text = node.read(kubeconfig);
    let text = text.replace("ca.crt", &format!("{up}/var/lib/kube-proxy/ca.crt"));
    node.write(kubeconfig, text);
    all(&ALL, &node, "paths in files");
}

#[test]
fn a_mounted_proc_in_the_tree_is_no_way_out() {
    if !as_root() {
        return;
    }
    let (node, elsewhere) = scene();
    let place = node.path("/proc");
    fs::create_dir(&place).unwrap();
    let Some(_mounted) = Mounted::new(&["--bind", "/proc"], &place) else {
        return;
    };
    for link in [
        "/proc/self/root",
        "/proc/1/root",
        "/proc/self/cwd",
        "/proc/thread-self/root",
    ] {
        for target in [
            "/var/lib/kube-proxy/kube-proxy-config.yaml",
            "/var/lib/kube-proxy/kubeconfig",
        ] {
            let place = node.path(target);
            let _ = fs::remove_file(&place);
            symlink(format!("{link}{}{target}", elsewhere.display()), &place).unwrap();
        }
        if !all(&ALL, &node, link) {
            return;
        }
    }
}

#[test]
fn the_judge_of_these_tests_notices_a_call_that_leaves() {
    let node = Node::demo();
    let Some((_, calls)) = traced(&node.command(), &["scan"]) else {
        return;
    };
    judge(&node, &calls, "as it is");
    for call in [
        "openat(AT_FDCWD</tmp>, \"/etc/shadow\", O_RDONLY) = 3</etc/shadow>",
        "openat(4</anywhere>, \"x\", O_RDONLY) = -1 ENOENT (No such file or directory)",
        "newfstatat(AT_FDCWD</tmp>, \"../etc/shadow\", {st_mode=S_IFREG|0644}, 0) = 0",
        "readlink(\"/etc/localtime\", \"/usr/share/zoneinfo/UTC\", 99) = 23",
        "read(3</etc/shadow>, \"root\", 4) = 4",
    ] {
        let more = [calls.clone(), vec![call.into()]].concat();
        let judged = std::panic::catch_unwind(|| judge(&node, &more, "with a call that leaves"));
        assert!(judged.is_err(), "{call}");
    }
}
