//! Flags beside --config that count for nothing (facts page, section 2).

use serde::Deserialize;

use super::{Instance, Kind, by_hand};
use crate::baseline::Check;
use crate::discover::Source;
use crate::facts::Facts;
use crate::proxyconfig::HONOURED_WITH_CONFIG;

/// `flags-honoured: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlagsHonoured {}

impl Kind for FlagsHonoured {
    fn expected(&self) -> String {
        "no flag that --config makes ineffective".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let proxy = &facts.proxy;
        if matches!(proxy.source, Source::Files | Source::Named) {
            return vec![Instance::not_applicable("no command line is known")];
        }
        if let Some(problem) = &proxy.problem {
            return vec![Instance::unknown(format!(
                "kube-proxy's flags are not known: {problem}"
            ))];
        }
        if proxy.config.is_none() {
            return vec![Instance::not_applicable("kube-proxy runs without --config")];
        }
        let ignored: Vec<&crate::discover::flags::Flag> = proxy
            .flags
            .iter()
            .filter(|flag| !HONOURED_WITH_CONFIG.contains(&flag.name.as_str()))
            .collect();
        let observed = match ignored.as_slice() {
            [] => "none".to_string(),
            ignored => {
                let names: Vec<String> = ignored
                    .iter()
                    .map(|flag| format!("--{}", flag.name))
                    .collect();
                format!("ignored: {}", names.join(", "))
            }
        };
        let instance = Instance::judged(ignored.is_empty(), observed, || by_hand(check));
        vec![match ignored.first().or(proxy.flags.first().as_ref()) {
            Some(flag) => {
                let instance = instance.line(flag.origin.line).from(&flag.origin);
                match &flag.origin.path {
                    Some(path) => instance.at(path),
                    None => instance,
                }
            }
            None => instance,
        }]
    }
}
