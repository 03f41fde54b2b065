//! A scan as `scan --format json` wrote it, read back. It comes from another machine: nothing of it is
//! believed that can be counted again, and its texts are only shown.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

use crate::kinds::Verdict;
use crate::report::scanned::{Counts, NotScanned, Scan, Scanned};

/// The schema of a scan.
const SCHEMA: &str = "tighten.scan/v1";

/// Most checks of one scan: each is a column for all nodes, and one node could make the report of all too large.
const MAX_CHECKS: usize = 1_000;

#[derive(Deserialize)]
struct Head {
    schema: Option<String>,
    error: Option<IgnoredAny>,
}

/// Reads a scan, or the document of one that could not be made. Keys that are not known are passed over.
///
/// # Errors
/// How the sentence "FILE ..." goes on, and what to do about it.
pub fn read(bytes: &[u8]) -> Result<Scan, (String, &'static str)> {
    const AGAIN: &str = "scan that node again: tighten scan --format json --out FILE";
    let refused = |error: serde_json::Error| match error.classify() {
        Category::Eof if bytes.iter().all(u8::is_ascii_whitespace) => ("is empty".into(), AGAIN),
        Category::Eof => (
            format!(
                "ends in the middle of line {}: it was cut off",
                error.line()
            ),
            AGAIN,
        ),
        Category::Data => (format!("is not a scan: {error}"), AGAIN),
        _ => {
            let (line, column) = (error.line(), error.column());
            (format!("is not JSON: line {line}, column {column}"), AGAIN)
        }
    };
    let head: Head = serde_json::from_slice(bytes).map_err(refused)?;
    match head.schema.as_deref() {
        Some(SCHEMA) => {}
        Some(other) if is_newer(other) => {
            let why = format!(
                "has the format {other}, written by a newer tighten; this one reads {SCHEMA}"
            );
            return Err((why, "merge with the newer tighten"));
        }
        Some(other) => return Err((format!("is a document {other:?}, not {SCHEMA}"), AGAIN)),
        None => return Err(("is not a scan: it has no schema".into(), AGAIN)),
    }
    if head.error.is_some() {
        let not: NotScanned = serde_json::from_slice(bytes).map_err(refused)?;
        return Ok(Scan::NotScanned(not));
    }
    let mut scanned: Scanned = serde_json::from_slice(bytes).map_err(refused)?;
    let number = scanned.verdicts.len();
    if number > MAX_CHECKS {
        let why =
            format!("is not a scan: it has {number} checks, and at most {MAX_CHECKS} are read");
        return Err((why, AGAIN));
    }
    let mut known = BTreeSet::new();
    for judged in &scanned.verdicts {
        if !known.insert(judged.check.as_str()) {
            let why = format!("is not a scan: the check {:?} is in it twice", judged.check);
            return Err((why, AGAIN));
        }
    }
    scanned.summary = Counts::of(scanned.verdicts.iter().map(|judged| judged.verdict));
    for judged in &mut scanned.verdicts {
        // What passed is counted and named, its evidence never shown: a thousand nodes have much of it.
        if matches!(judged.verdict, Verdict::Pass | Verdict::NotApplicable) {
            judged.instances = Vec::new();
        }
    }
    Ok(Scan::Scanned(scanned))
}

fn is_newer(schema: &str) -> bool {
    let number = schema.strip_prefix("tighten.scan/v");
    number.and_then(|number| number.parse::<u32>().ok()) > Some(1)
}
