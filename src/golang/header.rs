//! `apiVersion` and `kind`, which decide before anything else is decoded.

use super::text::quoted;
use super::types::noun;
use crate::goyaml::{Data, Item};

/// The version that a program keeps for itself.
const INTERNAL: &str = "__internal";

/// What a program registers in its scheme.
pub struct Expected {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// What becomes of one that is missing.
    pub missing: Missing,
    /// The scheme's name in messages.
    pub scheme: &'static str,
}

/// What a program makes of a missing `apiVersion` or `kind`: that depends on what it decodes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It refuses the file.
    Refused,
    /// It takes both to be as expected.
    Expected,
    /// It takes the kind to be as expected, and the version to be its internal one.
    Internal,
}

/// Why the header does not fit.
pub enum Misheaded {
    /// The program refuses it: the message and the line.
    Refused(String, usize),
    /// It names the program's internal version, which is no file format.
    Unjudged(String, usize),
}

/// Go looks for these two keys with encoding/json, which minds no case, unlike all the rest.
///
/// # Errors
/// When they are not as expected.
pub fn check(root: &Item, expected: &Expected) -> Result<(), Misheaded> {
    let entries = match &root.data {
        Data::Map(entries) => entries.as_slice(),
        Data::Null => &[],
        data => {
            let what = noun(data);
            let message = format!(
                "couldn't get version/kind; json parse error: json: cannot unmarshal {what} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
            );
            return Err(Misheaded::Refused(message, root.line));
        }
    };
    let (mut version, mut kind, mut line) = ("", "", root.line);
    for entry in entries {
        let is_kind = folds_to(&entry.key, "kind");
        if !is_kind && !folds_to(&entry.key, "apiversion") {
            continue;
        }
        match &entry.item.data {
            Data::Text(text) if is_kind => (kind, line) = (text, entry.line),
            Data::Text(text) => (version, line) = (text, entry.line),
            Data::Null => {}
            data => {
                let (what, field) = (noun(data), if is_kind { "kind" } else { "apiVersion" });
                let message = format!(
                    "couldn't get version/kind; json parse error: json: cannot unmarshal {what} into Go struct field .{field} of type string"
                );
                return Err(Misheaded::Refused(message, entry.item.line));
            }
        }
    }
    let refused = |message: String| Err(Misheaded::Refused(message, line));
    let (group, version) = match version.split('/').collect::<Vec<_>>().as_slice() {
        ["", ""] => ("", ""),
        [version] => ("", *version),
        [group, version] => (*group, *version),
        _ => {
            return refused(format!(
                "unexpected GroupVersion string: {}",
                quoted(version)
            ));
        }
    };
    let kind = match kind {
        "" if expected.missing != Missing::Refused => expected.kind,
        "" => return refused("Object 'Kind' is missing".to_owned()),
        kind => kind,
    };
    let (group, version) = match (expected.missing, version) {
        (Missing::Expected, "") if group == expected.group => (group, expected.version),
        (Missing::Internal, "") if group.is_empty() || group == expected.group => {
            (expected.group, INTERNAL)
        }
        (_, "") => return refused("Object 'apiVersion' is missing".to_owned()),
        (_, version) => (group, version),
    };
    let known = group == expected.group && kind == expected.kind;
    if known && version == expected.version {
        return Ok(());
    }
    let (scheme, quoted_kind) = (expected.scheme, quoted(kind));
    if version == INTERNAL {
        if known {
            let message = "the internal version is not judged".to_owned();
            return Err(Misheaded::Unjudged(message, line));
        }
        let group = quoted(group);
        return refused(format!(
            "no kind {quoted_kind} is registered for the internal version of group {group} in scheme \"{scheme}\""
        ));
    }
    let full = match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    let full = quoted(&full);
    refused(format!(
        "no kind {quoted_kind} is registered for version {full} in scheme \"{scheme}\""
    ))
}

/// Unicode's simple folding, in which the Kelvin sign is a k and the long s an s.
fn folds_to(key: &str, lower: &str) -> bool {
    let fold = |letter: char| match letter {
        '\u{212a}' => 'k',
        '\u{17f}' => 's',
        letter => letter.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(lower.chars())
}
