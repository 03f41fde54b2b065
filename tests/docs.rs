//! The documents say what the binary does.
//!
//! `TIGHTEN_BLESS=1 cargo test --test docs` writes docs/checks.md anew.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use support::Node;

fn project(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// docs/checks.md, from what `tighten explain` says.
fn checks_page() -> String {
    let (code, document) = Node::empty().json(&["explain"]);
    assert_eq!(code, 0);
    let checks = document["checks"].as_array().unwrap();
    let mut page = String::from(
        "# Checks\n\nMade from the baselines in `plans/` by `TIGHTEN_BLESS=1 cargo test --test docs`; do not edit.\n",
    );
    let text = |value: &Value| value.as_str().unwrap_or_default().replace('|', "\\|");
    let fix = |check: &Value| match check["fix"]["risk"].as_str() {
        None => "by hand".to_string(),
        Some(risk) if check["fix"]["on_request"] == true => format!("{risk}, with `--only`"),
        Some(risk) => risk.to_string(),
    };
    let refs = |check: &Value| {
        let all: Vec<&str> = check["refs"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        all.join(", ")
    };
    let mut baseline = String::new();
    for check in checks {
        if text(&check["baseline"]) != baseline {
            baseline = text(&check["baseline"]);
            let _ = writeln!(
                page,
                "\nThe baseline `{baseline}`:\n\n| check | expects | severity | fix | refs |\n|---|---|---|---|---|"
            );
        }
        let id = text(&check["check"]);
        let _ = writeln!(
            page,
            "| [{id}](#{id}) | {} | {} | {} | {} |",
            text(&check["expected"]),
            text(&check["severity"]),
            fix(check),
            refs(check)
        );
    }
    for check in checks {
        let _ = writeln!(
            page,
            "\n## {}\n\n{}. {}",
            text(&check["check"]),
            text(&check["title"]),
            text(&check["why"])
        );
        if let Some(since) = check["since"].as_str() {
            let _ = writeln!(page, "\nHolds from Kubernetes {since} on.");
        }
        for (name, key) in [("May break", "breaks"), ("By hand", "by_hand")] {
            if check[key].is_string() {
                let _ = writeln!(page, "\n{name}: {}", text(&check[key]));
            }
        }
    }
    page
}

#[test]
fn the_page_of_checks_is_made_from_the_baseline() {
    let page = checks_page();
    let path = project("docs/checks.md");
    if std::env::var_os("TIGHTEN_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        page,
        "TIGHTEN_BLESS=1 cargo test --test docs"
    );
}

#[test]
fn the_baseline_format_names_every_kind_and_every_role() {
    let page = fs::read_to_string(project("docs/baselines.md")).unwrap();
    let (_, document) = Node::empty().json(&["explain"]);
    for check in document["checks"].as_array().unwrap() {
        let kind = check["kind"].as_str().unwrap();
        assert!(
            page.contains(&format!("`{kind}`")),
            "{kind} is not in docs/baselines.md"
        );
    }
}

#[test]
fn the_example_in_the_baseline_format_loads() {
    let page = fs::read_to_string(project("docs/baselines.md")).unwrap();
    let example = page
        .split("```yaml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let node = Node::empty();
    let file = node.outside().join("own.yaml");
    fs::write(&file, example).unwrap();
    let file = file.to_str().unwrap();
    let ran = node.run(&[
        "--baseline",
        "kube-proxy",
        "--baseline",
        file,
        "explain",
        "our-kubeconfig-mode",
    ]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("0400 or stricter"), "{}", ran.out);
}

#[test]
fn every_test_that_the_page_of_failures_names_exists() {
    let page = fs::read_to_string(project("docs/failures.md")).unwrap();
    let mut named = 0;
    for quoted in page.split('`').skip(1).step_by(2) {
        if !quoted.starts_with("tests/") {
            continue;
        }
        named += 1;
        let (file, name) = quoted.split_once(": ").unwrap_or((quoted, ""));
        let text = fs::read_to_string(project(file)).unwrap_or_default();
        let exists = text.contains(&format!("fn {name}(")) || (name.is_empty() && !text.is_empty());
        assert!(exists, "docs/failures.md names {quoted}");
    }
    assert!(named > 60, "only {named} tests are named");
}

#[test]
fn every_module_is_in_the_code_map() {
    let page = fs::read_to_string(project("docs/ARCHITECTURE.md")).unwrap();
    for entry in fs::read_dir(project("src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            page.contains(&format!("`src/{name}")),
            "src/{name} is not in docs/ARCHITECTURE.md"
        );
    }
}

#[test]
fn the_readme_shows_commands_that_exist() {
    let page = fs::read_to_string(project("README.md")).unwrap();
    let help = support::tighten().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for line in help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
    {
        let Some(line) = line.strip_prefix("  ") else {
            break;
        };
        // The rest of a description stands further in.
        let name = line.split(' ').next().unwrap_or_default();
        if name.is_empty() {
            continue;
        }
        if name != "help" {
            assert!(
                page.contains(&format!("`tighten {name}")),
                "tighten {name} is not in README.md"
            );
        }
    }
}

/// The transcript in README.md, as the binary prints it now; ids of transactions are all the same there.
fn transcript() -> String {
    let node = Node::demo();
    let mut text = String::from("$ tighten demo /tmp/node\n");
    for line in [
        "plan",
        "apply --yes --quiet",
        "scan --quiet --only metrics-exposed,proxy-kubeconfig-mode",
        "rollback --yes",
        "history",
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ran = node.run(&arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}");
        let _ = write!(text, "\n$ tighten --root /tmp/node {line}\n{}", ran.out);
    }
    let state = format!(" --state-dir {}", node.state().display());
    text = text
        .replace(&state, "")
        .replace(node.root().to_str().unwrap(), "/tmp/node");
    let audit = "audit tests/fixtures/audit/events-1.36.jsonl --quiet";
    let ran: support::Ran = support::tighten()
        .args(audit.split(' '))
        .current_dir(project(""))
        .output()
        .unwrap()
        .into();
    // The log shows somebody who asks for Secrets with kube-proxy's credential.
    assert_eq!((ran.code, ran.err.as_str()), (2, ""), "{audit}");
    let _ = write!(text, "\n$ tighten {audit}\n{}", ran.out);
    let (_, history) = node.json(&["history"]);
    let ids = history["transactions"].as_array().unwrap().iter().rev();
    for (number, transaction) in ids.enumerate() {
        let plain = format!("20261123T1800{number:02}.000000Z-{number:06x}");
        text = text.replace(transaction["id"].as_str().unwrap(), &plain);
    }
    text
}

#[test]
fn the_transcript_in_the_readme_is_what_the_binary_prints() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: the transcript shows owners, which only root lays out");
        return;
    }
    let path = project("README.md");
    let page = fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once("<!-- transcript").unwrap();
    let (mark, rest) = rest.split_once("```\n").unwrap();
    let (_, tail) = rest.split_once("```\n").unwrap();
    let expected = format!(
        "{head}<!-- transcript{mark}```\n{}```\n{tail}",
        transcript()
    );
    if std::env::var_os("TIGHTEN_BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        expected,
        "TIGHTEN_BLESS=1 cargo test --test docs"
    );
}

#[test]
fn what_a_check_takes_from_an_unsure_fact_is_told_by_explain() {
    let node = Node::empty();
    for (check, told) in [
        ("config-refused", "feature gates"),
        ("metrics-exposed", "AKS, EKS and minikube"),
        ("healthz-exposed", "which others do"),
        ("metrics-port-exposed", "for IPv6 only"),
        ("healthz-port-exposed", "which others do"),
        ("other-port-exposed", "--service-node-port-range"),
        ("api-ca-missing", "every CA of the system"),
        ("certificate-expired", "renewed file"),
        ("certificate-untrusted", "clientCAFile"),
        ("audit-policy-misses-kube-proxy", "annotation"),
        ("audit-log-unbounded", "--audit-log-maxsize before 1.36"),
    ] {
        let ran = node.run(&["explain", check]);
        let text = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(told), "{check}: {text}");
        let unsure = text.contains("unsure") || text.contains("not verified");
        assert!(unsure, "{check}: {text}");
    }
}
