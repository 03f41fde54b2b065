//! SIGINT, SIGTERM and SIGHUP, held back while files are being changed.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::failure::Failure;

const ALL: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// From now on a write past the limit of file sizes (RLIMIT_FSIZE) fails like any other, where the
/// kernel would else end the process in the middle of a transaction.
pub fn outlive_size_limit() {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGXFSZ);
    // Without it the process is ended, and recovery settles what it left.
    let _ = signals.thread_block();
}

/// While this lives, the three signals end nothing: they are asked for between two steps.
///
/// Only the calling thread is covered, so the program stays single-threaded meanwhile.
#[derive(Debug)]
#[must_use = "the signals are held back only while this lives"]
pub struct Interrupt {
    pending: SignalFd,
    held: SigSet,
    /// What is put back when it ends; `None` when the process ends with it.
    before: Option<SigSet>,
}

impl Interrupt {
    /// Holds the signals back from now on.
    ///
    /// # Errors
    /// When the kernel gives no handle for them.
    pub fn hold() -> Result<Interrupt, Failure> {
        Interrupt::hold_these(&ALL)
    }

    /// Holds the signals back until the process ends, so that what was done is also said, and the exit
    /// code is the tool's own.
    ///
    /// # Errors
    /// As [`Interrupt::hold`].
    pub fn hold_to_the_end() -> Result<Interrupt, Failure> {
        let mut held = Interrupt::hold_these(&ALL)?;
        held.before = None;
        Ok(held)
    }

    /// Holds back what Ctrl-C sends, and nothing else: while a question is open nothing has been
    /// changed, and whoever ends the process may do so.
    ///
    /// # Errors
    /// As [`Interrupt::hold`].
    pub fn hold_keyboard() -> Result<Interrupt, Failure> {
        Interrupt::hold_these(&[Signal::SIGINT])
    }

    fn hold_these(held: &[Signal]) -> Result<Interrupt, Failure> {
        let refused = |errno: nix::errno::Errno| {
            Failure::refused(format!("signals cannot be held back: {}", errno.desc()))
                .state("nothing was written")
                .because(errno)
        };
        let mut signals = SigSet::empty();
        for signal in held {
            signals.add(*signal);
        }
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let pending = SignalFd::with_flags(&signals, flags).map_err(refused)?;
        let before = signals
            .thread_swap_mask(SigmaskHow::SIG_BLOCK)
            .map_err(refused)?;
        Ok(Interrupt {
            pending,
            held: signals,
            before: Some(before),
        })
    }

    /// The name of a signal that came since the last call.
    pub fn came(&self) -> Option<&'static str> {
        let info = self.pending.read_signal().ok()??;
        let number = i32::try_from(info.ssi_signo).ok()?;
        Signal::try_from(number).ok().map(Signal::as_str)
    }

    /// Fails when a signal came.
    ///
    /// # Errors
    /// Exit 1, naming the signal.
    pub fn check(&self) -> Result<(), Failure> {
        match self.came() {
            None => Ok(()),
            Some(signal) => Err(Failure::refused(format!("stopped by {signal}"))
                .help("run the command again when nothing is to stop it")),
        }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        let Some(before) = self.before else { return };
        // What came after the last question came too late to stop anything, and must not kill the
        // process before it has said how it ended. What somebody further out holds back is theirs.
        let theirs = self.held.iter().all(|signal| before.contains(signal));
        while !theirs && self.came().is_some() {}
        let _ = before.thread_set_mask();
    }
}
