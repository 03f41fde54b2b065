//! What changes, as Ansible shows it with `--diff`: texts before and after, with their headers.

use serde::Serialize;
use serde_json::Value;

use crate::report::printable;

/// One difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The text before.
    pub before: String,
    /// The text after.
    pub after: String,
    /// Of which file, and why.
    pub before_header: String,
    /// The same.
    pub after_header: String,
}

impl Entry {
    fn of(header: &str, before: String, after: String) -> Entry {
        Entry {
            before,
            after,
            before_header: header.to_string(),
            after_header: header.to_string(),
        }
    }
}

/// The differences of a document's changes or files, in their order: of each first mode and owner, then
/// the contents. Secrets are masked in them already.
pub fn of_changes(changes: &Value) -> Vec<Entry> {
    changes
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(of_change)
        .collect()
}

fn of_change(change: &Value) -> Vec<Entry> {
    let text = |key: &str| change.get(key).and_then(Value::as_str).unwrap_or_default();
    let why = match text("check") {
        "" => String::new(),
        check => format!(" ({check})"),
    };
    let path = printable(text("path"));
    let mut entries = Vec::new();
    let (before, after) = (state(change.get("before")), state(change.get("after")));
    let differs = |lines: &[String], other: &[String]| -> String {
        let own = lines.iter().filter(|line| !other.contains(line));
        own.map(|line| format!("{line}\n")).collect()
    };
    let (was, is) = (differs(&before, &after), differs(&after, &before));
    if was != is {
        entries.push(Entry::of(&format!("{path}{why}"), was, is));
    }
    for hunk in hunks(text("diff")) {
        let header = format!("{path}, line {}{why}", hunk.line);
        entries.push(Entry::of(&header, hunk.before, hunk.after));
    }
    entries
}

/// A file's mode and owner, a line each; nothing where nothing is.
fn state(of: Option<&Value>) -> Vec<String> {
    let text = |key: &str| of.and_then(|of| of.get(key)?.as_str()).unwrap_or_default();
    if of.and_then(|of| of.get("exists")) != Some(&Value::Bool(true)) {
        return Vec::new();
    }
    let owner = printable(&format!("{}:{}", text("owner"), text("group")));
    vec![format!("mode: {}", text("mode")), format!("owner: {owner}")]
}

#[derive(Default)]
struct Hunk {
    /// Where it starts in the file before.
    line: String,
    before: String,
    after: String,
}

/// A unified diff, taken apart into what stood there and what stands there then.
fn hunks(diff: &str) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut sides = (false, false);
    for line in diff.lines() {
        if let Some(place) = line.strip_prefix("@@ -") {
            let number = place.split([',', ' ']).next().unwrap_or_default();
            hunks.push(Hunk {
                line: number.into(),
                ..Hunk::default()
            });
            continue;
        }
        let Some(hunk) = hunks.last_mut() else {
            continue;
        };
        let mut letters = line.chars();
        let sign = letters.next();
        if sign == Some('\\') {
            // "No newline at end of file", of the line before.
            for (side, text) in [(sides.0, &mut hunk.before), (sides.1, &mut hunk.after)] {
                if side && text.ends_with('\n') {
                    text.pop();
                }
            }
            continue;
        }
        sides = (sign != Some('+'), sign != Some('-'));
        let text = printable(letters.as_str());
        if sides.0 {
            hunk.before.push_str(&text);
            hunk.before.push('\n');
        }
        if sides.1 {
            hunk.after.push_str(&text);
            hunk.after.push('\n');
        }
    }
    hunks
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mode_and_an_owner_are_a_difference_too() {
        let before = json!({"exists": true, "mode": "0644", "owner": "admin", "group": "root"});
        let after = json!({"exists": true, "mode": "0600", "owner": "admin", "group": "root"});
        let change =
            json!([{"path": "/k", "check": "c", "before": before, "after": after, "diff": ""}]);
        assert_eq!(
            of_changes(&change),
            [Entry::of(
                "/k (c)",
                "mode: 0644\n".into(),
                "mode: 0600\n".into()
            )]
        );
    }

    #[test]
    fn every_hunk_is_a_difference_with_its_line() {
        let diff = "@@ -3,2 +3,2 @@\n a\n-b\n+c\n@@ -9 +9,2 @@\n-x\n\\ No newline at end of file\n+x\n+y\n\\ No newline at end of file\n";
        let same = json!({"exists": true, "mode": "0600", "owner": "root", "group": "root"});
        let change = json!([{"path": "/c", "before": same, "after": same, "diff": diff}]);
        assert_eq!(
            of_changes(&change),
            [
                Entry::of("/c, line 3", "a\nb\n".into(), "a\nc\n".into()),
                Entry::of("/c, line 9", "x".into(), "x\ny".into()),
            ]
        );
    }

    #[test]
    fn a_new_file_was_nothing_before() {
        let nothing = json!({"exists": false, "mode": null, "owner": null, "group": null});
        let after = json!({"exists": true, "mode": "0600", "owner": "root", "group": "root"});
        let change = json!([{"path": "/n", "check": "c", "before": nothing, "after": after, "diff": "@@ -0,0 +1 @@\n+a\n"}]);
        assert_eq!(
            of_changes(&change),
            [
                Entry::of(
                    "/n (c)",
                    String::new(),
                    "mode: 0600\nowner: root:root\n".into()
                ),
                Entry::of("/n, line 0 (c)", String::new(), "a\n".into()),
            ]
        );
    }

    #[test]
    fn nothing_in_a_file_moves_the_cursor_of_whoever_reads_the_play() {
        let change = json!([{"path": "/c", "diff": "@@ -1 +1 @@\n-a\u{1b}[2J\n+b\n"}]);
        assert_eq!(of_changes(&change)[0].before, "a\\u{1b}[2J\n");
    }
}
