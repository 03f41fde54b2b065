//! Whether a private key belongs to a certificate: crypto/tls, X509KeyPair.
//!
//! The key is in memory for as long as that takes. It is wiped where this module holds it, and nothing is
//! kept, shown, hashed or told of it but the answer.

use p256::pkcs8::PrivateKeyInfoRef;
use rsa::pkcs1::RsaPrivateKey;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, referenced::OwnedToRef};
use zeroize::Zeroizing;

use super::Certificate;
use super::signature::{P256, P384};

/// Largest key file that is read, in bytes: a key of 16,384 bits has 13 KiB.
pub const MAX_KEY: u64 = 64 << 10;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

const UNREAD: &str = "it is not a key that can be read here";

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The key belongs to the certificate.
    Belongs,
    /// It is another certificate's: kube-proxy cannot authenticate.
    Other,
    /// Not known, and why.
    Unknown(&'static str),
}

/// Compares the first private key of a PEM text with the certificate's public key. For RSA modulus and
/// exponent are compared; for elliptic curves the public key is derived anew.
pub fn fit(certificate: &Certificate, text: &[u8]) -> Fit {
    let Ok(blocks) = pem::parse_many(text) else {
        return Fit::Unknown("it is not PEM");
    };
    let mut key = None;
    for block in blocks {
        let tag = block.tag().to_owned();
        let locked = block.headers().get("DEK-Info").is_some();
        // Moved into a place that is wiped, whether or not it is the key.
        let der = Zeroizing::new(block.into_contents());
        if key.is_none() && (tag == "PRIVATE KEY" || tag.ends_with(" PRIVATE KEY")) {
            key = Some((tag, locked, der));
        }
    }
    match key {
        None => Fit::Unknown("it holds no private key"),
        Some((_, true, _)) => Fit::Unknown("the key is encrypted"),
        Some((tag, ..)) if tag == "ENCRYPTED PRIVATE KEY" => Fit::Unknown("the key is encrypted"),
        Some((_, false, der)) => compared(certificate, &der),
    }
}

/// The forms in the order in which Go tries them, whatever the block is called.
fn compared(certificate: &Certificate, der: &[u8]) -> Fit {
    if let Ok(key) = RsaPrivateKey::<UintRef<'_>>::from_der(der) {
        return rsa(certificate, &key);
    }
    if let Ok(info) = PrivateKeyInfoRef::from_der(der) {
        let inner = info.private_key.as_bytes();
        return match info.algorithm.oid {
            RSA => match RsaPrivateKey::<UintRef<'_>>::from_der(inner) {
                Ok(key) => rsa(certificate, &key),
                Err(_) => Fit::Unknown(UNREAD),
            },
            EC => match info.algorithm.parameters_oid() {
                Ok(P256) => p256(certificate, p256::SecretKey::try_from(info).ok()),
                Ok(P384) => p384(certificate, p384::SecretKey::try_from(info).ok()),
                _ => Fit::Unknown("the key is of another curve than P-256 and P-384"),
            },
            ED25519 => ed25519(certificate, inner),
            _ => Fit::Unknown("the key is of another kind than RSA, elliptic curves and Ed25519"),
        };
    }
    // Each takes a key that names its own curve, or none.
    if let Ok(key) = p256::SecretKey::from_sec1_der(der) {
        return p256(certificate, Some(key));
    }
    p384(certificate, p384::SecretKey::from_sec1_der(der).ok())
}

fn belongs(same: bool) -> Fit {
    match same {
        true => Fit::Belongs,
        false => Fit::Other,
    }
}

fn rsa(certificate: &Certificate, key: &RsaPrivateKey<UintRef<'_>>) -> Fit {
    let public = certificate.public_key();
    let bytes = public.subject_public_key.raw_bytes();
    let read = rsa::pkcs1::RsaPublicKey::<UintRef<'_>>::from_der(bytes);
    let ours = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
    belongs(
        public.algorithm.oid == RSA
            && read.is_ok_and(|read| {
                (read.modulus.as_bytes(), read.public_exponent.as_bytes()) == ours
            }),
    )
}

fn p256(certificate: &Certificate, key: Option<p256::SecretKey>) -> Fit {
    let Some(key) = key else {
        return Fit::Unknown(UNREAD);
    };
    let public = p256::PublicKey::try_from(certificate.public_key().owned_to_ref());
    belongs(public.is_ok_and(|public| public == key.public_key()))
}

fn p384(certificate: &Certificate, key: Option<p384::SecretKey>) -> Fit {
    let Some(key) = key else {
        return Fit::Unknown(UNREAD);
    };
    let public = p384::PublicKey::try_from(certificate.public_key().owned_to_ref());
    belongs(public.is_ok_and(|public| public == key.public_key()))
}

/// RFC 8410: the seed in an octet string of its own.
fn ed25519(certificate: &Certificate, inner: &[u8]) -> Fit {
    let Some(([0x04, 0x20], seed)) = inner.split_first_chunk::<2>() else {
        return Fit::Unknown(UNREAD);
    };
    let Ok(seed) = <&[u8; 32]>::try_from(seed) else {
        return Fit::Unknown(UNREAD);
    };
    // Wiped when it is dropped.
    let key = ed25519_dalek::SigningKey::from_bytes(seed);
    let public = certificate.public_key();
    let ours = key.verifying_key().to_bytes();
    belongs(public.algorithm.oid == ED25519 && public.subject_public_key.raw_bytes() == ours)
}
