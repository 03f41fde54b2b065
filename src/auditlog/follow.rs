//! A log that is written to, from its end on: through rotation, truncation, and while it does not exist.

mod current;

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::block::cut;
use super::order::Log;
use super::read::PIECE;
use super::source::fill;
use super::time::Instant;
use super::worker::Worker;
use current::{Current, Identity, behind_hole, identity, last_line};

/// Where a log that is written to is found, and what was rotated away from it.
pub trait Place {
    /// Opens the log.
    ///
    /// # Errors
    /// What the kernel returns; `NotFound` while it does not exist.
    fn open(&self) -> io::Result<File>;

    /// What was rotated away from it and is still there, the oldest first.
    fn rotated(&self) -> Vec<Away>;
}

/// A log that was rotated away.
pub struct Away {
    /// The file.
    pub file: File,
    /// When its first event was written.
    pub begins: Instant,
    /// It is compressed.
    pub is_packed: bool,
}

/// What happened to the log between two looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It does not exist; it is waited for.
    Missing,
    /// It exists now.
    Appeared,
    /// It was rotated away, and another took its place.
    Rotated,
    /// It was truncated: what was written after the last look and before that may be lost.
    Truncated,
    /// Something that cannot be read has its name, and why; that may pass.
    Unreadable(String),
    /// A log that came and went between two looks was compressed meanwhile and cannot be read to its end.
    Damaged(String),
}

/// How far reading came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// Somebody stopped it.
    Stopped,
    /// To the end of the log.
    ToItsEnd,
    /// Nowhere: the log is shorter than what was read of it, or holds something else there.
    Elsewhere,
}

