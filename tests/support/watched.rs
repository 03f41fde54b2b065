//! Running a command that must not hang and must not grow: a deadline, and the peak of its memory.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Ran;

/// Generous: it is there to end a hang, not to measure.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a watched command did, and the most memory that it was seen to hold, in KiB.
#[derive(Debug)]
pub struct Watched {
    pub ran: Ran,
    pub peak: u64,
    pub late: bool,
}

/// Runs the command to its end, or kills it at the deadline.
pub fn watched(command: &mut Command) -> Watched {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let out = drain(child.stdout.take().unwrap());
    let err = drain(child.stderr.take().unwrap());
    let started = Instant::now();
    let mut peak = 0;
    let (status, late) = loop {
        peak = peak.max(high_water(&child).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break (status, false);
        }
        if started.elapsed() > DEADLINE {
            child.kill().unwrap();
            break (child.wait().unwrap(), true);
        }
        thread::sleep(Duration::from_millis(2));
    };
    Watched {
        ran: Ran {
            code: status.code().unwrap_or(-1),
            out: out.join().unwrap(),
            err: err.join().unwrap(),
        },
        peak,
        late,
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).expect("output is UTF-8")
    })
}

fn high_water(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    // Right after the start it is still this test program, with its memory.
    if !status.starts_with("Name:\ttighten\n") {
        return None;
    }
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
