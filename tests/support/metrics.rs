//! A strict reader of Prometheus' text format: what the format's own page demands and promtool checks.

use std::collections::{BTreeMap, BTreeSet};

/// A sample: its labels, and its value.
pub type Sample = (BTreeMap<String, String>, f64);

/// The samples by the name of their metric.
pub fn metrics(text: &str) -> BTreeMap<String, Vec<Sample>> {
    let mut found: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    let mut series = BTreeSet::new();
    let mut family = String::new();
    let mut lines = text.lines().peekable();
    assert!(text.ends_with('\n'), "the last line ends");
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, what) = help.split_once(' ').unwrap();
            assert!(what.ends_with('.') && !found.contains_key(name), "{line}");
            assert_eq!(lines.next(), Some(format!("# TYPE {name} gauge").as_str()));
            family = name.into();
            found.insert(family.clone(), Vec::new());
            continue;
        }
        assert!(!line.starts_with('#'), "{line}");
        let (key, value) = line.rsplit_once(' ').unwrap();
        assert!(series.insert(key.to_string()), "twice: {line}");
        let (name, labels) = key.split_once('{').unwrap_or((key, "}"));
        assert_eq!(name, family, "a family stands together");
        let mut rest = labels.strip_suffix('}').unwrap();
        let mut read = BTreeMap::new();
        while !rest.is_empty() {
            let (label, behind) = rest.split_once("=\"").unwrap();
            assert!(
                label.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{line}"
            );
            let mut end = 0;
            let bytes = behind.as_bytes();
            while bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            let (value, after) = behind.split_at(end);
            read.insert(label.to_string(), value.to_string());
            rest = after.strip_prefix('"').unwrap().trim_start_matches(',');
        }
        found
            .get_mut(name)
            .unwrap()
            .push((read, value.parse().unwrap()));
    }
    found
}
