//! Whether one certificate's key made another's signature: crypto/x509, Certificate.CheckSignatureFrom.
//!
//! Go verifies more than ring does: RSA of any length from 1,024 bits, RSA-PSS, P-224 and P-521, and
//! SHA-512 on every curve. What ring does not verify is told as not checked, with the reason.

use ring::signature::{self as verify, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::der::asn1::ObjectIdentifier;

use super::Certificate;
use super::certificate::PublicKey;
use super::rsa::RsaPublicKey;

const RSA_MD5: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4");
const RSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
/// The same by the name that ISO gave it, which Go knows too.
const ISO_RSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.29");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");

pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// Of the key and of the signature.
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(super) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

const PSS: &str = "it is of RSA-PSS, which is not verified here";
const OTHER_ALGORITHM: &str = "it is of an algorithm that is not verified here";
const OTHER_KEY: &str = "the signer's key is of a kind that is not verified here";
const OTHER_CURVE: &str = "the signer's key is of another curve than P-256 and P-384";
const SHA512: &str = "it is of ECDSA with SHA-512, which is not verified here";
const ED25519_LENGTH: &str = "the signer's Ed25519 key has not 32 bytes";

/// What became of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// The key made it.
    Good,
    /// The key did not make it.
    Bad,
    /// Made with SHA-1 or MD5, which Go refuses whoever made it.
    Insecure,
    /// An algorithm or key that is not checked here, in words.
    Unchecked(&'static str),
}

/// Checks the signature of `certificate` with the key of `signer`.
pub(super) fn check(certificate: &Certificate, signer: &Certificate) -> Checked {
    let key = &signer.public_key;
    let (kind, found) = match certificate.algorithm {
        RSA_SHA1 | RSA_MD5 | ISO_RSA_SHA1 | ECDSA_SHA1 => return Checked::Insecure,
        RSA_SHA256 => (RSA, rsa(key, &verify::RSA_PKCS1_2048_8192_SHA256)),
        RSA_SHA384 => (RSA, rsa(key, &verify::RSA_PKCS1_2048_8192_SHA384)),
        RSA_SHA512 => (RSA, rsa(key, &verify::RSA_PKCS1_2048_8192_SHA512)),
        RSA_PSS => (RSA, Err(PSS)),
        ECDSA_SHA256 => {
            let (p256, p384) = (
                &verify::ECDSA_P256_SHA256_ASN1,
                &verify::ECDSA_P384_SHA256_ASN1,
            );
            (EC, ecdsa(key, p256, p384))
        }
        ECDSA_SHA384 => {
            let (p256, p384) = (
                &verify::ECDSA_P256_SHA384_ASN1,
                &verify::ECDSA_P384_SHA384_ASN1,
            );
            (EC, ecdsa(key, p256, p384))
        }
        ECDSA_SHA512 => (EC, Err(SHA512)),
        ED25519 => (ED25519, ed25519(key)),
        _ => return Checked::Unchecked(OTHER_ALGORITHM),
    };
    match (key.kind, found) {
        (one, Ok(algorithm)) if one == kind => {
            let key = UnparsedPublicKey::new(algorithm, &key.bytes);
            match key.verify(&certificate.signed, &certificate.signature) {
                Ok(()) => Checked::Good,
                Err(_) => Checked::Bad,
            }
        }
        (one, Err(why)) if one == kind => Checked::Unchecked(why),
        // A key of another kind cannot have made it.
        (RSA | EC | ED25519, _) => Checked::Bad,
        _ => Checked::Unchecked(OTHER_KEY),
    }
}

type Algorithm = &'static dyn VerificationAlgorithm;

fn rsa(key: &PublicKey, algorithm: Algorithm) -> Result<Algorithm, &'static str> {
    RsaPublicKey::read(&key.bytes)?.verifies()?;
    Ok(algorithm)
}

fn ecdsa(key: &PublicKey, p256: Algorithm, p384: Algorithm) -> Result<Algorithm, &'static str> {
    match key.curve {
        Some(P256) => Ok(p256),
        Some(P384) => Ok(p384),
        _ => Err(OTHER_CURVE),
    }
}

fn ed25519(key: &PublicKey) -> Result<Algorithm, &'static str> {
    match key.bytes.len() {
        32 => Ok(&verify::ED25519),
        _ => Err(ED25519_LENGTH),
    }
}
