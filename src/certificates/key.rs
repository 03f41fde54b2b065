//! Whether a private key belongs to a certificate: crypto/tls, X509KeyPair.
//!
//! The key is in memory for as long as that takes. This module wipes what it holds of it. ring, which
//! computes the public half, does not: its numbers stay in freed memory until that is used again or the
//! process ends. Nothing is kept, shown, hashed or told of the key but the answer.

use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
};
use x509_cert::der::asn1::{ContextSpecific, ObjectIdentifier, OctetStringRef};
use x509_cert::der::{Decode, Reader, SliceReader, TagNumber};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::rsa::RsaPublicKey;
use super::signature::{EC, ED25519, P256, P384, RSA};
use super::{Certificate, pem};

/// Largest key file that is read, in bytes: a key of 16,384 bits has 13 KiB.
pub const MAX_KEY: u64 = 64 << 10;

const UNREAD: &str = "it is not a key that can be read here";
const CURVE: &str = "the key is of another curve than P-256 and P-384";
const KIND: &str = "the key is of another kind than RSA, elliptic curves and Ed25519";
const RSA_SIZE: &str =
    "the RSA key has under 2,048 or over 4,096 bits, or an exponent under 65,537";
const RSA_PARTS: &str = "the parts of the RSA key do not fit each other";

