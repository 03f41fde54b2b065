//! A moment on the clock that counts from the start of the machine: nobody can set it.

use std::fs;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// How long the machine had been running, and in which of its lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uptime {
    /// What the kernel calls this boot.
    boot_id: String,
    /// Milliseconds since then.
    milliseconds: u64,
}

impl Uptime {
    /// Now; `None` where the kernel does not tell which boot this is.
    pub fn now() -> Option<Uptime> {
        let now = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).ok()?;
        let part = u64::try_from(now.tv_nsec).ok()? / 1_000_000;
        Some(Uptime {
            boot_id: boot_id()?,
            milliseconds: seconds.checked_mul(1_000)?.checked_add(part)?,
        })
    }

    /// Milliseconds between the start of the machine and this moment; `None` when it was started again
    /// since, or may have been.
    pub fn in_this_boot(&self) -> Option<u64> {
        (boot_id()? == self.boot_id).then_some(self.milliseconds)
    }
}

fn boot_id() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = text.trim();
    (!id.is_empty()).then(|| id.into())
}
