//! Runs of the binary under strace: with a fault put into a call, or with every call written down.

use std::process::{Command, Stdio};

use super::{Node, Ran, skipped};

/// Whether strace is there and may trace; otherwise says that a test is skipped.
pub fn can_trace() -> bool {
    let tried = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output();
    let can = tried.is_ok_and(|output| output.status.success());
    if !can {
        skipped("strace is not installed, or may not trace");
    }
    can
}

/// Runs tighten with a fault put into one of its calls; `None` where there is no strace.
pub fn injected(node: &Node, fault: &str, arguments: &[&str]) -> Option<Ran> {
    let options = ["-o", "/dev/null", "-e", &format!("inject={fault}")];
    under_strace(&node.command(), &options, arguments)
}

/// Runs tighten and gives its calls that name files or handles, one a line; `None` without strace.
pub fn traced(command: &Command, arguments: &[&str]) -> Option<(Ran, Vec<String>)> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let path = log.path().to_str().unwrap();
    let calls = "trace=%file,%desc,umask";
    let options = ["-y", "-s", "4096", "-o", path, "-e", calls];
    let ran = under_strace(command, &options, arguments)?;
    let text = String::from_utf8_lossy(&std::fs::read(log.path()).unwrap()).into_owned();
    // A trace that is cut off or interleaved would hide calls.
    assert!(!text.contains("unfinished ..."), "{text}");
    assert!(text.lines().any(|line| line.contains("+++ exited with")));
    let lines = text
        .lines()
        .filter_map(|line| {
            line.split_once(' ')
                .map(|(_, call)| call.trim_start().to_string())
        })
        .collect();
    Some((ran, lines))
}

fn under_strace(command: &Command, options: &[&str], arguments: &[&str]) -> Option<Ran> {
    let mut strace = Command::new("strace");
    strace.arg("-f").args(options).arg(command.get_program());
    strace.args(command.get_args()).args(arguments);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    // Cargo sets it for tests; the loader would look for libraries there.
    strace.env_remove("LD_LIBRARY_PATH");
    if let Some(directory) = command.get_current_dir() {
        strace.current_dir(directory);
    }
    match strace.stdin(Stdio::null()).output() {
        Ok(output) => Some(output.into()),
        Err(error) => {
            skipped(&format!("strace: {error}"));
            None
        }
    }
}
