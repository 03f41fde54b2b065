//! The real systemd: it boots a small tree in a container and starts a program that plays kube-proxy.
//! Only with TIGHTEN_SYSTEMD_TREE, see docs/systemd.md; what it starts, mounts and writes is gone at
//! the end.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod at_boot;
mod cgroups;
mod drop_ins;
mod machine;
#[allow(dead_code, reason = "here it plays kube-proxy alone")]
#[path = "../effects/pods.rs"]
mod pods;
mod restarts;
mod scan;
#[path = "../effects/stand_in.rs"]
mod stand_in;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::process::Command;

use cgroups::Cgroups;
use support::namespaces;

/// The tree that is booted; it is only read.
const TREE: &str = "TIGHTEN_SYSTEMD_TREE";
/// Where the container's own files may lie; only inside the namespaces.
const PLACE: &str = "TIGHTEN_TEST_PLACE";

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let name = words[0].rsplit('/').next().unwrap_or_default();
    stand_in::play(name, &words[1..]);
    if std::env::var_os(PLACE).is_none() {
        return enter();
    }
    let only = words.get(1).filter(|word| !word.starts_with('-'));
    let tests = [
        restarts::TESTS,
        at_boot::TESTS,
        drop_ins::TESTS,
        scan::TESTS,
        table::TESTS,
    ];
    for (name, test) in tests.into_iter().flatten() {
        if only.is_none_or(|only| name.contains(only.as_str())) {
            test();
            println!("test {name} ... ok");
        }
    }
}

/// Why it cannot be run here.
fn missing() -> Option<String> {
    let Some(tree) = std::env::var_os(TREE) else {
        return Some(format!("{TREE} names no tree, see docs/systemd.md"));
    };
    if let Some(why) = namespaces::missing() {
        return Some(why.into());
    }
    let mut nspawn = Command::new("systemd-nspawn");
    let installed = nspawn.arg("--version").output();
    if !installed.is_ok_and(|ran| ran.status.success()) {
        return Some("systemd-nspawn is not installed".into());
    }
    let systemd = std::path::Path::new(&tree).join("lib/systemd/systemd");
    (!systemd.exists()).then(|| format!("there is no {}", systemd.display()))
}

/// Runs this program again, in namespaces and cgroups of its own.
fn enter() {
    if let Some(why) = missing() {
        eprintln!("skipped: {why}");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let cgroups = Cgroups::enter();
    namespaces::run_inside(PLACE, place.path());
    drop(cgroups);
}
