//! SIGINT, SIGTERM and SIGHUP, held back while files are being changed.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::failure::Failure;

/// While this lives, the three signals end nothing: they are asked for between two steps.
///
/// Only the calling thread is covered, so the program stays single-threaded meanwhile.
#[derive(Debug)]
#[must_use = "the signals are held back only while this lives"]
pub struct Interrupt {
    pending: SignalFd,
    before: SigSet,
}

impl Interrupt {
    /// Holds the signals back from now on.
    ///
    /// # Errors
    /// When the kernel gives no handle for them.
    pub fn hold() -> Result<Interrupt, Failure> {
        Interrupt::hold_these(&[Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP])
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
        Ok(Interrupt { pending, before })
    }

    /// The name of a signal that came since the last call.
    pub fn came(&self) -> Option<&'static str> {
        let info = self.pending.read_signal().ok()??;
        let number = i32::try_from(info.ssi_signo).ok()?;
        Signal::try_from(number).ok().map(Signal::as_str)
    }

    /// Fails when a signal came.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self.came() {
            None => Ok(()),
            Some(signal) => Err(Failure::refused(format!("stopped by {signal}"))),
        }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        // What came after the last question came too late to stop anything, and must not kill the
        // process before it has said how it ended.
        while self.came().is_some() {}
        let _ = self.before.thread_set_mask();
    }
}
