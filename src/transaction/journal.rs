//! The journal's lines: written in order, chained by their hashes, read back after each write.
//!
//! A line is `tighten-journal-<format> <number> <hash> <record>`; the hash covers the line before. All
//! lines of a journal have the same format.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, Mode, OFlags};

use super::disk;
use super::operation::sha256;
use super::record::{FIRST_FORMAT, FORMAT, Record};

/// The journal's name in its transaction's directory.
pub(super) const NAME: &str = "journal";
/// Largest journal that is read, in bytes.
pub(super) const LIMIT: u64 = 16 << 20;
/// What is reserved at the end, so that a full disk cannot take the last record away.
const RESERVE: u64 = 16 << 10;
const TAG: &str = "tighten-journal-";

/// Why a journal cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Not even its beginning was written.
    Empty,
    /// Written by a version of the tool that this one does not understand.
    Newer(u32),
    /// A line before the last is not what was written there.
    Corrupt { line: usize, why: String },
    /// Others could have written it.
    Untrusted(String),
    /// It cannot be read; with the kernel's error number, where it was the kernel that said so.
    Unreadable { why: String, errno: Option<i32> },
}

impl Unusable {
    /// The kernel's error where nothing is wrong with the journal itself: whoever moved it away would
    /// lose what undoes the transaction. EIO is none of these: then the disk may have lost it.
    pub(super) fn passing(&self) -> Option<io::Error> {
        match self {
            Unusable::Unreadable {
                errno: Some(errno), ..
            } if *errno != nix::libc::EIO => Some(io::Error::from_raw_os_error(*errno)),
            _ => None,
        }
    }
}

/// The valid lines of a journal.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    pub(super) records: Vec<Record>,
    /// Length of the valid lines in bytes; a torn tail comes after.
    pub(super) valid: usize,
    /// The format of all of them.
    pub(super) format: u32,
    hash: String,
}

/// A journal that is open for appending.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    /// Everything that is known to be in the file.
    written: Vec<u8>,
    number: usize,
    hash: String,
    format: u32,
    /// An append failed half-way: what it left must go before the next line.
    torn: bool,
}

fn seal(before: &str, format: u32, number: usize, json: &str) -> String {
    sha256(format!("{before}\n{TAG}{format} {number} {json}").as_bytes())
}

/// The oldest format that can hold all of the records.
pub(super) fn format_of(records: &[Record]) -> u32 {
    let formats = records.iter().map(Record::format);
    formats.max().unwrap_or(FIRST_FORMAT)
}

/// The records as lines behind so many others, with the number and hash of the last.
pub(super) fn sealed(
    records: &[Record],
    format: u32,
    mut number: usize,
    mut hash: String,
) -> io::Result<(String, usize, String)> {
    let mut text = String::new();
    for record in records {
        let json = serde_json::to_string(record)?;
        number += 1;
        hash = seal(&hash, format, number, &json);
        text.push_str(&format!("{TAG}{format} {number} {hash} {json}\n"));
    }
    Ok((text, number, hash))
}

/// How long a journal with these records is, in bytes, with room for its end.
pub(super) fn length(records: &[Record]) -> io::Result<u64> {
    let mut length = RESERVE;
    for record in records {
        /// Tag, numbers and hash, at most.
        const HEAD: usize = 128;
        let json = serde_json::to_string(record)?;
        length += (json.len() + HEAD) as u64;
    }
    Ok(length)
}

/// Takes a journal's bytes apart; a bad last line is a torn tail and is left out.
pub(super) fn parse(bytes: &[u8]) -> Result<Lines, Unusable> {
    let mut lines = Lines {
        records: Vec::new(),
        valid: 0,
        format: FIRST_FORMAT,
        hash: String::new(),
    };
    let mut rest = bytes.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(line) = rest.next() {
        let first = lines.records.is_empty();
        let format = (!first).then_some(lines.format);
        match parse_line(line, format, lines.records.len() + 1, &lines.hash) {
            Ok((record, format, hash)) => {
                lines.format = format;
                lines.records.push(record);
                lines.valid += line.len();
                lines.hash = hash;
            }
            Err(LineError::Newer(format)) => return Err(Unusable::Newer(format)),
            Err(LineError::Bad(_)) if rest.peek().is_none() => break,
            Err(LineError::Bad(why)) => {
                let line = lines.records.len() + 1;
                return Err(Unusable::Corrupt { line, why });
            }
        }
    }
    if lines.records.is_empty() {
        return Err(Unusable::Empty);
    }
    Ok(lines)
}

