//! `tighten audit-policy`, as scripts and people use it.

// A test that cannot go on should stop there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::os::unix::fs::symlink;

use serde_json::json;
use support::audit::{POLICY, SCALE, answers, ask, feed, node};
use support::{Ran, tighten};

#[test]
fn says_the_level_the_stages_and_the_rule_as_it_stands_in_the_file() {
    let ran = ask(&node(), SCALE);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(
        ran.out,
        "Level: RequestResponse (and the bodies of request and answer)
Stages left out: RequestReceived, Panic
Rule: rules[1] in /p.yaml:8
  - level: RequestResponse
    users: [alice]
    resources:
    - group: apps
      resources: [deployments/scale]
      resourceNames: [web]
    namespaces: [prod]
    omitStages: [RequestReceived]
"
    );
}

#[test]
fn says_that_no_rule_matches_and_nothing_is_logged() {
    let request = &["--user", "bob", "--verb", "get", "--resource", "pods"];
    let ran = ask(&node(), request);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(
        ran.out,
        "Level: None (nothing is logged)\nStages left out: Panic\nRule: no rule of /p.yaml matches\n"
    );
    let (code, document) =
        node().json(&[&["audit-policy", "/p.yaml"], request.as_slice()].concat());
    assert_eq!(
        (code, &document["rule"], &document["line"]),
        (0, &json!(null), &json!(null))
    );
}

#[test]
fn of_a_path_no_level_promises_bodies() {
    let node = node();
    let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: RequestResponse\n";
    node.write("/p.yaml", policy);
    let request = ["--user", "bob", "--verb", "get", "--path", "/metrics"];
    let ran = ask(&node, &request);
    assert_eq!(
        ran.out,
        "Level: RequestResponse (who, what and when: a path has no bodies that are logged)
Stages left out: none
Rule: rules[0] in /p.yaml:4
  - level: RequestResponse
"
    );
}

#[test]
fn what_the_api_server_has_in_lower_case_is_asked_for_in_lower_case() {
    for (verb, resource, told) in [
        ("GET", "pods", "'GET' for '--verb <V>'"),
        ("get", "Pods", "'Pods' for '--resource <R[.group][/sub]>'"),
    ] {
        let request = ["--user", "bob", "--verb", verb, "--resource", resource];
        let ran = ask(&node(), &request);
        assert_eq!(ran.code, 64, "{ran:?}");
        let told = format!("{told}: the API server has it in lower case: ");
        assert!(ran.err.contains(&told), "{ran:?}");
    }
}

#[test]
fn each_flag_of_the_request_decides() {
    let node = node();
    let (code, document) = node.json(&[&["audit-policy", "/p.yaml"], SCALE].concat());
    assert_eq!(code, 0);
    assert_eq!(document["schema"], "tighten.audit-policy/v1");
    assert_eq!(document["level"], "RequestResponse");
    assert_eq!(document["omitStages"], json!(["RequestReceived", "Panic"]));
    assert_eq!(
        (&document["rule"], &document["line"]),
        (&json!(1), &json!(8))
    );
    let rule = |request: &[&str]| {
        let all = [&["audit-policy", "/p.yaml", "--verb", "get"], request].concat();
        node.json(&all).1["rule"].clone()
    };
    let scale = "deployments.apps/scale";
    let web = ["--resource", scale, "--namespace", "prod", "--name", "web"];
    let with = |user: &str, at: usize, value: &'static str| {
        let mut flags = web;
        flags[at] = value;
        rule(&[&["--user", user], flags.as_slice()].concat())
    };
    assert_eq!(with("alice", 1, scale), 1);
    assert_eq!(with("bob", 1, scale), json!(null));
    for (at, other) in [
        (1, "deployments.apps"),
        (1, "deployments.apps/status"),
        (1, "deployments/scale"),
        (1, "replicasets.apps/scale"),
        (3, "default"),
        (5, "db"),
    ] {
        assert_eq!(with("alice", at, other), json!(null), "{other}");
    }
    assert_eq!(rule(&["--user", "x", "--path", "/healthz/etcd"]), 0);
    assert_eq!(rule(&["--user", "x", "--path", "/health"]), json!(null));
    let groups = [
        "--user", "x", "--group", "dev", "--group", "ops", "--path", "/health",
    ];
    assert_eq!(rule(&groups), 2);
}

#[test]
fn a_policy_that_the_api_server_refuses_is_an_error_with_its_line() {
    let node = node();
    node.write(
        "/p.yaml",
        POLICY.replace("level: Metadata", "level: metadata"),
    );
    let ran = ask(&node, SCALE);
    let message = "/p.yaml:18: the API server would not start with it: rules[2].level: Unsupported value: \"metadata\": supported values: \"None\", \"Metadata\", \"Request\", \"RequestResponse\"";
    let help = "mend the policy, then try again";
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err),
        (1, "", format!("error: {message}\nhelp: {help}\n"))
    );
    let (code, document) = node.json(&[&["audit-policy", "/p.yaml"], SCALE].concat());
    assert_eq!((code, &document["error"]["message"]), (1, &json!(message)));
    let ran = feed(&node, "");
    assert_eq!(ran.code, 1);
    assert_eq!(answers(&ran)[0]["error"]["message"], message);
}

