//! Certificates of any shape, made byte by byte: those that a CA would make, and those that none would.

use base64::Engine;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use super::Node;

pub const CERTIFICATE: &str = "/var/lib/kube-proxy/kube-proxy.crt";
pub const CA: &str = "/var/lib/kube-proxy/ca.crt";
pub const CLIENT_CA: &str = "/etc/kubernetes/pki/ca.crt";

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

/// The points of the keys 1, 2 and 3, of which ring makes none by itself.
const POINTS: [&str; 3] = [
    "046ff03b949241ce1dadd43519e6960e0a85b41a69a05c328103aa2bce1594ca163c4f753a55bf01dc53f6c0b0c7eee78b40c6ff7d25a96e2282b989cef71c144a",
    "04550f471003f3df97c3df506ac797f6721fb1a1fb7b8f6f83d224498a65c88e24136093d7012e509a73715cbd0b00a3cc0ff4b5c01b3ffa196ab1fb327036b8e6",
    "04591ab771ebbcfd6d9cb9094d106528add1a69d44c2c1f627f089ec58b9c61adf9f4e6abf0d045c0c693a3c68ad7c97ca72be64def4a26fecd263dd98a92780f0",
];

/// A key on P-256 that is the same in every run: 1, 2 or 3.
pub fn key(number: u8) -> EcdsaKeyPair {
    let point = POINTS[usize::from(number) - 1].as_bytes().chunks(2);
    let point: Vec<u8> = point
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &[number; 32],
        &point,
        &SystemRandom::new(),
    )
    .unwrap()
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
    pub fn kube_proxy(of: &EcdsaKeyPair) -> Parts {
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
    pub fn signed(&self, by: &EcdsaKeyPair) -> Vec<u8> {
        self.signed_as(by, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])
    }

    /// The same under the name of any algorithm.
    pub fn signed_as(&self, by: &EcdsaKeyPair, algorithm: &[u8]) -> Vec<u8> {
        let algorithm = sequence(&[der(6, algorithm)]);
        let validity = sequence(&[self.not_before.clone(), self.not_after.clone()]);
        let body = sequence(&[
            self.serial.clone(),
            algorithm.clone(),
            self.issuer.clone(),
            validity,
            self.subject.clone(),
            self.public_key.clone(),
        ]);
        let signature = by.sign(&SystemRandom::new(), &body).unwrap();
        let signature = [&[0][..], signature.as_ref()].concat();
        sequence(&[body, algorithm, der(3, &signature)])
    }
}

fn public_key(of: &EcdsaKeyPair) -> Vec<u8> {
    sequence(&[
        sequence(&[
            der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]),
            der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]),
        ]),
        der(3, &[&[0][..], of.public_key().as_ref()].concat()),
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

/// The demo node with another client certificate.
pub fn node(certificate: &[u8]) -> Node {
    let node = Node::demo();
    node.write(CERTIFICATE, pem("CERTIFICATE", certificate));
    node
}

/// The one verdict of a check: the word, what was observed or the reason.
pub fn verdict(node: &Node, check: &str) -> (String, String) {
    let (_, document) = node.json(&["--only", check, "scan"]);
    let all = document["verdicts"].as_array().unwrap();
    // Of several the client's is meant.
    let client = all.iter().find(|one| one["path"] == CERTIFICATE);
    let found = client.unwrap_or(&all[0]);
    let text = |key: &str| found[key].as_str().map(str::to_owned);
    let said = text("observed").or_else(|| text("reason"));
    (text("verdict").unwrap(), said.unwrap_or_default())
}
