//! The module in single tasks.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::exact::exact;
use crate::support::play::{ansible, architecture, project, script};
use crate::support::{Node, Ran, make_directory};

const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";

/// The options that name the tree, and more.
fn options(node: &Node, more: Value) -> Value {
    let mut options = json!({"root": node.root(), "state_dir": node.state()});
    let fields = options.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    options
}

#[test]
fn check_mode_shows_what_the_plan_shows_and_writes_nothing_at_all() {
    let Some(ansible) = ansible() else { return };
    let node = Node::demo();
    let before = exact(node.outside());
    let told = ansible.task(&options(&node, json!({})), &["--check", "--diff"]);
    assert!(exact(node.outside()) == before, "something was written");
    assert_eq!(told.word, "CHANGED");
    // Ansible's own temporary files are gone with the module.
    let left = walkdir::WalkDir::new(ansible.home.join(".ansible"));
    let left: Vec<_> = left
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .filter(|entry| !entry.path().starts_with(ansible.home.join(".ansible/test")))
        .collect();
    // What another play of these tests has there goes away with that play.
    let deadline = Instant::now() + Duration::from_secs(120);
    for entry in &left {
        while entry.path().exists() {
            assert!(Instant::now() < deadline, "{left:?}");
            sleep(Duration::from_millis(100));
        }
    }
    // Every line that the plan takes away or adds, and every mode and owner.
    let (_, plan) = node.json(&["plan"]);
    for change in plan["changes"].as_array().unwrap() {
        let diff = change["diff"].as_str().unwrap().lines();
        for line in diff.filter(|line| line.starts_with(['+', '-'])) {
            let shown = told.ran.out.lines().any(|shown| shown == line);
            assert!(shown, "{line} is not in {}", told.ran.out);
        }
    }
    for line in [
        "--- before: /var/lib/kube-proxy/kubeconfig (proxy-kubeconfig-mode)",
        "-mode: 0644",
        "+mode: 0600",
        "-owner: admin:admin",
        "+owner: root:root",
    ] {
        let shown = told.ran.out.lines().any(|shown| shown == line);
        assert!(shown, "{line} is not in {}", told.ran.out);
    }
}

#[test]
fn an_apply_changes_once_and_is_taken_back_once() {
    let Some(ansible) = ansible() else { return };
    let node = Node::demo();
    let before = node.snapshot();
    let options = |more: Value| options(&node, more);
    let applied = ansible.task(&options(json!({})), &[]);
    assert_eq!(applied.word, "CHANGED", "{:#}", applied.reply);
    let (_, history) = node.json(&["history"]);
    assert_eq!(
        applied.reply["transaction"],
        history["transactions"][0]["id"]
    );
    assert_eq!(ansible.task(&options(json!({})), &[]).word, "SUCCESS");
    let back = json!({"state": "rolled-back"});
    assert_eq!(ansible.task(&options(back.clone()), &[]).word, "CHANGED");
    assert!(node.snapshot() == before);
    assert_eq!(ansible.task(&options(back), &[]).word, "SUCCESS");
    assert!(node.snapshot() == before);
}

#[test]
fn where_ansible_cannot_be_had_it_is_said_that_the_tests_are_skipped() {
    // As CI runs them: what a test that passes prints is not seen.
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "module::a_wrong_option_fails_the_task_in_ansibles_words",
        ])
        .env("TIGHTEN_TEST_CACHE", "/dev/null/none")
        .output()
        .unwrap();
    let ran: Ran = output.into();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.starts_with("skipped: /dev/null/none: "), "{ran:?}");
}

#[test]
fn a_wrong_option_fails_the_task_in_ansibles_words() {
    let Some(ansible) = ansible() else { return };
    let node = Node::demo();
    let before = exact(node.outside());
    let wrong = ansible.task(&options(&node, json!({"onyl": "metrics-exposed"})), &[]);
    assert_eq!(wrong.word, "FAILED!");
    let told = wrong.reply["msg"].as_str().unwrap();
    let start = "Unsupported parameters for (tighten.kube_proxy.tighten) module: onyl. Supported parameters include: allow_from, ";
    assert!(told.starts_with(start), "{told}");
    assert!(exact(node.outside()) == before, "something was written");
}

#[test]
fn the_documentation_is_of_the_options_that_there_are() {
    let Some(ansible) = ansible() else { return };
    let told = ansible
        .command("ansible-doc")
        .args(["--json", "tighten.kube_proxy.tighten"])
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let page = &told["tighten.kube_proxy.tighten"];
    let options = page["doc"]["options"].as_object().unwrap();
    let mut documented: Vec<&str> = options.keys().map(String::as_str).collect();
    documented.sort_unstable();
    let node = Node::demo();
    let wrong = ansible.task(&self::options(&node, json!({"onyl": 1})), &[]);
    let message = wrong.reply["msg"].as_str().unwrap().to_string();
    let (_, supported) = message.split_once("include: ").unwrap();
    let supported: Vec<&str> = supported.trim_end_matches('.').split(", ").collect();
    assert_eq!(documented, supported);
    // Every key that a reply has is documented.
    let documented = page["return"].as_object().unwrap();
    for (options, flags) in [
        (json!({}), vec!["--check"]),
        (json!({"state": "scanned"}), vec![]),
        (json!({}), vec![]),
        (json!({"state": "rolled-back"}), vec![]),
    ] {
        let reply = ansible.task(&self::options(&node, options), &flags).reply;
        for key in reply.as_object().unwrap().keys() {
            let known =
                documented.contains_key(key) || ["changed", "failed"].contains(&key.as_str());
            assert!(known, "{key} is not documented");
        }
    }
    let list = ansible.command("ansible-doc").arg("-l").output().unwrap();
    let list: Ran = list.into();
    assert!(list.out.contains("tighten.kube_proxy.tighten "), "{list:?}");
    // No complaint, and no module that nobody is to call.
    assert!(
        list.err.is_empty() && !list.out.contains("amd64"),
        "{list:?}"
    );
    let role = ansible
        .command("ansible-doc")
        .args(["-t", "role", "tighten.kube_proxy.tighten"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&role.stdout).contains("tighten_verify_tasks"));
}

