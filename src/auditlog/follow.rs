//! A log that is written to, from its end on: through rotation, truncation, and while it does not exist.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use super::block::{Worker, cut};
use super::order::Log;
use super::read::PIECE;

/// Bytes before the place where reading stands that are compared, to notice that a log was truncated and has
/// grown past that place again.
const MARK: usize = 64;

/// Where a log that is written to is found, and what was rotated away from it.
pub trait Place {
    /// Opens the log.
    ///
    /// # Errors
    /// What the kernel returns; `NotFound` while it does not exist.
    fn open(&self) -> io::Result<File>;

    /// What was rotated away from it and is still there, the oldest first.
    fn rotated(&self) -> Vec<File>;
}

/// What happened to the log between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It does not exist; it is waited for.
    Missing,
    /// It exists now.
    Appeared,
    /// It was rotated away, and another took its place.
    Rotated,
    /// It was truncated: what was written after the last look and before that is lost.
    Truncated,
}

/// Which file it is.
type Identity = (u64, u64);

/// An open log and where reading stands in it.
struct Current {
    file: File,
    identity: Identity,
    at: u64,
    mark: Vec<u8>,
}

/// Follows a log.
pub struct Follower<'p, 'q> {
    place: &'p dyn Place,
    worker: Worker<'q>,
    buffer: Vec<u8>,
    current: Option<Current>,
    known: HashSet<Identity>,
    files: usize,
    missing: bool,
}

impl<'p, 'q> Follower<'p, 'q> {
    /// Stands at the end of the log, behind its last whole line, or at its beginning.
    ///
    /// # Errors
    /// When it exists and cannot be read.
    pub fn new(
        place: &'p dyn Place,
        worker: Worker<'q>,
        log: &mut Log,
        from_start: bool,
    ) -> io::Result<Follower<'p, 'q>> {
        let mut follower = Follower {
            place,
            worker,
            buffer: vec![0; PIECE],
            current: None,
            known: HashSet::new(),
            files: 0,
            missing: false,
        };
        follower.remember();
        match place.open() {
            Ok(file) => {
                let mut current = Current::of(file)?;
                log.begin_file(0);
                if !from_start {
                    current.at = last_line(&current.file, &mut follower.buffer)?;
                    current.remark()?;
                    log.skip_to(current.at);
                }
                follower.known.insert(current.identity);
                follower.current = Some(current);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(follower)
    }

    /// Reads what came since the last look. Stops early when `stop` says so.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn look(
        &mut self,
        log: &mut Log,
        stop: &mut dyn FnMut() -> bool,
        told: &mut dyn FnMut(Happened),
    ) -> io::Result<()> {
        if let Some(current) = &mut self.current
            && current.is_truncated()?
        {
            (current.at, current.mark) = (0, Vec::new());
            log.begin_file(self.files);
            // The copy that was made before holds what was read already.
            self.remember();
            told(Happened::Truncated);
        }
        self.read_on(log, stop)?;
        let next = match self.place.open() {
            Ok(file) => Current::of(file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.current.is_none() && !self.missing {
                    self.missing = true;
                    told(Happened::Missing);
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let before = self.current.as_ref().map(|current| current.identity);
        if before == Some(next.identity) {
            return Ok(());
        }
        // Nothing more is written to the former one, now that another has its name.
        self.read_on(log, stop)?;
        if before.is_some() {
            log.end_file(false);
            told(Happened::Rotated);
        } else if self.missing {
            told(Happened::Appeared);
        }
        self.missing = false;
        self.known.insert(next.identity);
        // Logs that came and went between two looks.
        for missed in self.place.rotated() {
            let missed = Current::of(missed)?;
            if self.known.insert(missed.identity) {
                self.begin(missed, log);
                self.read_on(log, stop)?;
                log.end_file(false);
            }
        }
        self.begin(next, log);
        self.read_on(log, stop)
    }

    fn begin(&mut self, next: Current, log: &mut Log) {
        self.files += 1;
        log.begin_file(self.files);
        self.current = Some(next);
    }

    fn remember(&mut self) {
        let identities = self.place.rotated().into_iter();
        let identities = identities.filter_map(|file| Current::of(file).ok());
        self.known.extend(identities.map(|one| one.identity));
    }

    /// Reads to the end of the open log.
    fn read_on(&mut self, log: &mut Log, stop: &mut dyn FnMut() -> bool) -> io::Result<()> {
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        let before = current.at;
        while !stop() {
            let read = match current.file.read_at(&mut self.buffer, current.at) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let piece = cut(self.buffer.get(..read).unwrap_or_default());
            let body = piece.rest.as_ref().map_or(&[][..], |rest| rest.body);
            let found = self.worker.read(body, true);
            log.add(&piece, &found, &mut self.worker.counted, true);
            current.at += read as u64;
        }
        if current.at > before {
            current.remark()?;
        }
        Ok(())
    }
}

impl Current {
    fn of(file: File) -> io::Result<Current> {
        let meta = file.metadata()?;
        if !meta.is_file() {
            let why = "it is no regular file, which alone can be followed";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        Ok(Current {
            identity: (meta.dev(), meta.ino()),
            file,
            at: 0,
            mark: Vec::new(),
        })
    }

    /// Remembers what stands before the place where reading stands.
    fn remark(&mut self) -> io::Result<()> {
        self.mark = self.before()?;
        Ok(())
    }

    fn before(&self) -> io::Result<Vec<u8>> {
        let length = self.at.min(MARK as u64);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        match self.file.read_exact_at(&mut bytes, self.at - length) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn is_truncated(&self) -> io::Result<bool> {
        let size = self.file.metadata()?.size();
        Ok(size < self.at || self.before()? != self.mark)
    }
}

/// Behind the last end of a line.
fn last_line(file: &File, buffer: &mut [u8]) -> io::Result<u64> {
    let size = file.metadata()?.size();
    let mut end = size;
    while end > 0 {
        let length = end.min(buffer.len() as u64);
        let part = usize::try_from(length).unwrap_or(0);
        let part = buffer.get_mut(..part).unwrap_or_default();
        match file.read_exact_at(part, end - length) {
            Ok(()) => {}
            // It was truncated meanwhile.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
            Err(error) => return Err(error),
        }
        if let Some(at) = memchr::memrchr(b'\n', part) {
            return Ok(end - length + at as u64 + 1);
        }
        end -= length;
    }
    Ok(0)
}
