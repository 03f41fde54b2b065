//! `tighten report merge`: the scans of many nodes as one report.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::cli::{Global, Output};
use crate::failure::{Exit, Failure};
use crate::outfile::OutFile;
use crate::report;
use crate::report::merge::{Merged, Read, merged_document, merged_text, merged_totals, read_scan};
use crate::report::scanned::Tool;
use crate::report::style::{Style, err, out};
use crate::root::{FileKind, Meta};

/// Largest scan that is read, in bytes. One of the built-in baseline has less than 100 KiB.
const MAX_SCAN: u64 = 16 << 20;
/// Most files that a refusal names.
const NAMED: usize = 5;

/// Reads the scans and puts them beside each other. All of them are read before one is refused, so that
/// somebody with a thousand files learns of every bad one at once.
pub fn merge(files: &[PathBuf], to: Option<&Path>, global: &Global) -> Result<Exit, Failure> {
    let file = to.map(|path| OutFile::at(path, "the report")).transpose()?;
    let mut scans = Vec::new();
    let mut refused = Vec::new();
    for path in files {
        match read(path) {
            Ok(scan) => scans.push(scan),
            Err(failure) => refused.push(failure),
        }
    }
    if let Some(first) = refused.first() {
        let mut failure = first.clone().state("no report was made");
        let others = refused.iter().skip(1);
        for other in others.clone().take(NAMED - 1) {
            failure
                .message
                .push_str(&format!("\n       {}", other.message));
        }
        match others.count() {
            more if more >= NAMED => {
                let rest = more + 1 - NAMED;
                failure
                    .message
                    .push_str(&format!("\n       and {rest} more files"));
            }
            _ => {}
        }
        return Err(failure);
    }
    let merged = Merged::of(scans);
    let style = if file.is_some() {
        Style::plain()
    } else {
        Style::new(global.color)
    };
    let text = match global.output {
        Output::Json => {
            let document = report::document("report", merged_document(&merged));
            format!("{document:#}\n")
        }
        Output::Html => report::merged_page(&merged, &Tool::own().version),
        Output::Junit => {
            let nodes = merged.nodes.iter();
            report::junit(nodes.map(|node| (Some(node.name.as_str()), &node.scan)))
        }
        _ => merged_text(&merged, style, global.verbose),
    };
    match &file {
        None => out(&text),
        Some(file) => {
            file.write(text.as_bytes(), 0o600)?;
            if !global.quiet {
                let told = merged_totals(&merged);
                let told = format!("Written to {}. {told}\n", file.shown());
                err(&report::printable(&told));
            }
        }
    }
    Ok(Exit::Done)
}

/// Reads one scan of another machine: the file is opened first and judged by the handle.
fn read(path: &Path) -> Result<Read, Failure> {
    let shown = path.display();
    let refuse = |why: &str| Failure::refused(format!("{shown}: {why}"));
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let handle = open(path, flags, Mode::empty())
        .map_err(|errno| refuse(&format!("cannot be opened: {}", errno.desc())).unopened(errno))?;
    let meta = Meta::of(&handle)
        .map_err(|errno| refuse(&format!("cannot be looked at: {errno}")).because(errno))?;
    if meta.kind == FileKind::Directory {
        return Err(refuse("is a directory").help(format!("name the files in it: {shown}/*.json")));
    }
    if meta.kind != FileKind::File {
        let why = format!("is {}, not a regular file", meta.kind.describe());
        return Err(refuse(&why).help("name what tighten scan --format json --out FILE wrote"));
    }
    let mut bytes = Vec::new();
    File::from(handle)
        .take(MAX_SCAN + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| refuse(&format!("cannot be read: {error}")).because(error))?;
    if bytes.len() as u64 > MAX_SCAN {
        let why = format!("is larger than {} MiB, so it is no scan", MAX_SCAN >> 20);
        return Err(refuse(&why).help("name what tighten scan --format json --out FILE wrote"));
    }
    let scan = read_scan(&bytes).map_err(|(why, help)| refuse(&why).help(help))?;
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    Ok(Read {
        file: shown.to_string(),
        stem: stem.to_string_lossy().into_owned(),
        scan,
    })
}
