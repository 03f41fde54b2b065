//! Keys of the audit policy that the API server drops with one log line. A rule without the condition
//! that was misspelt may match everything, and so hide all the rules behind it.

use serde::Deserialize;

use super::audit_policy::{policy_of, readable};
use super::config_fields::named;
use super::{Instance, Kind, by_hand};
use crate::auditpolicy::Policy;
use crate::baseline::Check;
use crate::facts::{ApiServer, Facts};

/// `audit-fields: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditFields {}

/// Judges what lies at the path.
fn existing(check: &Check, server: &ApiServer) -> Instance {
    let bytes = match readable(server) {
        Ok(bytes) => bytes,
        Err(instance) => return *instance,
    };
    match Policy::read(bytes) {
        Ok(policy) => {
            let line = policy.unknown.first().map(|key| key.line);
            let passes = policy.unknown.is_empty();
            Instance::judged(passes, named(&policy.unknown), || by_hand(check)).line(line)
        }
        // Of a policy that is refused, no key counts.
        Err(refused) => Instance::unknown(refused.message).line(refused.line),
    }
}

impl Kind for AuditFields {
    fn expected(&self) -> String {
        "no unknown or doubled key".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let instance = match policy_of(facts) {
            Ok((server, path, origin)) => existing(check, server).at(path).from(&origin),
            Err(instance) => *instance,
        };
        vec![instance]
    }
}
