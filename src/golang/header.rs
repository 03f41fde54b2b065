//! `apiVersion` and `kind`, which decide before anything else is decoded.

use super::text::quoted;
use super::types::noun;
use crate::goyaml::{Data, Item};

/// What a program registers in its scheme.
pub struct Expected {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// What is missing is taken to be as expected.
    pub may_be_missing: bool,
    /// The scheme's name in messages.
    pub scheme: &'static str,
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
        "" if expected.may_be_missing => expected.kind,
        "" => return refused("Object 'Kind' is missing".to_owned()),
        kind => kind,
    };
    let version = match version {
        "" if expected.may_be_missing && group == expected.group => expected.version,
        "" => return refused("Object 'apiVersion' is missing".to_owned()),
        version => version,
    };
    let known = group == expected.group && kind == expected.kind;
    if known && version == expected.version {
        return Ok(());
    }
    let (scheme, quoted_kind) = (expected.scheme, quoted(kind));
    if version == "__internal" {
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
