//! Runs a program of the node: by its path, with an argument list, in an empty environment, and not
//! for longer than is allowed.

use std::ffi::OsStr;
use std::io::{PipeReader, Read, pipe};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How much of what a program prints is kept, in bytes: the end, which tells why it failed.
const MAX_OUTPUT: usize = 64 << 10;
/// How much is taken from it between two looks at the clock, in bytes.
const AT_ONCE: usize = 1 << 20;
/// Longest text of its last lines, in letters.
const MAX_LINES: usize = 1000;
/// The whole environment: enough for a program that looks for others itself.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// How often it is looked whether the program has ended.
const TICK: Duration = Duration::from_millis(20);

/// How a program ended.
pub(super) struct Ran {
    pub status: ExitStatus,
    /// What it printed on both streams: the last 64 KiB.
    pub output: String,
}

/// Runs it to its end. `Err` says why there is no end to tell of.
///
/// It is in a process group of its own, so that Ctrl-C ends it only when the transaction decides so,
/// and it starts with no signal held back.
pub(super) fn run(program: &Path, arguments: &[&OsStr], timeout: Duration) -> Result<Ran, String> {
    let shown = program.display();
    let failed = |error: std::io::Error| format!("{shown} cannot be run: {error}");
    // Not a file: somebody who prints without end would fill the disk that the way back needs.
    let (mut reader, writer) = pipe().map_err(failed)?;
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| failed(errno.into()))?;
    let errors = writer.try_clone().map_err(failed)?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(errors)
        .spawn()
        .map_err(failed)?;
    let end = Instant::now() + timeout;
    let mut printed = Vec::new();
    loop {
        take(&mut reader, &mut printed);
        match child.try_wait().map_err(failed)? {
            // Somebody whom it left behind may hold the pipe; that one is not waited for.
            Some(status) => {
                take(&mut reader, &mut printed);
                let output = String::from_utf8_lossy(&printed).into_owned();
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

/// Runs it to a good end; what it printed. `Err` says what failed, and the last that it said of it.
pub(super) fn done(
    program: &Path,
    arguments: &[&OsStr],
    timeout: Duration,
) -> Result<String, String> {
    let ran = run(program, arguments, timeout)?;
    if ran.status.success() {
        return Ok(ran.output);
    }
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let words = arguments.iter().map(|word| word.to_string_lossy());
    let words: Vec<_> = words.collect();
    let what = format!("{name} {}", words.join(" "));
    Err(match last_lines(&ran.output, 3) {
        said if said.is_empty() => format!("{what} failed ({})", ran.status),
        said => format!("{what} failed ({}): {said}", ran.status),
    })
}

/// Ends the program and all that it started in its group.
fn end_all(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Takes what has been printed so far.
fn take(reader: &mut PipeReader, printed: &mut Vec<u8>) {
    let mut part = [0; 8 << 10];
    let mut taken = 0;
    while taken < AT_ONCE {
        // What cannot be read is left out: the exit code decides.
        let Ok(read @ 1..) = reader.read(&mut part) else {
            return;
        };
        taken += read;
        printed.extend_from_slice(part.get(..read).unwrap_or_default());
        let over = printed.len().saturating_sub(MAX_OUTPUT);
        printed.drain(..over);
    }
}

/// The last lines of what a program printed, on one line; the end of it where that is too long.
pub(super) fn last_lines(output: &str, lines: usize) -> String {
    let all: Vec<&str> = output
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let from = all.len().saturating_sub(lines);
    let text = all.get(from..).unwrap_or_default().join("; ");
    match text.char_indices().rev().nth(MAX_LINES) {
        Some((cut, _)) => format!("..{}", text.get(cut..).unwrap_or_default()),
        None => text,
    }
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

    fn shell(script: &str) -> Ran {
        let words = [OsStr::new("-c"), OsStr::new(script)];
        run(Path::new("/bin/sh"), &words, Duration::from_secs(60)).unwrap()
    }

    #[test]
    fn of_much_that_is_printed_the_end_is_kept_and_none_of_it_on_disk() {
        let ran = shell("readlink /proc/self/fd/1; seq 1 100000; echo why >&2; exit 1");
        assert!(ran.output.len() <= MAX_OUTPUT);
        assert_eq!(last_lines(&ran.output, 2), "100000; why");
        assert!(
            shell("readlink /proc/self/fd/1")
                .output
                .starts_with("pipe:")
        );
        let long = "x".repeat(5000);
        assert_eq!(last_lines(&long, 1).len(), MAX_LINES + 3);
    }

    #[test]
    fn who_is_left_behind_with_the_pipe_is_not_waited_for() {
        let ran = shell("sleep 600 & echo $!");
        let pid: i32 = ran.output.trim().parse().unwrap();
        nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }
}
