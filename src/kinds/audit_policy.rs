//! The audit policy that the API server of this node uses, or could use.

use serde::Deserialize;

use super::{Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, content};
use crate::facts::{Facts, Origin, OriginKind, PolicyPath};
use crate::root::LookError;

/// `audit-policy: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditPolicy {}

impl Kind for AuditPolicy {
    fn expected(&self) -> String {
        "an audit policy file".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let Some(server) = &facts.api_server else {
            return vec![Instance::not_applicable("no kube-apiserver on this node")];
        };
        if let Some(problem) = &server.problem {
            return vec![Instance::unknown(problem)];
        }
        let (path, origin) = match &server.policy {
            PolicyPath::Named(path, origin) => (path, origin.clone()),
            PolicyPath::Default(path) => (path, Origin::at(OriginKind::File, path, None)),
            PolicyPath::Unreachable(shown, origin) => {
                return vec![
                    Instance::unknown(format!(
                        "{} names {shown}, which the node does not see",
                        server.described
                    ))
                    .from(origin),
                ];
            }
        };
        let instance = match (&server.policy_seen, &server.directory) {
            (Ok(_), _) => Instance::judged(true, "it exists", || Mend::None),
            (Err(LookError::Missing), Ok(_)) => {
                Instance::judged(false, "it does not exist", || {
                    fix_or_by_hand(check, |fix| match &fix.create {
                        Some(create) => {
                            Mend::Create(path.clone(), create.content.clone(), create.mode.0)
                        }
                        None => Mend::ByHand("this check has no fix".into()),
                    })
                })
            }
            (Err(LookError::Missing), Err(error)) => {
                Instance::judged(false, "it does not exist", || {
                    Mend::ByHand(format!("its directory {} {error}", path.parent()))
                })
            }
            (Err(error), _) => Instance::unknown(error.to_string()),
        };
        vec![instance.at(path).from(&origin)]
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        let Some(create) = &fix.create else {
            return Err("a fix of audit-policy creates a file".into());
        };
        if create.mode.0 & 0o077 != 0 {
            return Err(format!(
                "the fix creates it with mode {}, open to others",
                create.mode
            ));
        }
        match content(&create.content) {
            Some(_) => Ok(()),
            None => Err(format!("the binary carries no file {:?}", create.content)),
        }
    }
}
