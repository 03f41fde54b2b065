//! The public half of an RSA key, and how large a key may be that is judged here.

use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Decode, Reader, SliceReader};

const UNREAD: &str = "the signer's RSA key cannot be read here";
const LENGTH: &str = "the signer's RSA key has under 2,048 or over 8,192 bits";
const EXPONENT: &str = "the signer's RSA key has an unusual exponent";

/// Lengths of a modulus in bytes whose signatures ring verifies.
const BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;

/// Modulus and exponent, big-endian and without a zero in front.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct RsaPublicKey<'a> {
    pub(super) modulus: &'a [u8],
    pub(super) exponent: &'a [u8],
}

impl<'a> RsaPublicKey<'a> {
    /// Reads RFC 8017's `RSAPublicKey`.
    ///
    /// # Errors
    /// That it cannot be read.
    pub(super) fn read(der: &'a [u8]) -> Result<RsaPublicKey<'a>, &'static str> {
        Self::inner(der).map_err(|_| UNREAD)
    }

    fn inner(der: &'a [u8]) -> x509_cert::der::Result<RsaPublicKey<'a>> {
        let mut reader = SliceReader::new(der)?;
        let key = reader
            .sequence(|inner| -> x509_cert::der::Result<RsaPublicKey<'a>> { Self::next(inner) })?;
        reader.finish()?;
        Ok(key)
    }

    /// The two numbers that come next.
    pub(super) fn next(reader: &mut SliceReader<'a>) -> x509_cert::der::Result<RsaPublicKey<'a>> {
        Ok(RsaPublicKey {
            modulus: UintRef::decode(reader)?.as_bytes(),
            exponent: UintRef::decode(reader)?.as_bytes(),
        })
    }

    /// Whether ring and Go both verify with it, so that their answer is the same. A larger one would also
    /// take long.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn verifies(&self) -> Result<(), &'static str> {
        if !BYTES.contains(&self.modulus.len()) {
            return Err(LENGTH);
        }
        // crypto/rsa, checkPublicKeySize and checkKey: an exponent of at most 31 bits; both refuse even numbers.
        let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        let small = match self.exponent {
            [1] => false,
            [first, _, _, _] => *first < 0x80,
            exponent => exponent.len() < 4,
        };
        match small && odd(self.exponent) && odd(self.modulus) {
            true => Ok(()),
            false => Err(EXPONENT),
        }
    }
}
