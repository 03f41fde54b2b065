//! Runs the binary from one system call to the next, so that a test can look at what it has done so far.

use std::process::{Command, Stdio};

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::Ran;

/// Calls `look` before and after each system call; `None`, and a word about it, where nothing can be traced.
///
/// The umask is 000, as a careless caller leaves it.
// It is waited for by its id, since only that tells of the stops.
#[allow(clippy::zombie_processes)]
pub fn stepped(command: &Command, arguments: &[&str], look: &mut dyn FnMut()) -> Option<Ran> {
    let mut started = Command::new("sh");
    // It waits until it is traced, so that no call is missed.
    started.args(["-c", "umask 000; kill -STOP $$; exec \"$@\"", "sh"]);
    started.arg(command.get_program()).args(command.get_args());
    started.args(arguments).stdin(Stdio::null());
    let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    started.stdout(out.try_clone().unwrap());
    started.stderr(err.try_clone().unwrap());
    let child = started.spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    assert!(matches!(
        waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap(),
        WaitStatus::Stopped(_, Signal::SIGSTOP)
    ));
    let options = ptrace::Options::PTRACE_O_TRACESYSGOOD | ptrace::Options::PTRACE_O_EXITKILL;
    if let Err(error) = ptrace::seize(pid, options) {
        eprintln!("skipped: ptrace: {error}");
        nix::sys::signal::kill(pid, Signal::SIGKILL).unwrap();
        waitpid(pid, None).unwrap();
        return None;
    }
    nix::sys::signal::kill(pid, Signal::SIGCONT).unwrap();
    let mut stops = 0;
    let code = loop {
        match waitpid(pid, None).unwrap() {
            WaitStatus::Exited(_, code) => break code,
            WaitStatus::Signaled(..) => break -1,
            WaitStatus::PtraceSyscall(_) => {
                stops += 1;
                look();
            }
            // The stop that it waited in, and its end.
            _ => {}
        }
        ptrace::syscall(pid, None).unwrap();
    };
    assert!(stops > 200, "{stops} stops: not all of it was traced");
    let text = |mut file: std::fs::File| {
        use std::io::{Read, Seek};
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    };
    Some(Ran {
        code,
        out: text(out),
        err: text(err),
    })
}
