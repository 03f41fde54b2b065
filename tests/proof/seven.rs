//! The plan of seven changes in three directories, by which fsyncs are counted: three edits, one new
//! file, three changes of metadata. The library carries it out, since no node needs exactly this.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::Extent;
use crate::figure::Figure;
use crate::transaction_support::{apply, lay_out};

/// Set in the process that carries the plan out.
pub const INSIDE: &str = "TIGHTEN_PROOF_SEVEN";

/// 2 for each edit, 1 for a new file, for a change of metadata and for a directory, 6 for the rest; less
/// one, since one of the changes of metadata is of a directory that is made durable anyway.
const EXPECTED: usize = 2 * 3 + 1 + 3 + 3 + 6 - 1;

pub fn inside(directory: &Path) -> ExitCode {
    apply(&directory.join("root"), &directory.join("state")).unwrap();
    ExitCode::SUCCESS
}

pub fn fsyncs(_: Extent) -> Vec<Figure> {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let trace = place.join("trace");
    let run = |strace: bool| {
        let own = std::env::current_exe().unwrap();
        let mut command = Command::new(if strace {
            "strace".as_ref()
        } else {
            own.as_path()
        });
        if strace {
            command.args(["-f", "-qq", "-o"]).arg(&trace).arg(&own);
        }
        command.env(INSIDE, place);
        assert!(command.status().unwrap().success());
    };
    // The first one makes the state directories too.
    lay_out(&place.join("root"));
    run(false);
    crate::tree::clear(&place.join("root"));
    lay_out(&place.join("root"));
    run(true);
    let trace = std::fs::read_to_string(&trace).unwrap();
    let count = |names: &[&str]| {
        let calls = trace.lines().filter_map(|line| line.split_once(' '));
        calls
            .filter(|(_, call)| {
                let name = call.trim_start().split('(').next().unwrap_or_default();
                names.contains(&name)
            })
            .count()
    };
    let made = count(&["fsync", "fdatasync"]);
    let mut bad = Vec::new();
    if made != EXPECTED {
        bad.push(format!("{made} fsyncs instead of {EXPECTED}"));
    }
    // Those would flush what belongs to others, and threads would escape the signals that are held.
    if count(&["sync", "syncfs", "clone", "clone3", "fork", "vfork"]) != 0 {
        bad.push("it flushes more than its own, or starts a thread".into());
    }
    vec![Figure::new(
        "fsyncs for the plan of seven changes (19 are allowed)",
        made,
        bad,
    )]
}
