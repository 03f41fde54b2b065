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
use support::certificates::{CN, O, Parts, attribute, der, in_days, key, name, pem, sequence};
use support::places::DIRECTORY;
use support::watched::watched;

const CERTIFICATE: &str = "/var/lib/kube-proxy/kube-proxy.crt";
const CA: &str = "/var/lib/kube-proxy/ca.crt";
const CLIENT_CA: &str = "/etc/kubernetes/pki/ca.crt";

/// The demo node with another client certificate.
fn node(certificate: &[u8]) -> Node {
    let node = Node::demo();
    node.write(CERTIFICATE, pem("CERTIFICATE", certificate));
    node
}

/// The one verdict of a check: the word, what was observed or the reason.
fn verdict(node: &Node, check: &str) -> (String, String) {
    let (_, document) = node.json(&["--only", check, "scan"]);
    let all = document["verdicts"].as_array().unwrap();
    // Of several the client's is meant.
    let client = all.iter().find(|one| one["path"] == CERTIFICATE);
    let found = client.unwrap_or(&all[0]);
    let text = |key: &str| found[key].as_str().map(str::to_owned);
    let said = text("observed").or_else(|| text("reason"));
    (text("verdict").unwrap(), said.unwrap_or_default())
}

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
fn of_four_mib_of_certificates_the_first_512_are_read_and_the_rest_is_told() {
    let own = key(1);
    let one = pem("CERTIFICATE", &Parts::kube_proxy(&own).signed(&own));
    let node = Node::demo();
    let many = one.repeat((4 << 20) / one.len());
    node.write(CA, &many);
    node.write(CERTIFICATE, &many);
    node.write(CLIENT_CA, &many);
    assert_eq!(verdict(&node, "certificate-expired").0, "pass");
    let rest = "its certificate 513 cannot be read here: more than 512 are not read";
    let (word, told) = verdict(&node, "api-ca-missing");
    assert_eq!(word, "pass");
    assert!(
        told.ends_with(&format!("512 that can be read; {rest}")),
        "{told}"
    );
    let other = key(2);
    node.write(
        CERTIFICATE,
        pem("CERTIFICATE", &Parts::kube_proxy(&other).signed(&other)),
    );
    let (word, told) = verdict(&node, "certificate-untrusted");
    assert_eq!(
        (word.as_str(), told),
        ("unknown", format!("{CLIENT_CA}: {rest}"))
    );

    node.write(CERTIFICATE, one.repeat((4 << 20) / one.len() + 2));
    let (word, told) = verdict(&node, "certificate-expired");
    assert_eq!(word, "unknown");
    assert!(told.contains("more than 4 MiB is not read"), "{told}");
}

#[test]
fn crowded_names_are_told_as_unread_and_take_no_more_memory_than_their_bytes() {
    let own = key(1);
    let groups = |many: usize| {
        let mut parts: Vec<Vec<u8>> = vec![attribute(O, 0x0c, b"a"); many];
        parts.push(attribute(CN, 0x0c, b"system:kube-proxy"));
        let mut certificate = Parts::kube_proxy(&own);
        (certificate.subject, certificate.issuer) = (sequence(&parts), sequence(&parts));
        certificate.signed(&own)
    };
    let (word, told) = verdict(&node(&groups(64)), "credential-overprivileged");
    assert_eq!(word, "fail", "{told}");
    let (word, told) = verdict(&node(&groups(65)), "credential-overprivileged");
    assert_eq!(word, "unknown", "{told}");
    assert!(
        told.ends_with("it names more than 64 organizations"),
        "{told}"
    );
    let node = Node::demo();
    let one = pem("CERTIFICATE", &groups(2_000));
    node.write(CLIENT_CA, one.repeat((4 << 20) / one.len()));
    let ran = watched(
        node.command()
            .args(["--only", "certificate-untrusted", "scan"]),
    );
    assert!(!ran.late && ran.ran.code == 2, "{ran:?}");
    assert!(ran.peak < 100 << 10, "{ran:?}");
}

/// A number of so many bits.
fn odd(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] >>= (8 - bits % 8) % 8;
    *bytes.last_mut().unwrap() = 0xfb;
    bytes
}

