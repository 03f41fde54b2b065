//! Acting as somebody else.

use serde::Deserialize;

use super::{Broke, Case, Watch};
use crate::auditlog::who::Standing;
use crate::unusual::told::{asked, shown};

/// `impersonation: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impersonation {}

impl Watch for Impersonation {
    fn see(&mut self, case: &Case) -> Option<Broke> {
        let posed = case.standing == Standing::Posed;
        let whom = match case.event.impersonated {
            None if !posed => return None,
            whom => shown(whom.unwrap_or_default()),
        };
        Broke::by(format!("{} posing as {whom}", asked(case.event)))
    }
}