#[test]
fn no_secret_is_told_however_much_is_asked_for() {
    let Some(ansible) = ansible() else { return };
    let node = Node::demo();
    let kubeconfig = node.read(KUBECONFIG).replace(
        "    server: ",
        "    insecure-skip-tls-verify: true\n    server: ",
    );
    let at = kubeconfig.find("    client-certificate").unwrap();
    let (head, rest) = kubeconfig.split_at(at);
    node.write(
        KUBECONFIG,
        format!("{head}    token: geheim-geheim\n{rest}"),
    );
    let key = node.read("/var/lib/kube-proxy/kube-proxy.key");
    let body = key.lines().nth(1).unwrap();
    for (more, flags) in [
        (json!({}), ["-vvv", "--diff", "--check"].as_slice()),
        (json!({}), &["-vvv", "--diff"]),
        (json!({"state": "scanned"}), &["-vvv"]),
        (json!({"state": "rolled-back"}), &["-vvv", "--diff"]),
    ] {
        let output = ansible
            .command("ansible")
            .args(["-i", "node,", "-c", "local", "node"])
            .args(["-m", "tighten.kube_proxy.tighten", "-a"])
            .arg(options(&node, more).to_string())
            .args(flags)
            .output()
            .unwrap();
        let all = [output.stdout, output.stderr].concat();
        let all = String::from_utf8_lossy(&all);
        assert!(output.status.success(), "{all}");
        assert!(all.contains("insecure-skip-tls-verify") || !flags.contains(&"--diff"));
        for secret in ["geheim", body] {
            assert!(!all.contains(secret), "{all}");
        }
    }
}

#[test]
fn the_binary_is_chosen_on_the_node_and_a_missing_one_is_named() {
    let Some(ansible) = ansible() else { return };
    let node = Node::demo();
    let bin = node.outside().join("bin");
    make_directory(&bin);
    let path = std::env::var("PATH").unwrap_or_default();
    let other = match architecture() {
        "amd64" => ("aarch64", "tighten_arm64"),
        _ => ("x86_64", "tighten_amd64"),
    };
    for (machine, expected) in [
        (
            other.0,
            format!(
                "the collection has no binary for {}: plugins/modules/__binaries/{} is missing; nothing was done; help: ",
                other.0, other.1
            ),
        ),
        (
            "riscv64",
            "tighten runs on x86_64 and aarch64, and this node says that it is riscv64 (uname -m); nothing was done"
                .into(),
        ),
    ] {
        script(&bin.join("uname"), &format!("#!/bin/sh\necho {machine}\n"));
        let output = ansible
            .command("ansible")
            .env("PATH", format!("{}:{path}", bin.display()))
            .args(["-i", "node,", "-c", "local", "node"])
            .args(["-m", "tighten.kube_proxy.tighten", "-a"])
            .arg(options(&node, json!({})).to_string())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("FAILED!"), "{text}");
        assert!(text.contains(&expected), "{text}");
    }
    assert!(!node.state().exists());
}

#[test]
fn the_collection_is_packed_and_installed_with_what_it_needs() {
    let Some(ansible) = ansible() else { return };
    let out = tempfile::tempdir().unwrap();
    let script = project("ansible/build.sh");
    let binary = ansible.home.with_file_name("tighten");
    let flag = format!("--{}", architecture());
    let output = ansible
        .command_at(&script)
        .arg(&flag)
        .arg(&binary)
        .arg("--out")
        .arg(out.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let archive = text.trim();
    assert!(output.status.success(), "{output:?}");
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        archive.ends_with(&format!("tighten-kube_proxy-{version}.tar.gz")),
        "the collection has the version of the binary: {archive}"
    );
    let installed = out.path().join("installed");
    let output = ansible
        .command("ansible-galaxy")
        // The one that is tried here is there already.
        .args(["collection", "install", "--offline", "--force", "-p"])
        .arg(&installed)
        .arg(archive)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let collection = installed.join("ansible_collections/tighten/kube_proxy");
    let name = format!("plugins/modules/__binaries/tighten_{}", architecture());
    assert!(fs::read(collection.join(name)).unwrap() == fs::read(&binary).unwrap());
    for absent in ["build.sh", ".gitignore", ".ansible-lint"] {
        assert!(!collection.join(absent).exists(), "{absent}");
    }
    // A binary for another architecture is not taken for the right one.
    let wrong = if flag == "--amd64" {
        "--arm64"
    } else {
        "--amd64"
    };
    let output = ansible
        .command_at(&script)
        .arg(wrong)
        .arg(&binary)
        .arg("--lay-out")
        .arg(out.path().join("wrong"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("is no program for"), "{told}");
}

#[test]
fn the_license_of_the_collection_is_that_of_the_project() {
    let read = |path: &str| fs::read(project(path)).unwrap();
    assert!(read("LICENSE") == read("ansible/LICENSE"));
}
