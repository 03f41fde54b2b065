//! Whether two mount namespaces show the same files. A service whose writing systemd confines has a
//! namespace of its own, in which the node's files are still the node's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;

/// Most that is read of a list of mounts, in bytes: what is longer counts as different.
const MAX_LIST: u64 = 16 << 20;
/// The node mounts and unmounts for its pods all the time, also between two looks.
const LOOKS: usize = 3;
/// What systemd gives such a service beside the node's files; no file of a component lies there.
const NOT_FILES: &[&str] = &["/proc", "/sys", "/dev", "/run/systemd", "/run/credentials"];

/// The first process's mount namespace, when this process has another one that shows the same files.
/// Without the right to look, none.
pub fn of_first_process() -> Option<std::path::PathBuf> {
    let first = fs::read_link("/proc/1/ns/mnt").ok()?;
    if fs::read_link("/proc/self/ns/mnt").is_ok_and(|own| own == first) {
        return None;
    }
    let same = || Some(same_files(&list("self")?, &list("1")?));
    (0..LOOKS).any(|_| same() == Some(true)).then_some(first)
}

fn list(process: &str) -> Option<String> {
    let mut text = String::new();
    let file = fs::File::open(format!("/proc/{process}/mountinfo")).ok()?;
    file.take(MAX_LIST).read_to_string(&mut text).ok()?;
    text.ends_with('\n').then_some(text)
}

/// A line of mountinfo (proc_pid_mountinfo(5)), as far as it says which files are seen.
struct Mount<'a> {
    id: &'a str,
    parent: &'a str,
    device: &'a str,
    /// The directory of that device which is mounted.
    root: &'a str,
    at: &'a str,
}

/// The mounts of a namespace, by the mount that they are on.
struct Mounts<'a> {
    first: Mount<'a>,
    on: BTreeMap<&'a str, Vec<Mount<'a>>>,
}

impl<'a> Mounts<'a> {
    fn read(text: &'a str) -> Option<Mounts<'a>> {
        let mut all = Vec::new();
        for line in text.lines() {
            let mut words = line.split(' ');
            all.push(Mount {
                id: words.next()?,
                parent: words.next()?,
                device: words.next()?,
                root: words.next()?,
                at: words.next()?,
            });
        }
        let ids: BTreeSet<&str> = all.iter().map(|mount| mount.id).collect();
        let is_first = |mount: &Mount| mount.at == "/" && !ids.contains(mount.parent);
        let first = all.iter().position(is_first)?;
        let first = all.swap_remove(first);
        let mut on: BTreeMap<&str, Vec<Mount>> = BTreeMap::new();
        for mount in all {
            on.entry(mount.parent).or_default().push(mount);
        }
        Some(Mounts { first, on })
    }

    fn points(&self) -> impl Iterator<Item = &'a str> {
        self.on.values().flatten().map(|mount| mount.at)
    }

    /// The device, and the path on it, of what is seen at a path. What another mount covers is not seen.
    fn seen(&self, path: &str) -> (&'a str, String) {
        let mut mount = &self.first;
        let leads = |next: &&Mount| below(path, next.at).is_some();
        // Each step goes to a mount that lies on the one before, and the kernel has no circles; the count
        // is for a list that is not the kernel's.
        for _ in 0..=self.on.len() {
            let above = self.on.get(mount.id).into_iter().flatten().filter(leads);
            match above.min_by_key(|next| next.at.len()) {
                Some(next) => mount = next,
                None => break,
            }
        }
        let rest = below(path, mount.at).unwrap_or_default();
        let root = mount.root.trim_end_matches('/');
        (mount.device, format!("{root}{rest}"))
    }
}

/// What follows of a path behind a directory: empty, or it starts with a slash.
fn below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    if directory == "/" {
        return Some(path.strip_suffix('/').unwrap_or(path));
    }
    let rest = path.strip_prefix(directory)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Whether each path leads to the same file by both lists of mounts.
fn same_files(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (Mounts::read(one), Mounts::read(other)) else {
        return false;
    };
    let is_file = |point: &&str| NOT_FILES.iter().all(|path| below(point, path).is_none());
    let points: BTreeSet<&str> = one.points().chain(other.points()).chain(["/"]).collect();
    // Between two mount points nothing changes.
    let mut points = points.into_iter().filter(is_file);
    points.all(|point| one.seen(point) == other.seen(point))
}

#[cfg(test)]
mod tests {
    use super::same_files;

    const NODE: &str = "\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:20 / /proc rw - proc proc rw
23 21 0:21 / /run rw shared:5 - tmpfs tmpfs rw
24 21 8:2 / /var rw shared:6 - ext4 /dev/sda2 rw
25 24 0:30 / /var/lib/kubelet/pods/1/volumes/token rw - tmpfs tmpfs rw
";

    /// What systemd makes of it: other numbers, read-only, one directory writable, parts of /proc covered.
    const CONFINED: &str = "\
121 91 8:1 / / ro,relatime master:1 - ext4 /dev/sda1 rw
122 121 0:20 / /proc rw - proc proc rw
126 122 0:20 /sys /proc/sys ro - proc proc rw
123 121 0:21 / /run ro master:5 - tmpfs tmpfs rw
127 123 0:21 /systemd/propagate/x /run/systemd/incoming ro - tmpfs tmpfs rw
124 121 8:2 / /var ro master:6 - ext4 /dev/sda2 rw
125 124 0:30 / /var/lib/kubelet/pods/1/volumes/token ro - tmpfs tmpfs rw
128 124 8:2 /lib/metrics /var/lib/metrics rw - ext4 /dev/sda2 rw
";

    #[test]
    fn a_namespace_that_only_forbids_writing_shows_the_same_files() {
        assert!(same_files(CONFINED, NODE));
        assert!(same_files(NODE, CONFINED));
    }

    #[test]
    fn one_that_hides_or_replaces_a_directory_does_not() {
        for own in [
            "129 121 0:99 / /tmp rw - tmpfs tmpfs rw\n",
            "129 121 8:1 /private /root rw - ext4 /dev/sda1 rw\n",
            // Covers a mount that is still in the list.
            "129 124 0:99 / /var rw - tmpfs tmpfs rw\n",
            "129 121 0:99 / /var/lib rw - tmpfs tmpfs rw\n129 124 0:99 / /var/lib rw - tmpfs tmpfs rw\n",
        ] {
            assert!(!same_files(&format!("{CONFINED}{own}"), NODE), "{own}");
        }
        // A volume of a pod that is not seen here.
        let without: Vec<&str> = CONFINED
            .lines()
            .filter(|line| !line.contains("token"))
            .collect();
        assert!(!same_files(&format!("{}\n", without.join("\n")), NODE));
    }

    #[test]
    fn a_container_and_a_list_that_cannot_be_read_are_different() {
        let container =
            "500 400 0:77 / / rw - overlay overlay rw\n501 500 0:20 / /proc rw - proc proc rw\n";
        assert!(!same_files(container, NODE));
        // A changed root directory that is no mount has no first mount.
        let below = "124 121 8:2 / /var ro - ext4 /dev/sda2 rw\n";
        for list in ["", "21 1\n", below, "1 1 8:1 / / rw\n"] {
            assert!(!same_files(list, NODE), "{list}");
            assert!(!same_files(list, list), "{list}");
        }
    }
}
