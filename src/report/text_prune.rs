//! What a prune did, as text.

use super::printable;
use super::style::Style;
use crate::transaction::{Pruned, Why};

/// What was removed, what stays, and why some of it stays although it is old.
pub fn pruned(pruned: &Pruned, keep: usize, style: Style) -> String {
    let kept = grouped(pruned.kept);
    let mut text = format!("Pruned: {}, {kept} kept.\n", transactions(pruned));
    if !pruned.beyond.is_empty() {
        text.push_str(&match keep {
            0 => "Kept although none was to be:\n".to_string(),
            1 => "Kept beside the newest one:\n".to_string(),
            keep => format!("Kept beside the newest {}:\n", grouped(keep)),
        });
    }
    for (id, why) in &pruned.beyond {
        let why = printable(&why_kept(why));
        text.push_str(&format!("  {}  {why}\n", style.bold(id.as_str())));
    }
    text
}

/// What was removed before a prune failed or was stopped.
pub fn removed(pruned: &Pruned) -> String {
    format!("Pruned: {}, then it ended early.\n", transactions(pruned))
}

/// Why a transaction stays although it is old, in a few words.
pub fn why_kept(why: &Why) -> String {
    match why {
        Why::NewestCommitted => "the newest that committed: a rollback needs it".into(),
        Why::Unsettled => "not settled: its backups may be needed".into(),
        Why::Incomplete => "some files were not put back: their backups may be needed".into(),
        Why::Unusable(failure) | Why::ForeignDirectory(failure) => failure.message.clone(),
    }
}

fn transactions(pruned: &Pruned) -> String {
    match pruned.removed.len() {
        1 => "1 transaction".into(),
        number => format!("{} transactions", grouped(number)),
    }
}

/// A number with a comma after each thousand.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_set_apart() {
        let shown = [0, 12, 999, 1000, 9990, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "12", "999", "1,000", "9,990", "1,234,567"]);
    }
}
