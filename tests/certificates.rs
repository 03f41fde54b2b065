//! Certificates on a node as nobody would make them by hand: about to expire, of absurd times and names,
//! damaged, far too many.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use support::Node;
use support::certificates::{
    CERTIFICATE, CLIENT_CA, CN, O, Parts, attribute, der, in_days, key, node, pem, sequence,
    verdict,
};
use support::places::DIRECTORY;

#[test]
fn a_certificate_that_expires_within_30_days_is_a_finding_and_one_of_32_days_is_none() {
    let own = key(1);
    for (days, expected) in [(1, "fail"), (29, "fail"), (32, "pass")] {
        let mut parts = Parts::kube_proxy(&own);
        parts.not_after = in_days(days);
        let node = node(&parts.signed(&own));
        let (word, said) = verdict(&node, "certificate-expired");
        assert_eq!(word, expected, "{days}: {said}");
        let soon = said.ends_with("Z, within 30 days") && said.contains(" expires on ");
        assert_eq!(soon, expected == "fail", "{said}");
    }
}

#[test]
fn absurd_times_are_judged_or_told_as_unread() {
    let own = key(1);
    let utc = |text: &str| der(0x17, text.as_bytes());
    let general = |text: &str| der(0x18, text.as_bytes());
    for (first, last, word, said) in [
        (
            general("19700101000000Z"),
            general("99991231235959Z"),
            "pass",
            "valid until",
        ),
        (
            utc("491231235959Z"),
            general("99991231235959Z"),
            "fail",
            "2049-12-31T23:59:59Z",
        ),
        (
            utc("700101000000Z"),
            utc("700101000000Z"),
            "fail",
            "expired on 1970-01-01T00:00:00Z",
        ),
        // The last before the first: valid at no time.
        (
            utc("491231235959Z"),
            utc("200101000000Z"),
            "fail",
            "not valid before 2049",
        ),
        (
            utc("500101000000Z"),
            general("99991231235959Z"),
            "unknown",
            "cannot be read here",
        ),
        (
            general("00000000000000Z"),
            general("99991231235959Z"),
            "unknown",
            "cannot be read here",
        ),
        (
            utc("200101000000Z"),
            general("99999999999999Z"),
            "unknown",
            "cannot be read here",
        ),
        (
            utc("200101000000Z"),
            general("20300101000000.5Z"),
            "unknown",
            "cannot be read here",
        ),
        (
            utc("200101000000Z"),
            general("20300101000000+0100"),
            "unknown",
            "cannot be read here",
        ),
        (
            utc("2001010000Z"),
            utc("491231235959Z"),
            "unknown",
            "cannot be read here",
        ),
        (utc(""), general(""), "unknown", "cannot be read here"),
        (
            utc("200230000000Z"),
            utc("491231235959Z"),
            "unknown",
            "cannot be read here",
        ),
    ] {
        let mut parts = Parts::kube_proxy(&own);
        (parts.not_before, parts.not_after) = (first, last);
        let node = node(&parts.signed(&own));
        let (found, told) = verdict(&node, "certificate-expired");
        assert_eq!(found, word, "{told}");
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn a_serial_number_of_any_form_is_read() {
    let own = key(1);
    for serial in [
        der(2, &[0]),
        der(2, &[0xff]),
        der(2, &[0x80, 0, 0, 0]),
        der(2, &[0x7f; 20]),
        der(2, &[0x7f; 60]),
    ] {
        let mut parts = Parts::kube_proxy(&own);
        parts.serial = serial.clone();
        let node = node(&parts.signed(&own));
        let found = verdict(&node, "certificate-expired");
        assert_eq!(found.0, "pass", "{serial:?}: {found:?}");
    }
}

#[test]
fn the_masters_are_found_however_their_name_is_written() {
    let own = key(1);
    let masters = "system:masters";
    let wide: Vec<u8> = masters.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (tag, text) in [
        (0x0c, masters.as_bytes()),
        (0x13, masters.as_bytes()),
        (0x14, masters.as_bytes()),
        (0x16, masters.as_bytes()),
        (0x1e, &wide),
    ] {
        let mut parts = Parts::kube_proxy(&own);
        parts.subject = sequence(&[
            attribute(CN, 0x0c, b"system:kube-proxy"),
            attribute(O, tag, text),
        ]);
        let node = node(&parts.signed(&own));
        let (word, said) = verdict(&node, "credential-overprivileged");
        assert_eq!(word, "fail", "{tag:#x}: {said}");
        assert!(
            said.contains("O=system:masters may do everything"),
            "{said}"
        );
    }
}

#[test]
fn of_several_common_names_the_last_is_the_user_as_for_the_api_server() {
    let own = key(1);
    let mut parts = Parts::kube_proxy(&own);
    parts.subject = sequence(&[
        attribute(CN, 0x0c, b"system:kube-proxy"),
        attribute(CN, 0x0c, b"kubernetes-admin"),
    ]);
    let (word, said) = verdict(&node(&parts.signed(&own)), "credential-overprivileged");
    assert_eq!(
        (word.as_str(), said.as_str()),
        (
            "fail",
            "CN=kubernetes-admin: its CN is that of the cluster's administrator"
        )
    );
}

#[test]
fn a_name_that_is_no_text_is_told_as_unread() {
    let own = key(1);
    for (tag, text) in [
        (0x0c, &b"\xff\xfe"[..]),
        (0x1e, b"abc"),
        (0x1e, b"\xd8\x00"),
        (0x04, b"x"),
    ] {
        let mut parts = Parts::kube_proxy(&own);
        parts.subject = sequence(&[attribute(CN, tag, text)]);
        let found = verdict(&node(&parts.signed(&own)), "credential-overprivileged");
        assert_eq!(found.0, "unknown", "{found:?}");
    }
}

#[test]
fn a_certificate_cut_at_any_place_or_with_any_bit_turned_is_judged_without_a_panic() {
    let own = key(1);
    let whole = Parts::kube_proxy(&own).signed(&own);
    let node = Node::demo();
    // Every place would take minutes with one process each; fuzz/ does it in one.
    for at in (0..whole.len()).step_by(7) {
        let mut turned = whole.clone();
        turned[at] ^= 0x55;
        for (what, bytes) in [("cut", &whole[..at]), ("turned", &turned)] {
            node.write(CERTIFICATE, pem("CERTIFICATE", bytes));
            let ran = node.run(&["scan"]);
            assert!(matches!(ran.code, 0 | 2), "{what} at {at}: {ran:?}");
        }
    }
}

#[test]
fn der_that_nests_deeper_than_any_certificate_is_told_as_unread() {
    let mut deep = Vec::new();
    for _ in 0..10_000 {
        deep = der(0x30, &deep);
    }
    let found = verdict(&node(&deep), "certificate-expired");
    assert_eq!(found.0, "unknown", "{found:?}");
}

#[test]
fn facts_say_whom_a_certificate_names_and_never_its_body() {
    let node = Node::demo();
    let (code, document) = node.json(&["facts"]);
    assert_eq!(code, 0);
    let facts = document["facts"].as_array().unwrap();
    let value = |name: &str| -> Value {
        let found = facts.iter().find(|fact| fact["name"] == name);
        found.map_or(Value::Null, |fact| fact["value"].clone())
    };
    assert_eq!(
        value("certificateAuthority.subject"),
        "CN=demo-kubernetes-ca"
    );
    let subject = "CN=system:kube-proxy, O=system:node-proxier";
    assert_eq!(value("clientCertificate.subject"), subject);
    assert_eq!(value("clientCertificate.issuer"), "CN=demo-kubernetes-ca");
    assert_eq!(value("clientCertificate.notBefore"), "2026-11-23T17:54:44Z");
    assert_eq!(value("clientCertificate.notAfter"), "2126-10-30T17:54:44Z");
    assert_eq!(value("clientKey.belongs"), true);
    assert_eq!(value("clientCAFile"), CLIENT_CA);
    let text = node.run(&["facts"]).out;
    for file in ["ca.crt", "kube-proxy.crt", "kube-proxy.key"] {
        let pem = node.read(&format!("{DIRECTORY}/{file}"));
        for line in pem.lines().filter(|line| !line.starts_with('-')) {
            assert!(!text.contains(line) && !document.to_string().contains(line));
        }
    }
}