/// Follows a log.
pub struct Follower<'p, 'q> {
    place: &'p dyn Place,
    worker: Worker<'q>,
    buffer: Vec<u8>,
    current: Option<Current>,
    known: HashSet<Identity>,
    /// An empty log that has the name, while the former one is still written to.
    waiting: Option<Identity>,
    files: usize,
    missing: bool,
    unreadable: Option<String>,
    damaged: Option<String>,
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
            waiting: None,
            files: 0,
            missing: false,
            unreadable: None,
            damaged: None,
        };
        follower.remember(&place.rotated());
        match place.open() {
            Ok(file) => {
                let mut current = Current::of(file)?;
                log.begin_file(0);
                if !from_start {
                    current.at = last_line(&current.file, &mut follower.buffer)?;
                    current.mark = current.before()?;
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

    /// Adds what was counted in all that was read.
    pub fn hand_in(&mut self, log: &mut Log) {
        log.hand_in(&mut self.worker);
    }

    /// Reads what came since the last look. Stops early when `stop` says so or nobody wants more; false then.
    ///
    /// # Errors
    /// When the log that is open cannot be read.
    pub fn look(
        &mut self,
        log: &mut Log,
        stop: &mut dyn FnMut() -> bool,
        told: &mut dyn FnMut(Happened),
    ) -> io::Result<bool> {
        loop {
            match self.read_on(log, stop)? {
                Came::Stopped => return Ok(false),
                Came::ToItsEnd => break,
                Came::Elsewhere => {}
            }
            told(Happened::Truncated);
            if !self.truncated(log, stop)? {
                return Ok(false);
            }
        }
        let next = match self.place.open().and_then(Current::of) {
            Ok(next) => next,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.current.is_none() && !self.missing {
                    self.missing = true;
                    told(Happened::Missing);
                }
                return Ok(true);
            }
            Err(error) => {
                let why = Some(error.to_string());
                if self.unreadable != why {
                    told(Happened::Unreadable(error.to_string()));
                    self.unreadable = why;
                }
                return Ok(true);
            }
        };
        self.unreadable = None;
        let before = self.current.as_ref().map(|current| current.identity);
        let waits = next.is_empty && self.waiting == Some(next.identity);
        if before == Some(next.identity) || waits {
            return Ok(true);
        }
        // Logs that came and went between two looks, and the one that is there now.
        let identity = next.identity;
        let mut logs = self.missed(identity);
        logs.push(next);
        if before.is_some() {
            logs.retain(|log| !log.is_empty);
            if logs.is_empty() {
                // Who writes has not opened the new one yet, and goes on with the former.
                self.waiting = Some(identity);
                return Ok(true);
            }
            // Nothing more is written to the former one, now that something stands in another.
            if self.read_on(log, stop)? == Came::Stopped {
                return Ok(false);
            }
            log.end_file(false);
            told(Happened::Rotated);
        } else if self.missing {
            told(Happened::Appeared);
        }
        (self.missing, self.waiting) = (false, None);
        for (number, next) in logs.into_iter().enumerate() {
            if number > 0 {
                log.end_file(false);
            }
            self.known.insert(next.identity);
            self.files += 1;
            log.begin_file(self.files);
            self.current = Some(next);
            if self.read_on(log, stop)? == Came::Stopped {
                return Ok(false);
            }
            if let Some(why) = self.damaged.take() {
                told(Happened::Damaged(why));
            }
        }
        Ok(true)
    }

    /// The log has another beginning. What was written to the former one after the last look stands in the
    /// copy that was made before, where there is one, and is read from there; the rest of the copy was read.
    fn truncated(&mut self, log: &mut Log, stop: &mut dyn FnMut() -> bool) -> io::Result<bool> {
        let rotated = self.place.rotated();
        let copies = rotated.iter().filter(|away| !away.is_packed);
        let copies = copies.filter_map(|away| Current::of(away.file.try_clone().ok()?).ok());
        let known = &self.known;
        let copies: Vec<Current> = copies
            .filter(|copy| !known.contains(&copy.identity))
            .collect();
        self.remember(&rotated);
        let Some(mut current) = self.current.take() else {
            return Ok(true);
        };
        let mut found = false;
        for mut copy in copies {
            // Behind the one that goes on where reading stands come others, when it happened several times.
            if !found {
                (copy.at, copy.mark) = (current.at, current.mark.clone());
                found = copy.at > 0 && !copy.is_truncated()?;
                if !found {
                    continue;
                }
            } else {
                log.begin_file(self.files);
            }
            self.current = Some(copy);
            if self.read_on(log, stop)? == Came::Stopped {
                return Ok(false);
            }
            log.end_file(false);
        }
        (current.at, current.mark) = (0, Vec::new());
        log.begin_file(self.files);
        self.current = Some(current);
        Ok(true)
    }

    /// The logs that came and went since the last look, without the one that has the name now and what came
    /// behind it. What was unpacked or copied back meanwhile began before the open one, and was read.
    fn missed(&mut self, next: Identity) -> Vec<Current> {
        let rotated = self.place.rotated();
        let mut present = HashSet::new();
        let mut missed = Vec::new();
        let mut passed = false;
        let begins = self.current.as_ref().and_then(Current::begins);
        let plain = rotated.iter().filter(|away| !away.is_packed);
        let plain: HashSet<u64> = plain.map(|away| away.begins.0).collect();
        for away in rotated {
            // What was read is known by its time alone, once it was compressed.
            let is_new = match (begins, away.is_packed) {
                (None, packed) => !packed || self.current.is_none(),
                (Some(begins), false) => away.begins >= begins,
                (Some(begins), true) => away.begins > begins,
            };
            let is_twice = away.is_packed && plain.contains(&away.begins.0);
            let Ok(one) = Current::away(away) else {
                continue;
            };
            present.insert(one.identity);
            passed |= one.identity == next;
            if !passed && is_new && !is_twice && !self.known.contains(&one.identity) {
                missed.push(one);
            }
        }
        // A number may be given again, once the file that had it is gone.
        present.extend(self.current.as_ref().map(|current| current.identity));
        self.known.retain(|identity| present.contains(identity));
        missed
    }

    fn remember(&mut self, logs: &[Away]) {
        let identities = logs
            .iter()
            .filter_map(|away| identity(&away.file.metadata().ok()?));
        self.known.extend(identities);
    }

    /// Reads to the end of the open log. What stands before the place where reading stands is read once more
    /// in the same call, so that a truncation is noticed whenever it happens.
    fn read_on(&mut self, log: &mut Log, stop: &mut dyn FnMut() -> bool) -> io::Result<Came> {
        let Some(current) = &mut self.current else {
            return Ok(Came::ToItsEnd);
        };
        if current.at == 0 && current.unpacked.is_none() {
            current.at = behind_hole(&current.file, &mut self.buffer)?;
            if current.at > 0 {
                current.mark = current.before()?;
                log.skip_to(current.at);
            }
        }
        while !stop() {
            let marked = match &current.unpacked {
                None => current.mark.len(),
                Some(_) => 0,
            };
            let next = match &mut current.unpacked {
                None => {
                    let at = current.at.saturating_sub(marked as u64);
                    current.file.read_at(&mut self.buffer, at)
                }
                Some(stream) => match fill(stream, &mut self.buffer) {
                    (0, Err(error)) => {
                        self.damaged = Some(error.to_string());
                        Ok(0)
                    }
                    (read, _) => Ok(read),
                },
            };
            let read = match next {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let bytes = self.buffer.get(..read).unwrap_or_default();
            let Some((before, bytes)) = bytes.split_at_checked(marked) else {
                return Ok(Came::Elsewhere);
            };
            if current.unpacked.is_none() && before != current.mark {
                return Ok(Came::Elsewhere);
            }
            if bytes.is_empty() {
                return Ok(Came::ToItsEnd);
            }
            let piece = cut(bytes);
            let body = piece.rest.as_ref().map_or(&[][..], |rest| rest.body);
            let found = self.worker.read(body, true);
            log.add(&piece, found, &mut self.worker, true);
            current.went_on(bytes);
            if !log.flush() {
                return Ok(Came::Stopped);
            }
        }
        Ok(Came::Stopped)
    }
}
