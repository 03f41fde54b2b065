//! Says what is waited for: a moving line on a terminal, else a line when something changes.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::printable;
use crate::report::style::err;

/// Where the waiting is told. It draws only when it is asked to: no thread runs beside a transaction.
pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    said: String,
}

impl Progress {
    /// For a terminal or a log; a quiet one says nothing.
    pub fn new(terminal: bool, quiet: bool) -> Progress {
        let bar = (terminal && !quiet).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The template is a constant; a bar without it is drawn in the library's own way.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Progress {
            bar,
            quiet,
            said: String::new(),
        }
    }

    /// Still waiting: for whom, why, for how long, and how long at most.
    pub fn waiting(&mut self, whom: &str, why: &str, passed: Duration, limit: Duration) {
        let (passed, limit) = (passed.as_secs(), limit.as_secs());
        let text = printable(&format!("waiting for {whom}: {why}"));
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{text} ({passed} s of {limit} s)"));
            bar.tick();
        } else if !self.quiet && self.said != text {
            err(&format!("{text} (at most {limit} s)\n"));
            self.said = text;
        }
    }

    /// The line goes away.
    pub fn done(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.said.clear();
    }
}
