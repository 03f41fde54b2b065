//! Which process a component is now, and whether it started after something was changed.

use std::fs;
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

/// A moment on the clock that counts from the start of the machine, in ticks: nobody can set it, and
/// the kernel notes the start of each process by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Moment {
    /// Now.
    pub fn now() -> Moment {
        let now = clock_gettime(ClockId::Boottime);
        let ticks = rustix::param::clock_ticks_per_second();
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        let part = u64::try_from(now.tv_nsec).unwrap_or_default();
        // A process that starts in this very tick started before it was over.
        Moment(seconds * ticks + part * ticks / 1_000_000_000)
    }

    /// When a process started; `None` when it is gone.
    pub fn started(pid: u32) -> Option<Moment> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in parentheses and can hold anything, so the count starts behind it:
        // field 22 of proc_pid_stat(5), and the state is field 3.
        let (_, fields) = text.rsplit_once(')')?;
        let start = fields.split_whitespace().nth(22 - 3)?;
        start.parse().ok().map(Moment)
    }

    /// So many milliseconds after the start of the machine.
    pub fn after_boot(milliseconds: u64) -> Moment {
        Moment(milliseconds.saturating_mul(rustix::param::clock_ticks_per_second()) / 1_000)
    }

    /// Seconds from this moment to another; 0 when that came first.
    pub fn seconds_to(self, later: Moment) -> u64 {
        later.0.saturating_sub(self.0) / rustix::param::clock_ticks_per_second()
    }
}

/// When a process started, by the clock on the wall, to the second.
pub(super) fn started_at(pid: u32) -> Option<SystemTime> {
    let age = Moment::started(pid)?.seconds_to(Moment::now());
    SystemTime::now().checked_sub(Duration::from_secs(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_starts_between_two_moments() {
        let before = Moment::now();
        let mut child = std::process::Command::new("/bin/sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let started = Moment::started(child.id()).unwrap();
        let after = Moment::now();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(
            before <= started && started <= after,
            "{before:?} {started:?} {after:?}"
        );
        assert!(Moment::started(std::process::id()).unwrap() <= before);
    }
}
