//! Certificates of any shape, made byte by byte: those that a CA would make, and those that none would.

use base64::Engine;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};

/// A DER value: its tag, its length, its contents.
pub fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = contents.len();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let long = length.to_be_bytes();
            let first = long.iter().position(|byte| *byte != 0).unwrap();
            bytes.push(0x80 | u8::try_from(long.len() - first).unwrap());
            bytes.extend(&long[first..]);
        }
    }
    bytes.extend(contents);
    bytes
}

pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

/// One attribute of a name, its text with any tag: 0x0c is UTF-8, 0x1e UTF-16, 0x14 the old T.61.
pub fn attribute(oid: &[u8], tag: u8, text: &[u8]) -> Vec<u8> {
    der(0x31, &sequence(&[der(6, oid), der(tag, text)]))
}

pub const CN: &[u8] = &[0x55, 4, 3];
pub const O: &[u8] = &[0x55, 4, 10];

/// `CN=cn, O=o`
pub fn name(cn: &str, o: Option<&str>) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = o.iter().map(|o| attribute(O, 0x0c, o.as_bytes())).collect();
    parts.push(attribute(CN, 0x0c, cn.as_bytes()));
    sequence(&parts)
}

/// A key that is the same in every run.
pub fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

/// The same key as RFC 5915 has it.
pub fn private_key(number: u8) -> Vec<u8> {
    let curve = der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
    sequence(&[der(2, &[1]), der(4, &[number; 32]), der(0xa0, &curve)])
}

/// What a certificate is made of; every part is DER already.
pub struct Parts {
    pub serial: Vec<u8>,
    pub issuer: Vec<u8>,
    pub not_before: Vec<u8>,
    pub not_after: Vec<u8>,
    pub subject: Vec<u8>,
    pub public_key: Vec<u8>,
}

impl Parts {
    /// kube-proxy's, with times that always hold.
    pub fn kube_proxy(of: &SigningKey) -> Parts {
        Parts {
            serial: der(2, &[1]),
            issuer: name("kubernetes", None),
            not_before: der(0x17, b"200101000000Z"),
            not_after: der(0x18, b"22991231235959Z"),
            subject: name("system:kube-proxy", Some("system:node-proxier")),
            public_key: public_key(of),
        }
    }

    /// Signed with ECDSA and SHA-256.
    pub fn signed(&self, by: &SigningKey) -> Vec<u8> {
        let algorithm = sequence(&[der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]);
        let validity = sequence(&[self.not_before.clone(), self.not_after.clone()]);
        let body = sequence(&[
            self.serial.clone(),
            algorithm.clone(),
            self.issuer.clone(),
            validity,
            self.subject.clone(),
            self.public_key.clone(),
        ]);
        let signature: Signature = by.sign(&body);
        let signature = [&[0][..], signature.to_der().as_bytes()].concat();
        sequence(&[body, algorithm, der(3, &signature)])
    }
}

fn public_key(of: &SigningKey) -> Vec<u8> {
    let point = of.verifying_key().to_sec1_point(false);
    sequence(&[
        sequence(&[
            der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]),
            der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]),
        ]),
        der(3, &[&[0][..], point.as_bytes()].concat()),
    ])
}

/// PEM, 64 letters to a line.
pub fn pem(tag: &str, der: &[u8]) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let mut text = format!("-----BEGIN {tag}-----\n");
    for line in body.as_bytes().chunks(64) {
        text.push_str(std::str::from_utf8(line).unwrap());
        text.push('\n');
    }
    text + &format!("-----END {tag}-----\n")
}

/// A UTCTime so many days from now.
pub fn in_days(days: u64) -> Vec<u8> {
    let then = std::time::SystemTime::now() + std::time::Duration::from_secs(days * 86_400);
    // 2026-11-23T23:00:00Z
    let text = humantime::format_rfc3339_seconds(then).to_string();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    der(0x18, format!("{digits}Z").as_bytes())
}
