//! The options of a task: known by name, converted, and together possible.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::convert;
use crate::cli::{image_digest, node_ip};

/// What the node is to be afterwards, or what is to be told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The changes are made.
    #[default]
    Present,
    /// The changes are told, and saved where that is asked for.
    Planned,
    /// The verdicts are told.
    Scanned,
    /// The newest apply, or the named transaction, is taken back.
    RolledBack,
}

const STATES: &[(&str, State)] = &[
    ("present", State::Present),
    ("planned", State::Planned),
    ("scanned", State::Scanned),
    ("rolled-back", State::RolledBack),
];

/// The words of `--fail-on`.
const FAIL_ON: &[(&str, &str)] = &[
    ("none", "none"),
    ("low", "low"),
    ("medium", "medium"),
    ("high", "high"),
];

/// The words of `--max-risk`.
const MAX_RISK: &[(&str, &str)] = &[
    ("none", "none"),
    ("safe", "safe"),
    ("disruptive", "disruptive"),
];

/// The options that the module has, in the order in which Ansible lists them.
const NAMES: &[&str] = &[
    "allow_from",
    "baseline",
    "config",
    "effects",
    "fail_on",
    "force",
    "image_digest",
    "kubeconfig",
    "manifests",
    "max_risk",
    "node_ip",
    "only",
    "plan",
    "pod_timeout",
    "root",
    "skip",
    "state",
    "state_dir",
    "systemctl",
    "transaction",
    "unit_timeout",
    "waivers",
];

/// The options of one task. What is not given is left to the command line's own default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `state`
    pub state: State,
    /// `plan`: where it is, or where it is saved.
    pub plan: Option<String>,
    /// `transaction`
    pub transaction: Option<String>,
    /// `effects`
    pub effects: bool,
    /// `force`
    pub force: bool,
    /// `fail_on`
    pub fail_on: &'static str,
    /// The options for every command, as the command line writes them.
    pub global: Vec<String>,
    /// The options about restarts and health, as the command line writes them.
    pub waiting: Vec<String>,
    /// All of them as they were understood, for Ansible to show.
    pub invocation: Value,
}

/// Reads one option after the other and keeps what was understood.
struct Reader<'a> {
    given: &'a Map<String, Value>,
    understood: Map<String, Value>,
    home: Option<String>,
}

impl Reader<'_> {
    /// The converted value; none where it is not given, or null, as everywhere in Ansible.
    fn read<T>(
        &mut self,
        name: &str,
        convert: impl FnOnce(&str, &Value, Option<&str>) -> Result<T, String>,
        keep: impl FnOnce(&T) -> Value,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.given.get(name).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let value = convert(name, value, self.home.as_deref())?;
        self.understood.insert(name.into(), keep(&value));
        Ok(Some(value))
    }

    fn text(
        &mut self,
        name: &str,
        convert: impl FnOnce(&str, &Value, Option<&str>) -> Result<String, String>,
    ) -> Result<Option<String>, String> {
        self.read(name, convert, |text| json!(text))
    }

    fn flag(&mut self, name: &str, default: bool) -> Result<bool, String> {
        let value = self.read(
            name,
            |name, value, _| convert::boolean(name, value),
            |on| json!(on),
        )?;
        Ok(value.unwrap_or_else(|| {
            self.understood.insert(name.into(), json!(default));
            default
        }))
    }

    /// `--name=value` for each of a list's items.
    fn each(
        &mut self,
        name: &str,
        flags: &mut Vec<String>,
        is_path: fn(&str) -> bool,
    ) -> Result<(), String> {
        let convert = |name: &str, value: &Value, home: Option<&str>| {
            let items = convert::list(name, value)?;
            let item = |item: String| match is_path(&item) {
                true => convert::path(name, &Value::from(item), home),
                false => Ok(item),
            };
            items.into_iter().map(item).collect::<Result<Vec<_>, _>>()
        };
        let items = self.read(name, convert, |items| json!(items))?;
        let flag = name.replace('_', "-");
        // No list leaves the node's own file in force; an empty one says that nothing is accepted.
        if name == "waivers" && items.as_ref().is_some_and(Vec::is_empty) {
            flags.push("--no-waivers".into());
        }
        flags.extend(
            items
                .iter()
                .flatten()
                .map(|item| format!("--{flag}={item}")),
        );
        Ok(())
    }

    /// `--name=value` for one value.
    fn one(
        &mut self,
        name: &str,
        flags: &mut Vec<String>,
        convert: impl FnOnce(&str, &Value, Option<&str>) -> Result<String, String>,
    ) -> Result<(), String> {
        let value = self.text(name, convert)?;
        let flag = name.replace('_', "-");
        flags.extend(value.map(|value| format!("--{flag}={value}")));
        Ok(())
    }
}

