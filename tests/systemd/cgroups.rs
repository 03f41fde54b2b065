//! Cgroups for the container, taken away at the end: an empty one would stay.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// Those in which this process was, and those in which it is.
pub struct Cgroups(Vec<(PathBuf, PathBuf)>);

impl Cgroups {
    /// One of its own in each hierarchy in which systemd keeps its units.
    pub fn enter() -> Cgroups {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let entered = own.lines().filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (id, name, path) = (parts.next()?, parts.next()?, parts.next()?);
            let former = match (id, name) {
                ("0", "") => mount(&mounts, " - cgroup2 ")?,
                (_, "name=systemd") => mount(&mounts, "name=systemd")?,
                _ => return None,
            };
            let former = former.join(path.trim_start_matches('/'));
            let now = former.join(format!("tighten-test-{}", std::process::id()));
            fs::create_dir(&now).unwrap();
            move_to(&now).unwrap();
            Some((former, now))
        });
        Cgroups(entered.collect())
    }
}

fn mount(mounts: &str, like: &str) -> Option<PathBuf> {
    let line = mounts.lines().find(|line| line.contains(like))?;
    line.split(' ').nth(4).map(PathBuf::from)
}

fn move_to(cgroup: &Path) -> std::io::Result<()> {
    fs::write(cgroup.join("cgroup.procs"), std::process::id().to_string())
}

/// True when it and all below it are gone. One whose last process has just ended is still busy.
fn remove(cgroup: &Path) -> bool {
    let below = fs::read_dir(cgroup).into_iter().flatten().flatten();
    for entry in below.filter(|entry| entry.path().is_dir()) {
        remove(&entry.path());
    }
    fs::remove_dir(cgroup).is_ok()
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for (former, now) in &self.0 {
            let _ = move_to(former);
            let gone = (0..250).any(|_| {
                sleep(Duration::from_millis(20));
                remove(now)
            });
            if !gone {
                eprintln!("left behind: {}", now.display());
            }
        }
    }
}
