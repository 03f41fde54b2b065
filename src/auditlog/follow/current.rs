//! A log that is open, and where reading stands in it.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::SystemTime;

use rustix::fs::{SeekFrom, seek};

use super::super::logs::{START, first_time};
use super::super::read::Source;
use super::super::source::input;
use super::super::time::Instant;
use super::Away;

/// Bytes before the place where reading stands that are compared, to notice that a log was truncated and has
/// grown past that place again. The last bytes of many events are the same; so many hold at least one whole
/// event with its audit id, or a part of a long one.
const MARK: usize = 4096;

/// Which file it is. A number is given again when the file that had it is gone; its birth, where the file
/// system tells it, is another one.
pub type Identity = (u64, u64, Option<SystemTime>);

/// An open log and where reading stands in it.
pub struct Current {
    /// Its handle.
    pub file: File,
    /// Which file it is.
    pub identity: Identity,
    /// It held nothing when it was opened.
    pub is_empty: bool,
    /// When its first event was written, where that is known.
    pub begins: Option<Instant>,
    /// What it holds, of one that is compressed.
    pub unpacked: Option<Box<dyn Read + Send>>,
    /// Where reading stands.
    pub at: u64,
    /// What stands before that, as far as it is compared.
    pub mark: Vec<u8>,
}

impl Current {
    /// A file of which nothing was read.
    pub fn of(file: File) -> io::Result<Current> {
        let meta = file.metadata()?;
        let Some(identity) = identity(&meta) else {
            let why = "it is no regular file, which alone can be followed";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        };
        Ok(Current {
            identity,
            is_empty: meta.len() == 0,
            begins: None,
            unpacked: None,
            file,
            at: 0,
            mark: Vec::new(),
        })
    }

    /// A log that was rotated away, of which nothing was read.
    pub fn away(away: Away) -> io::Result<Current> {
        let mut one = Current::of(away.file)?;
        one.begins = Some(away.begins);
        if away.is_packed {
            let input = input(one.file.try_clone()?);
            if let Source::Stream(stream) = input
                .map_err(|why| io::Error::other(why.to_string()))?
                .source
            {
                one.unpacked = Some(stream);
            }
        }
        Ok(one)
    }

    /// These bytes were read: remembers what stands before the place where reading stands now.
    pub fn went_on(&mut self, bytes: &[u8]) {
        self.at += bytes.len() as u64;
        self.mark.extend_from_slice(
            bytes
                .get(bytes.len().saturating_sub(MARK)..)
                .unwrap_or(bytes),
        );
        self.mark.drain(..self.mark.len().saturating_sub(MARK));
    }

    /// What stands before the place where reading stands.
    pub fn before(&self) -> io::Result<Vec<u8>> {
        let length = self.at.min(MARK as u64);
        self.bytes(self.at - length, length)
    }

    fn bytes(&self, at: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        match self.file.read_exact_at(&mut bytes, at) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Whether it is shorter than what was read of it, or holds something else there.
    pub fn is_truncated(&self) -> io::Result<bool> {
        if self.unpacked.is_some() {
            return Ok(false);
        }
        let size = self.file.metadata()?.size();
        let length = self.mark.len() as u64;
        Ok(size < self.at || self.bytes(self.at - length.min(self.at), length)? != self.mark)
    }

    /// When its first event was written.
    pub fn begins(&self) -> Option<Instant> {
        if self.begins.is_some() {
            return self.begins;
        }
        let mut start = vec![0; START];
        let length = self.file.read_at(&mut start, 0).ok()?;
        first_time(start.get(..length)?)
    }
}

/// Which file it is; none of what is no regular file.
pub fn identity(meta: &Metadata) -> Option<Identity> {
    meta.is_file()
        .then(|| (meta.dev(), meta.ino(), meta.created().ok()))
}

/// Behind the NUL bytes that a log begins with when it was truncated while who writes goes on at the former
/// place, which the API server does with a log that it created itself.
pub fn behind_hole(file: &File, buffer: &mut [u8]) -> io::Result<u64> {
    let part = buffer.get_mut(..1).unwrap_or_default();
    if file.read_at(part, 0)? == 0 || part != [0] {
        return Ok(0);
    }
    // Where the file system cannot tell, each byte is looked at.
    let mut at = seek(file, SeekFrom::Data(0)).unwrap_or(0);
    loop {
        let read = file.read_at(buffer, at)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            // Nothing else was written yet.
            return Ok(0);
        }
        if let Some(data) = bytes.iter().position(|byte| *byte != 0) {
            return Ok(at + data as u64);
        }
        at += read as u64;
    }
}

/// Behind the last end of a line.
pub fn last_line(file: &File, buffer: &mut [u8]) -> io::Result<u64> {
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