/// First bytes of what may come second in a key.
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The key belongs to the certificate.
    Belongs,
    /// It is another certificate's: kube-proxy cannot authenticate.
    Other,
    /// Another thing stands in its place, which Go refuses: kube-proxy cannot authenticate.
    Refused(&'static str),
    /// Not known, and why.
    Unknown(&'static str),
}

/// Compares the first private key of a PEM text with the certificate's public key. For RSA modulus and
/// exponent are compared, and the private parts with them; for elliptic curves the public key is derived
/// anew.
pub fn fit(certificate: &Certificate, text: &[u8]) -> Fit {
    let key = pem::blocks(text)
        .find(|block| block.tag == b"PRIVATE KEY" || block.tag.ends_with(b" PRIVATE KEY"));
    match key {
        None => Fit::Refused("no private key"),
        Some(key) if key.locked || key.tag == b"ENCRYPTED PRIVATE KEY" => {
            Fit::Refused("an encrypted private key")
        }
        Some(key) => compared(certificate, &key.contents).unwrap_or(Fit::Unknown(UNREAD)),
    }
}

/// A private key as it is written, whatever its block is called.
enum Written<'a> {
    /// RFC 8017, in whole: ring reads the rest.
    Rsa(RsaPublicKey<'a>, &'a [u8]),
    /// RFC 5915: the number, and the curve where it is named.
    Ec(&'a [u8], Option<ObjectIdentifier>),
    /// RFC 5958: the algorithm, the curve where it is named, and the key.
    Wrapped(ObjectIdentifier, Option<ObjectIdentifier>, &'a [u8]),
}

type Read<T> = x509_cert::der::Result<T>;

impl<'a> Written<'a> {
    /// What follows behind the parts that count is left alone, as in Go's encoding/asn1.
    fn read(der: &'a [u8]) -> Read<Written<'a>> {
        SliceReader::new(der)?.sequence(|inner| -> Read<Written<'a>> {
            // The version.
            inner.tlv_bytes()?;
            let written = match inner.peek_byte() {
                Some(INTEGER) => Written::Rsa(RsaPublicKey::next(inner)?, der),
                Some(SEQUENCE) => {
                    let algorithm = AlgorithmIdentifierRef::decode(inner)?;
                    let key = <&OctetStringRef>::decode(inner)?.as_bytes();
                    Written::Wrapped(algorithm.oid, algorithm.parameters_oid().ok(), key)
                }
                Some(OCTETS) => {
                    let number = <&OctetStringRef>::decode(inner)?.as_bytes();
                    let curve = ContextSpecific::decode_explicit(inner, TagNumber(0))?;
                    Written::Ec(number, curve.map(|curve| curve.value))
                }
                _ => return Err(x509_cert::der::ErrorKind::Failed.into()),
            };
            while !inner.is_finished() {
                inner.tlv_bytes()?;
            }
            Ok(written)
        })
    }
}

/// `None` when it cannot be read.
pub(super) fn compared(certificate: &Certificate, der: &[u8]) -> Option<Fit> {
    Some(match Written::read(der).ok()? {
        Written::Rsa(public, whole) => rsa(certificate, public, whole),
        Written::Ec(number, curve) => ec(certificate, number, curve?)?,
        Written::Wrapped(RSA, _, key) => match Written::read(key).ok()? {
            Written::Rsa(public, whole) => rsa(certificate, public, whole),
            _ => return None,
        },
        Written::Wrapped(EC, curve, key) => match Written::read(key).ok()? {
            Written::Ec(number, inner) => ec(certificate, number, curve.or(inner)?)?,
            _ => return None,
        },
        Written::Wrapped(ED25519, _, key) => ed25519(certificate, key)?,
        Written::Wrapped(..) => Fit::Unknown(KIND),
    })
}

fn belongs(same: bool) -> Fit {
    match same {
        true => Fit::Belongs,
        false => Fit::Other,
    }
}

fn rsa(certificate: &Certificate, public: RsaPublicKey<'_>, whole: &[u8]) -> Fit {
    let theirs = &certificate.public_key;
    if theirs.kind != RSA || RsaPublicKey::read(&theirs.bytes) != Ok(public) {
        return Fit::Other;
    }
    // Go refuses a key whose private parts are not those of its modulus.
    match rsa::KeyPair::from_der(whole) {
        Ok(_) => Fit::Belongs,
        Err(why) => match why.to_string().as_str() {
            "TooSmall" | "TooLarge" => Fit::Unknown(RSA_SIZE),
            "InconsistentComponents" => Fit::Unknown(RSA_PARTS),
            _ => Fit::Unknown(UNREAD),
        },
    }
}

fn ec(certificate: &Certificate, number: &[u8], curve: ObjectIdentifier) -> Option<Fit> {
    match curve {
        P256 => ecdsa::<32>(certificate, number, curve, &ECDSA_P256_SHA256_ASN1_SIGNING),
        P384 => ecdsa::<48>(certificate, number, curve, &ECDSA_P384_SHA384_ASN1_SIGNING),
        _ => Some(Fit::Unknown(CURVE)),
    }
}

/// `number` may have zeros in front or lack them, as in Go.
fn ecdsa<const BYTES: usize>(
    certificate: &Certificate,
    number: &[u8],
    curve: ObjectIdentifier,
    algorithm: &'static EcdsaSigningAlgorithm,
) -> Option<Fit> {
    let first = number.iter().position(|byte| *byte != 0)?;
    let number = number.get(first..)?;
    let mut private = Zeroizing::new([0; BYTES]);
    let place = private.get_mut(BYTES.checked_sub(number.len())?..)?;
    place.copy_from_slice(number);
    let theirs = &certificate.public_key;
    let point = theirs.bytes.as_slice();
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &*private, point, &random);
    match pair {
        Ok(_) => Some(belongs(theirs.kind == EC && theirs.curve == Some(curve))),
        // The public half of this number is another one.
        Err(why) if why.to_string() == "InconsistentComponents" => Some(Fit::Other),
        // No number of this curve.
        Err(_) => None,
    }
}

/// RFC 8410: the seed in an octet string of its own.
fn ed25519(certificate: &Certificate, key: &[u8]) -> Option<Fit> {
    let seed = <&OctetStringRef>::from_der(key).ok()?.as_bytes();
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
    let theirs = &certificate.public_key;
    let same = pair.public_key().as_ref() == theirs.bytes;
    Some(belongs(theirs.kind == ED25519 && same))
}
