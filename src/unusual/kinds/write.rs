//! What kube-proxy never writes.

use serde::Deserialize;

use super::{Broke, Case, Watch};
use crate::unusual::pattern::{Pattern, any_covers, reads};
use crate::unusual::told::asked;

/// `write: {but: [events]}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// What may be written.
    #[serde(default)]
    but: Vec<Pattern>,
}

impl Watch for Write {
    fn see(&mut self, case: &Case) -> Option<Broke> {
        if !case.is_as_kube_proxy() || reads(case.event) || any_covers(&self.but, case.event) {
            return None;
        }
        Broke::by(asked(case.event))
    }
}
