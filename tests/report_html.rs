//! The page of one scan: everything is on it, nothing is loaded or run, and every value is only shown.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use support::Node;
use support::markup::page;

const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";

fn html(node: &Node) -> String {
    let ran = node.run(&["scan", "--format", "html"]);
    assert_eq!(ran.err, "", "{ran:?}");
    ran.out
}

#[test]
fn the_page_shows_the_findings_the_diffs_what_is_left_to_you_and_the_history() {
    let node = Node::demo();
    let text = html(&node);
    let (shown, links) = page(&text);
    assert_eq!(
        links,
        ["main", "findings", "plan", "manual", "passed", "history"]
    );
    let (_, scan) = node.json(&["scan"]);
    for verdict in scan["verdicts"].as_array().unwrap() {
        for key in ["check", "title"] {
            assert!(shown.contains(verdict[key].as_str().unwrap()), "{verdict}");
        }
        let failed = verdict["verdict"] == "fail";
        let observed = verdict["observed"].as_str().filter(|_| failed);
        assert!(
            observed.is_none_or(|observed| shown.contains(observed)),
            "{verdict}"
        );
    }
    let (_, plan) = node.json(&["plan"]);
    let changes = plan["changes"].as_array().unwrap();
    for change in changes {
        for line in change["diff"].as_str().unwrap().lines() {
            assert!(shown.contains(line), "{line}");
        }
        assert!(shown.contains(change["summary"].as_str().unwrap()));
    }
    for entry in plan["manual"].as_array().unwrap() {
        assert!(shown.contains(entry["check"].as_str().unwrap()));
    }
    assert!(
        shown.contains("14 findings: 5 high, 4 medium, 5 low."),
        "{shown}"
    );
    assert!(shown.contains("No transactions yet."));
    let flags = format!(
        "--root {} --state-dir {}",
        node.root().display(),
        node.state().display()
    );
    assert!(shown.contains(&format!("tighten {flags} apply")));

    // Clean, but for what is left to a person; with a history.
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    let (_, history) = node.json(&["history"]);
    let (shown, _) = page(&html(&node));
    assert!(shown.contains(history["transactions"][0]["id"].as_str().unwrap()));
    assert!(shown.contains("There is nothing that tighten would change."));
}

#[test]
fn a_table_has_headers_and_a_section_a_heading() {
    let node = Node::demo();
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    let text = html(&node);
    assert!(text.starts_with("<!doctype html>\n<html lang=\"en\">\n"));
    assert_eq!(text.matches("<h1>").count(), 1);
    assert_eq!(
        text.matches("<table").count(),
        text.matches("<thead>").count()
    );
    for part in text.split("<thead>").skip(1) {
        let (head, body) = part.split_once("</thead>").unwrap();
        assert!(
            head.matches("<th").count() > 1 && !head.contains("<td"),
            "{head}"
        );
        assert_eq!(
            head.matches("<th").count(),
            head.matches("scope=\"col\"").count()
        );
        let body = body.split_once("</tbody>").unwrap().0;
        let rows = body.matches("<tr>").count();
        assert!(
            rows > 0 && body.matches("<th scope=\"row\"").count() == rows,
            "{body}"
        );
    }
    for setting in [
        "prefers-color-scheme: dark",
        "@media print",
        "width=device-width",
    ] {
        assert!(text.contains(setting), "{setting}");
    }
}

#[test]
fn a_hostile_value_is_shown_and_never_part_of_the_page() {
    let evil =
        "</style></pre><script>alert(1)</script><a href=javascript:x onclick=y>&#x3c;\u{202e}\"'";
    let node = Node::demo();
    node.write("/etc/hostname", format!("{evil}\n"));
    let value = serde_json::to_string(&format!("{evil}\u{7f}")).unwrap();
    let config = node.read(CONFIG);
    let file = format!("/var/lib/kube-proxy/{}.yaml", evil.replace('/', "\\"));
    node.write(
        &file,
        config.replace("0.0.0.0:10249", &format!("{value} # {evil}")),
    );
    let file_in_unit = "/etc/systemd/system/kube-proxy.service";
    let unit = node.read(file_in_unit);
    node.write(
        file_in_unit,
        unit.replace(CONFIG, "/var/lib/kube-proxy/link.yaml"),
    );
    std::os::unix::fs::symlink(node.path(&file), node.path("/var/lib/kube-proxy/link.yaml"))
        .unwrap();
    let arguments = ["scan", "--format", "html", "--config", &file];
    let ran = node.run(&arguments);
    let (shown, _) = page(&ran.out);
    assert!(shown.contains("<script>alert(1)</script>"), "{ran:?}");
    assert!(!shown.contains(['\u{202e}', '\u{7f}']));
    // With a waiver, whose words are somebody's, too.
    let quoted = serde_json::to_string(evil).unwrap();
    let node = Node::demo();
    let waiver = format!(
        "waivers:\n- {{check: metrics-exposed, justification: {quoted}, expires: 2999-12-31}}\n"
    );
    node.write("/etc/tighten/waivers.yaml", waiver);
    let (shown, links) = page(&html(&node));
    assert!(links.contains(&"waived".to_string()));
    assert!(
        shown.contains("waived until 2999-12-31: </style></pre><script>"),
        "{shown}"
    );
}

#[test]
fn a_plan_or_a_history_that_cannot_be_had_says_why_and_the_page_is_there() {
    let node = Node::demo();
    node.write(CONFIG, "apiVersion: [\n");
    let ran = node.run(&["scan", "--format", "html"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let (shown, _) = page(&ran.out);
    assert!(
        shown.contains("There is no plan.") && shown.contains(&format!("{CONFIG}:")),
        "{shown}"
    );

    let node = Node::demo();
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    fs::set_permissions(node.state(), fs::Permissions::from_mode(0o777)).unwrap();
    let ran = node.run(&["scan", "--format", "html"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let (shown, _) = page(&ran.out);
    assert!(shown.contains("The history could not be read."), "{shown}");
}

#[test]
fn a_long_history_is_cut_and_says_where_the_rest_is() {
    let node = Node::demo();
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    let all = support::many::transactions(&node.state());
    let real = support::many::names(&all).remove(0);
    support::many::copies(&all.join(&real), 0, 80);
    let (shown, _) = page(&html(&node));
    assert_eq!(shown.matches("committed").count(), 50);
    assert!(shown.contains("Older ones: tighten --root "), "{shown}");
}
