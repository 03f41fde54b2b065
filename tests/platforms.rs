//! Every directory of tests/platforms/<platform>/ as a test: what is recognised there, what holds, where the
//! change lasts. The directories are as those of tests/cases, with facts.txt for what `tighten facts` says.
//!
//! `TIGHTEN_BLESS=1 cargo test --test platforms` writes the expectations anew; read the diff before you keep
//! it.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use support::Node;
use support::case::{Case, names};

/// Checks that a platform decides about: who keeps the files and the values. The args of a case may name
/// others.
const CHECKS: &str = "flag-ignored,proxy-config-mode,proxy-config-owner,proxy-kubeconfig-mode,proxy-kubeconfig-owner,bind-address-wildcard,metrics-exposed,node-ports-on-all-addresses,profiling-enabled,bind-failure-ignored,api-verification-disabled";

fn platforms() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/platforms")
}

fn case(name: &str) -> Case {
    let mut case = Case::new(platforms().join(name));
    case.below = vec![platforms().join("_base")];
    let args = fs::read_to_string(case.directory.join("args")).unwrap_or_default();
    if !args.contains("--only") {
        case.arguments = vec!["--only".into(), CHECKS.into()];
    }
    case
}

/// What `tighten facts` says, without the defaults.
fn facts(case: &Case, node: &Node) -> String {
    let ran = case.tighten(node, &["--format", "json", "facts"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    if ran.code != 0 {
        return format!("{:#}\n--- exit {}\n", document["error"], ran.code)
            .replace(node.root().to_str().unwrap(), "NODE");
    }
    let mut out = format!("{:#}\n", document["node"]["kube_proxy"]);
    for fact in document["facts"].as_array().unwrap() {
        let origin = &fact["origin"];
        // The machine's clock is another one at each run.
        if origin["kind"] == "default" || fact["name"] == "clock" {
            continue;
        }
        let path = origin["path"].as_str().unwrap_or("-");
        let line = origin["line"].as_u64();
        let line = line.map_or(String::new(), |line| format!(":{line}"));
        let _ = writeln!(
            out,
            "{} = {} [{} {path}{line}]",
            fact["name"].as_str().unwrap(),
            fact["value"],
            origin["kind"].as_str().unwrap(),
        );
    }
    out
}

#[test]
fn each_platform_is_recognised_and_changed_only_where_it_lasts() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: owners can only be laid out as root");
        return;
    }
    let only = std::env::var("TIGHTEN_CASE").unwrap_or_default();
    let mut failures = Vec::new();
    for name in names(&platforms()) {
        if !name.contains(&only) {
            continue;
        }
        let case = case(&name);
        let node = case.lay_out();
        let ran = case
            .expect("facts.txt", &facts(&case, &node))
            .and_then(|()| case.run(&node, &|_| Ok(())));
        if let Err(why) = ran {
            failures.push(format!("== {name}\n{why}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn each_word_for_a_platform_has_a_case() {
    let mut found: Vec<String> = names(&platforms())
        .iter()
        .filter_map(|name| {
            let text = fs::read_to_string(platforms().join(name).join("facts.txt")).ok()?;
            let line = text
                .lines()
                .find(|line| line.contains("\"platform\": \""))?;
            Some(line.split('"').nth(3)?.to_string())
        })
        .collect();
    found.sort();
    found.dedup();
    // AKS shows its flags only where it runs: tests/live has it.
    let expected = [
        "eks",
        "files",
        "gke",
        "k0s",
        "k3s",
        "kind",
        "kops",
        "kubeadm",
        "kubespray",
        "microk8s",
        "minikube",
        "openshift",
        "rke2",
        "static-pod",
        "systemd",
        "talos",
    ];
    assert_eq!(found, expected);
}

/// The distinct patches of a plan.
fn patches(case: &Case, node: &Node) -> Vec<String> {
    let ran = case.tighten(node, &["--format", "json", "plan"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let manual = document["manual"].as_array().cloned().unwrap_or_default();
    let mut found: Vec<String> = manual
        .iter()
        .filter_map(|entry| entry["patch"].as_str().map(String::from))
        .collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn the_patch_of_a_config_map_applies_to_its_key_and_mends_the_findings() {
    if Command::new("patch").arg("--version").output().is_err() {
        eprintln!("skipped: patch is not installed");
        return;
    }
    let mut applied = 0;
    for name in names(&platforms()) {
        let case = case(&name);
        let node = case.lay_out();
        for text in patches(&case, &node) {
            let Some(key) = text
                .strip_prefix("--- ")
                .and_then(|text| text.lines().next())
            else {
                continue;
            };
            let (_, document) = node.json(&["facts"]);
            let shown = document["node"]["kube_proxy"]["config"].as_str().unwrap();
            // As the commands do it: the key in a directory of one's own, the whole text as the patch.
            let work = tempfile::tempdir().unwrap();
            let file = work.path().join(key);
            fs::write(&file, fs::read(node.path(shown)).unwrap()).unwrap();
            let saved = work.path().join(format!("{key}.patch"));
            // A terminal shows it indented, and that is how it is copied.
            let indented: String = text.lines().map(|line| format!("      {line}\n")).collect();
            fs::write(&saved, indented).unwrap();
            let ran = Command::new("patch")
                .args([&file, &saved])
                .stdin(Stdio::null())
                .output()
                .unwrap();
            assert!(ran.status.success(), "{name}: {ran:?}\n{text}");
            let patched = fs::read(&file).unwrap();
            fs::write(node.path(shown), patched).unwrap();
            assert_eq!(patches(&case, &node), Vec::<String>::new(), "{name}");
            applied += 1;
        }
    }
    assert!(applied >= 4, "{applied}");
}

/// The only configuration of a node, changed in its volume.
fn changed(name: &str, change: &dyn Fn(String) -> String) -> (Case, Node) {
    let case = case(name);
    let node = case.lay_out();
    let (_, document) = node.json(&["facts"]);
    let shown = document["node"]["kube_proxy"]["config"].as_str().unwrap();
    let text = change(node.read(shown));
    fs::write(node.path(shown), text).unwrap();
    (case, node)
}

#[test]
fn a_patch_is_shown_once_and_not_when_little_is_asked_for() {
    let (case, node) = changed("kubeadm-exposed", &|text| text);
    let ran = case.tighten(&node, &["plan"]);
    assert_eq!(ran.out.matches("--- config.conf").count(), 1, "{ran:?}");
    assert_eq!(patches(&case, &node).len(), 1);
    let ran = case.tighten(&node, &["-q", "plan"]);
    assert!(!ran.out.contains("config.conf"), "{ran:?}");
    // Saved with the plan, which is still the same when it is read back.
    let saved = node.outside().join("plan.json");
    let ran = case.tighten(&node, &["plan", "--out", saved.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = node.run(&["apply", "--yes", saved.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_configuration_that_cannot_be_edited_for_certain_gets_no_patch_but_the_reason() {
    let (_, node) = changed("kubeadm-exposed", &|text| {
        text + "metricsBindAddress: 0.0.0.0:10249\n"
    });
    let (_, document) = node.json(&["plan", "--only", "metrics-exposed,profiling-enabled"]);
    let manual = document["manual"].as_array().unwrap();
    assert_eq!(manual.len(), 2, "{document:#}");
    for entry in manual {
        let reason = entry["reason"].as_str().unwrap();
        assert!(
            reason.contains("; no patch is made: not edited: line "),
            "{reason}"
        );
        assert_eq!(entry["patch"], Value::Null);
    }
}

#[test]
fn what_is_never_shown_is_in_no_patch() {
    let (case, node) = changed("kubeadm-exposed", &|text| {
        text.replace("enableProfiling", "token: geheim\nenableProfiling")
    });
    assert_eq!(patches(&case, &node), Vec::<String>::new());
    for format in ["text", "json"] {
        let ran = case.tighten(&node, &["-v", "--format", format, "plan"]);
        assert!(!ran.out.contains("geheim"), "{ran:?}");
        assert!(ran.out.contains("it holds what is never shown"), "{ran:?}");
    }
}

#[test]
fn one_nodes_address_goes_into_nothing_that_all_nodes_share() {
    let address = "10.0.0.99";
    for name in [
        "kubeadm",
        "kubespray",
        "kind",
        "minikube",
        "eks",
        "talos",
        "k0s",
        "openshift",
        "kops",
        "gke",
    ] {
        let case = case(name);
        let node = case.lay_out();
        let only = [
            "--only",
            "bind-address-wildcard,healthz-exposed,metrics-exposed",
        ];
        let ran = node.run(
            &[
                &["--format", "json", "plan", "--node-ip", address],
                &only[..],
            ]
            .concat(),
        );
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(
            document["changes"],
            serde_json::json!([]),
            "{name}: {document:#}"
        );
        let manual = document["manual"].as_array().unwrap();
        let of = |check: &str| {
            let entry = manual.iter().find(|entry| entry["check"] == check);
            entry.unwrap_or_else(|| panic!("{name}: {document:#}"))
        };
        let bind = of("bind-address-wildcard");
        assert!(
            bind["reason"]
                .as_str()
                .unwrap()
                .contains("a wildcard is right there"),
            "{bind:#}"
        );
        assert_eq!(bind["patch"], Value::Null, "{name}");
        assert_eq!(of("healthz-exposed")["patch"], Value::Null, "{name}");
        assert!(
            !document["manual"].to_string().contains(address),
            "{name}: {document:#}"
        );
    }
}

#[test]
fn no_token_of_an_agents_configuration_is_ever_shown() {
    for name in ["k3s", "rke2"] {
        let case = case(name);
        let node = case.lay_out();
        let path = format!("/etc/rancher/{name}/config.yaml");
        assert!(node.read(&path).contains("geheim"), "{name}");
        for command in ["facts", "scan", "plan"] {
            for format in ["text", "json"] {
                let ran = case.tighten(&node, &["-v", "--format", format, command]);
                assert!(!ran.out.contains("geheim"), "{ran:?}");
                assert!(!ran.err.contains("geheim"), "{ran:?}");
            }
        }
        // Also where it cannot be read as YAML.
        node.write(&path, "token: geheim\nkube-proxy-arg: [\n  geheim: :\n");
        let ran = case.tighten(&node, &["-v", "scan"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.out.contains(&path), "{ran:?}");
        assert!(!(ran.out + &ran.err).contains("geheim"));
    }
}
