//! Resources that kube-proxy never asks for.

use serde::Deserialize;

use super::{Broke, Case, Watch};
use crate::unusual::pattern::{Pattern, any_covers};
use crate::unusual::told::asked;

/// `resource: [secrets, "*/exec"]`
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Listed(Vec<Pattern>);

impl Listed {
    pub(super) fn sound(&self) -> Result<(), String> {
        match self.0.is_empty() {
            true => Err("no resource is listed".into()),
            false => Ok(()),
        }
    }
}

impl Watch for Listed {
    fn see(&mut self, case: &Case) -> Option<Broke> {
        if !case.is_as_kube_proxy() || !any_covers(&self.0, case.event) {
            return None;
        }
        Broke::by(asked(case.event))
    }
}
