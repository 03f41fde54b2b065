//! No body of a certificate and nothing of a private key, which is read to be compared, in any output,
//! plan, journal or log.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

use support::Node;
use support::certificates::{Parts, key, pem, private_key};

const CONFIG: &str = "/var/lib/kube-proxy/config.conf";
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig.conf";

fn node() -> Node {
    let node = Node::empty();
    node.write(
        "/etc/systemd/system/kube-proxy.service",
        format!("[Service]\nExecStart=/usr/bin/kube-proxy --config={CONFIG}\n"),
    );
    node.write(
        CONFIG,
        format!("apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nclientConnection:\n  kubeconfig: {KUBECONFIG}\n"),
    );
    node
}

/// Pieces of a PEM text, and of its base64 as a kubeconfig holds it, long enough to be no accident.
fn pieces(pem: &str) -> Vec<String> {
    let data = base64(pem);
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    lines
        .chain(std::iter::once(data.as_str()))
        .flat_map(|line| {
            (0..line.len().saturating_sub(20))
                .step_by(20)
                .map(|at| &line[at..at + 20])
        })
        // The beginning is the same for every certificate or key.
        .filter(|piece| piece.chars().any(|letter| letter != 'A'))
        .map(str::to_owned)
        .collect()
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn neither_the_body_of_a_certificate_nor_a_key_that_is_compared_is_told_or_kept() {
    let own = key(1);
    let certificate = pem("CERTIFICATE", &Parts::kube_proxy(&own).signed(&own));
    let keys = [
        pem("EC PRIVATE KEY", &private_key(1)),
        pem("EC PRIVATE KEY", &private_key(2)),
        // Cut off in the middle: what cannot be read must not be told either.
        pem("EC PRIVATE KEY", &private_key(1)[..30]),
        pem("PRIVATE KEY", &private_key(1)).replace("END", "ENDE"),
    ];
    for (at, secret) in keys.iter().enumerate() {
        for inside in [false, true] {
            let node = node();
            let given = match inside {
                true => format!(
                    "client-certificate-data: {}, client-key-data: {}",
                    base64(&certificate),
                    base64(secret)
                ),
                false => "client-certificate: proxy.crt, client-key: proxy.key".to_string(),
            };
            node.write("/var/lib/kube-proxy/proxy.crt", &certificate);
            node.write("/var/lib/kube-proxy/proxy.key", secret);
            node.write(KUBECONFIG, format!("apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\nclusters:\n- name: a\n  cluster:\n    server: https://10.0.0.1\n    certificate-authority: proxy.crt\n    insecure-skip-tls-verify: true\nusers: [{{name: a, user: {{{given}}}}}]\n"));
            let mut never = pieces(secret);
            never.extend(pieces(&certificate));
            never.push(tighten::transaction::sha256(secret.as_bytes()));
            let clean = |text: &str, what: &str| {
                let found = never.iter().find(|piece| text.contains(*piece));
                assert_eq!(found, None, "{what}");
            };
            let plan = node.outside().join("plan.json");
            for arguments in [
                &["-v", "scan"][..],
                &["--format", "json", "scan"],
                &["-v", "facts"],
                &["--format", "json", "facts"],
                &["-v", "plan", "--out", plan.to_str().unwrap()],
                &["--format", "json", "plan"],
                &["-v", "apply", "--yes"],
                &["-v", "rollback", "--yes"],
            ] {
                let ran = node.run(arguments);
                clean(&ran.out, &format!("{at} {inside} {arguments:?}"));
                clean(&ran.err, &format!("{at} {inside} {arguments:?}"));
            }
            let (_, found) = node.json(&["--only", "certificate-key-mismatch", "scan"]);
            // Without a block that ends as it begins there is no key, as in Go.
            let verdict = ["pass", "fail", "unknown", "fail"][at];
            assert_eq!(found["verdicts"][0]["verdict"], verdict, "{found}");
            for (path, entry) in support::snapshot(node.outside()) {
                // The backup of the kubeconfig is the kubeconfig, and as closed as it.
                let backup = path.rsplit('/').next().unwrap().starts_with("pre.");
                if (path.starts_with("/state") || path.starts_with("/plan")) && !backup {
                    clean(&String::from_utf8_lossy(&entry.bytes), &path);
                }
            }
        }
    }
}
