//! A log and what was rotated away from it.

use super::block::{Cut, cut};
use super::event::Event;
use super::read::Source;
use super::source::{self, Packing};
use super::time::Instant;
use crate::root::{LookError, NodePath, Opened, Root};

/// Bytes that are looked at for a log's first event.
pub const START: usize = 64 << 10;

/// A log on the node, which was rotated away when it is not the one that is written to.
#[derive(Debug)]
pub struct OnNode {
    /// Where it lies.
    pub path: NodePath,
    /// The file.
    pub opened: Opened,
    /// It is the one that is written to.
    pub is_live: bool,
    /// It is compressed.
    pub is_packed: bool,
    /// When its first event was written; when it was last written to, where that cannot be read.
    pub begins: Instant,
}

/// A log and what was rotated away from it.
#[derive(Debug, Default)]
pub struct Rotated {
    /// The logs, the oldest first; the one that is written to is the last, where it exists.
    pub logs: Vec<OnNode>,
    /// Those that cannot be read, and why.
    pub left: Vec<(NodePath, String)>,
}

/// The logs that were rotated away from this one and are still there, and this one.
///
/// # Errors
/// When the directory cannot be listed.
pub fn with_rotated(
    root: &Root,
    log: &NodePath,
    since: Option<Instant>,
) -> Result<Rotated, LookError> {
    // First, so that one which is rotated away meanwhile is read all the same, and is not read twice.
    let live = match root.open(log) {
        Err(LookError::Missing) => None,
        opened => Some(opened?),
    };
    let own = live.as_ref().map(|(_, opened)| inode(opened));
    let mut found = others(root, log, since, own)?;
    match live {
        Some((path, opened)) => found.logs.push(OnNode {
            begins: written(&opened),
            path,
            opened,
            is_live: true,
            is_packed: false,
        }),
        None if found.logs.is_empty() => return Err(LookError::Missing),
        None => {}
    }
    Ok(found)
}

/// The logs that were rotated away from this one and are still there, without this one.
///
/// # Errors
/// When the directory cannot be listed.
pub fn rotated(root: &Root, log: &NodePath, since: Option<Instant>) -> Result<Rotated, LookError> {
    others(root, log, since, None)
}

/// Which file it is.
type Inode = (u64, u64);

fn inode(opened: &Opened) -> Inode {
    (opened.meta.dev, opened.meta.ino)
}

fn others(
    root: &Root,
    log: &NodePath,
    since: Option<Instant>,
    own: Option<Inode>,
) -> Result<Rotated, LookError> {
    let mut seen: Vec<Inode> = own.into_iter().collect();
    let directory = log.parent();
    let mut found = Vec::new();
    let mut left = Vec::new();
    let names = root.list(&directory)?;
    for name in &names {
        if !is_rotated(name, log.name()) {
            continue;
        }
        // As long as it stands there, what is made of it is not whole.
        if unpacked(name).is_some_and(|plain| names.iter().any(|name| name == plain)) {
            continue;
        }
        let Some(path) = directory.join(name) else {
            continue;
        };
        match look(root, path.clone()) {
            // Another name of the same file.
            Ok(one) if seen.contains(&inode(&one.opened)) => {}
            // Nothing was written to it since.
            Ok(one) if since.is_some_and(|since| written(&one.opened) < since.before(SKEW)) => {}
            Ok(one) => {
                seen.push(inode(&one.opened));
                found.push(one);
            }
            Err(why) => left.push((path, why)),
        }
    }
    found.sort_by_key(|one| one.begins);
    Ok(Rotated { logs: found, left })
}

/// How far the clock may be put back while a log is written.
const SKEW: std::time::Duration = std::time::Duration::from_secs(3600);

fn written(opened: &Opened) -> Instant {
    let seconds = u64::try_from(opened.meta.mtime.seconds).unwrap_or(0);
    Instant(seconds.saturating_mul(1_000_000))
}

fn look(root: &Root, path: NodePath) -> Result<OnNode, String> {
    let (_, opened) = root.open(&path).map_err(|error| error.to_string())?;
    let file = opened.reader().map_err(|error| error.to_string())?;
    let input = source::input(file).map_err(|error| error.to_string())?;
    let is_packed = input.packed.is_some();
    Ok(OnNode {
        begins: first_event(input.source).unwrap_or_else(|| written(&opened)),
        path,
        opened,
        is_live: false,
        is_packed,
    })
}

/// When a log's first event was written.
fn first_event(source: Source) -> Option<Instant> {
    let mut start = vec![0; START];
    // What is damaged is told when it is read.
    let (length, _) = match source {
        Source::File(file, _) => source::fill(&mut &file, &mut start),
        Source::Stream(mut stream) => source::fill(&mut stream, &mut start),
    };
    first_time(start.get(..length)?)
}

/// When the first event was written, of the beginning of a log.
pub fn first_time(start: &[u8]) -> Option<Instant> {
    let Cut { head, rest } = cut(start);
    let event = rest.and_then(|_| Event::read(head).ok());
    event.and_then(|event| event.time())
}

/// What a compressed file was called before.
fn unpacked(name: &str) -> Option<&str> {
    let mut endings = Packing::ENDINGS.iter();
    endings.find_map(|ending| name.strip_suffix(ending))
}

/// Whether a file with this name was rotated away from the log: as the API server does it
/// (`audit-2026-11-23T16-14-35.123.log`), or logrotate (`audit.log.1`, `audit.log-20261123`), compressed or
/// not.
fn is_rotated(name: &str, log: &str) -> bool {
    let plain = unpacked(name).unwrap_or(name);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = plain.strip_prefix(log) {
        let dated = |text: &str| {
            let date = |c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | 'T');
            text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(date)
        };
        return rest.strip_prefix('.').is_some_and(digits)
            || rest.strip_prefix('-').is_some_and(dated);
    }
    let (stem, ending) = match log.rfind('.') {
        Some(at) => log.split_at(at),
        None => (log, ""),
    };
    let time = plain
        .strip_prefix(stem)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.strip_suffix(ending));
    // lumberjack's 2006-01-02T15-04-05.000
    time.is_some_and(|time| {
        time.len() == 23
            && time.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 | 13 | 16 => byte == b'-',
                10 => byte == b'T',
                19 => byte == b'.',
                _ => byte.is_ascii_digit(),
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_was_rotated_away() {
        for name in [
            "audit-2026-11-23T16-14-35.123.log",
            "audit-2026-11-23T16-14-35.123.log.gz",
            "audit.log.1",
            "audit.log.12.gz",
            "audit.log.2.zst",
            "audit.log-20261123",
            "audit.log-20261123.gz",
            "audit.log-2026-11-23",
        ] {
            assert!(is_rotated(name, "audit.log"), "{name}");
        }
        for name in [
            "audit.log",
            "audit.log.gz.tmp",
            "audit.logs",
            "audit.log.old",
            "audit-policy.yaml",
            "audit-2026-11-23.log",
            "audit.log-notes",
            "other-2026-11-23T16-14-35.123.log",
        ] {
            assert!(!is_rotated(name, "audit.log"), "{name}");
        }
    }
}
