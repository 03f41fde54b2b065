//! Programs that judge what the reports write, where this machine has them.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a program says of an input on its stdin; `None`, with a note, where there is no such program.
pub fn judged(program: &str, arguments: &[&str], input: &str) -> Option<Result<(), String>> {
    let own = validators().join("bin").join(program);
    let found = if own.exists() { own } else { program.into() };
    let started = Command::new(found)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("skipped: {program} is not there to judge the report");
        return None;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let ended = child.wait_with_output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Some(if ended.status.success() {
        Ok(())
    } else {
        Err(said)
    })
}

/// Where .ci/validators put promtool and the validators of SARIF and OSCAL.
fn validators() -> PathBuf {
    match std::env::var_os("TIGHTEN_VALIDATORS") {
        Some(directory) => directory.into(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/validators"),
    }
}

/// Validates a document of this kind, `sarif` or `oscal`, where .ci/validators has run.
pub fn validated(kind: &str, document: &str) -> Option<Result<(), String>> {
    let directory = validators();
    let python = directory.join("bin/python");
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".ci/validate.py");
    if !python.exists() {
        eprintln!("skipped: .ci/validators has not put the validators of SARIF and OSCAL in place");
        return None;
    }
    let arguments = [script.to_str().unwrap(), kind, directory.to_str().unwrap()];
    judged(python.to_str().unwrap(), &arguments, document)
}
