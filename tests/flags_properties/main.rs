//! Random units, files of flags, agents' configurations and manifests with random flags: after an edit the
//! flags are the former ones with exactly that change, as the discovery reads them and as a reader does
//! that shares nothing with it; or the edit is refused, and few are.
//!
//! What a node gives kube-proxy is known here before it is written down. `TIGHTEN_FLAG_CASES=100000 cargo
//! test --release --test flags_properties` for the long run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod model;
mod naive;
#[path = "../support/random.rs"]
mod random;
mod render;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use tighten::discover::drop_in::Wanted;
use tighten::discover::{KubeProxy, Named, find, flag_file, survey};
use tighten::kinds::Edit;
use tighten::plan;
use tighten::root::{NodePath, Root};

use model::{Case, Form, Pairs};
use random::config;

/// Enough for every form and oddity, few enough for ten seconds without optimisation.
const CASES: u32 = 800;

fn cases() -> u32 {
    random::cases("TIGHTEN_FLAG_CASES", CASES)
}

#[derive(Default)]
struct Tally {
    made: BTreeMap<Form, u64>,
    refused: BTreeMap<String, u64>,
}

#[test]
fn an_edit_of_random_flags_is_right_or_refused() {
    let tally = RefCell::new(Tally::default());
    let mut runner = TestRunner::new(config(cases()));
    let outcome = runner.run(&model::case(), |case| {
        let node = tempfile::tempdir().unwrap();
        render::lay_out(node.path(), &case);
        match edited(node.path(), &case)? {
            Ok(()) => *tally.borrow_mut().made.entry(case.form).or_default() += 1,
            Err(why) => {
                let why = kind(&why);
                let why = format!("{:?}, {:?}: {why}", case.form, case.oddity);
                *tally.borrow_mut().refused.entry(why).or_default() += 1;
            }
        }
        Ok(())
    });
    let tally = tally.into_inner();
    let made: u64 = tally.made.values().sum();
    let refused: u64 = tally.refused.values().sum();
    println!("edits made: {made} {:?}, refused: {refused}", tally.made);
    for (why, count) in &tally.refused {
        println!("{count:>7} {why}");
    }
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert!(
        tally.made.len() == Form::ALL.len(),
        "a form was never edited"
    );
    assert!(made > refused, "refusing everything proves nothing");
}

/// A reason without what is other in each case.
fn kind(why: &str) -> String {
    let why = why.split("; ").next().unwrap_or_default();
    let letters = why.chars().filter(|letter| !letter.is_ascii_digit());
    letters.take(90).collect()
}

/// Edits, and checks; the reason when the edit is refused.
fn edited(node: &Path, case: &Case) -> Result<Result<(), String>, TestCaseError> {
    let root = Root::directory(node).unwrap();
    let proxy = match discover(&root) {
        Ok(proxy) => proxy,
        Err(why) => return Ok(Err(why)),
    };
    if let Some(problem) = &proxy.problem {
        return Ok(Err(problem.clone()));
    }
    let before = files(node);
    let given = naive::read(node, case);
    prop_assert_eq!(&given, &case.given(), "the test's own reading");
    prop_assert_eq!(found(&proxy, case), given, "what is discovered");
    let (path, after) = match changed(&root, &proxy, case) {
        Ok(changed) => changed,
        Err(why) => return Ok(Err(why)),
    };
    let host = node.join(path.as_str().trim_start_matches('/'));
    let now = fs::read(&host).ok();
    fs::create_dir_all(host.parent().unwrap()).unwrap();
    fs::write(&host, &after).unwrap();
    let shown = format!(
        "{case:#?}\nbefore: {}\nafter: {}",
        String::from_utf8_lossy(now.as_deref().unwrap_or_default()),
        String::from_utf8_lossy(&after)
    );
    let expected = case.expected();
    prop_assert_eq!(
        &naive::read(node, case),
        &expected,
        "read naively: {}",
        shown
    );
    let proxy = discover(&root).map_err(TestCaseError::fail)?;
    prop_assert_eq!(found(&proxy, case), expected, "read again: {}", shown);
    only_this_changed(&before, &files(node), &path, case)?;
    Ok(Ok(()))
}

/// The file that is edited and what it holds then, or why not.
fn changed(root: &Root, proxy: &KubeProxy, case: &Case) -> Result<(NodePath, Vec<u8>), String> {
    let wanted = Wanted {
        name: case.wanted.0,
        value: case.wanted.1,
        list: case.wanted.0 == "nodeport-addresses",
    };
    let (path, edit) = flag_file::find(root, proxy)?.edit(&proxy.flags, wanted)?;
    let now = root
        .open(&path)
        .ok()
        .and_then(|(_, opened)| opened.read().ok());
    let after = plan::edited(root, &path, now.as_deref(), &Edit::Flags(edit))?;
    Ok((path, after))
}

