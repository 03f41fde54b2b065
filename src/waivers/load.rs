//! Loading waivers, strictly: a waiver that is not understood must not look like one that counts.

use std::path::PathBuf;
use std::rc::Rc;

use serde::{Deserialize, Deserializer};
use serde_yaml::Spanned;

use super::{Day, Glob, Grounds, Waiver};
use crate::baseline::{Place, strictly};
use crate::check::nearest;
use crate::failure::Failure;
use crate::root::{FileKind, LookError, Meta, NodePath, Purpose, Root, read_own};

/// Where the node keeps its own waivers.
pub const DEFAULT: &str = "/etc/tighten/waivers.yaml";
/// A waivers file.
const OWN: Purpose = Purpose {
    name: "waivers file",
    page: "docs/waivers.md",
    limit: 1 << 20,
};
/// Longest id that is compared with those that there are, in bytes: the time grows with its square.
const MAX_ID: usize = 200;
/// Longest justification, in characters: it is shown beside each finding.
const MAX_JUSTIFICATION: usize = 1_000;

/// Loads the files that `--waivers` names; without any the node's own, when it is there.
///
/// # Errors
/// When one cannot be read, could have been written by others than root, or is not valid; when a named
/// one is missing; when a check is not among `known`.
pub fn load(root: &Root, named: &[PathBuf], known: &[&str]) -> Result<Vec<Waiver>, Failure> {
    let mut all = Vec::new();
    if named.is_empty() {
        if let Some(text) = of_node(root)? {
            all = parse(&text, DEFAULT, known)?;
        }
        return Ok(all);
    }
    for path in named {
        let shown = path.display().to_string();
        all.extend(parse(&read_own(path, OWN)?, &shown, known)?);
    }
    Ok(all)
}

/// The text of the node's own file; `None` when there is none.
fn of_node(root: &Root) -> Result<Option<String>, Failure> {
    let refuse = |why: String| {
        Failure::refused(format!("the waivers file {DEFAULT} {why}")).state("nothing was written")
    };
    let Some(path) = NodePath::new(DEFAULT) else {
        return Ok(None);
    };
    let (real, opened) = match root.open(&path) {
        Ok(found) => found,
        Err(LookError::Missing) => {
            let Some(target) = root.link(&path) else {
                return Ok(None);
            };
            return Err(
                refuse(format!("is a link to {target}, which does not exist"))
                    .help("put the file there, or take the link away"),
            );
        }
        Err(error) => return Err(unreadable(refuse, &error)),
    };
    let meta = opened.meta;
    if meta.kind != FileKind::File {
        return Err(unreadable(refuse, &LookError::Kind(meta.kind)));
    }
    if !root.trusts(meta.uid) {
        return Err(refuse(format!("belongs to user {}, not to root", meta.uid))
            .help(format!("look at what it waives, then chown root {DEFAULT}")));
    }
    if meta.mode & 0o022 != 0 {
        return Err(
            refuse(format!("is writable by others (mode {:04o})", meta.mode))
                .help(format!("look at what it waives, then chmod go-w {DEFAULT}")),
        );
    }
    // Where its name stands, and where the file lies when that is a link.
    for directory in [path.parent(), real.parent()] {
        let (_, holder) = root
            .open(&directory)
            .map_err(|error| unreadable(refuse, &error))?;
        if !keeps_names(root, &holder.meta) {
            return Err(refuse(format!(
                "could be exchanged by others: {directory} belongs to user {}, mode {:04o}",
                holder.meta.uid, holder.meta.mode
            ))
            .help(format!(
                "look at what it waives, then chown root {directory} and chmod go-w {directory}"
            )));
        }
    }
    if meta.size > OWN.limit {
        return Err(
            refuse(format!("is larger than {} KiB", OWN.limit >> 10)).help(format!(
                "one waiver without a path is for all files of its check ({})",
                OWN.page
            )),
        );
    }
    let bytes = opened.read().map_err(|error| unreadable(refuse, &error))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(refuse("is not text (UTF-8)".into())
            .help(format!("{} says what it looks like", OWN.page))),
    }
}

/// True for a directory in which nobody without root can put another file in the place of one of root's.
fn keeps_names(root: &Root, holder: &Meta) -> bool {
    let sticky = holder.mode & 0o1000 != 0;
    root.trusts(holder.uid) && (holder.mode & 0o022 == 0 || sticky)
}

