//! Random documents, random edits: each is right by a reading that shares nothing with the editor but
//! the YAML library, or it is refused; and few are refused.
//!
//! What a document means is known here before it is written down, so the expectation never comes
//! from parsing. `TIGHTEN_EDIT_CASES=100000 cargo test --release --test edit_properties` for the long
//! run; with `TIGHTEN_EDIT_DUMP=PREFIX` every edit is also written to files of that name as a line of
//! JSON, for a check by another YAML library.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod edits;
mod model;
#[path = "../support/random.rs"]
mod random;
mod render;
mod within;

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufWriter, Write};

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::Value as Json;
use tighten::edit::{self, Operation, Tree};

use edits::{Edit, MARK, choose, written};
use model::Model;
use random::config;
use render::{Look, Rendered};

/// Enough for every kind of edit, few enough for ten seconds without optimisation.
const CASES: u32 = 4_000;

fn cases() -> u32 {
    random::cases("TIGHTEN_EDIT_CASES", CASES)
}

#[derive(Default)]
struct Tally {
    made: u64,
    refused: u64,
    reasons: std::collections::BTreeMap<String, u64>,
}

/// Where every edit goes for a check by another YAML library, if that is asked for.
struct Dump(Option<RefCell<BufWriter<File>>>);

impl Dump {
    fn open(test: &str) -> Self {
        let prefix = std::env::var("TIGHTEN_EDIT_DUMP").ok();
        Dump(prefix.map(|prefix| {
            let file = File::create(format!("{prefix}.{test}")).unwrap();
            RefCell::new(BufWriter::new(file))
        }))
    }

    fn write(&self, before: &str, after: &str, edit: &Edit) {
        if let Some(file) = &self.0 {
            let line = serde_json::json!({
                "before": before, "after": after, "path": edit.path, "operation": edit.operation,
            });
            writeln!(file.borrow_mut(), "{line}").unwrap();
        }
    }
}

#[test]
fn an_edit_of_a_random_document_is_right_or_refused() {
    let tally = RefCell::new(Tally::default());
    let dump = Dump::open("random");
    let strategy = (
        model::document(),
        render::look(),
        any::<prop::sample::Index>(),
        any::<u8>(),
        written(),
    );
    let mut runner = TestRunner::new(config(cases()));
    let outcome = runner.run(&strategy, |(document, look, place, kind, value)| {
        let rendered = render::document(&document, &look);
        let meaning = document.meaning();
        let read: Json = serde_yaml::from_str(&rendered.text)
            .map_err(|error| TestCaseError::fail(format!("{error}\n{}", rendered.text)))?;
        prop_assert_eq!(
            &read,
            &meaning,
            "the test's own reading:\n{}",
            rendered.text
        );
        let edit = choose(&document, place, kind, value);
        match edit::apply(rendered.text.as_bytes(), &edit.path, &edit.operation) {
            Ok(after) => {
                let after = String::from_utf8(after).expect("still UTF-8");
                check(&document, &rendered, &look, &edit, &after)?;
                tally.borrow_mut().made += 1;
                dump.write(&rendered.text, &after, &edit);
            }
            Err(refused) => {
                let mut tally = tally.borrow_mut();
                tally.refused += 1;
                // Without the key names of the path.
                let reason = refused.reason.split_once(" is ");
                let reason = reason.map_or(refused.reason.clone(), |(_, what)| what.to_owned());
                *tally.reasons.entry(reason).or_default() += 1;
            }
        }
        Ok(())
    });
    let tally = tally.into_inner();
    let share = tally.refused as f64 / (tally.made + tally.refused).max(1) as f64;
    println!(
        "edits made: {}, refused: {} ({:.1} %)",
        tally.made,
        tally.refused,
        share * 100.0
    );
    let mut reasons: Vec<_> = tally.reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (reason, count) in reasons.iter().take(20) {
        println!("{count:>7} {reason}");
    }
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert!(share < 0.4, "refusing everything proves nothing: {share}");
}