impl Options {
    /// Takes the options of a call.
    ///
    /// # Errors
    /// In Ansible's own words: an option that there is not, a value that does not fit, options that
    /// exclude each other.
    pub fn of(call: &Call, home: Option<String>) -> Result<Options, String> {
        let unknown: Vec<&str> = call
            .options
            .keys()
            .map(String::as_str)
            .filter(|name| !NAMES.contains(name))
            .collect();
        if !unknown.is_empty() && !call.ignore_unknown {
            let unknown: Vec<String> = unknown.iter().map(|name| convert::shown(name)).collect();
            return Err(format!(
                "Unsupported parameters for ({}) module: {}. Supported parameters include: {}.",
                convert::shown(&call.module),
                unknown.join(", "),
                NAMES.join(", ")
            ));
        }
        let mut from = Reader {
            given: &call.options,
            understood: NAMES
                .iter()
                .map(|name| ((*name).into(), Value::Null))
                .collect(),
            home,
        };
        let path = convert::path;
        let word = |name: &str, value: &Value, _: Option<&str>| convert::word(name, value);
        let time = |name: &str, value: &Value, _: Option<&str>| convert::time(name, value);
        let state = from.read(
            "state",
            |name, value, _| convert::choice(name, value, STATES),
            |state| json!(state.word()),
        )?;
        let state = state.unwrap_or_default();
        from.understood.insert("state".into(), json!(state.word()));
        let mut global = Vec::new();
        from.one("root", &mut global, path)?;
        from.one("state_dir", &mut global, path)?;
        // A baseline is known by its name, or is a file.
        from.each("baseline", &mut global, |item| item.contains('/'))?;
        from.each("waivers", &mut global, |_| true)?;
        from.each("only", &mut global, |_| false)?;
        from.each("skip", &mut global, |_| false)?;
        from.one("max_risk", &mut global, |name, value, _| {
            convert::choice(name, value, MAX_RISK).map(String::from)
        })?;
        from.one("node_ip", &mut global, |name, value, _| {
            let text = convert::word(name, value)?;
            node_ip(&text).map_err(|why| format!("{name}: {}: {why}", convert::shown(&text)))?;
            Ok(text)
        })?;
        from.each("allow_from", &mut global, |_| false)?;
        from.one("config", &mut global, path)?;
        from.one("kubeconfig", &mut global, path)?;
        from.each("manifests", &mut global, |_| true)?;
        from.one("image_digest", &mut global, |name, value, _| {
            let text = convert::word(name, value)?;
            image_digest(&text)
                .map_err(|why| format!("{name}: {}: {why}", convert::shown(&text)))?;
            Ok(text)
        })?;
        let mut waiting = Vec::new();
        from.one("systemctl", &mut waiting, path)?;
        from.one("unit_timeout", &mut waiting, time)?;
        from.one("pod_timeout", &mut waiting, time)?;
        let fail_on = from.read(
            "fail_on",
            |name, value, _| convert::choice(name, value, FAIL_ON),
            |word| json!(word),
        )?;
        let options = Options {
            state,
            plan: from.text("plan", path)?,
            transaction: from.text("transaction", word)?,
            effects: from.flag("effects", true)?,
            force: from.flag("force", false)?,
            fail_on: fail_on.unwrap_or("none"),
            global,
            waiting,
            invocation: json!({ "module_args": from.understood }),
        };
        options.possible()?;
        Ok(options)
    }

    /// What one state alone understands is not passed over in another: who gives a plan to a scan
    /// means something else.
    fn possible(&self) -> Result<(), String> {
        use State::{Planned, Present, RolledBack, Scanned};
        let only_with: [(&str, bool, &[State]); 4] = [
            ("plan", self.plan.is_some(), &[Present, Planned]),
            ("transaction", self.transaction.is_some(), &[RolledBack]),
            ("force", self.force, &[RolledBack]),
            ("fail_on", self.fail_on != "none", &[Scanned]),
        ];
        for (name, given, states) in only_with {
            if given && !states.contains(&self.state) {
                let states: Vec<&str> = states.iter().map(|state| state.word()).collect();
                return Err(format!(
                    "{name} is for state {} only, and state is {}",
                    states.join(" and "),
                    self.state.word()
                ));
            }
        }
        Ok(())
    }
}

impl State {
    /// As a play spells it.
    pub fn word(self) -> &'static str {
        let own = STATES.iter().find(|(_, state)| *state == self);
        own.map_or("present", |(word, _)| word)
    }
}

#[cfg(test)]
mod tests;
