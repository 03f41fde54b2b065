//! Certificates and keys of any bytes are read or refused, and what is told of them is short and printable.
//!
//! What begins with 0x30 is taken for DER, so that no mutation is lost in the armour; anything else for PEM.

use base64::Engine;
use tighten::certificates::{self, Bundle, Certificate, Fit, MAX_CERTIFICATES, Moment, chain, fit};

const CA: &[u8] = include_bytes!("../../src/demo/ca.crt");
const CLIENT: &[u8] = include_bytes!("../../src/demo/kube-proxy.crt");
const NOW: Moment = Moment(1_800_000_000);

/// Whether there was any certificate, or a key that could be compared.
pub fn holds(bytes: &[u8]) -> bool {
    let (text, key) = match bytes.first() {
        Some(0x30) => {
            let alone = Certificate::read(bytes);
            let text = armoured("CERTIFICATE", bytes);
            let read = certificates::read(&text).expect("a block of a certificate");
            assert_eq!(read.first().ok(), alone.as_ref().ok());
            (text, armoured("PRIVATE KEY", bytes))
        }
        _ => (bytes.to_vec(), bytes.to_vec()),
    };
    let certificate = certificates::read(CLIENT).expect("PEM");
    let certificate = certificate.first().expect("a certificate");
    let compared = match fit(certificate, &key) {
        Fit::Belongs | Fit::Other => true,
        Fit::Refused(_) | Fit::Unknown(_) => false,
    };
    match certificates::read(&text) {
        Ok(bundle) => judged(&bundle, &key) || compared,
        Err(why) => {
            assert!(why.starts_with("it "), "{why}");
            compared
        }
    }
}

fn judged(bundle: &Bundle, key: &[u8]) -> bool {
    assert!(bundle.certificates.len() <= MAX_CERTIFICATES);
    let mut places: Vec<usize> = bundle
        .certificates
        .iter()
        .map(|(place, _)| *place)
        .collect();
    places.extend(bundle.damaged.iter().map(|(place, _)| *place));
    places.sort_unstable();
    let expected: Vec<usize> = (1..=places.len()).collect();
    assert_eq!(places, expected, "every certificate has its place");
    for (_, why) in &bundle.damaged {
        printable(&why.to_string());
    }
    let authorities = certificates::read(CA).expect("PEM");
    let mut known: Vec<&Certificate> = authorities.all().collect();
    for one in bundle.all() {
        for name in [&one.subject, &one.issuer] {
            printable(&name.to_string());
        }
        printable(&format!("{one:?} {} {}", one.not_before, one.not_after));
        let _ = fit(one, key);
    }
    if let Ok(first) = bundle.first() {
        let along: Vec<&Certificate> = bundle.others().collect();
        let alone = chain(first, &along, &known, NOW);
        // More CAs never make a chain worse.
        known.extend(bundle.all().skip(1));
        assert!(chain(first, &along, &known, NOW) >= alone);
    }
    !bundle.certificates.is_empty()
}

fn printable(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(text.chars().count() <= 1_200, "{text}");
}

fn armoured(tag: &str, der: &[u8]) -> Vec<u8> {
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {tag}-----\n{body}\n-----END {tag}-----\n").into_bytes()
}
