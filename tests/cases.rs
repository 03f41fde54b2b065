//! Every directory of tests/cases/<check>/<situation>/ as a test: scan, plan, apply, scan again,
//! rollback, compared byte for byte with mode and owner.
//!
//! A case lies over tests/cases/_base, a node on which every check passes, or, for the baseline
//! kube-proxy-workload, over tests/cases/_manifests, objects of which every check passes:
//!
//! ```text
//! before/   files that are other than in _base
//! tree      one entry a line: KIND MODE UID:GID PATH [ARGUMENT]; f a file, d a directory, l a symlink to
//!           ARGUMENT, p a named pipe, z a file of ARGUMENT zero bytes, - nothing there
//! args      more arguments, where needed
//! scan.txt  what `tighten scan --only CHECK` prints, and its exit code
//! plan.txt  what `tighten plan -v --only CHECK` prints, and its exit code
//! after/    files that apply changes, and after.tree with their modes and owners; absent when apply has
//!           nothing to do
//! ```
//!
//! `TIGHTEN_BLESS=1 cargo test --test cases` writes the expectations anew; read the diff before you keep it.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::path::{Path, PathBuf};

use support::case::{Case, names, shown};
use support::{Node, Ran};

const SITUATIONS: &[&str] = &["failing", "passing", "stricter", "cannot-judge"];
/// What a check has that judges a running process, of which a tree shows nothing; tests/effects/firewall.rs tries it
/// on a process that runs.
const IN_A_TREE: &[&str] = &["not-running"];

fn situations(check: &str, baseline: &str) -> &'static [&'static str] {
    match (check, baseline) {
        ("route-localnet-left-on", _) => SITUATIONS,
        (_, "kube-proxy-network") => IN_A_TREE,
        _ => SITUATIONS,
    }
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Each check, and the baseline that has it.
fn checks() -> Vec<(String, String)> {
    let node = Node::empty();
    let (_, document) = node.json(&["explain"]);
    let checks = document["checks"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_string();
    checks
        .iter()
        .map(|check| (text(&check["check"]), text(&check["baseline"])))
        .collect()
}

#[test]
fn every_check_has_a_case_of_each_situation_and_every_case_a_check() {
    let checks = checks();
    assert!(checks.len() > 20, "{checks:?}");
    let known = names(&cases());
    for check in &known {
        assert!(
            checks.iter().any(|(known, _)| known == check),
            "tests/cases/{check} belongs to no check"
        );
    }
    for (check, baseline) in &checks {
        assert!(known.contains(check), "{check} has no case in tests/cases");
        let there = names(&cases().join(check));
        for situation in situations(check, baseline) {
            assert!(
                there.iter().any(|name| name == situation),
                "{check} has no case {situation}"
            );
        }
    }
}

#[test]
fn each_case_scans_plans_applies_and_rolls_back_as_written_down() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: owners can only be laid out as root");
        return;
    }
    let only = std::env::var("TIGHTEN_CASE").unwrap_or_default();
    let mut failures = Vec::new();
    let mut ran = 0;
    for (check, baseline) in checks() {
        for situation in names(&cases().join(&check)) {
            let name = format!("{check}/{situation}");
            if name.contains(&only) {
                ran += 1;
                if let Err(why) = run(&check, &baseline, &situation) {
                    failures.push(format!("== {name}\n{why}"));
                }
            }
        }
    }
    assert!(ran > 0, "no case is called {only:?}");
    assert!(
        failures.is_empty(),
        "{}\n{} of {ran} cases failed",
        failures.join("\n"),
        failures.len()
    );
}

fn run(check: &str, baseline: &str, situation: &str) -> Result<(), String> {
    let mut case = Case::new(cases().join(check).join(situation));
    let (base, more): (_, &[&str]) = match baseline {
        "kube-proxy-workload" => ("_manifests", &["--manifests", "/manifests"]),
        _ => ("_base", &[]),
    };
    case.below = vec![cases().join(base)];
    let arguments = ["--baseline", baseline, "--only", check]
        .into_iter()
        .chain(more.iter().copied());
    case.arguments = arguments.map(ToString::to_string).collect();
    case.run(&case.lay_out(), &|scan| suits(situation, scan))
}

/// The four situations that every check has mean what they say.
fn suits(situation: &str, scan: &Ran) -> Result<(), String> {
    let wanted = match situation {
        "failing" => (2, "1 failed"),
        "passing" | "stricter" => (0, "1 passed"),
        "cannot-judge" => (2, "1 could not be judged"),
        "not-running" => (0, "1 not applicable"),
        _ => return Ok(()),
    };
    if scan.code == wanted.0 && scan.out.contains(wanted.1) {
        return Ok(());
    }
    Err(format!("not {situation}: {}", shown(&Node::empty(), scan)))
}
