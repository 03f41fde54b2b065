//! Keys that kube-proxy drops with one log line.

use serde::Deserialize;

use super::{Instance, Kind, by_hand};
use crate::baseline::Check;
use crate::facts::{Facts, Origin, OriginKind, Role};
use crate::golang::types::StrictProblem;

/// `config-fields: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFields {}

/// Most keys that one finding names.
const SHOWN: usize = 8;

/// The keys and their lines, in words.
pub(super) fn named(unknown: &[StrictProblem]) -> String {
    let told = unknown.iter().take(SHOWN).map(|key| {
        let what = if key.doubled { "doubled" } else { "unknown" };
        format!("{what} {} (line {})", key.path, key.line)
    });
    let mut told: Vec<String> = told.collect();
    if unknown.len() > SHOWN {
        told.push(format!("and {} more", unknown.len() - SHOWN));
    }
    match told.as_slice() {
        [] => "none".to_string(),
        told => told.join(", "),
    }
}

impl Kind for ConfigFields {
    fn expected(&self) -> String {
        "no unknown or doubled key".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let Some(target) = facts.target(Role::ProxyConfig) else {
            return vec![Instance::not_applicable("kube-proxy runs without --config")];
        };
        let instance = match (&facts.config, &target.seen) {
            (Some(reading), _) if reading.accepted || !reading.unknown.is_empty() => {
                let line = reading.unknown.first().map(|key| key.line);
                let observed = named(&reading.unknown);
                Instance::judged(reading.unknown.is_empty(), observed, || by_hand(check))
                    .line(line)
                    .from(&Origin::at(OriginKind::File, &target.path, line))
            }
            (Some(reading), _) => Instance::unknown(match &reading.error {
                Some(problem) => problem.message.clone(),
                None => "the configuration is not judged".into(),
            }),
            (None, Err(error)) => Instance::unknown(format!("the proxy configuration {error}")),
            (None, Ok(_)) => Instance::unknown("the proxy configuration could not be read"),
        };
        vec![instance.at(&target.path)]
    }
}
