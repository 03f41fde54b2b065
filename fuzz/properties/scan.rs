//! A scan of another node is refused, or says the same when it is written down once more, and is only text in
//! every report that is made of it.

use serde_json::json;
use tighten::report::merge::{Merged, Read, merged_document, merged_text, read_scan};
use tighten::report::scanned::Scan;
use tighten::report::style::Style;
use tighten::report::{Page, document, junit, merged_page, page, prometheus};

/// Whether the bytes are a scan.
pub fn holds(bytes: &[u8]) -> bool {
    let scan = match read_scan(bytes) {
        Ok(scan) => scan,
        Err((why, help)) => {
            assert!(!why.is_empty() && !help.is_empty());
            return false;
        }
    };
    let written = match &scan {
        Scan::Scanned(scanned) => document("scan", json!(scanned)),
        Scan::NotScanned(not) => document("scan", json!(not)),
    };
    // The document names this program where it was made by another one.
    let mut written = written;
    written["tool"] = json!(scan.tool());
    assert_eq!(read_scan(written.to_string().as_bytes()), Ok(scan.clone()));

    is_markup(&junit([(None, &scan)].into_iter()));
    is_markup(&page(&Page {
        scan: &scan,
        plan: None,
        history: None,
        flags: "",
    }));
    for line in prometheus(&scan).lines() {
        assert!(
            line.starts_with("# ") || line.starts_with("tighten_"),
            "{line:?}"
        );
    }
    let read = |file: &str| Read {
        file: file.into(),
        stem: "stem".into(),
        scan: scan.clone(),
    };
    let merged = Merged::of(vec![read("one"), read("two")]);
    // The same node twice, or two that have no name.
    assert_eq!(merged.nodes.len() + merged.notes.len(), 2);
    is_markup(&merged_page(&merged, "0"));
    let text = merged_text(&merged, Style::plain(), true);
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
    assert_eq!(
        merged_document(&merged)["nodes"].as_array().map(Vec::len),
        Some(merged.nodes.len())
    );
    true
}

/// No character that a reader refuses, and no mark but those of the report's own elements.
fn is_markup(text: &str) {
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t'),
        "{text:?}"
    );
    for tag in text.split('<').skip(1) {
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next();
        let begins = tag.starts_with(['/', '?', '!']) || name.is_some_and(|name| !name.is_empty());
        assert!(begins && name != Some("script"), "{tag:?}");
    }
}
