//! How far reading is, on a terminal, with the rate and the time that is left.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::inputs::Inputs;

/// What takes less time than this is not worth a bar.
const SOON: Duration = Duration::from_millis(400);

/// The bar, where there is one.
pub struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    /// Bytes on the disk of the logs that were begun.
    before: u64,
    size: u64,
}

impl Progress {
    /// For logs of which all are files, on a terminal.
    pub fn new(inputs: &Inputs, quiet: bool) -> Progress {
        let sizes = inputs.logs.iter().map(|log| log.input.size);
        let total: Option<u64> = sizes.sum();
        let bar = total
            .filter(|_| !quiet && std::io::stderr().is_terminal())
            .map(|total| {
                let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
                // The template is a constant; a bar without it is drawn in the library's own way.
                if let Ok(style) = ProgressStyle::with_template(
                    "{bar:30} {percent:>3} %  {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}, {eta} left",
                ) {
                    bar.set_style(style);
                }
                bar
            });
        Progress {
            bar,
            started: Instant::now(),
            before: 0,
            size: 0,
        }
    }

    /// The next log begins: what is to be called with the bytes that were read of it, unless the bytes on
    /// the disk are counted elsewhere, since it is compressed.
    pub fn of(
        &mut self,
        size: Option<u64>,
        packed: Option<Arc<AtomicU64>>,
    ) -> Option<impl FnMut(u64) + use<>> {
        self.before += std::mem::replace(&mut self.size, size.unwrap_or(0));
        let bar = self.bar.clone()?;
        let (before, started) = (self.before, self.started);
        Some(move |read: u64| {
            if started.elapsed() < SOON {
                return;
            }
            if bar.is_hidden() {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            let read = packed
                .as_ref()
                .map_or(read, |packed| packed.load(Ordering::Relaxed));
            bar.set_position(before + read);
        })
    }

    /// The bar goes away.
    pub fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
