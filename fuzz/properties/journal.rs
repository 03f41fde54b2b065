//! No record comes out of a journal that was not written, and none that leads out of its place.

use std::collections::BTreeSet;

use tighten::transaction::{JournalReading, TransactionId, read_journal, sha256};

/// Whether the bytes, or the same records sealed by somebody who knows the format, are a journal that
/// something would be done by.
pub fn holds(bytes: &[u8]) -> bool {
    let plain = judged(bytes);
    // Damage never gets past the hashes; a forger does.
    let forged = judged(&sealed_anew(bytes));
    plain || forged
}

/// The journal with every number and hash made to fit.
pub fn sealed_anew(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (tag, mut number, mut hash) = (tag(bytes), 0, String::new());
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(line) = std::str::from_utf8(line) else {
            continue;
        };
        let json = line.splitn(4, ' ').nth(3).unwrap_or(line);
        if json.is_empty() {
            continue;
        }
        number += 1;
        hash = seal(&hash, tag, number, json);
        out.extend(format!("{tag} {number} {hash} {json}\n").bytes());
    }
    out
}

/// The format of a journal: by its first line's tag, or by what its first record says where it has none.
fn tag(bytes: &[u8]) -> &'static str {
    let first = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    let tagged = first.starts_with("tighten-journal-");
    let is = |number: u32| match tagged {
        true => first.starts_with(&format!("tighten-journal-{number} ")),
        false => first.contains(&format!("\"format\":{number}")),
    };
    match (is(2), is(3)) {
        (true, _) => "tighten-journal-2",
        (_, true) => "tighten-journal-3",
        _ => "tighten-journal-1",
    }
}

/// The chain, written down a second time.
fn seal(before: &str, tag: &str, number: usize, json: &str) -> String {
    sha256(format!("{before}\n{tag} {number} {json}").as_bytes())
}

fn judged(bytes: &[u8]) -> bool {
    let id = id_in(bytes);
    let Ok(read) = read_journal(&id, bytes) else {
        return false;
    };
    chained(bytes, &read);
    let again = read_journal(&id, read.rewritten.as_bytes()).expect("what was read is a journal");
    assert_eq!(again.rewritten, read.rewritten);
    assert_eq!(again.told, read.told);
    assert_eq!(
        (again.records, again.sound),
        (read.records, read.rewritten.len())
    );
    // A field that is left out comes back as null, and nothing else makes it longer.
    assert!(read.rewritten.len() <= 2 * bytes.len() + 1024 * read.records);
    for part in 1..8 {
        shorter(&id, &bytes[..bytes.len() * part / 8], &read);
    }
    let Ok(touched) = read.told else {
        return false;
    };
    let mut paths = BTreeSet::new();
    for (index, one) in touched.iter().enumerate() {
        let path = one.path.as_str();
        assert!(path.starts_with('/') && path != "/" && !path.contains('\0'));
        assert!(path.split('/').all(|part| part != ".." && part != "."));
        assert!(paths.insert(path), "{path} twice");
        let temp = format!(".tighten-{id}-{index}");
        assert!(one.temp.iter().all(|name| *name == temp), "{one:?}");
        let backup = format!("pre.{index:04}");
        assert!(one.backup.iter().all(|name| *name == backup), "{one:?}");
    }
    true
}

/// Every accepted line carries the number and the hash that belong to it, and behind them there is
/// one torn line at most.
fn chained(bytes: &[u8], read: &JournalReading) {
    let (sound, rest) = bytes.split_at(read.sound);
    assert!(!rest.iter().rev().skip(1).any(|byte| *byte == b'\n'));
    let text = std::str::from_utf8(sound).expect("records are text");
    let (tag, mut number, mut hash) = (tag(bytes), 0, String::new());
    for line in text.split_terminator('\n') {
        let json = line.splitn(4, ' ').nth(3).expect("four parts");
        number += 1;
        hash = seal(&hash, tag, number, json);
        assert_eq!(line, format!("{tag} {number} {hash} {json}"));
    }
    assert_eq!(number, read.records);
    assert!(text.ends_with('\n'));
}

/// What is cut off takes records away and adds none.
fn shorter(id: &TransactionId, bytes: &[u8], whole: &JournalReading) {
    if let Ok(read) = read_journal(id, bytes) {
        assert!(read.records <= whole.records);
        assert!(whole.rewritten.starts_with(&read.rewritten));
    }
}

fn id_in(bytes: &[u8]) -> TransactionId {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(2048)]);
    let named = head
        .split_once("\"id\":\"")
        .and_then(|(_, rest)| TransactionId::parse(rest.get(..30)?));
    named
        .or_else(|| TransactionId::parse("20261123T180355.568423Z-d6fc10"))
        .expect("an id")
}
