//! Whom a certificate names.

use std::fmt;

use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Any, Tag, Tagged};

use crate::golang::text;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
/// Most organizations that are read: a name of 64 KiB has thousands, each many times as large in memory.
const MAX_ORGANIZATIONS: usize = 64;
/// Longest part that is shown, in characters.
const MAX_SHOWN: usize = 120;

/// What the API server takes from a name: the user is the common name, the groups are the organizations
/// (apiserver, authentication/request/x509/x509.go).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Name {
    /// The common name; of several the last counts, as in Go's pkix.Name.
    pub common_name: Option<String>,
    /// Every organization.
    pub organizations: Vec<String>,
}

impl Name {
    pub(super) fn read(name: &x509_cert::name::Name) -> Result<Name, String> {
        let mut read = Name::default();
        for attribute in name.iter() {
            match attribute.oid {
                COMMON_NAME => read.common_name = Some(words(&attribute.value)?),
                ORGANIZATION if read.organizations.len() == MAX_ORGANIZATIONS => {
                    return Err(format!(
                        "it names more than {MAX_ORGANIZATIONS} organizations"
                    ));
                }
                ORGANIZATION => read.organizations.push(words(&attribute.value)?),
                _ => {}
            }
        }
        Ok(read)
    }
}

/// A string of any of the types that Go reads (crypto/x509, parseASN1String).
fn words(value: &Any) -> Result<String, String> {
    let bytes = value.value();
    let utf8 = || String::from_utf8(bytes.to_vec()).map_err(|_| ());
    let read = match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString => utf8(),
        Tag::TeletexString => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let (pairs, rest) = bytes.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            match rest.is_empty() {
                true => String::from_utf16(&units).map_err(|_| ()),
                false => Err(()),
            }
        }
        _ => Err(()),
    };
    read.map_err(|()| "a name in it is not text".into())
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let common = self.common_name.iter().map(|name| ("CN", name));
        let organizations = self.organizations.iter().map(|name| ("O", name));
        let mut parts: Vec<String> = common
            .chain(organizations)
            .take(8)
            .map(|(key, name)| {
                let shown: String = name.chars().take(MAX_SHOWN).collect();
                let more = if shown.len() < name.len() { "…" } else { "" };
                format!("{key}={}{more}", text::message(&shown))
            })
            .collect();
        if self.organizations.len() + 1 > 8 {
            parts.push("…".into());
        }
        match parts.is_empty() {
            true => out.write_str("a certificate without CN and O"),
            false => out.write_str(&parts.join(", ")),
        }
    }
}
