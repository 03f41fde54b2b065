//! A long history: copies of one transaction, each sound in itself, with an id and times of its own.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tighten::transaction::sha256;

/// Where the transactions of the only root lie below a state directory.
pub fn transactions(state: &Path) -> PathBuf {
    let mut roots = fs::read_dir(state.join("roots")).unwrap();
    let root = roots.next().unwrap().unwrap().path();
    assert!(roots.next().is_none());
    root.join("tx")
}

/// The names in a directory, in order.
pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Lays out copies `from..to` of a transaction beside it, all of them older than it and one a minute.
/// Their ids, oldest first. What lies beside the journal is linked, not copied.
pub fn copies(transaction: &Path, from: u64, to: u64) -> Vec<String> {
    let own = transaction.file_name().unwrap().to_str().unwrap();
    let journal = fs::read_to_string(transaction.join("journal")).unwrap();
    let mut beside = names(transaction);
    beside.retain(|name| name != "journal");
    let mut ids = Vec::new();
    for number in from..to {
        let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000 + 60 * number);
        let at = humantime::format_rfc3339_micros(began).to_string();
        let stamp = at.replace(['-', ':'], "");
        let id = format!("{stamp}-{number:06x}");
        let directory = transaction.with_file_name(&id);
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .unwrap();
        for name in &beside {
            fs::hard_link(transaction.join(name), directory.join(name)).unwrap();
        }
        let journal = resealed(&with_times(&journal.replace(own, &id), &at));
        write_private(&directory.join("journal"), &journal);
        ids.push(id);
    }
    ids
}

fn write_private(path: &Path, text: &str) {
    let mut options = fs::File::options();
    options.write(true).create_new(true).mode(0o600);
    options
        .open(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

/// Gives a journal another last record; none where that is empty.
pub fn end_with(transaction: &Path, record: &str) {
    let path = transaction.join("journal");
    let journal = fs::read_to_string(&path).unwrap();
    let (before, last) = journal.trim_end().rsplit_once('\n').unwrap();
    let mut changed = format!("{before}\n");
    if !record.is_empty() {
        let head: Vec<&str> = last.splitn(4, ' ').take(3).collect();
        changed.push_str(&format!("{} {record}\n", head.join(" ")));
    }
    fs::write(path, resealed(&changed)).unwrap();
}

/// Every time in a journal set to one.
fn with_times(journal: &str, at: &str) -> String {
    let mut journal = journal.to_string();
    for key in ["\"started_at\":\"", "\"at\":\""] {
        let parts: Vec<&str> = journal.split(key).collect();
        let mut text = parts[0].to_string();
        for part in &parts[1..] {
            let (_, rest) = part.split_once('"').unwrap();
            text.push_str(&format!("{key}{at}\"{rest}"));
        }
        journal = text;
    }
    journal
}

/// The lines of a journal with their hashes made right again.
pub fn resealed(journal: &str) -> String {
    let (mut text, mut hash) = (String::new(), String::new());
    for line in journal.lines() {
        let mut parts = line.splitn(4, ' ');
        let (tag, number) = (parts.next().unwrap(), parts.next().unwrap());
        let record = parts.nth(1).unwrap();
        hash = sha256(format!("{hash}\n{tag} {number} {record}").as_bytes());
        text.push_str(&format!("{tag} {number} {hash} {record}\n"));
    }
    text
}
