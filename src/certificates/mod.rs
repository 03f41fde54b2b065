//! X.509 certificates and private keys, as client-go and the API server take them: Go's crypto/x509 and
//! crypto/tls.
//!
//! Every byte comes from the node and is not to be trusted: what is read is bounded in size and number, and
//! what cannot be read is told as that. No part of a key leaves this module, nor the body of a certificate.

mod certificate;
mod chain;
mod key;
mod moment;
mod name;
mod pem;
mod rsa;
mod signature;

pub use certificate::{Certificate, Purpose};
pub use chain::{Chain, chain};
pub use key::{Fit, MAX_KEY, fit};
pub use moment::Moment;
pub use name::Name;

use std::fmt;

/// Most certificates that are read of one file; the bundles of whole systems hold about 150.
pub const MAX_CERTIFICATES: usize = 512;
/// Largest certificate that is read, in bytes of DER; real ones have one or two thousand.
const MAX_CERTIFICATE: usize = 64 << 10;

/// The certificates of one file, in its order.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// Those that could be read, each with its place in the file, counted from 1.
    pub certificates: Vec<(usize, Certificate)>,
    /// Those that could not, each with its place and the reason.
    pub damaged: Vec<(usize, Damage)>,
}

/// Why a certificate could not be read. Holds none of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is no certificate: nobody can read it.
    Broken,
    /// It cannot be read here; Go is more lenient in places, and stricter in others.
    Unread(String),
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Broken => out.write_str("is damaged"),
            Damage::Unread(why) => write!(out, "cannot be read here: {why}"),
        }
    }
}

/// Reads the certificates of a PEM text; other blocks are passed over, as Go does. What stands behind the
/// first [`MAX_CERTIFICATES`] counts as one that could not be read.
///
/// # Errors
/// When it holds no certificate.
pub fn read(bytes: &[u8]) -> Result<Bundle, String> {
    let mut bundle = Bundle::default();
    for (index, der) in bodies(bytes).enumerate() {
        let place = index + 1;
        if place > MAX_CERTIFICATES {
            let why = format!("more than {MAX_CERTIFICATES} are not read");
            bundle.damaged.push((place, Damage::Unread(why)));
            break;
        }
        let read = match der.len() > MAX_CERTIFICATE {
            true => {
                let limit = MAX_CERTIFICATE >> 10;
                Err(Damage::Unread(format!("it has more than {limit} KiB")))
            }
            false => Certificate::read(&der),
        };
        match read {
            Ok(certificate) => bundle.certificates.push((place, certificate)),
            Err(why) => bundle.damaged.push((place, why)),
        }
    }
    match bundle.certificates.is_empty() && bundle.damaged.is_empty() {
        true => Err("it holds no certificate".into()),
        false => Ok(bundle),
    }
}

/// What the certificates of a PEM text consist of.
fn bodies(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let found = pem::blocks(text).filter(|block| block.tag == b"CERTIFICATE");
    found.map(|mut block| std::mem::take(&mut *block.contents))
}

/// The first certificate of a PEM text as it is, whether or not it can be read.
pub fn first(text: &[u8]) -> Option<Vec<u8>> {
    bodies(text).next()
}

impl Bundle {
    /// The first certificate of the file: the one that a client shows as its own.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn first(&self) -> Result<&Certificate, &Damage> {
        let damaged = self.damaged.first().filter(|(place, _)| *place == 1);
        match (damaged, self.certificates.first()) {
            (None, Some((_, certificate))) => Ok(certificate),
            (Some((_, why)), _) => Err(why),
            (None, None) => Err(&Damage::Broken),
        }
    }

    /// Every certificate behind the first: what a client sends along.
    pub fn others(&self) -> impl Iterator<Item = &Certificate> {
        let behind = self.certificates.iter().filter(|(place, _)| *place > 1);
        behind.map(|(_, certificate)| certificate)
    }

    /// Every certificate that could be read.
    pub fn all(&self) -> impl Iterator<Item = &Certificate> {
        self.certificates.iter().map(|(_, certificate)| certificate)
    }
}

#[cfg(test)]
mod tests;
