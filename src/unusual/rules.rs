//! Loading rules, as strictly as baselines.

use std::path::Path;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::Kind;
use crate::baseline::{Place, Severity, strictly};
use crate::check::nearest;
use crate::failure::Failure;
use crate::root::{Purpose, read_own};

/// The rules that are taken when none are named.
pub const DEFAULT: &str = "kube-proxy-activity";

/// What the binary carries, as JSON that build.rs made of plans/*.yaml.
const BUILT_IN: &[(&str, &str)] = &[(
    DEFAULT,
    include_str!(concat!(env!("OUT_DIR"), "/kube-proxy-activity.json")),
)];

/// Rules of the user's own.
const OWN: Purpose = Purpose {
    name: "rules file",
    page: "docs/activity.md",
    limit: 1 << 20,
};

/// Most rules, each of which looks at each event.
const MOST: usize = 200;

/// A named set of rules.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The name that `--rules` takes; of several sets all of their names.
    pub name: String,
    /// What it is for.
    pub title: String,
    /// The rules, in the order in which they are judged.
    pub rules: Vec<Rule>,
}

/// What is unusual, and what to make of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its stable name.
    pub id: String,
    /// What happened when it is broken, in one sentence.
    pub title: String,
    /// How bad that is.
    pub severity: Severity,
    /// What is unusual: a kind and its fields.
    pub unusual: Kind,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub help: String,
    /// Chapters of the guide and of the facts page.
    #[serde(default)]
    pub refs: Vec<String>,
}

/// The same shape as [`Rules`], whose rules may know their place in the text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<R> {
    name: String,
    title: String,
    rules: Vec<R>,
}

impl Rules {
    /// Loads the rules that `--rules` names, built-in ones by name, others by path, and puts them together.
    ///
    /// # Errors
    /// When one cannot be read or is not valid, and when two of them use one id.
    pub fn load(names: &[String]) -> Result<Rules, Failure> {
        let default = [DEFAULT.to_owned()];
        let names = if names.is_empty() { &default } else { names };
        let mut all: Option<Rules> = None;
        for name in names {
            let built_in = BUILT_IN.iter().find(|(known, _)| known == name);
            let rules = match built_in {
                Some((_, json)) => parse_built_in(json, name)?,
                None => parse(&of_user(name)?, name)?,
            };
            all = Some(match all {
                None => rules,
                Some(before) => before.and(rules, name)?,
            });
        }
        // At least one was named.
        all.ok_or_else(|| Failure::refused("no rules are named"))
    }

    fn and(mut self, other: Rules, shown: &str) -> Result<Rules, Failure> {
        let known = |rule: &&Rule| self.rules.iter().any(|held| held.id == rule.id);
        if let Some(rule) = other.rules.iter().find(known) {
            return Err(Failure::refused(format!(
                "{shown}: the rule {} is in another of the given rules too",
                rule.id
            ))
            .help("give it another id, or leave one of them out"));
        }
        self.name = format!("{}, {}", self.name, other.name);
        self.title = format!("{}; {}", self.title, other.title);
        self.rules.extend(other.rules);
        Ok(self)
    }

    /// Only the rules of `only`, all when it is empty, without those of `skip`.
    ///
    /// # Errors
    /// For an id that no rule has, with the nearest one that there is.
    pub fn select(mut self, only: &[String], skip: &[String]) -> Result<Rules, Failure> {
        let ids: Vec<&str> = self.rules.iter().map(|rule| rule.id.as_str()).collect();
        for id in only.iter().chain(skip) {
            if !ids.contains(&id.as_str()) {
                let all = format!("there are: {}", ids.join(", "));
                let help = match nearest(id, &ids) {
                    Some(near) => format!("did you mean {near}? {all}"),
                    None => all,
                };
                return Err(Failure::usage(format!("no rule is called {id:?}")).help(help));
            }
        }
        self.rules.retain(|rule| {
            (only.is_empty() || only.contains(&rule.id)) && !skip.contains(&rule.id)
        });
        Ok(self)
    }
}

/// Reads the user's own rules: what they leave out is not told.
fn of_user(name: &str) -> Result<String, Failure> {
    if !name.contains(['/', '.']) {
        let known: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        return Err(
            Failure::refused(format!("no rules are called {name}")).help(format!(
                "built in: {}; a file is named by its path",
                known.join(", ")
            )),
        );
    }
    read_own(Path::new(name), OWN)
}

/// Reads built-in rules, which the build made JSON of. A test proves their YAML sound, as `parse` does with
/// the user's own on each run.
fn parse_built_in(json: &str, shown: &str) -> Result<Rules, Failure> {
    let raw: Raw<Rule> =
        serde_json::from_str(json).map_err(|error| refuse(shown, None, &error.to_string()))?;
    Ok(Rules {
        name: raw.name,
        title: raw.title,
        rules: raw.rules,
    })
}

/// Reads the text of rules. `shown` is its name in errors.
///
/// # Errors
/// With line and column: what is not YAML, unknown fields and kinds, doubled ids, fields that cannot be meant.
pub fn parse(text: &str, shown: &str) -> Result<Rules, Failure> {
    let raw: Raw<Spanned<Rule>> =
        strictly(text).map_err(|(place, why)| refuse(shown, place, &why))?;
    let mut rules: Vec<Rule> = Vec::new();
    for rule in raw.rules {
        let at = Some((rule.referenced.line(), rule.referenced.column()));
        let rule = rule.value;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if rule.id.is_empty() || !rule.id.chars().all(plain) {
            let why = "an id has lower-case letters, digits and dashes only";
            return Err(refuse(shown, at, why));
        }
        if rules.iter().any(|held| held.id == rule.id) {
            return Err(refuse(
                shown,
                at,
                &format!("the id {} is used twice", rule.id),
            ));
        }
        if rules.len() >= MOST {
            return Err(refuse(shown, at, &format!("more than {MOST} rules")));
        }
        rule.unusual
            .sound()
            .map_err(|why| refuse(shown, at, &format!("rule {}: {why}", rule.id)))?;
        rules.push(rule);
    }
    Ok(Rules {
        name: raw.name,
        title: raw.title,
        rules,
    })
}

fn refuse(shown: &str, place: Option<Place>, why: &str) -> Failure {
    let at = place.map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
    Failure::refused(format!("{shown}{at}: {why}")).help("the format is in docs/activity.md")
}
