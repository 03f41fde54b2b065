//! Whether one certificate's key made another's signature.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1v15;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::referenced::OwnedToRef;

use super::Certificate;

const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const RSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
const RSA_MD5: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4");
const ECDSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(super) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// What became of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// The key made it.
    Good,
    /// The key did not make it.
    Bad,
    /// Made with SHA-1 or MD5, which Go refuses whoever made it.
    Insecure,
    /// An algorithm or key that is not checked here.
    Unchecked,
}

/// Checks the signature of `certificate` with the key of `signer`.
pub(super) fn check(certificate: &Certificate, signer: &Certificate) -> Checked {
    let signed = certificate.signed.as_slice();
    match certificate.algorithm {
        RSA_SHA1 | RSA_MD5 | ECDSA_SHA1 => Checked::Insecure,
        RSA_SHA256 => rsa::<Sha256>(certificate, signer),
        RSA_SHA384 => rsa::<Sha384>(certificate, signer),
        RSA_SHA512 => rsa::<Sha512>(certificate, signer),
        ECDSA_SHA256 => ecdsa(certificate, signer, &Sha256::digest(signed)),
        ECDSA_SHA384 => ecdsa(certificate, signer, &Sha384::digest(signed)),
        ECDSA_SHA512 => ecdsa(certificate, signer, &Sha512::digest(signed)),
        ED25519 => ed25519(certificate, signer),
        _ => Checked::Unchecked,
    }
}

fn good(good: bool) -> Checked {
    match good {
        true => Checked::Good,
        false => Checked::Bad,
    }
}

fn rsa<D>(certificate: &Certificate, signer: &Certificate) -> Checked
where
    D: Digest + x509_cert::der::oid::AssociatedOid,
{
    // Keys under 1,024 bits, which Go refuses too, and over 8,192, which would take long, are none here.
    let Ok(key) = rsa::PublicKey::try_from(signer.public_key().owned_to_ref()) else {
        return Checked::Unchecked;
    };
    let Ok(signature) = pkcs1v15::Signature::try_from(certificate.signature.as_slice()) else {
        return Checked::Bad;
    };
    let key = pkcs1v15::VerifyingKey::<D>::new(key);
    let hash = D::digest(&certificate.signed);
    good(key.verify_prehash(&hash, &signature).is_ok())
}

fn ecdsa(certificate: &Certificate, signer: &Certificate, hash: &[u8]) -> Checked {
    let key = signer.public_key();
    let curve = key.algorithm.parameters.as_ref();
    let curve = curve.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
    let bytes = key.subject_public_key.raw_bytes();
    let signature = certificate.signature.as_slice();
    match curve {
        Some(P256) => {
            let Ok(key) = p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes) else {
                return Checked::Unchecked;
            };
            let signature = p256::ecdsa::Signature::from_der(signature);
            good(signature.is_ok_and(|signature| key.verify_prehash(hash, &signature).is_ok()))
        }
        Some(P384) => {
            let Ok(key) = p384::ecdsa::VerifyingKey::from_sec1_bytes(bytes) else {
                return Checked::Unchecked;
            };
            let signature = p384::ecdsa::Signature::from_der(signature);
            good(signature.is_ok_and(|signature| key.verify_prehash(hash, &signature).is_ok()))
        }
        _ => Checked::Unchecked,
    }
}

fn ed25519(certificate: &Certificate, signer: &Certificate) -> Checked {
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};
    let bytes = signer.public_key().subject_public_key.raw_bytes();
    let key = <[u8; 32]>::try_from(bytes).ok();
    let Some(Ok(key)) = key.map(|key| VerifyingKey::from_bytes(&key)) else {
        return Checked::Unchecked;
    };
    let signature = Signature::from_slice(&certificate.signature);
    good(signature.is_ok_and(|signature| key.verify(&certificate.signed, &signature).is_ok()))
}
