//! No key, token, password or certificate body in any output, error, plan, journal or log.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;

use support::{Node, Ran};

/// Every secret holds it, so that one search finds any.
const MARK: &str = "gEhEiM";

const UNIT: &str = "/etc/systemd/system/kube-proxy.service";
const CONFIG: &str = "/var/lib/kube-proxy/config.conf";
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig.conf";

fn node() -> Node {
    let node = Node::empty();
    node.write(
        UNIT,
        format!("[Service]\nExecStart=/usr/bin/kube-proxy --config={CONFIG}\n"),
    );
    node.write(
        CONFIG,
        format!("apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nclientConnection:\n  kubeconfig: {KUBECONFIG}\nbindAddress: 10.0.0.10\nenableProfiling: true\n"),
    );
    node.write(
        "/var/lib/kube-proxy/ca.crt",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    );
    node
}

/// A kubeconfig with secrets in every place that one can have; M stands for the mark, B for its base64.
const BLOCK: &str = "apiVersion: v1
kind: Config
# a comment M before
current-context: a # token: M
contexts:
- name: a
  context: {cluster: a, user: a}
clusters:
- name: a
  cluster:
    server: https://user:M@10.0.0.1:6443
    proxy-url: http://proxy:M@10.0.0.2:3128
    certificate-authority: ca.crt
    insecure-skip-tls-verify: true # password: M
users:
- name: a
  user:
    # M
    client-key-data: B
    client-certificate-data: B
    token: M
    username: M
    password: \"M\"
    as: M
    as-user-extra: {scopes: [M]}
    auth-provider:
      name: gcp
      config: {access-token: M, id-token: M}
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: M
      args: [M, \"--token=M\"]
      env:
      - {name: TOKEN, value: M}
# M at the end
";

fn texts() -> Vec<(String, String)> {
    let insert = |line: &str| BLOCK.replace("    token: M\n", &format!("    token: M\n{line}"));
    let found = [
        ("block", BLOCK.to_string()),
        ("CRLF", BLOCK.replace('\n', "\r\n")),
        (
            "block scalars",
            insert("")
                .replace("token: M\n", "token: |-\n      M\n")
                .replace("data: B", "data: |\n      B\n      B"),
        ),
        (
            "folded",
            BLOCK.replace("token: M\n", "token: >\n      M\n      M\n"),
        ),
        ("doubled", insert("    token: otherM\n    password: M2\n")),
        ("doubled with another type", insert("    token: [M]\n")),
        (
            "list for text",
            BLOCK.replace("token: M\n", "token: [M, M]\n"),
        ),
        (
            "map for text",
            BLOCK.replace("token: M\n", "token: {M: M}\n"),
        ),
        (
            "text for a list",
            BLOCK.replace("args: [M, \"--token=M\"]", "args: M"),
        ),
        (
            "text for a map",
            BLOCK.replace("as-user-extra: {scopes: [M]}", "as-user-extra: M"),
        ),
        ("text for exec", insert("    exec: M\n")),
        ("not base64", BLOCK.replace(": B", ": M!!")),
        (
            "number",
            BLOCK
                .replace("token: M\n", "token: 1234567\n")
                .replace("username: M", "username: 0xM"),
        ),
        ("tag", BLOCK.replace("token: M\n", "token: !!int M\n")),
        (
            "binary tag",
            BLOCK.replace("token: M\n", "token: !!binary M$\n"),
        ),
        (
            "anchor",
            BLOCK
                .replace("token: M\n", "token: &M M\n")
                .replace("username: M", "username: *M"),
        ),
        ("unknown alias", insert("    username2: *M\n")),
        ("unclosed quote", insert("    tokenFile: \"M\n")),
        ("unclosed flow", insert("    x: {token: M\n")),
        ("missing colon", insert("    token M\n")),
        (
            "lost indentation",
            BLOCK
                .lines()
                .map(|line| line.trim_start().to_string() + "\n")
                .collect(),
        ),
        ("deeper than its key", insert("      M: M\n")),
        ("tab", insert("\ttoken: M\n")),
        ("unknown key", insert("    M: M\n    tokens: M\n")),
        (
            "mis-spelled",
            BLOCK.replace("token: M\n", "Token: M\n    client-key-Data: M\n"),
        ),
        ("merge", insert("    <<: {token: M}\n")),
        ("NUL", insert("    x: \"\0M\"\n")),
        ("escape", insert("    x: \"\\qM\"\n")),
        (
            "list at the top",
            BLOCK.lines().map(|line| format!("- {line}\n")).collect(),
        ),
    ];
    let mut texts: Vec<(String, String)> = found
        .into_iter()
        .map(|(name, text)| (name.to_string(), text))
        .collect();
    let json = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {
            "server": "https://10.0.0.1", "certificate-authority": "ca.crt", "insecure-skip-tls-verify": true,
        }}],
        "users": [{"name": "a", "user": {"token": "M", "password": "M", "client-key-data": "B"}}],
    });
    let pretty = serde_json::to_string_pretty(&json).unwrap();
    texts.push((
        "JSON cut off".into(),
        pretty[..pretty.len() - 9].to_string(),
    ));
    texts.push(("JSON on one line".into(), json.to_string()));
    texts.push(("JSON".into(), pretty));
    let plain = BLOCK.replace(
        "    auth-provider:\n      name: gcp\n      config: {access-token: M, id-token: M}\n",
        "",
    );
    texts.push((
        "editable".into(),
        plain.replace("user:M@", "").replace("proxy:M@", ""),
    ));
    texts
}

