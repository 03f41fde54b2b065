//! The log of a real API server with a real kube-proxy, whose token somebody used with kubectl.

use super::*;

const LOG: &[u8] = include_bytes!("../../../tests/fixtures/audit/events-1.36.jsonl");

fn beside() -> Known {
    Known {
        loopback: true,
        ..known()
    }
}

#[test]
fn what_was_asked_with_kubectl_is_found_and_nothing_of_kube_proxys_own() {
    let found = judged(beside(), LOG.to_vec());
    assert_eq!(
        counts(&found),
        [
            ("credential-asked".into(), 1, 1),
            ("foreign-user-agent".into(), 2, 2)
        ]
    );
    let kubectl = "kubectl/v0.0.0 (linux/amd64) kubernetes/$Format";
    assert_eq!(
        found.unusual[0].observed,
        format!("list secrets in kube-system (403), as {PROXY}, from 127.0.0.1")
    );
    assert_eq!(
        found.unusual[1].observed,
        format!("{kubectl}, as {PROXY}, from 127.0.0.1")
    );
    let first = found.unusual[0].first.as_ref().unwrap();
    assert_eq!(first.audit_id, "613080b1-d112-4ce3-be33-7b825c9235b7");
    assert_eq!(
        first.time.unwrap().to_string(),
        "2026-11-23T16:14:48.169121Z"
    );
    assert_eq!(found.not_judged, []);
    // The place leads back to the line.
    let line = &LOG[usize::try_from(first.place.offset).unwrap()..];
    let line = line.split(|byte| *byte == b'\n').next().unwrap();
    let read: Value = serde_json::from_slice(line).unwrap();
    assert_eq!(read["auditID"], json!(first.audit_id));
}

#[test]
fn without_those_two_the_log_is_as_usual() {
    let of_kubectl = |line: &&[u8]| {
        let event: Value = serde_json::from_slice(line).unwrap();
        let agent = event["userAgent"].as_str().unwrap();
        event["user"]["username"] == json!(PROXY) && agent.starts_with("kubectl/")
    };
    let lines = LOG
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let own: Vec<&[u8]> = lines.filter(|line| !of_kubectl(line)).collect();
    assert_eq!(own.len(), 612);
    let found = judged(beside(), own.join(&b'\n'));
    assert_eq!(found.unusual, []);
}

#[test]
fn all_of_it_is_told_from_elsewhere() {
    // The API server is not on the node, so that loopback is nobody's node.
    let found = judged(known(), LOG.to_vec());
    let rules = counts(&found);
    // Twenty-three events, of fifteen requests.
    assert!(
        rules.contains(&("foreign-address".into(), 23, 15)),
        "{rules:?}"
    );
}