#[test]
fn a_document_with_shared_doubled_or_converted_values_is_always_refused() {
    const ODD: &[&str] = &[
        "anchored: &a x\n",
        "tagged: !t x\n",
        "<<: {q: x}\n",
        "doubled: x\n\"doubled\": x\n",
        "? explicit\n: x\n",
        "---\nsecond: x\n",
        "...\n",
        "yes: x\n",
        "q:\n\t- x\n",
        "q: \"\u{85}\"\n",
        "q: [a: x]\n",
        "q: &a [*a]\n",
        "[q]: x\n",
        "q: x\rw: x\n",
    ];
    let strategy = (
        model::block_document(),
        render::look(),
        any::<prop::sample::Index>(),
        any::<u8>(),
        written(),
        prop::sample::select(ODD),
    );
    let mut runner = TestRunner::new(config(cases() / 4));
    let outcome = runner.run(&strategy, |(document, look, place, kind, value, odd)| {
        let look = Look {
            final_newline: true,
            ..look
        };
        let line_end = if look.crlf { "\r\n" } else { "\n" };
        let text = render::document(&document, &look).text + &odd.replace('\n', line_end);
        let edit = choose(&document, place, kind, value);
        let result = edit::apply(text.as_bytes(), &edit.path, &edit.operation);
        prop_assert!(result.is_err(), "{}", text);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// What is scattered over a document to make it odd.
const DEBRIS: &[&str] = &[
    " ", "  ", "\t", "\n", "\r", ":", ": ", "-", "- ", "?", "? ", "#", " #", ",", "[", "]", "{",
    "}", "&a ", "*a ", "!t ", "|", ">", "'", "\"", "%", "@", "`", "---", "\n---\n", "\n...\n",
    "<<", "~", "=", "\\", "0", "no", "{}", "[]", ": {", "\u{feff}", "\u{85}", "\u{2028}", "\u{a0}",
    "x", "\0", "|-\n", "::",
];

#[test]
fn an_edit_of_a_mangled_document_is_right_or_refused() {
    let made = RefCell::new(0_u64);
    let dump = Dump::open("mangled");
    let damage = (
        any::<prop::sample::Index>(),
        0..3_usize,
        prop::sample::select(DEBRIS),
    );
    let strategy = (
        (model::document(), render::look()),
        prop::collection::vec(damage, 1..4),
        any::<prop::sample::Index>(),
        any::<u8>(),
        written(),
    );
    let mut runner = TestRunner::new(config(cases()));
    let outcome = runner.run(
        &strategy,
        |((document, look), damage, place, kind, value)| {
            let mut letters: Vec<char> = render::document(&document, &look).text.chars().collect();
            for (at, lost, debris) in damage {
                let at = at.index(letters.len() + 1);
                let end = (at + lost).min(letters.len());
                letters.splice(at..end, debris.chars());
            }
            let before: String = letters.into_iter().collect();
            let edit = choose(&document, place, kind, value);
            let Ok(after) = edit::apply(before.as_bytes(), &edit.path, &edit.operation) else {
                return Ok(());
            };
            let after = String::from_utf8(after).expect("still UTF-8");
            let mut meaning: Json = serde_yaml::from_str(&before)
                .map_err(|error| TestCaseError::fail(format!("{error}\n{before}")))?;
            model::perform(&mut meaning, &edit.path, &edit.operation);
            let read: Json = serde_yaml::from_str(&after)
                .map_err(|error| TestCaseError::fail(format!("{error}\n{before}\n{after}")))?;
            prop_assert_eq!(read, meaning, "\n{}\n{}", before, after);
            *made.borrow_mut() += 1;
            dump.write(&before, &after, &edit);
            Ok(())
        },
    );
    println!("edits of mangled documents made: {}", made.borrow());
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert!(
        *made.borrow() > u64::from(cases()) / 20,
        "hardly any was tried"
    );
}

fn check(
    document: &Model,
    before: &Rendered,
    look: &Look,
    edit: &Edit,
    after: &str,
) -> Result<(), TestCaseError> {
    let mut expected = document.meaning();
    model::perform(&mut expected, &edit.path, &edit.operation);
    let read: Json = serde_yaml::from_str(after)
        .map_err(|error| TestCaseError::fail(format!("{error}\n{}\n{after}", before.text)))?;
    prop_assert_eq!(read, expected, "\n{}\n{}", before.text, after);

    let notes: Vec<&str> = render::notes(after);
    let notes_before: Vec<&str> = render::notes(&before.text);
    if edit.operation == Operation::Remove {
        let mut left = notes_before.iter();
        let kept = notes.iter().all(|note| left.any(|old| old == note));
        prop_assert!(kept, "comments:\n{}\n{}", before.text, after);
    } else {
        prop_assert_eq!(notes, notes_before, "comments:\n{}\n{}", before.text, after);
    }

    let returns = after.matches('\r').count();
    let newlines = after.matches('\n').count();
    // A text of a single line does not tell how its lines end.
    let crlf = look.crlf && before.text.contains('\n');
    prop_assert_eq!(returns, if crlf { newlines } else { 0 }, "{:?}", after);
    prop_assert_eq!(after.ends_with('\n'), before.text.ends_with('\n'));
    prop_assert_eq!(after.starts_with('\u{feff}'), look.bom);
    let is_json =
        |text: &str| serde_json::from_str::<Json>(text.trim_start_matches('\u{feff}')).is_ok();
    prop_assert!(!is_json(&before.text) || is_json(after), "{}", after);

    // All lines but those of the value itself are the same, byte for byte.
    let old: Vec<&str> = before.text.lines().collect();
    let new: Vec<&str> = after.lines().collect();
    let head = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| old == new)
        .count();
    let rest = old.len().min(new.len()) - head;
    let tails = old.iter().rev().zip(new.iter().rev());
    let tail = tails.take(rest).take_while(|(old, new)| old == new).count();
    let touched = old.len() - head - tail;
    let written = new.len() - head - tail;
    let own = document.lines_of(&edit.path, &edit.operation);
    prop_assert!(
        touched <= own,
        "{} lines touched\n{}\n{}",
        touched,
        before.text,
        after
    );
    prop_assert!(
        written <= edit.path.len() + lines_at_most(&edit.operation),
        "{} lines written\n{}\n{}",
        written,
        before.text,
        after
    );
    if touched > 0 {
        return Ok(());
    }
    let put_in = new.get(head..head + written).unwrap_or_default();
    let around = (
        head.checked_sub(1).and_then(|above| new.get(above)),
        new.get(head + written),
    );
    comments_stay_with_their_items(put_in, around)
        .map_err(|why| TestCaseError::fail(format!("{why}\n{}\n{after}", before.text)))
}

/// How many lines an operation writes, without those of the path.
fn lines_at_most(operation: &Operation) -> usize {
    fn of(tree: &Tree) -> usize {
        match tree {
            Tree::Scalar(_) => 1,
            Tree::Map(entries) => 1 + entries.iter().map(|(_, value)| of(value)).sum::<usize>(),
            Tree::List(items) => 1 + items.iter().map(of).sum::<usize>(),
        }
    }
    match operation {
        // The lines between a key and its only item stay.
        Operation::Remove => 10,
        // And an empty line behind each.
        Operation::Insert { items, .. } => 2 + items.iter().map(|item| 1 + of(item)).sum::<usize>(),
        _ => 1,
    }
}

/// Where lines of a block list were put in: none of them stands between an item and the comment above
/// it, or between an item and a comment that is indented as its contents.
fn comments_stay_with_their_items(
    put_in: &[&str],
    (above, below): (Option<&&str>, Option<&&str>),
) -> Result<(), &'static str> {
    let blanks = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let is_note = |line: &str| line.trim_start().starts_with("# note ");
    let first = put_in.iter().find(|line| !line.trim().is_empty());
    let Some(first) = first.filter(|line| {
        line.trim_start()
            .strip_prefix('-')
            .is_some_and(|item| item.contains(MARK))
    }) else {
        return Ok(());
    };
    let dash = blanks(first);
    if above.is_some_and(|line| is_note(line) && blanks(line) <= dash) {
        return Err("put between a comment and its item");
    }
    if below.is_some_and(|line| is_note(line) && blanks(line) > dash) {
        return Err("put between an item and a comment inside it");
    }
    Ok(())
}