#[test]
fn a_key_that_the_api_server_drops_is_told_and_the_answer_is_what_is_left() {
    let node = node();
    node.write(
        "/p.yaml",
        POLICY.replace("nonResourceURLs", "nonResourceUrls"),
    );
    let ran = ask(&node, SCALE);
    assert_eq!(ran.code, 0);
    assert_eq!(
        ran.err,
        "warning: /p.yaml:7: the API server knows no rules[0].nonResourceUrls and drops it\n"
    );
    assert!(ran.out.starts_with("Level: None"), "{}", ran.out);
    let (_, document) = node.json(&[&["audit-policy", "/p.yaml"], SCALE].concat());
    assert_eq!(
        document["unknown"],
        json!([{"path": "rules[0].nonResourceUrls", "line": 7, "doubled": false}])
    );
}

#[test]
fn flags_that_are_missing_or_contradict_each_other_are_wrong_usage() {
    let node = node();
    let who = ["--user", "x", "--verb", "get"];
    for request in [
        vec![],
        vec!["--user", "x", "--path", "/"],
        vec!["--verb", "get", "--path", "/"],
        who.to_vec(),
        [&who[..], &["--path", "/", "--resource", "pods"]].concat(),
        [&who[..], &["--path", "/", "--namespace", "x"]].concat(),
        [&who[..], &["--path", "/", "--name", "x"]].concat(),
        [&who[..], &["--path", "metrics"]].concat(),
        [&who[..], &["--path", "/metrics?x"]].concat(),
        [&who[..], &["--resource", "pods/"]].concat(),
        [&who[..], &["--resource", "pods/a/b"]].concat(),
        vec!["--requests", "-", "--user", "x"],
        vec!["--requests", "-", "--group", "x"],
        vec!["--requests", "-", "--path", "/"],
    ] {
        let ran = ask(&node, &request);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{request:?}");
        assert!(ran.err.starts_with("error: "), "{}", ran.err);
    }
}

#[test]
fn the_policy_is_a_file_below_the_root_and_no_path_leaves_it() {
    let node = node();
    std::fs::write(node.outside().join("p.yaml"), "outside").unwrap();
    assert_eq!(
        node.run(&[&["audit-policy", "../p.yaml"], SCALE].concat())
            .code,
        0
    );
    symlink("/p.yaml", node.path("/link.yaml")).unwrap();
    assert_eq!(
        node.run(&[&["audit-policy", "/link.yaml"], SCALE].concat())
            .code,
        0
    );
    nix::unistd::mkfifo(
        &node.path("/fifo"),
        nix::sys::stat::Mode::from_bits_truncate(0o600),
    )
    .unwrap();
    node.write("/large", vec![b'\n'; (4 << 20) + 1]);
    for (path, message) in [
        ("/absent", "/absent: does not exist"),
        ("/", "/: is a directory, not a regular file"),
        ("/fifo", "/fifo: is a named pipe, not a regular file"),
        (
            "/large",
            "/large: is 4194305 bytes; more than 4 MiB is not read",
        ),
    ] {
        let ran = node.run(&[&["audit-policy", path], SCALE].concat());
        let expected = format!("error: {message}\nhelp: name the policy\n");
        assert_eq!((ran.code, ran.out.as_str(), ran.err), (1, "", expected));
    }
}

#[test]
fn without_a_root_the_policy_is_a_path_of_this_machine() {
    let node = node();
    let mut command = tighten();
    command
        .current_dir(node.root())
        .args(["audit-policy", "p.yaml"]);
    let ran: Ran = command.args(SCALE).output().unwrap().into();
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let shown = node.path("/p.yaml");
    let shown = shown.canonicalize().unwrap();
    assert!(
        ran.out.contains(&format!("in {}:8\n", shown.display())),
        "{}",
        ran.out
    );
}

#[test]
fn what_a_policy_holds_cannot_move_the_cursor() {
    let node = node();
    let users = "users: [alice, \u{202e}x]";
    let rules = POLICY.replace("users: [alice]", users);
    let hostile = format!("\"a\\e[2Jb\": 1\n{rules}");
    node.write("/p.yaml", hostile);
    let ran = ask(&node, SCALE);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("a\\u{1b}[2Jb"), "{}", ran.err);
    assert!(!ran.err.contains('\x1b'));
    let shown = "users: [alice, \\u{202e}x]";
    assert!(ran.out.contains(shown), "{}", ran.out);
}
