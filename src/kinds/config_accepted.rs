//! kube-proxy would start with its configuration.

use serde::Deserialize;

use super::{Instance, Kind, Mend, by_hand};
use crate::baseline::Check;
use crate::facts::{Facts, Origin, OriginKind, Role};
use crate::root::LookError;

/// `config-accepted: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigAccepted {}

impl Kind for ConfigAccepted {
    fn expected(&self) -> String {
        "a configuration that kube-proxy accepts".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let by_hand = || by_hand(check);
        let target = facts.target(Role::ProxyConfig);
        let Some(reading) = &facts.config else {
            return vec![match target {
                Some(target) => match &target.seen {
                    Err(LookError::Missing) => {
                        Instance::judged(false, "it does not exist", by_hand)
                    }
                    Err(error) => Instance::unknown(error.to_string()),
                    Ok(seen) => Instance::unknown(seen.unread().to_string()),
                }
                .at(&target.path),
                None => Instance::unknown("kube-proxy's flags are not known"),
            }];
        };
        let line = reading.error.as_ref().and_then(|problem| problem.line);
        let instance = match &reading.error {
            None => Instance::judged(true, "accepted", || Mend::None),
            Some(problem) if reading.unjudged => Instance::unknown(problem.message.clone()),
            Some(problem) => Instance::judged(false, problem.message.clone(), by_hand),
        };
        vec![
            match target {
                Some(target) => instance.at(&target.path).from(&Origin::at(
                    OriginKind::File,
                    &target.path,
                    line,
                )),
                None => instance.from(&Origin::flag(None)),
            }
            .line(line),
        ]
    }
}