#[derive(Debug)]
enum LineError {
    Newer(u32),
    Bad(String),
}

/// The parts of one whole line: format, number, hash, record as text.
fn split_line(line: &[u8]) -> Option<(u32, usize, &str, &str)> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let mut parts = line.strip_prefix(TAG)?.splitn(4, ' ');
    let format = parts.next()?.parse().ok()?;
    let number = parts.next()?.parse().ok()?;
    Some((format, number, parts.next()?, parts.next()?))
}

/// A record with its format, which `wanted` gives for every line but the first, and its hash.
fn parse_line(
    line: &[u8],
    wanted: Option<u32>,
    number: usize,
    before: &str,
) -> Result<(Record, u32, String), LineError> {
    let bad = |why: &str| LineError::Bad(why.into());
    let (format, own, hash, json) = split_line(line).ok_or_else(|| bad("not a journal's line"))?;
    if format > FORMAT {
        return Err(LineError::Newer(format));
    }
    if format < FIRST_FORMAT || wanted.is_some_and(|wanted| wanted != format) || own != number {
        return Err(bad("out of order"));
    }
    if seal(before, format, number, json) != hash {
        return Err(bad("its hash does not match"));
    }
    // `+1` and `01` read as the same number, and the hash is over the number.
    if line != format!("{TAG}{format} {number} {hash} {json}\n").as_bytes() {
        return Err(bad("its number is spelled in another way"));
    }
    let unknown = |error| LineError::Bad(format!("not a record of format {format}: {error}"));
    let record: Record = serde_json::from_str(json).map_err(unknown)?;
    if record.format() > format {
        return Err(bad(&format!("not a record of format {format}")));
    }
    Ok((record, format, hash.into()))
}

/// Reads and checks a whole journal.
pub(super) fn read(directory: impl AsFd) -> Result<Lines, Unusable> {
    match disk::read_own(directory, NAME, LIMIT) {
        Ok(bytes) => parse(&bytes),
        Err(error) => Err(broken(error)),
    }
}

fn broken(error: io::Error) -> Unusable {
    match error.kind() {
        io::ErrorKind::NotFound => Unusable::Empty,
        io::ErrorKind::PermissionDenied => Unusable::Untrusted(error.to_string()),
        _ => Unusable::Unreadable {
            why: error.to_string(),
            errno: error.raw_os_error(),
        },
    }
}

/// Reads only the first record and the last valid one, for a list of many transactions: of a long
/// journal only its ends are read, and of no journal the lines in between.
pub(super) fn read_ends(directory: impl AsFd) -> Result<(Record, Record), Unusable> {
    /// Most journals are shorter than this, in bytes, and then read at once.
    const WINDOW: u64 = 16 << 10;
    let mut file = disk::open_own(&directory, NAME, OFlags::RDONLY).map_err(broken)?;
    // The capacity saves the calls by which a vector would find out how much there is.
    let window = || Vec::with_capacity(WINDOW as usize);
    let (mut head, mut tail) = (window(), Vec::new());
    (&file)
        .take(WINDOW)
        .read_to_end(&mut head)
        .map_err(broken)?;
    if head.len() as u64 == WINDOW {
        let size = file.metadata().map_err(broken)?.len();
        let start = SeekFrom::Start(size.saturating_sub(WINDOW));
        file.seek(start).map_err(broken)?;
        tail = window();
        file.take(WINDOW).read_to_end(&mut tail).map_err(broken)?;
    }
    let end = if tail.is_empty() { &head } else { &tail };
    match first_and_last(&head, end) {
        Some(ends) => Ok(ends),
        // Too long a line, or damage: the whole journal tells which.
        None => read(directory).and_then(|all| {
            let last = all.records.last().cloned();
            all.records
                .into_iter()
                .next()
                .zip(last)
                .ok_or(Unusable::Empty)
        }),
    }
}