#[test]
fn an_rsa_key_of_absurd_size_or_exponent_is_not_judged() {
    let own = key(1);
    let unsigned = |number: Vec<u8>| der(2, &[&[0][..], &number].concat());
    let rsa = |modulus: Vec<u8>, exponent: Vec<u8>| {
        let key = sequence(&[unsigned(modulus), der(2, &exponent)]);
        let kind = der(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]);
        let kind = sequence(&[kind, der(5, &[])]);
        sequence(&[kind, der(3, &[&[0][..], &key].concat())])
    };
    let usual = || vec![1, 0, 1];
    let length = "the signer's RSA key has under 2,048 or over 8,192 bits";
    let exponent = "the signer's RSA key has an unusual exponent";
    let sha256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
    let node = node(&Parts::kube_proxy(&own).signed_as(&own, &sha256));
    for (key, expected) in [
        (rsa(odd(2_048), usual()), None),
        (rsa(odd(8_192), usual()), None),
        (rsa(odd(2_048), vec![0x7f, 0xff, 0xff, 0xff]), None),
        (rsa(odd(1_024), usual()), Some(length)),
        (rsa(odd(2_040), usual()), Some(length)),
        (rsa(odd(8_200), usual()), Some(length)),
        (rsa(odd(400_000), usual()), Some(length)),
        (rsa(odd(2_048), vec![0, 0x80, 0, 0, 1]), Some(exponent)),
        (rsa(odd(2_048), vec![0x7f; 8_000]), Some(exponent)),
        (rsa(odd(2_048), vec![4]), Some(exponent)),
        (rsa(odd(2_048), vec![1]), Some(exponent)),
        (
            rsa(odd(2_048), vec![0x80]),
            Some("the signer's RSA key cannot be read here"),
        ),
    ] {
        let mut authority = Parts::kube_proxy(&own);
        (authority.subject, authority.public_key) = (authority.issuer.clone(), key);
        let one = pem("CERTIFICATE", &authority.signed(&own));
        node.write(CLIENT_CA, one.repeat(8));
        let (word, told) = verdict(&node, "certificate-untrusted");
        match expected {
            None => assert_eq!(word, "fail", "{told}"),
            Some(why) => assert!(word == "unknown" && told.ends_with(why), "{word}: {told}"),
        }
    }
}

#[test]
fn many_cas_of_one_name_do_not_cost_a_signature_each() {
    let own = key(1);
    let other = key(2);
    let mut authority = Parts::kube_proxy(&other);
    authority.subject = authority.issuer.clone();
    let one = pem("CERTIFICATE", &authority.signed(&other));
    let node = node(&Parts::kube_proxy(&own).signed(&own));
    node.write(CLIENT_CA, one.repeat(512));
    let (word, told) = verdict(&node, "certificate-untrusted");
    assert_eq!(word, "unknown", "{told}");
    assert!(told.contains("its signature was not verified"), "{told}");
    node.write(CLIENT_CA, one.repeat(8));
    assert_eq!(verdict(&node, "certificate-untrusted").0, "fail");
}

#[test]
fn intermediates_that_sign_each_other_end_the_climb() {
    let (one, other) = (key(1), key(2));
    let part = |subject: &str, issuer: &str, of| Parts {
        subject: name(subject, None),
        issuer: name(issuer, None),
        ..Parts::kube_proxy(of)
    };
    let mut client = Parts::kube_proxy(&key(3));
    client.issuer = name("a", None);
    let text: String = [
        client.signed(&one),
        part("a", "b", &one).signed(&other),
        part("b", "a", &other).signed(&one),
        part("a", "a", &one).signed(&one),
    ]
    .iter()
    .map(|certificate| pem("CERTIFICATE", certificate))
    .collect();
    let node = Node::demo();
    node.write(CERTIFICATE, text);
    assert_eq!(verdict(&node, "certificate-untrusted").0, "fail");
}

#[test]
fn a_way_that_is_not_verified_outweighs_one_over_a_signer_that_expired() {
    let (own, root) = (key(1), key(2));
    let mut client = Parts::kube_proxy(&key(3));
    client.issuer = name("between", None);
    let between = || Parts {
        subject: name("between", None),
        ..Parts::kube_proxy(&own)
    };
    let expired = Parts {
        not_after: der(0x17, b"210101000000Z"),
        ..between()
    };
    let authority = Parts {
        subject: name("kubernetes", None),
        ..Parts::kube_proxy(&root)
    };
    let node = Node::demo();
    node.write(CLIENT_CA, pem("CERTIFICATE", &authority.signed(&root)));
    let sent = [client.signed(&own), expired.signed(&root)];
    let sent: String = sent.iter().map(|one| pem("CERTIFICATE", one)).collect();
    node.write(CERTIFICATE, &sent);
    let (word, told) = verdict(&node, "certificate-untrusted");
    assert_eq!(word, "fail", "{told}");
    assert!(told.contains("which is not valid now"), "{told}");
    // RSA with SHA-224, of which Go might say anything.
    let sha224 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 14];
    let other = pem("CERTIFICATE", &between().signed_as(&root, &sha224));
    node.write(CERTIFICATE, sent + &other);
    let (word, told) = verdict(&node, "certificate-untrusted");
    assert_eq!(word, "unknown", "{told}");
    assert!(told.contains("its signature was not verified"), "{told}");
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
