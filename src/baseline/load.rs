//! Loading a baseline, strictly.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_yaml::Spanned;

use crate::failure::Failure;
use crate::root::{self, Purpose};
use crate::transaction::sha256;

use super::{Baseline, Check, Severity, builtin};

/// A baseline of the user's own.
const OWN: Purpose = Purpose {
    name: "baseline",
    page: "docs/baselines.md",
    limit: 1 << 20,
};

/// Longest id of a check, in characters: it stands in a column of most reports.
const MAX_ID: usize = 100;

/// Loads the baselines that `--baseline` names, built-in ones by name, others by path.
///
/// # Errors
/// When one cannot be read or is not valid, and when two of them use one id.
pub fn load(names: &[String]) -> Result<Vec<Baseline>, Failure> {
    let mut loaded: Vec<Baseline> = Vec::new();
    for name in names {
        let baseline = match builtin::baseline(name) {
            Some(json) => parse_builtin(json, name)?,
            None => parse(&read_own(Path::new(name))?, name)?,
        };
        let known = loaded.iter().flat_map(|baseline| &baseline.checks);
        let doubled = known
            .map(|check| &check.id)
            .find(|id| baseline.checks.iter().any(|check| check.id == **id));
        if let Some(id) = doubled {
            return Err(Failure::refused(format!(
                "{name}: the check {id} is in another of the given baselines too"
            ))
            .help("give it another id, or leave one of the baselines out"));
        }
        loaded.push(baseline);
    }
    Ok(loaded)
}

/// Reads the user's own baseline: what it says is done as root.
fn read_own(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    if !shown.to_string().contains(['/', '.']) {
        let known: Vec<&str> = builtin::names().collect();
        return Err(
            Failure::refused(format!("no baseline is called {shown}")).help(format!(
                "built in: {}; a file is named by its path",
                known.join(", ")
            )),
        );
    }
    root::read_own(path, OWN)
}

/// The same shape as [`Baseline`], whose checks may know their place in the text.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<C> {
    name: String,
    title: String,
    checks: Vec<C>,
}

/// Line and column, counted from 1.
pub type Place = (u64, u64);

/// Reads YAML into types that say what is allowed.
///
/// # Errors
/// What is wrong, without its place, and where, as far as that is known.
pub fn strictly<T: DeserializeOwned>(text: &str) -> Result<T, (Option<Place>, String)> {
    let options = serde_yaml::options! { with_snippet: false };
    serde_yaml::from_str_with_options(text, options)
        .map_err(|error| (place(&error), message(&error)))
}

/// Reads a built-in baseline, which the build made JSON of. A test proves its YAML sound, as `parse` does
/// with the user's own on each run.
fn parse_builtin(json: &str, shown: &str) -> Result<Baseline, Failure> {
    let raw: Raw<Check> =
        serde_json::from_str(json).map_err(|error| refuse(shown, None, &error.to_string()))?;
    Ok(Baseline {
        name: raw.name,
        title: raw.title,
        checks: raw.checks,
        checksum: sha256(json.as_bytes()),
    })
}

/// Reads a baseline's text. `shown` is its name in errors.
///
/// # Errors
/// With line and column: what is not YAML, unknown fields and kinds, doubled ids, a fix that does not
/// suit its kind or does not satisfy its own expectation.
pub fn parse(text: &str, shown: &str) -> Result<Baseline, Failure> {
    let raw: Raw<Spanned<Check>> =
        strictly(text).map_err(|(place, why)| refuse(shown, place, &why))?;
    let placed = |check: Spanned<Check>| {
        let at = (check.referenced.line(), check.referenced.column());
        (Some(at), check.value)
    };
    let checks: Vec<(Option<Place>, Check)> = raw.checks.into_iter().map(placed).collect();
    sound(&checks, shown)?;
    Ok(Baseline {
        name: raw.name,
        title: raw.title,
        checks: checks.into_iter().map(|(_, check)| check).collect(),
        checksum: sha256(text.as_bytes()),
    })
}

/// What types cannot say: ids are unique and plain, and no fix leads into a failing state.
fn sound(checks: &[(Option<Place>, Check)], shown: &str) -> Result<(), Failure> {
    let mut seen: Vec<&str> = Vec::new();
    for (at, check) in checks {
        let id = check.id.as_str();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || !id.chars().all(plain) {
            let why = "an id has lower-case letters, digits and dashes only";
            return Err(refuse(shown, *at, why));
        }
        if id.len() > MAX_ID {
            let why = format!("an id has at most {MAX_ID} characters");
            return Err(refuse(shown, *at, &why));
        }
        if seen.contains(&id) {
            return Err(refuse(shown, *at, &format!("the id {id} is used twice")));
        }
        seen.push(id);
        check
            .sound()
            .map_err(|why| refuse(shown, *at, &format!("check {id}: {why}")))?;
    }
    Ok(())
}

fn refuse(shown: &str, place: Option<Place>, why: &str) -> Failure {
    let at = place.map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
    Failure::refused(format!("{shown}{at}: {why}")).help("the format is in docs/baselines.md")
}

fn place(error: &serde_yaml::Error) -> Option<Place> {
    error
        .location()
        .map(|location| (location.line(), location.column()))
}

/// What the reader adds for programmers, who are not the ones that read it here.
const ASIDES: &[&str] = &[
    ", set DuplicateKeyPolicy",
    "; use from_str_multiple",
    // The position, which stands in front of it already.
    " at line ",
];

/// The message without what stands behind it.
fn message(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let cut = |text: &str, aside: &&str| match text.rfind(*aside) {
        Some(at) => text.get(..at).unwrap_or(text).to_string(),
        None => text.to_string(),
    };
    ASIDES
        .iter()
        .fold(first.to_string(), |text, aside| cut(&text, aside))
}

impl Check {
    /// The severity's rank decides `scan --fail-on`.
    pub fn at_least(&self, floor: Severity) -> bool {
        self.severity >= floor
    }

    /// The expectation can be meant. A fix gives exactly one way, the way suits the kind, and its result
    /// would pass.
    fn sound(&self) -> Result<(), String> {
        self.expect.sound()?;
        let Some(fix) = &self.fix else {
            return Ok(());
        };
        let edits = [
            fix.value.is_some(),
            fix.address.is_some(),
            fix.create.is_some(),
            fix.log_at.is_some(),
            fix.remove.is_some(),
        ];
        let ways = edits.iter().filter(|given| **given).count()
            + usize::from(fix.mode.is_some() || fix.owner.is_some());
        if ways != 1 {
            return Err(
                "a fix gives exactly one of mode, owner, value, address, create, log-at, remove"
                    .into(),
            );
        }
        self.expect.accepts(fix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_built_in_baseline_is_sound_and_its_json_says_the_same() {
        for name in builtin::names() {
            let path = format!("plans/{name}.yaml");
            let text = std::fs::read_to_string(&path).unwrap();
            let written = parse(&text, &path).unwrap();
            let carried = parse_builtin(builtin::baseline(name).unwrap(), name).unwrap();
            assert_eq!(written.name, name);
            assert_eq!(
                format!("{:?}", written.checks),
                format!("{:?}", carried.checks)
            );
        }
    }
}
