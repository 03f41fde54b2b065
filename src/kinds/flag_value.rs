//! A value of the configuration that a flag gives, because kube-proxy runs without `--config`.

use super::Mend;
use super::mend::Edit;
use crate::discover::drop_in::Wanted;
use crate::discover::flag_file::FlagFile;
use crate::discover::flags::Flag;
use crate::edit::Scalar;
use crate::facts::Facts;
use crate::proxyconfig::{self, Reading};

/// Name and value of each flag, as [`proxyconfig::from_flags`] takes them.
fn pairs(flags: &[Flag]) -> Vec<(String, Option<String>)> {
    let pair = |flag: &Flag| (flag.name.clone(), flag.value.clone());
    flags.iter().map(pair).collect()
}

/// A value as a flag spells it.
pub(crate) fn spelled(value: &Scalar) -> String {
    match value {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Text(text) => text.clone(),
        Scalar::List(items) => items.join(","),
    }
}

/// True when these flags give a key this value.
fn gives(reading: &Reading, key: &str, value: &Scalar) -> bool {
    let Some(values) = reading.values.as_ref() else {
        return false;
    };
    let wanted = match value {
        Scalar::Bool(value) => serde_json::json!(value),
        Scalar::Int(value) => serde_json::json!(value),
        Scalar::Text(text) => serde_json::json!(text),
        Scalar::List(items) => serde_json::json!(items),
    };
    values.field(key).is_some_and(|field| field.value == wanted)
}

/// True for what only one node can have: its own address. It must not go into what all nodes share.
pub fn per_node(key: &str, value: &Scalar) -> bool {
    let loopback = matches!(value, Scalar::Text(text) if text.starts_with("127.") || text.starts_with("[::1]"));
    key == "bindAddress" || (key == "healthzBindAddress" && !loopback)
}

/// The change that sets a key's flag where it lasts.
pub fn set(facts: &Facts, key: &str, value: &Scalar) -> Mend {
    let Some((name, list)) = proxyconfig::flag_of(key) else {
        return Mend::ByHand(format!("{key} has no flag: give kube-proxy a --config"));
    };
    let text = spelled(value);
    let wanted = Wanted {
        name,
        value: &text,
        list,
    };
    let mend = match &facts.flag_file {
        Err(why) => Err(format!(
            "kube-proxy runs without --config, so it needs --{name}={text}; {why}"
        )),
        Ok(file) => fresh(facts, file, key, value, wanted).and_then(|()| {
            let (path, flags) = file.edit(&facts.proxy.flags, wanted)?;
            Ok(Mend::Edit(path, Edit::Flags(flags)))
        }),
    };
    mend.unwrap_or_else(Mend::ByHand)
}

/// Whether kube-proxy runs with the flags that its file gives it. Where it was started before the file
/// was changed, nobody can tell what the next change would do.
fn fresh(
    facts: &Facts,
    file: &FlagFile,
    key: &str,
    value: &Scalar,
    wanted: Wanted,
) -> Result<(), String> {
    let (given, place, restart) = match file {
        FlagFile::DropIn(drop_in) => {
            let unit = &drop_in.unit;
            let given = facts
                .proxy
                .unit()
                .map(|unit| unit.flags("kube-proxy").flags);
            let restart = format!("systemctl daemon-reload, then systemctl restart {unit}");
            (given.unwrap_or_default(), unit.clone(), restart)
        }
        FlagFile::Manifest(path, _, given) => {
            let restart = "the kubelet has yet to restart it".into();
            (given.clone(), path.to_string(), restart)
        }
        FlagFile::Agent(..) | FlagFile::Lines(..) => return Ok(()),
    };
    let (given, running) = (pairs(&given), pairs(&facts.proxy.flags));
    if given == running {
        return Ok(());
    }
    if gives(&proxyconfig::from_flags(&given), key, value) {
        return Err(format!(
            "{place} gives --{}={} already, and kube-proxy was started before: {restart}",
            wanted.name, wanted.value
        ));
    }
    Err(format!(
        "kube-proxy runs with other flags than {place} gives it: {restart}; then plan again"
    ))
}
