//! Processes of the running system, from /proc.

use std::fs;
use std::io::Read;

use super::mounts;
use crate::root::{LookError, NodePath, Root};

/// Longest command line that is read, in bytes.
const MAX_COMMAND: u64 = 1 << 20;

/// A process of a Kubernetes component.
#[derive(Clone, Debug)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// One of the components, `k3s` or `kubelite`, which have them inside, or what can stand in for them.
    pub program: &'static str,
    /// Its arguments, without the program's name.
    pub arguments: Vec<String>,
    /// The systemd service that its cgroup names; none for a container.
    pub unit: Option<String>,
    /// True when it sees other files than this process.
    pub other_mounts: bool,
}

/// A process under a component's name that somebody without root started, so that it is not believed.
#[derive(Clone, Copy, Debug)]
pub struct Stranger {
    /// Process id.
    pub pid: u32,
    /// Its real user id.
    pub user: u32,
    /// The component whose name it bears.
    pub program: &'static str,
}

/// The components that are looked for.
const PROGRAMS: &[&str] = &[
    "kube-proxy",
    "kubelet",
    "kube-apiserver",
    "kubelite",
    "cilium-agent",
    "ovnkube",
    "kube-router",
    "antrea-agent",
    "calico-node",
];

/// All processes of the components, by process id, and those that are not believed.
pub fn all() -> (Vec<Process>, Vec<Stranger>) {
    let own = nix::unistd::getuid().as_raw();
    let own_root = fs::read_link("/proc/self/root").ok();
    let own_mounts = fs::read_link("/proc/self/ns/mnt").ok();
    let alike = mounts::of_first_process();
    let (mut found, mut strangers) = (Vec::new(), Vec::new());
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let Some((program, arguments)) = component(pid) else {
            continue;
        };
        // Anybody can start something under this name, with flags that name root's files.
        match started_by(pid) {
            Some(user) if user == 0 || user == own => {}
            Some(user) => {
                strangers.push(Stranger { pid, user, program });
                continue;
            }
            None => continue,
        }
        let cgroup = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        // In the same namespace a changed root directory hides the node as well.
        let elsewhere =
            fs::read_link(format!("/proc/{pid}/root")).is_ok_and(|root| Some(root) != own_root);
        let other_mounts = match fs::read_link(format!("/proc/{pid}/ns/mnt")) {
            Ok(mounts) => elsewhere || ![&own_mounts, &alike].contains(&&Some(mounts)),
            // Without root the namespace of root's processes is hidden; their cgroup is not.
            Err(_) => in_container(&cgroup),
        };
        found.push(Process {
            pid,
            program,
            arguments,
            unit: service_of(&cgroup),
            other_mounts,
        });
    }
    found.sort_by_key(|process| process.pid);
    strangers.sort_by_key(|stranger| stranger.pid);
    (found, strangers)
}

/// Which component a process is, by its executable or by argv[0].
fn component(pid: u32) -> Option<(&'static str, Vec<String>)> {
    let mut bytes = Vec::new();
    fs::File::open(format!("/proc/{pid}/cmdline"))
        .ok()?
        .take(MAX_COMMAND)
        .read_to_end(&mut bytes)
        .ok()?;
    // Kernel threads and zombies have no command line.
    let text = String::from_utf8_lossy(bytes.strip_suffix(b"\0").unwrap_or(&bytes)).into_owned();
    if text.is_empty() {
        return None;
    }
    let mut words: Vec<String> = text.split('\0').map(String::from).collect();
    let name = base(words.first()?).to_string();
    if name == "hyperkube" {
        let program = match words.get(1).map(String::as_str) {
            Some("kube-proxy" | "proxy") => "kube-proxy",
            Some("kubelet") => "kubelet",
            Some("kube-apiserver" | "apiserver") => "kube-apiserver",
            _ => return None,
        };
        return Some((program, words.split_off(2)));
    }
    // k3s hides its arguments: what is left is the name and the command, as one word or as two.
    let title: Vec<&str> = words
        .iter()
        .flat_map(|word| word.split(' '))
        .take(2)
        .collect();
    if let [program, "server" | "agent"] = title.as_slice()
        && base(program) == "k3s"
    {
        return Some(("k3s", Vec::new()));
    }
    let known = |name: &str| PROGRAMS.iter().copied().find(|program| *program == name);
    let program = known(&name).or_else(|| {
        let link = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let link = link.to_str()?;
        known(base(link.strip_suffix(" (deleted)").unwrap_or(link)))
    })?;
    Some((program, words.split_off(1)))
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The real user id: the owner of /proc/PID is root's also for a set-user-id program.
fn started_by(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let ids = text.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_whitespace().next()?.parse().ok()
}

fn in_container(cgroup: &str) -> bool {
    ["kubepods", "docker", "containerd", "crio", "libpod", "lxc"]
        .iter()
        .any(|name| cgroup.contains(name))
}

/// `kube-proxy.service` out of `0::/system.slice/kube-proxy.service`. Containers that run inside a
/// service, as `/system.slice/containerd.service/kubepods/...`, are not that service.
fn service_of(cgroup: &str) -> Option<String> {
    if in_container(cgroup) {
        return None;
    }
    cgroup
        .lines()
        .filter_map(|line| line.rsplit_once(':').map(|(_, path)| path))
        .flat_map(|path| path.split('/'))
        .find(|part| part.ends_with(".service"))
        .map(String::from)
}

/// What a process sees as `/`, with the volumes that the kubelet mounted there.
///
/// # Errors
/// When the process is gone or may not be looked at.
pub fn root(pid: u32) -> Result<Root, LookError> {
    let inside = of(&pid.to_string()).unwrap_or_default();
    let node = of("self").unwrap_or_default();
    Ok(Root::process(pid)?.with_volumes(volumes(&inside, &node)))
}

fn of(process: &str) -> Option<Vec<Mount>> {
    Some(mounts(
        &fs::read_to_string(format!("/proc/{process}/mountinfo")).ok()?,
    ))
}

/// Where volumes of the kubelet are mounted: told by their path on their device or on the node.
fn volumes(inside: &[Mount], node: &[Mount]) -> Vec<NodePath> {
    let is_volume = |path: &NodePath| path.kubelet_volume().is_some();
    inside
        .iter()
        .filter_map(|mount| {
            let point = NodePath::new(&mount.point)?;
            let known = NodePath::new(&mount.part).is_some_and(|part| is_volume(&part))
                || translate(inside, node, &point).is_some_and(|path| is_volume(&path));
            known.then_some(point)
        })
        .collect()
}

/// Where a path that a process sees lies on the node: through the mounts of both.
/// `None` when the node does not see that file system at all.
pub fn on_node(pid: u32, path: &NodePath) -> Option<NodePath> {
    translate(&of(&pid.to_string())?, &of("self")?, path)
}

/// One line of mountinfo: which part of which device is mounted where.
#[derive(Debug, PartialEq)]
struct Mount {
    device: String,
    part: String,
    point: String,
}

fn mounts(text: &str) -> Vec<Mount> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(2);
            Some(Mount {
                device: fields.next()?.to_string(),
                part: unescape(fields.next()?),
                point: unescape(fields.next()?),
            })
        })
        .collect()
}