fn first_and_last(head: &[u8], end: &[u8]) -> Option<(Record, Record)> {
    let first = head.split_inclusive(|byte| *byte == b'\n').next()?;
    let (first, format, _) = parse_line(first, None, 1, "").ok()?;
    let lines: Vec<&[u8]> = end.split_inclusive(|byte| *byte == b'\n').collect();
    // The last line, or when that one is torn the one before.
    let last = lines.windows(2).rev().take(2).find_map(|pair| {
        let [before, line] = pair else { return None };
        let (_, number, hash, _) = split_line(before)?;
        parse_line(line, Some(format), number + 1, hash).ok()
    });
    last.map(|(last, ..)| (first, last))
}

impl Journal {
    /// A new journal with its first records, durable and read back.
    pub(super) fn create(directory: impl AsFd, records: &[Record]) -> io::Result<Journal> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(directory, NAME, flags, Mode::from_raw_mode(0o600))?;
        let mut journal = Journal {
            file: File::from(file),
            written: Vec::new(),
            number: 0,
            hash: String::new(),
            format: format_of(records),
            torn: false,
        };
        journal.put(records, true)?;
        Ok(journal)
    }

    /// Opens a journal that a process left behind, and takes a torn tail off.
    pub(super) fn reopen(directory: impl AsFd) -> io::Result<Journal> {
        let file = disk::open_own(&directory, NAME, OFlags::RDWR)?;
        let mut written = disk::read_own(&directory, NAME, LIMIT)?;
        let lines = parse(&written).map_err(|why| io::Error::other(why.to_string()))?;
        let torn = written.len() != lines.valid;
        written.truncate(lines.valid);
        Ok(Journal {
            file,
            written,
            number: lines.records.len(),
            hash: lines.hash,
            format: lines.format,
            torn,
        })
    }

    /// Adds a record: written, durable, read back.
    pub(super) fn append(&mut self, record: Record) -> io::Result<()> {
        self.put(&[record], false)
    }

    /// Makes the last record durable, whatever became of it before: what a flush failed to bring to the
    /// disk is not tried again by the next one, unless it is written again.
    pub(super) fn write_again(&mut self) -> io::Result<()> {
        let before = self.written.strip_suffix(b"\n").unwrap_or(&self.written);
        let start = before.iter().rposition(|byte| *byte == b'\n');
        let start = start.map_or(0, |at| at + 1);
        let last = self.written.get(start..).unwrap_or_default();
        self.file.write_all_at(last, start as u64)?;
        self.file.sync_all()
    }

    fn put(&mut self, records: &[Record], reserve: bool) -> io::Result<()> {
        let start = self.written.len() as u64;
        if self.torn {
            self.file.set_len(start)?;
        }
        let (text, number, hash) = sealed(records, self.format, self.number, self.hash.clone())?;
        self.torn = true;
        self.file.seek(SeekFrom::Start(start))?;
        self.file.write_all(text.as_bytes())?;
        if reserve {
            let end = start + text.len() as u64;
            match rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, end, RESERVE) {
                Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.file.sync_all()?;
        let mut back = Vec::with_capacity(self.written.len() + text.len());
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut back)?;
        let whole = back.strip_prefix(self.written.as_slice()) == Some(text.as_bytes());
        if !whole {
            return Err(io::Error::other(
                "the journal is not what was written to it",
            ));
        }
        (self.written, self.number, self.hash) = (back, number, hash);
        self.torn = false;
        Ok(())
    }
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unusable::Empty => out.write_str("holds no record"),
            Unusable::Newer(format) => write!(
                out,
                "has format {format}, written by a newer tighten; this one reads up to {FORMAT}"
            ),
            Unusable::Corrupt { line, why } => write!(out, "is damaged in line {line}: {why}"),
            Unusable::Untrusted(why) => write!(out, "is not trusted: {why}"),
            Unusable::Unreadable { why, .. } => write!(out, "cannot be read: {why}"),
        }
    }
}

#[cfg(test)]
mod tests;
