//! A test program that runs itself once more, where it sees its own processes and mounts alone.

use std::ffi::OsStr;
use std::process::Command;

/// A process namespace with a /proc of its own, gone with all that runs in it when its maker ends.
const UNSHARED: &[&str] = &["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// Why there can be no namespaces here.
pub fn missing() -> Option<&'static str> {
    let ran = Command::new("unshare").args(UNSHARED).arg("true").output();
    let possible = ran.is_ok_and(|ran| ran.status.success());
    let root = nix::unistd::geteuid().is_root();
    (!root || !possible).then_some("namespaces need root and unshare")
}

/// Runs this program again with its own arguments and one variable, by which it knows where it is.
pub fn run_inside(variable: &str, value: impl AsRef<OsStr>) {
    let status = Command::new("unshare")
        .args(UNSHARED)
        .arg(std::env::current_exe().unwrap())
        .args(std::env::args().skip(1))
        .env(variable, value)
        .status();
    assert!(
        status.unwrap().success(),
        "a test failed inside the namespaces"
    );
}

/// The same, or a word about it where that is not possible.
pub fn enter(variable: &str) {
    match missing() {
        Some(why) => eprintln!("skipped: {why}"),
        None => run_inside(variable, "1"),
    }
}