/// mountinfo writes white space and backslashes as octal escapes.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\")
}

/// The rest of `path` below `base`; `None` when it does not lie there.
fn below<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    if base == "/" {
        return Some(path);
    }
    let rest = path.strip_prefix(base)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn translate(inside: &[Mount], node: &[Mount], path: &NodePath) -> Option<NodePath> {
    // Of mounts at one point the last covers the others.
    let (mount, rest) = inside
        .iter()
        .rev()
        .filter_map(|mount| below(path.as_str(), &mount.point).map(|rest| (mount, rest)))
        .max_by_key(|(mount, _)| mount.point.len())?;
    let on_device = format!("{}/{rest}", mount.part);
    let on_device = NodePath::new(&on_device)?;
    let (mount, rest) = node
        .iter()
        .filter(|candidate| candidate.device == mount.device)
        .filter_map(|candidate| {
            below(on_device.as_str(), &candidate.part).map(|rest| (candidate, rest))
        })
        .max_by_key(|(candidate, _)| candidate.part.len())?;
    NodePath::new(&format!("{}/{rest}", mount.point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_container_is_found_on_the_node() {
        let inside = mounts(
            "700 600 0:50 / / rw - overlay overlay rw\n\
             701 700 254:1 /var/lib/kubelet/pods/u/volumes/kubernetes.io~configmap/kube-proxy /var/lib/kube-proxy ro - ext4 /dev/vda rw\n\
             702 700 254:1 /a\\040b /lib/modules ro - ext4 /dev/vda rw\n",
        );
        let node =
            mounts("25 1 254:1 / / rw - ext4 /dev/vda rw\n30 25 0:5 / /proc rw - proc proc rw\n");
        let find =
            |path| translate(&inside, &node, &NodePath::new(path).unwrap()).map(String::from);
        assert_eq!(
            find("/var/lib/kube-proxy/config.conf").unwrap(),
            "/var/lib/kubelet/pods/u/volumes/kubernetes.io~configmap/kube-proxy/config.conf"
        );
        let volumes: Vec<String> = volumes(&inside, &node)
            .into_iter()
            .map(String::from)
            .collect();
        assert_eq!(volumes, ["/var/lib/kube-proxy"]);
        assert_eq!(find("/lib/modules/x").unwrap(), "/a b/x");
        assert_eq!(find("/usr/local/bin/kube-proxy"), None);
    }

    #[test]
    fn a_tmpfs_of_the_kubelet_is_known_by_its_place_on_the_node() {
        let inside = mounts(
            "700 600 0:50 / / rw - overlay overlay rw\n\
             701 700 0:77 / /run/secrets/kubernetes.io/serviceaccount ro - tmpfs tmpfs rw\n",
        );
        let node = mounts(
            "25 1 254:1 / / rw - ext4 /dev/vda rw\n\
             31 25 0:77 / /var/lib/kubelet/pods/u/volumes/kubernetes.io~projected/a rw - tmpfs tmpfs rw\n",
        );
        let volumes: Vec<String> = volumes(&inside, &node)
            .into_iter()
            .map(String::from)
            .collect();
        assert_eq!(volumes, ["/run/secrets/kubernetes.io/serviceaccount"]);
    }

    #[test]
    fn a_service_is_told_from_a_container_that_runs_inside_one() {
        for (cgroup, expected) in [
            (
                "0::/system.slice/kube-proxy.service",
                Some("kube-proxy.service"),
            ),
            (
                "0::/system.slice/kube-proxy@a.service/x",
                Some("kube-proxy@a.service"),
            ),
            (
                "1:name=systemd:/system.slice/kube-proxy.service\n2:cpu:/",
                Some("kube-proxy.service"),
            ),
            ("0::/system.slice/docker-0a.scope", None),
            (
                "0::/system.slice/containerd.service/kubepods-besteffort.slice:cri-containerd:0a",
                None,
            ),
            (
                "0::/system.slice/kube-proxy.service/libpod-payload-0a",
                None,
            ),
            ("0::/kubepods/besteffort/podu/0a", None),
            ("0::/system.slice/crio-0a.scope", None),
            ("0::/init.scope", None),
        ] {
            assert_eq!(service_of(cgroup).as_deref(), expected, "{cgroup}");
        }
    }
}
