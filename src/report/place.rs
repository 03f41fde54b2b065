//! One instance in words, the same in every format.

use super::scanned::{Grounds, Judged, Seen};
use crate::kinds::Verdict;

/// `FILE:LINE`, as far as it is known.
pub fn place(seen: &Seen) -> Option<String> {
    let path = seen.path.as_ref()?;
    Some(match seen.line {
        Some(line) => format!("{path}:{line}"),
        None => path.to_string(),
    })
}

/// The instances that say why the verdict is what it is, and those that are waived besides.
pub fn telling(judged: &Judged) -> impl Iterator<Item = &Seen> {
    let verdict = judged.verdict;
    let all = judged.instances.iter();
    all.filter(move |seen| seen.verdict == verdict || seen.verdict == Verdict::Waived)
}

/// What is there, where it comes from, and what was expected of it.
pub fn evidence(judged: &Judged, seen: &Seen) -> String {
    match place(seen) {
        Some(place) => format!("{place}: {}", observed(judged, seen)),
        None => observed(judged, seen),
    }
}

/// The same without the place.
pub fn observed(judged: &Judged, seen: &Seen) -> String {
    let mut text = String::new();
    if let Some(observed) = &seen.observed {
        text.push_str(observed);
        let shown = seen.origin.as_ref().map(ToString::to_string);
        let told = |shown: &String| {
            seen.path
                .as_ref()
                .is_some_and(|path| shown.contains(path.as_str()))
        };
        if let Some(shown) = shown.filter(|shown| !told(shown)) {
            text.push_str(&format!(" [{shown}]"));
        }
        if matches!(seen.verdict, Verdict::Fail | Verdict::Waived) {
            text.push_str(&format!(", expected {}", judged.expected));
        }
    }
    let waiver = seen.waiver.as_ref().map(Grounds::told);
    for more in [&seen.reason, &waiver].into_iter().flatten() {
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(more);
    }
    text
}
