//! A value of the configuration that a flag gives, because kube-proxy runs without `--config`.

use super::Mend;
use super::mend::Edit;
use crate::discover::drop_in::{DropIn, Wanted};
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
fn spelled(value: &Scalar) -> String {
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

/// The change that sets a key's flag where it lasts.
pub fn set(facts: &Facts, key: &str, value: &Scalar) -> Mend {
    let Some((name, list)) = proxyconfig::flag_of(key) else {
        return Mend::ByHand(format!("{key} has no flag: give kube-proxy a --config"));
    };
    let text = spelled(value);
    let Some(drop_in) = &facts.drop_in else {
        return Mend::ByHand(format!(
            "kube-proxy runs without --config, so {key} is set by its flags: give it --{name}={text} where it is started"
        ));
    };
    match in_unit(
        facts,
        drop_in,
        key,
        value,
        Wanted {
            name,
            value: &text,
            list,
        },
    ) {
        Ok(mend) => mend,
        Err(why) => Mend::ByHand(why),
    }
}

fn in_unit(
    facts: &Facts,
    drop_in: &DropIn,
    key: &str,
    value: &Scalar,
    wanted: Wanted,
) -> Result<Mend, String> {
    let unit = &drop_in.unit;
    let given = facts
        .proxy
        .unit()
        .map(|unit| unit.flags("kube-proxy").flags);
    let (given, running) = (pairs(&given.unwrap_or_default()), pairs(&facts.proxy.flags));
    if given != running {
        let there = proxyconfig::from_flags(&given);
        if drop_in.obstacle.is_none() && gives(&there, key, value) {
            return Err(format!(
                "{unit} gives --{}={} already, and kube-proxy was started before: systemctl daemon-reload, then systemctl restart {unit}",
                wanted.name, wanted.value
            ));
        }
        return Err(format!(
            "kube-proxy runs with other flags than {unit} gives it: restart {unit}, then plan again"
        ));
    }
    let flags = drop_in.edit("kube-proxy", &[wanted])?;
    Ok(Mend::Edit(drop_in.path.clone(), Edit::Flags(flags)))
}
