//! Colours, where they are wanted, and writing that survives a closed pipe.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::baseline::Severity;
use crate::cli::Color;
use crate::kinds::Verdict;

/// How text is decorated.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colored: bool,
    /// Columns of the terminal; none when stdout is not one.
    pub width: Option<usize>,
}

impl Style {
    /// From the command line's choice and what stdout is.
    pub fn new(color: Color) -> Style {
        let terminal = io::stdout().is_terminal();
        let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Style {
            colored: match color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => terminal && !quiet && !dumb,
            },
            width: terminal.then(columns).flatten(),
        }
    }

    /// For a file: no colour, no width.
    pub fn plain() -> Style {
        Style {
            colored: false,
            width: None,
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colored && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }

    /// For headings.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// For what matters less.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// For what is new or good.
    pub fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// For what goes or is bad.
    pub fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// For what needs a look.
    pub fn warn(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// A verdict's own colour.
    pub fn verdict(self, verdict: Verdict, text: &str) -> String {
        match verdict {
            Verdict::Pass => self.good(text),
            Verdict::Fail => self.bad(text),
            Verdict::Unknown => self.warn(text),
            Verdict::NotApplicable | Verdict::Waived => self.dim(text),
        }
    }

    /// A severity's own colour.
    pub fn severity(self, severity: Severity, text: &str) -> String {
        match severity {
            Severity::High => self.bad(text),
            Severity::Medium => self.warn(text),
            Severity::Low => text.to_string(),
        }
    }

    /// A diff's line, by its first character.
    pub fn diff_line(self, line: &str) -> String {
        match line.chars().next() {
            Some('+') => self.good(line),
            Some('-') => self.bad(line),
            Some('@') => self.dim(line),
            _ => line.to_string(),
        }
    }
}

fn columns() -> Option<usize> {
    let (_, columns) = dialoguer::console::Term::stdout().size_checked()?;
    // Narrower than this nothing is readable, and widths are subtracted from.
    Some(usize::from(columns).max(40))
}

static LOST: AtomicBool = AtomicBool::new(false);

/// Nobody reads stdout any more.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Writes to stdout. A reader that went away is not an error.
pub fn out(text: &str) {
    put(text.as_bytes());
}

fn put(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            CLOSED.store(true, Ordering::Relaxed);
        }
        Err(_) => LOST.store(true, Ordering::Relaxed),
    }
}

/// Stdout for what is made piece by piece: as [`out`], in larger pieces.
///
/// Writing fails when nothing more can be read or written there, so that nothing more is made.
#[derive(Debug, Default)]
pub struct Pieces(Vec<u8>);

/// Bytes that are held before they are written.
const PIECE: usize = 32 << 10;

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        if self.0.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        put(&self.0);
        self.0.clear();
        if CLOSED.load(Ordering::Relaxed) || output_lost() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }
}

/// Writes one JSON document to stdout, as it is made: a tree of thousands of values takes megabytes.
pub fn print_json(document: &impl Serialize) {
    let mut out = Pieces::default();
    end(serde_json::to_writer_pretty(&mut out, document), out);
}

/// The same on one line.
pub fn print_json_line(document: &impl Serialize) {
    let mut out = Pieces::default();
    end(serde_json::to_writer(&mut out, document), out);
}

fn end(written: serde_json::Result<()>, mut out: Pieces) {
    // What could not be written is known to [`output_lost`].
    if written.is_ok() {
        let _ = out.write_all(b"\n").and_then(|()| out.flush());
    }
}

/// Whether something could not be written to stdout, as on a full disk.
pub fn output_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Writes a message to stderr.
pub fn err(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}
