//! One certificate.

use std::fmt;

use x509_cert::certificate::{Raw, TbsCertificateInner, Version};
use x509_cert::der::asn1::{BitStringRef, ObjectIdentifier};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoOwned};

use super::{Damage, Moment, Name};

type Parsed = TbsCertificateInner<Raw>;

/// The first byte of a certificate, and of everything else that is a DER sequence.
const SEQUENCE: u8 = 0x30;
/// The tag of the version, which a certificate of version 1 leaves out.
const VERSION: u8 = 0xa0;

/// Uses that let a client show it: clientAuth, and any use at all.
const CLIENT: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
];

/// What the extensions allow and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purpose {
    /// A client may show it. Without the extension every use is allowed.
    pub client: bool,
    /// Go would take it for a signer of certificates.
    pub signer: bool,
    /// The signer's key by its identifier.
    pub(super) signed_by: Option<Vec<u8>>,
    /// Its own key's identifier.
    pub(super) key: Option<Vec<u8>>,
}

/// The key of a certificate.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    pub(super) kind: ObjectIdentifier,
    pub(super) curve: Option<ObjectIdentifier>,
    pub(super) bytes: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) issuer: Vec<u8>,
    pub(super) subject: Vec<u8>,
}

/// A certificate that could be read. Only what is judged is kept: the tree of a name or an extension takes
/// many times the memory of its bytes, which somebody else chose. Its body is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it names.
    pub subject: Name,
    /// Who signed it, by its own words.
    pub issuer: Name,
    /// Its first second.
    pub not_before: Moment,
    /// Its last second.
    pub not_after: Moment,
    /// What it may be used for.
    pub purpose: Purpose,
    /// Both names byte for byte, since Go finds signers by them.
    pub(super) names: Names,
    pub(super) public_key: PublicKey,
    /// What is signed, byte for byte.
    pub(super) signed: Vec<u8>,
    pub(super) algorithm: ObjectIdentifier,
    pub(super) signature: Vec<u8>,
}

impl Certificate {
    /// Reads DER. A serial number may be of any form, since nothing here depends on it.
    ///
    /// # Errors
    /// Why it cannot be read, without any of its bytes.
    pub fn read(der: &[u8]) -> Result<Certificate, Damage> {
        let whole = SliceReader::new(der).and_then(|mut reader| {
            reader.tlv_bytes()?;
            reader.finish()
        });
        if whole.is_err() || der.first() != Some(&SEQUENCE) {
            return Err(Damage::Broken);
        }
        Self::inner(der).map_err(Damage::Unread)
    }

    fn inner(der: &[u8]) -> Result<Certificate, String> {
        let (signed, algorithm, signature) = outer(der).map_err(|error| told(&error))?;
        let parsed = Parsed::from_der(signed).map_err(|error| told(&error))?;
        if parsed.signature().oid != algorithm {
            return Err("it names two algorithms for one signature".into());
        }
        let moment = |time: x509_cert::time::Time| Moment(time.to_unix_duration().as_secs());
        Ok(Certificate {
            subject: Name::read(parsed.subject())?,
            issuer: Name::read(parsed.issuer())?,
            not_before: moment(parsed.validity().not_before),
            not_after: moment(parsed.validity().not_after),
            purpose: purpose(&parsed).map_err(|error| told(&error))?,
            signed: signed.to_vec(),
            signature: signature.to_vec(),
            algorithm,
            names: names(signed).map_err(|error| told(&error))?,
            public_key: PublicKey::of(parsed.subject_public_key_info()),
        })
    }

    /// True from the first second to the last.
    pub fn is_valid_at(&self, moment: Moment) -> bool {
        self.not_before <= moment && moment <= self.not_after
    }
}

impl PublicKey {
    fn of(info: &SubjectPublicKeyInfoOwned) -> PublicKey {
        let parameters = info.algorithm.parameters.as_ref();
        PublicKey {
            kind: info.algorithm.oid,
            curve: parameters.and_then(|parameters| parameters.decode_as().ok()),
            bytes: info.subject_public_key.raw_bytes().to_vec(),
        }
    }
}

/// Neither the key nor the signature, which would be the body.
impl fmt::Debug for Certificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Certificate({})", self.subject)
    }
}

type Outer<'a> = (&'a [u8], ObjectIdentifier, &'a [u8]);

/// The three parts: what is signed, the algorithm, the signature.
fn outer(der: &[u8]) -> x509_cert::der::Result<Outer<'_>> {
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(|inner| -> x509_cert::der::Result<Outer<'_>> {
        let signed = inner.tlv_bytes()?;
        let algorithm = AlgorithmIdentifierRef::decode(inner)?;
        let signature = BitStringRef::decode(inner)?;
        Ok((signed, algorithm.oid, signature.raw_bytes()))
    })?;
    reader.finish()?;
    Ok(parts)
}

/// The version where there is one, serial number, algorithm, issuer, validity, subject.
fn names(signed: &[u8]) -> x509_cert::der::Result<Names> {
    let mut reader = SliceReader::new(signed)?;
    reader.sequence(|inner| -> x509_cert::der::Result<Names> {
        if inner.peek_byte() == Some(VERSION) {
            inner.tlv_bytes()?;
        }
        inner.tlv_bytes()?;
        inner.tlv_bytes()?;
        let issuer = inner.tlv_bytes()?.to_vec();
        inner.tlv_bytes()?;
        let subject = inner.tlv_bytes()?.to_vec();
        while !inner.is_finished() {
            inner.tlv_bytes()?;
        }
        Ok(Names { issuer, subject })
    })
}

fn purpose(parsed: &Parsed) -> x509_cert::der::Result<Purpose> {
    let constraints = parsed.get_extension::<BasicConstraints>()?;
    let usage = parsed.get_extension::<KeyUsage>()?;
    let uses = parsed.get_extension::<ExtendedKeyUsage>()?;
    let authority = parsed.get_extension::<AuthorityKeyIdentifier>()?;
    let own = parsed.get_extension::<SubjectKeyIdentifier>()?;
    // crypto/x509, Certificate.CheckSignatureFrom: version 3 must say that it is a CA, older ones cannot.
    let is_authority = match &constraints {
        Some((_, constraints)) => constraints.ca,
        None => parsed.version() != Version::V3,
    };
    Ok(Purpose {
        client: uses.is_none_or(|(_, uses)| uses.0.iter().any(|one| CLIENT.contains(one))),
        signer: is_authority && usage.is_none_or(|(_, usage)| usage.key_cert_sign()),
        signed_by: authority.and_then(|(_, by)| Some(by.key_identifier?.as_bytes().to_vec())),
        key: own.map(|(_, key)| key.0.as_bytes().to_vec()),
    })
}

/// The library's words, which hold tags and places and never the contents.
fn told(error: &x509_cert::der::Error) -> String {
    error.kind().to_string()
}