/// What is scattered over a file to damage it.
const DEBRIS: &[&str] = &[
    " ",
    "\t",
    "\n",
    "\r",
    "\0",
    "\\",
    "\\\n",
    "\"",
    "'",
    "$",
    "${",
    "$X",
    "%",
    "%%",
    "#",
    ";",
    "--",
    "-",
    "=",
    "[Service]\n",
    "ExecStart=",
    "\nExecStart=\n",
    "[",
    "]",
    "{",
    ":",
    ": ",
    "- ",
    "&a ",
    "*a",
    "|",
    "\u{85}",
    "\u{feff}",
    "\u{fffd}",
    "ü",
    "sh -c ",
    "kube-proxy ",
    "--profiling ",
    "kube-proxy-arg: ",
    "\n\n",
];

#[test]
fn an_edit_of_a_damaged_file_is_right_by_what_was_read_of_it_or_refused() {
    let made = RefCell::new(0_u32);
    let mut runner = TestRunner::new(config(cases()));
    let damage = (
        any::<prop::sample::Index>(),
        0..3_usize,
        prop::sample::select(DEBRIS),
    );
    let strategy = (model::case(), prop::collection::vec(damage, 1..4));
    let outcome = runner.run(&strategy, |(case, damage)| {
        let node = tempfile::tempdir().unwrap();
        render::lay_out(node.path(), &case);
        let file = node.path().join(match case.form {
            Form::Unit => render::UNIT,
            Form::Lines => render::ARGS,
            Form::K3s => render::K3S,
            Form::Manifest => render::POD,
        });
        let Ok(text) = fs::read_to_string(&file) else {
            return Ok(());
        };
        let mut letters: Vec<char> = text.chars().collect();
        for (at, lost, debris) in damage {
            let at = at.index(letters.len() + 1);
            let end = (at + lost).min(letters.len());
            letters.splice(at..end, debris.chars());
        }
        let damaged: String = letters.into_iter().collect();
        fs::write(&file, &damaged).unwrap();
        let root = Root::directory(node.path()).unwrap();
        let Ok(proxy) = discover(&root) else {
            return Ok(());
        };
        let Ok((path, after)) = changed(&root, &proxy, &case) else {
            return Ok(());
        };
        let mut expected = found(&proxy, &case);
        expected.insert(case.wanted.0.into(), case.wanted.1.into());
        let host = node.path().join(path.as_str().trim_start_matches('/'));
        fs::create_dir_all(host.parent().unwrap()).unwrap();
        fs::write(&host, &after).unwrap();
        let proxy = discover(&root).map_err(TestCaseError::fail)?;
        let after = String::from_utf8_lossy(&after);
        prop_assert_eq!(found(&proxy, &case), expected, "{}\n{}", damaged, after);
        prop_assert!(proxy.problem.is_none(), "{}\n{}", damaged, after);
        *made.borrow_mut() += 1;
        Ok(())
    });
    println!("edits of damaged files made: {}", made.borrow());
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert!(*made.borrow() > cases() / 10, "hardly any was tried");
}

fn discover(root: &Root) -> Result<KubeProxy, String> {
    find(root, &survey(root), &Named::default()).map_err(|failure| failure.message)
}

/// What counts of the flags that were discovered.
fn found(proxy: &KubeProxy, case: &Case) -> Pairs {
    let flags = proxy.flags.iter().map(|flag| {
        let value = flag.value.clone().unwrap_or_else(|| "true".into());
        (flag.name.clone(), value)
    });
    model::counting(flags.filter(|(name, value)| !case.is_default(name, value)))
}

fn files(node: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = walkdir::WalkDir::new(node).follow_links(false);
    let files = all.into_iter().filter_map(|entry| {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(node).unwrap();
        let path = format!("/{}", path.display());
        entry
            .file_type()
            .is_file()
            .then(|| (path, fs::read(entry.path()).unwrap()))
    });
    files.collect()
}

/// No other file changes, and of this one no other line.
fn only_this_changed(
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
    path: &NodePath,
    case: &Case,
) -> Result<(), TestCaseError> {
    for (file, bytes) in after.iter().filter(|(file, _)| *file != path.as_str()) {
        prop_assert_eq!(before.get(file), Some(bytes), "{}", file);
    }
    let text = |files: &BTreeMap<String, Vec<u8>>| {
        let bytes = files.get(path.as_str()).cloned().unwrap_or_default();
        String::from_utf8(bytes).unwrap()
    };
    let (before, after) = (text(before), text(after));
    if before.is_empty() || case.form == Form::Unit {
        return Ok(());
    }
    let old: Vec<&str> = before.split('\n').collect();
    let new: Vec<&str> = after.split('\n').collect();
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tails = old.iter().rev().zip(new.iter().rev());
    let tail = tails.take(rest).take_while(|(a, b)| a == b).count();
    prop_assert!(old.len() - head - tail <= 1, "{}\n{}", before, after);
    prop_assert!(new.len() - head - tail <= 2, "{}\n{}", before, after);
    prop_assert_eq!(
        before.ends_with('\n'),
        after.ends_with('\n'),
        "the last newline"
    );
    Ok(())
}
