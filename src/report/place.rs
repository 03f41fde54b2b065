//! One instance in words, the same in every format.

use super::scanned::{Judged, Seen};
use crate::kinds::Verdict;

/// `FILE:LINE`, as far as it is known.
pub fn place(seen: &Seen) -> Option<String> {
    let path = seen.path.as_ref()?;
    Some(match seen.line {
        Some(line) => format!("{path}:{line}"),
        None => path.to_string(),
    })
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
    match (&seen.reason, text.is_empty()) {
        (Some(reason), true) => reason.clone(),
        (Some(reason), false) => format!("{text}; {reason}"),
        (None, _) => text,
    }
}
