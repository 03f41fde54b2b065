//! The pages in a real browser, where one is there: at the width of a phone nothing is pushed out of sight that has
//! to be seen, and the page itself never scrolls sideways.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use support::Node;
use support::scans::Scans;

/// Chromium under the name that is there.
fn browser() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let found = names.into_iter().find(runs);
    if found.is_none() {
        eprintln!("skipped: there is no Chromium to look at the pages with");
    }
    found
}

/// What this expression gives of the page, as `view` and `page`, in a frame of that width: the browser's own window is
/// never as narrow as a phone.
fn measured(browser: &str, page: &str, width: u32, expression: &str) -> Value {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("frame.html");
    let inner = page.replace('&', "&amp;").replace('"', "&quot;");
    let frame = format!(
        "<!doctype html><title></title><iframe style=\"border: 0; width: {width}px; height: 900px\" srcdoc=\"{inner}\">\
         </iframe><script>onload = () => {{ const view = frames[0], page = view.document; \
         document.title = JSON.stringify({expression}) }}</script>"
    );
    fs::write(&file, frame).unwrap();
    let ran = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args(["--no-first-run", "--disable-background-networking"])
        .arg("--hide-scrollbars")
        .arg(format!(
            "--user-data-dir={}",
            place.path().join("profile").display()
        ))
        .arg("--window-size=1400,1000")
        .arg("--dump-dom")
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&ran.stdout);
    let title = dom.split("<title>").nth(1).expect("a page");
    serde_json::from_str(title.split("</title>").next().unwrap()).unwrap()
}

const WIDTHS: &str = "[view.innerWidth, page.documentElement.scrollWidth]";

#[test]
fn no_page_scrolls_sideways() {
    let Some(browser) = browser() else { return };
    let node = Node::demo();
    let one = node.run(&["scan", "--format", "html"]).out;
    let scans = Scans::new();
    scans.write("a.json", &scans.node(&"long-name-".repeat(20), &[]));
    let many = scans.merge(&["--format", "html"], &["a.json"]).out;
    for page in [one, many] {
        for width in [390, 1280] {
            assert_eq!(
                measured(browser, &page, width, WIDTHS),
                json!([width, width])
            );
        }
    }
}

#[test]
fn a_phone_shows_on_how_many_nodes_a_check_fails() {
    let Some(browser) = browser() else { return };
    let scans = Scans::new();
    scans.write("a.json", &scans.node("worker-1", &[]));
    let page = scans.merge(&["--format", "html"], &["a.json"]).out;
    let hidden = "[...page.querySelectorAll('.checks tr > :nth-child(3)')].filter(cell => \
         cell.getBoundingClientRect().right > cell.closest('.scroll').getBoundingClientRect().right).length";
    for width in [390, 1280] {
        assert_eq!(measured(browser, &page, width, hidden), 0, "{width}");
    }
}
