//! Runs a program of the node: by its path, with an argument list, in an empty environment, and not
//! for longer than is allowed.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How much of what a program prints is read, in bytes.
const MAX_OUTPUT: u64 = 64 << 10;
/// The whole environment: enough for a program that looks for others itself.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// How often it is looked whether the program has ended.
const TICK: Duration = Duration::from_millis(20);

/// How a program ended.
pub(super) struct Ran {
    pub status: ExitStatus,
    /// What it printed on both streams, cut at 64 KiB.
    pub output: String,
}

/// Runs it to its end. `Err` says why there is no end to tell of.
///
/// It is in a process group of its own, so that Ctrl-C ends it only when the transaction decides so,
/// and it starts with no signal held back.
pub(super) fn run(program: &Path, arguments: &[&OsStr], timeout: Duration) -> Result<Ran, String> {
    let shown = program.display();
    let failed = |error: std::io::Error| format!("{shown} cannot be run: {error}");
    let mut output = tempfile::tempfile().map_err(failed)?;
    let (out, err) = (
        output.try_clone().map_err(failed)?,
        output.try_clone().map_err(failed)?,
    );
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .map_err(failed)?;
    let end = Instant::now() + timeout;
    loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => {
                let output = read(&mut output);
                return Ok(Ran { status, output });
            }
            None if Instant::now() >= end => break,
            None => sleep(TICK),
        }
    }
    end_all(&mut child);
    let seconds = timeout.as_secs();
    Err(format!("{shown} did not end within {seconds} s"))
}

/// Ends the program and all that it started in its group.
fn end_all(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn read(output: &mut File) -> String {
    let mut bytes = Vec::new();
    // What cannot be read back is left out: the exit code decides.
    let _ = output
        .rewind()
        .and_then(|()| output.take(MAX_OUTPUT).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last lines of what a program printed, on one line.
pub(super) fn last_lines(output: &str, lines: usize) -> String {
    let all: Vec<&str> = output
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let from = all.len().saturating_sub(lines);
    all.get(from..).unwrap_or_default().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let late = run(
            Path::new("/bin/sleep"),
            &[OsStr::new("600")],
            Duration::from_millis(50),
        );
        assert!(late.err().unwrap().contains("did not end within"));
    }

    #[test]
    fn both_streams_and_the_exit_code_are_told_and_nothing_is_inherited() {
        let script = OsStr::new("echo out; echo err >&2; env | sort; exit 3");
        let ran = run(
            Path::new("/bin/sh"),
            &[OsStr::new("-c"), script],
            Duration::from_secs(10),
        )
        .unwrap();
        assert_eq!(ran.status.code(), Some(3));
        assert!(ran.output.starts_with("out\nerr\n"), "{}", ran.output);
        assert!(!ran.output.contains("CARGO"), "{}", ran.output);
        assert_eq!(last_lines("a\n\nb\n c\n", 2), "b; c");
    }
}