/// Whether anything is waived cannot be known, and a plan that changes what is waived would be wrong.
fn unreadable(refuse: impl Fn(String) -> Failure, error: &LookError) -> Failure {
    let help = match error {
        LookError::Denied => {
            "run tighten as root, or judge without the node's waivers: --no-waivers".into()
        }
        _ => format!("put a file of root's there ({}), or take it away", OWN.page),
    };
    let why = error.to_string();
    // Some of these sentences have no verb.
    let verb = ["is ", "cannot ", "changed ", "does "];
    match verb.iter().any(|verb| why.starts_with(verb)) {
        true => refuse(why).help(help),
        false => refuse(format!("cannot be read: {why}")).help(help),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    waivers: Vec<Spanned<RawWaiver>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWaiver {
    check: Spanned<String>,
    #[serde(default, deserialize_with = "path")]
    path: Option<Glob>,
    #[serde(default, deserialize_with = "node")]
    node: Option<Glob>,
    #[serde(deserialize_with = "justification")]
    justification: String,
    #[serde(default, deserialize_with = "expires")]
    expires: Option<Day>,
}

// An optional key that stands there without a value is somebody's mistake, and the waiver would be for
// more than was meant: so none of these takes a null for an absent key.

fn path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Glob>, D::Error> {
    let glob = Glob::of_path(&text(from)?);
    glob.map(Some).map_err(serde::de::Error::custom)
}

fn node<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Glob>, D::Error> {
    let glob = Glob::of_node(&text(from)?);
    glob.map(Some).map_err(serde::de::Error::custom)
}

fn expires<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Day>, D::Error> {
    let day = Day::try_from(text(from)?);
    day.map(Some).map_err(serde::de::Error::custom)
}

fn justification<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = text(from)?.trim().to_string();
    if text.is_empty() {
        let why = "a justification says why the finding is accepted, and is not empty";
        return Err(serde::de::Error::custom(why));
    }
    if text.chars().count() > MAX_JUSTIFICATION {
        return Err(serde::de::Error::custom(format!(
            "a justification has at most {MAX_JUSTIFICATION} characters; name the place where the rest is written"
        )));
    }
    Ok(text)
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(from)?
        .ok_or_else(|| serde::de::Error::custom("a value is missing; take the key out, or fill it"))
}

/// Reads the text of a waivers file. `shown` is its name in errors and beside what it waives; `known` are
/// the ids that a waiver may name.
///
/// # Errors
/// With line and column: what is not YAML, unknown and doubled keys, what a key does not allow, and a
/// check that there is not.
pub fn parse(text: &str, shown: &str, known: &[&str]) -> Result<Vec<Waiver>, Failure> {
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    // A file that was cut off must not look like one that waives nothing.
    if text.lines().all(blank) {
        let failure = refused(shown, None, "it holds nothing");
        return Err(failure.help("where nothing is to be waived, write: waivers: []"));
    }
    let raw: Raw = strictly(text).map_err(|(place, why)| refused(shown, place, &why))?;
    let mut all = Vec::with_capacity(raw.waivers.len());
    for entry in raw.waivers {
        let line = entry.referenced.line();
        let RawWaiver {
            check,
            path,
            node,
            justification,
            expires,
        } = entry.value;
        if !known.contains(&check.value.as_str()) {
            let place = (check.referenced.line(), check.referenced.column());
            if check.value.len() > MAX_ID {
                let why = format!("no check has an id of {} bytes", check.value.len());
                return Err(refused(shown, Some(place), &why));
            }
            let why = format!("no check is called {:?}", check.value);
            let list = "tighten explain lists them all, and --baseline FILE adds those of a baseline of your own";
            return Err(refused(shown, Some(place), &why).help(
                match nearest(&check.value, known) {
                    Some(near) => format!("did you mean {near}? {list}"),
                    None => list.into(),
                },
            ));
        }
        all.push(Waiver {
            check: check.value,
            path,
            node,
            grounds: Rc::new(Grounds {
                justification,
                expires: expires.as_ref().map(ToString::to_string),
                file: shown.into(),
                line,
            }),
            expires,
        });
    }
    Ok(all)
}

fn refused(shown: &str, place: Option<Place>, why: &str) -> Failure {
    let at = place.map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
    Failure::refused(format!("{shown}{at}: {why}"))
        .state("nothing was written")
        .help("the format is in docs/waivers.md")
}
