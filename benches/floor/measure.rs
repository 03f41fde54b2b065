//! Wall time and peak memory of whole processes.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::ptrace;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// One program and what was measured of it.
pub struct Series {
    pub name: String,
    command: Command,
    /// Milliseconds.
    times: Vec<f64>,
    /// Megabytes.
    pub peak: f64,
}

impl Series {
    pub fn new(name: &str, mut command: Command) -> Series {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Series {
            name: name.into(),
            command,
            times: Vec::new(),
            peak: 0.0,
        }
    }

    pub fn least(&self) -> f64 {
        self.at(0.0)
    }

    pub fn median(&self) -> f64 {
        self.at(0.5)
    }

    pub fn p90(&self) -> f64 {
        self.at(0.9)
    }

    fn at(&self, share: f64) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * share).round() as usize]
    }
}

/// Runs a command that must succeed; a scan's findings are no failure.
pub fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 2)), "{output:?}");
}

/// Times each program once in every round, so that what disturbs the machine disturbs them all.
pub fn in_turn(programs: &mut [Series], rounds: usize, before_round: &mut dyn FnMut()) {
    for _ in 0..rounds {
        before_round();
        for program in &mut *programs {
            let start = Instant::now();
            let status = program.command.status().unwrap();
            program.times.push(start.elapsed().as_secs_f64() * 1e3);
            let fine = matches!(status.code(), Some(0 | 2));
            assert!(fine, "{}: {status}", program.name);
        }
    }
}

/// The most memory that each program has at one time; the median of five runs.
pub fn weigh(programs: &mut [Series], before_round: &mut dyn FnMut()) {
    weigh_in(5, programs, before_round);
}

/// The same of so many runs.
pub fn weigh_in(runs: usize, programs: &mut [Series], before_round: &mut dyn FnMut()) {
    let mut peaks = vec![Vec::new(); programs.len()];
    for _ in 0..runs {
        before_round();
        for (program, peaks) in programs.iter().zip(&mut peaks) {
            peaks.push(peak(&program.command));
        }
    }
    for (program, mut peaks) in programs.iter_mut().zip(peaks) {
        peaks.sort_by(f64::total_cmp);
        program.peak = peaks[runs / 2];
    }
}

/// Stops the process at its very end and asks the kernel for its high-water mark. The maximum that
/// wait4 gives would be wrong for small programs: it counts the parent's memory before the exec.
#[allow(clippy::zombie_processes)] // It is waited for, but by its tracer.
fn peak(command: &Command) -> f64 {
    // The shell waits until the tracer is there, and then becomes the program.
    let mut child = Command::new("sh")
        .args(["-c", "read -r go; exec \"$@\" </dev/null", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    ptrace::seize(pid, ptrace::Options::PTRACE_O_TRACEEXIT).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"go\n").unwrap();
    let mut peak = None;
    loop {
        match waitpid(pid, None).unwrap() {
            WaitStatus::PtraceEvent(_, _, event)
                if event == ptrace::Event::PTRACE_EVENT_EXIT as i32 =>
            {
                let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
                peak = status.lines().find_map(|line| {
                    let kilobytes = line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?;
                    kilobytes.parse::<f64>().ok()
                });
                ptrace::cont(pid, None).unwrap();
            }
            WaitStatus::Stopped(_, signal) => ptrace::cont(pid, signal).unwrap(),
            WaitStatus::Exited(_, code) => {
                assert!(matches!(code, 0 | 2), "{command:?}: exit code {code}");
                return peak.unwrap() * 1024.0 / 1e6;
            }
            other => panic!("{command:?}: {other:?}"),
        }
    }
}
