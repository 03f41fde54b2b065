//! Hands out a log piece by piece, and decides which pieces are searched and which are parsed line by line.
//!
//! A search for the user's name passes over lines that are broken inside, and over names that another program
//! has written with escapes. So only a large file is searched, when samples of it look as the API server
//! writes; and a stream only behind its beginning.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::json::Text;
use super::read::{PIECE, Source};
use super::source::fill;

/// What is no larger is parsed line by line, which takes some hundredths of a second; in bytes.
pub const SMALL: u64 = 64 << 20;

/// A piece that a worker has taken.
pub struct Taken {
    /// Its number, counted from 0.
    pub number: u64,
    /// How many bytes it has; none at the end.
    pub size: io::Result<usize>,
    /// Each of its lines is to be parsed.
    pub parse: bool,
}

/// Hands out the pieces of a source.
pub enum Pieces {
    /// Each worker reads its own.
    File {
        /// The file.
        file: File,
        /// Its bytes.
        length: u64,
        /// How many pieces were taken.
        taken: AtomicU64,
        /// Each line is to be parsed.
        parse: bool,
    },
    /// One worker reads at a time.
    Stream(Mutex<Stream>),
}

/// A stream, and how far it was read.
pub struct Stream {
    stream: Box<dyn Read + Send>,
    taken: u64,
    /// The error that comes after the last piece.
    failed: Option<io::Error>,
    /// Somebody else than the API server wrote it.
    rewritten: bool,
    /// So many pieces are parsed line by line.
    parsed: u64,
}

impl Stream {
    /// Full pieces, so that their borders do not depend on how the bytes come in.
    fn next(&mut self, buffer: &mut [u8]) -> Taken {
        let number = self.taken;
        self.taken += 1;
        let size = match self.failed.take() {
            Some(error) => Err(error),
            None => match fill(&mut self.stream, buffer) {
                (0, Err(error)) => Err(error),
                (done, ended) => {
                    self.failed = ended.err();
                    Ok(done)
                }
            },
        };
        if number == 0 {
            self.rewritten = is_rewritten(buffer);
        }
        Taken {
            number,
            size,
            parse: self.rewritten || number < self.parsed,
        }
    }
}

impl Pieces {
    /// Of a source of which nothing was read. As many bytes or less are parsed line by line.
    pub fn of(source: Source, small: u64) -> Pieces {
        match source {
            Source::File(file, length) => Pieces::File {
                parse: length <= small || samples(&file, length),
                file,
                length,
                taken: AtomicU64::new(0),
            },
            Source::Stream(stream) => Pieces::Stream(Mutex::new(Stream {
                stream,
                taken: 0,
                failed: None,
                rewritten: false,
                parsed: small / PIECE as u64,
            })),
        }
    }

    /// Fills the buffer with the next piece.
    pub fn next(&self, buffer: &mut [u8]) -> Taken {
        match self {
            Pieces::File {
                file,
                length,
                taken,
                parse,
            } => {
                let number = taken.fetch_add(1, Ordering::Relaxed);
                let start = number.saturating_mul(buffer.len() as u64);
                let left = usize::try_from(length.saturating_sub(start)).unwrap_or(usize::MAX);
                let size = left.min(buffer.len());
                let part = buffer.get_mut(..size).unwrap_or_default();
                Taken {
                    number,
                    size: read_at(file, part, start),
                    parse: *parse,
                }
            }
            Pieces::Stream(stream) => held(stream).next(buffer),
        }
    }
}

/// Whether a sample of a file, at its beginning, in its middle and at its end, was written by somebody else
/// than the API server. What cannot be read is told when it is read.
fn samples(file: &File, length: u64) -> bool {
    let mut sample = vec![0; PIECE];
    let last = length.saturating_sub(PIECE as u64);
    [0, last / 2, last].into_iter().any(|start| {
        let read = file.read_at(&mut sample, start).unwrap_or(0);
        is_rewritten(sample.get(..read).unwrap_or_default())
    })
}

/// Whether a program that is not the API server wrote these bytes, in a way that may hide a user's name from
/// a search.
pub fn is_rewritten(bytes: &[u8]) -> bool {
    Text::raw(bytes).is_foreign()
}

fn read_at(file: &File, buffer: &mut [u8], start: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, start + done as u64) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, SHORTER)),
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// What is said of a log that was truncated meanwhile.
const SHORTER: &str = "it became shorter while it was read";

/// What a mutex holds.
pub fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A worker that panicked would have ended the process.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
