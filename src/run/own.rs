//! Runs this very program once more as a command, and reads its document: whatever becomes of it, there
//! is somebody left to say so.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::Value;

use crate::failure::{Exit, Failure};
use crate::transaction::Interrupt;

/// Most that is read of what the command printed, in bytes. A history of 100,000 transactions fits.
const MAX_OUTPUT: u64 = 64 << 20;
/// How long is waited at first and at most between two looks at the command.
const TICK: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(25));

/// How the command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// Its document. Null where it printed none, as for wrong usage.
    pub document: Value,
    /// What it printed on stderr.
    pub messages: String,
}

/// Runs the command, with signals held back here and passed on to it, which knows how to stop.
///
/// # Errors
/// When it cannot be started, or did not come to its own end: killed, or without a document.
pub fn run(arguments: &[String], interrupt: &Interrupt) -> Result<Ended, Failure> {
    let failed = |error: std::io::Error| {
        Failure::refused(format!("tighten cannot run itself: {error}")).because(error)
    };
    // In memory: a look at the node leaves no file anywhere, and no pipe can be full.
    let stream = |name: &str| -> std::io::Result<File> {
        Ok(memfd_create(name, MemfdFlags::CLOEXEC)?.into())
    };
    let mut out = stream("tighten-stdout").map_err(failed)?;
    let mut messages = stream("tighten-stderr").map_err(failed)?;
    let mut child = Command::new("/proc/self/exe")
        .arg0("tighten")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(out.try_clone().map_err(failed)?)
        .stderr(messages.try_clone().map_err(failed)?)
        .spawn()
        .map_err(failed)?;
    let status = wait(&mut child, interrupt).map_err(failed)?;
    let messages = text(&mut messages).map_err(failed)?;
    let printed = text(&mut out).map_err(failed)?;
    let Some(code) = status.code() else {
        return Err(killed(status.signal()));
    };
    let document = match serde_json::from_str(&printed) {
        Ok(document) => document,
        // What it has to say stands on stderr.
        Err(_) if printed.is_empty() && code != 0 => Value::Null,
        Err(error) => {
            return Err(Failure::refused(format!(
                "tighten ended with {code} and without a whole document: {error}"
            ))
            .help(SEE));
        }
    };
    Ok(Ended {
        code,
        document,
        messages,
    })
}

const SEE: &str =
    "tighten history says what happened on the node, and tighten recover settles what was cut off";

fn killed(signal: Option<i32>) -> Failure {
    let name = signal.and_then(|number| Signal::try_from(number).ok());
    let name = name.map_or("a signal", Signal::as_str);
    Failure::refused(format!("tighten was ended by {name} in the middle"))
        .state("files may be half changed until that is settled")
        .help("run the task again, which first settles what was cut off, or tighten recover on the node")
        .exit(Exit::Incomplete)
}

fn wait(child: &mut Child, interrupt: &Interrupt) -> std::io::Result<std::process::ExitStatus> {
    let (mut tick, longest) = TICK;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if let Some(signal) = interrupt.came()
            && let (Ok(signal), Ok(pid)) = (signal.parse::<Signal>(), i32::try_from(child.id()))
        {
            // It is gone already where this fails, and the next look says so.
            let _ = kill(Pid::from_raw(pid), signal);
        }
        sleep(tick);
        tick = longest.min(tick * 2);
    }
}

fn text(stream: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    stream.rewind()?;
    stream.take(MAX_OUTPUT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
