//! Clients other than kube-proxy.

use serde::Deserialize;

use super::{Broke, Case, Watch};
use crate::unusual::told::shown;

/// `user-agent: {starts-with: [kube-proxy/]}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UserAgent {
    /// How kube-proxies call themselves.
    starts_with: Vec<String>,
}

impl UserAgent {
    pub(super) fn sound(&self) -> Result<(), String> {
        match self.starts_with.is_empty() || self.starts_with.iter().any(String::is_empty) {
            true => Err("starts-with needs texts, none of them empty".into()),
            false => Ok(()),
        }
    }
}

impl Watch for UserAgent {
    fn see(&mut self, case: &Case) -> Option<Broke> {
        let agent = case.event.user_agent.bytes();
        let own = |start: &String| agent.starts_with(start.as_bytes());
        if !case.is_own() || self.starts_with.iter().any(own) {
            return None;
        }
        Broke::by(match shown(case.event.user_agent) {
            empty if empty.is_empty() => "no user agent".into(),
            agent => agent,
        })
    }
}
