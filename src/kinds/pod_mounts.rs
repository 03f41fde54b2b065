//! What is mounted in the containers of kube-proxy's pod.

use super::workload::{Found, Odd, switch, text};
use crate::yaml::Node;

/// A mount of the container.
pub struct Mount<'a> {
    /// Its position among the container's mounts, counted from 0.
    pub index: usize,
    /// Where it lies in the container.
    pub at: &'a str,
    /// The path of the node that it shows; `None` for what is none of the node's own.
    pub host: Option<&'a str>,
    /// Whether it is said to be a socket.
    pub is_socket: bool,
    /// Whether it can be written.
    pub writable: bool,
    /// Its line.
    pub line: usize,
}

/// The mounts of a container of the pod.
///
/// # Errors
/// Where one cannot be judged.
pub fn mounts<'a>(found: &Found<'a>, container: &'a Node) -> Result<Vec<Mount<'a>>, Odd> {
    let all = container.get("volumeMounts").map(Node::items);
    let all = all.unwrap_or_default().iter().enumerate();
    all.map(|(index, mount)| {
        let odd = |why: &str| Odd::of(mount, why);
        let at = text(mount, "mountPath").ok_or_else(|| odd("a mount without a path"))?;
        let name =
            text(mount, "name").ok_or_else(|| odd("a mount without the name of its volume"))?;
        let volume = volume(found, name)
            .ok_or_else(|| odd("a mount of a volume that its pod does not have"))?;
        let host = volume.get("hostPath").filter(|host| !host.is_null());
        let kind = host.and_then(|host| text(host, "type"));
        let host = match host {
            None => None,
            Some(host) => {
                let path = text(host, "path");
                Some(path.ok_or_else(|| odd("a hostPath without a path"))?)
            }
        };
        Ok(Mount {
            index,
            at: plain(at),
            host: host.map(plain),
            is_socket: kind == Some("Socket"),
            writable: !switch(Some(mount), "readOnly")?.unwrap_or(false),
            line: mount.line,
        })
    })
    .collect()
}

/// The mount that a path of the container lies in.
pub fn over<'m, 'a>(mounts: &'m [Mount<'a>], path: &str) -> Option<&'m Mount<'a>> {
    let over = mounts.iter().filter(|mount| is_within(path, mount.at));
    over.max_by_key(|mount| mount.at.len())
}

/// The volume of this name.
pub fn volume<'a>(found: &Found<'a>, name: &str) -> Option<&'a Node> {
    let volumes = found.pod.get("volumes").map(Node::items);
    let mut volumes = volumes.unwrap_or_default().iter();
    volumes.find(|volume| text(volume, "name") == Some(name))
}

/// A path without slashes at its end.
fn plain(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    }
}

/// True for a path that is this one or lies below it.
pub fn is_within(path: &str, directory: &str) -> bool {
    directory == "/"
        || path
            .strip_prefix(directory)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
