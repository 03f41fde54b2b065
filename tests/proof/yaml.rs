//! The figures of the YAML editor and reader, from the tests that have them.

use std::process::Command;

use crate::Extent;
use crate::figure::Figure;

pub fn all(extent: Extent) -> Vec<Figure> {
    // About one in twelve is refused, and is no edit.
    vec![edits(extent.number(120_000, 1_000)), hostile()]
}

/// Each edit is right or refused, by a reading that shares nothing with the editor.
fn edits(cases: usize) -> Figure {
    let cases = cases.to_string();
    let (passed, said) = run("edit_properties", &[("TIGHTEN_EDIT_CASES", &cases)]);
    let made: usize = said
        .lines()
        .filter_map(|line| {
            // The harness puts a dot before it for the test that ended last.
            let (_, said) = line.split_once("edits made: ")?;
            said.split(',').next()?.parse::<usize>().ok()
        })
        .sum();
    let shown = passed && made > 0;
    let bad = if shown { Vec::new() } else { vec![said] };
    Figure::new("random YAML edits that are wrong", made, bad)
}

/// No text takes more than a second or 100 MB.
fn hostile() -> Figure {
    let (passed, said) = run("hostile_yaml", &[]);
    let lines = || said.lines().filter(|line| line.contains(" KiB "));
    let over = lines().filter(|line| line.contains("TOO MUCH"));
    let mut bad: Vec<String> = over.map(ToString::to_string).collect();
    let tried = lines().count();
    // A test that did not run, or says it in other words, has shown nothing.
    if bad.is_empty() && (!passed || tried == 0) {
        bad.push(said.clone());
    }
    Figure::new("hostile YAML over 1 s or 100 MB", tried, bad)
}

/// Optimised, since the second is meant for the program as it is shipped.
fn run(test: &str, environment: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["test", "--release", "--locked", "--quiet", "--test", test])
        .args(["--", "--nocapture", "--test-threads=1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .envs(environment.iter().copied());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), said)
}