/// The mark in base64, as long as a key is not: only its body counts.
const IN_BASE64: &str = "Z0VoRWlNZ0VoRWlN";

fn clean(text: &str, what: &str) {
    for secret in [
        MARK,
        IN_BASE64,
        &MARK.to_uppercase(),
        &MARK.to_lowercase(),
        "1234567",
    ] {
        if let Some(at) = text.find(secret) {
            let from = (0..=at.saturating_sub(200))
                .rev()
                .find(|at| text.is_char_boundary(*at));
            panic!(
                "{what}: {secret} in ...{}",
                &text[from.unwrap_or(0)..at + secret.len()]
            );
        }
    }
}

fn all_clean(node: &Node, arguments: &[&str], what: &str) -> Ran {
    let ran = node.run(arguments);
    let what = format!("{what}, {arguments:?}");
    clean(&ran.out, &what);
    clean(&ran.err, &what);
    ran
}

/// Everything that is kept, but for the backups of the files themselves.
fn kept_clean(node: &Node, what: &str) {
    for (path, entry) in support::snapshot(node.outside()) {
        let ours = path.starts_with("/state") || path.starts_with("/plan");
        let backup = path.rsplit('/').next().unwrap().starts_with("pre.");
        if ours && !backup {
            clean(
                &String::from_utf8_lossy(&entry.bytes),
                &format!("{what}: {path}"),
            );
        }
    }
}

fn every_command(node: &Node, what: &str) {
    let plan = node.outside().join("plan.json");
    let plan = plan.to_str().unwrap();
    for arguments in [
        &["scan"][..],
        &["-v", "scan"],
        &["--format", "json", "scan"],
        &["--format", "prometheus", "scan"],
        &["-v", "--format", "sarif", "scan"],
        &["--format", "junit", "scan"],
        &["--format", "html", "scan"],
        &["--format", "oscal", "scan"],
        &["facts"],
        &["-v", "facts"],
        &["--format", "json", "facts"],
        &["-v", "plan", "--out", plan],
        &["--format", "json", "plan"],
        &["--config", KUBECONFIG, "facts"],
        &["--config", KUBECONFIG, "-v", "scan"],
        &["--baseline", "/proc/self/environ", "scan"],
        &["-v", "apply", "--yes"],
        &["--format", "json", "verify"],
        &["verify"],
        &["history"],
        &["--format", "json", "history"],
        &["-v", "rollback", "--yes"],
        &["--format", "json", "apply", "--yes"],
        &["--format", "json", "rollback", "--yes"],
        &["recover"],
    ] {
        all_clean(node, arguments, what);
    }
    let (_, list) = node.json(&["history"]);
    for one in list["transactions"].as_array().unwrap() {
        let id = one["id"].as_str().unwrap();
        all_clean(node, &["history", id], what);
        all_clean(node, &["--format", "json", "history", id], what);
    }
    kept_clean(node, what);
}

#[test]
fn no_secret_of_a_kubeconfig_is_told_or_kept() {
    // The kubeconfig may be read as anything: as itself, as a configuration, as a baseline, as a plan.
    for (what, text) in texts() {
        let node = node();
        let text = text
            .replace('M', MARK)
            .replace(" B", &format!(" {IN_BASE64}"));
        let text = text.replace("\"B\"", &format!("{IN_BASE64:?}"));
        node.write(KUBECONFIG, &text);
        every_command(&node, &what);
        let own = node.outside().join("own.yaml");
        fs::write(&own, &text).unwrap();
        let own = own.to_str().unwrap();
        all_clean(&node, &["--baseline", own, "scan"], &what);
        all_clean(&node, &["apply", "--yes", own], &what);
    }
}

