//! Chains of certificates that take much memory or time, or cannot be verified here.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use support::Node;
use support::certificates::{
    CA, CERTIFICATE, CLIENT_CA, CN, O, Parts, attribute, der, key, name, node, pem, sequence,
    verdict,
};
use support::watched::watched;

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