#[test]
fn a_secret_in_the_place_of_a_path_is_not_told_or_kept() {
    // Written under the key of the file instead of that of the data, or pasted for the file's name.
    let body = format!("MIIE{MARK}").repeat(8);
    let pem = format!(
        "|\n      -----BEGIN PRIVATE KEY-----\n      {body}\n      -----END PRIVATE KEY-----"
    );
    let in_base64 = format!("LS0tLS1CRUdJTiB{IN_BASE64}LS0tLS0K");
    let der = format!("MIIEvQIBADANBgkq{MARK}/{MARK}+{}==", "x1Y/".repeat(20));
    let token = format!("eyJhbGciOiJSUzI1NiJ9.eyJpc3Mi{MARK}.s_{MARK}-9");
    let long = format!("{MARK}0").repeat(40);
    for secret in [&pem, &in_base64, &der, &token, &long] {
        for key in [
            "certificate-authority",
            "client-certificate",
            "client-key",
            "tokenFile",
        ] {
            let node = node();
            let (authority, user) = match key {
                "certificate-authority" => (secret.as_str(), "token: x".into()),
                "client-certificate" => ("ca.crt", format!("{key}: {secret}\n    client-key: k")),
                "client-key" => (
                    "ca.crt",
                    format!("client-certificate: c\n    {key}: {secret}"),
                ),
                key => ("ca.crt", format!("{key}: {secret}")),
            };
            node.write(
                KUBECONFIG,
                format!("apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context: {{cluster: a, user: a}}\nusers:\n- name: a\n  user:\n    {user}\nclusters:\n- name: a\n  cluster:\n    server: https://10.0.0.1:6443\n    certificate-authority: {authority}\n"),
            );
            let what = format!("{key}: {secret}");
            every_command(&node, &what);
            let (check, said) = match key {
                "tokenFile" => ("api-credential-weak", "tokenFile: *** does not exist"),
                _ => ("kubeconfig-refused", "open ***: no such file or directory"),
            };
            let ran = node.run(&["scan", "--only", check]);
            assert!(ran.out.contains(said), "{what}: {ran:?}");
        }
    }
}

#[test]
fn an_edit_beside_secrets_shows_none_of_them() {
    let node = node();
    let (_, text) = texts().pop().unwrap();
    let text = text
        .replace('M', MARK)
        .replace(" B", &format!(" {IN_BASE64}"));
    node.write(KUBECONFIG, &text);
    let ran = all_clean(&node, &["-v", "plan"], "plan");
    assert!(ran.out.contains("api-verification-disabled"), "{ran:?}");
}

#[test]
fn a_credential_under_an_unknown_name_is_not_shown_beside_an_edit() {
    let node = node();
    node.write(
        KUBECONFIG,
        format!("apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\nusers:\n- name: a\n  user:\n    passphrase: {MARK}\nclusters:\n- {{name: a, cluster: {{server: 'https://10.0.0.1', certificate-authority: ca.crt, insecure-skip-tls-verify: true}}}}\n"),
    );
    let ran = all_clean(&node, &["-v", "plan"], "plan");
    assert!(ran.out.contains("api-verification-disabled"), "{ran:?}");
}

#[test]
fn a_secret_in_a_flag_or_in_the_environment_is_not_told() {
    for exec in [
        format!("/usr/bin/kube-proxy --config={CONFIG} --master=https://u:{MARK}@10.0.0.1/"),
        format!("/usr/bin/kube-proxy --config={CONFIG} --token={MARK} --password {MARK}"),
        format!("/usr/bin/env TOKEN={MARK} kube-proxy --config={CONFIG}"),
        format!("/bin/sh -c 'TOKEN={MARK} exec kube-proxy --config={CONFIG} $({MARK})'"),
        format!("/usr/bin/kube-proxy --token={MARK} --config={CONFIG} 'x"),
    ] {
        let node = node();
        node.write(
            UNIT,
            format!("[Service]\nEnvironment=PASSWORD={MARK}\nExecStart={exec}\n"),
        );
        node.write(KUBECONFIG, "apiVersion: v1\nkind: Config\n");
        every_command(&node, &exec);
    }
}

#[test]
fn a_credential_file_is_never_read_into_an_output() {
    let node = node();
    node.write(
        KUBECONFIG,
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\nclusters: [{name: a, cluster: {server: 'https://10.0.0.1', certificate-authority: token}}]\nusers: [{name: a, user: {tokenFile: token, client-certificate: token, client-key: token}}]\n",
    );
    node.write("/var/lib/kube-proxy/token", format!("{MARK}\n"));
    every_command(&node, "credential files");
}
