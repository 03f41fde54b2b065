//! Addresses from which kube-proxy never comes.

use serde::Deserialize;

use super::{Broke, Case, Reason, Watch};
use crate::auditlog::caller::NODE_NAME;
use crate::unusual::Known;
use crate::unusual::told::{asked, shown};

/// `address: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {}

impl Address {
    pub(super) fn watch(&self) -> Watched {
        Watched::default()
    }
}

/// The rule at work.
#[derive(Default)]
pub struct Watched {
    /// Events that say no address.
    without: u64,
}

impl Watch for Watched {
    fn see(&mut self, case: &Case) -> Option<Broke> {
        if !case.is_own() {
            return None;
        }
        let Some(address) = case.caller.address else {
            self.without += 1;
            return None;
        };
        let known = case.known;
        if known.is_node(address) == Some(false) {
            return Broke::by(asked(case.event));
        }
        let node = known.node.as_ref()?;
        let name = case.event.extra(NODE_NAME)?;
        let own =
            known.is_local(address) || node.addresses.iter().any(|held| held.contains(address));
        if own || !name.is(node.name.as_bytes()) {
            return None;
        }
        let what = format!(
            "{} with a token of the node {}",
            asked(case.event),
            shown(name)
        );
        Broke::by(what)
    }

    fn not_judged(&self, known: &Known) -> Option<Reason> {
        if known.addresses.is_none() {
            return Some(Reason {
                reason: "the log holds the kube-proxies of all nodes, and the nodes' addresses are not known".into(),
                help: "name them with --node-address ADDRESS or --node-address RANGE, such as 10.0.0.0/16".into(),
            });
        }
        (self.without > 0).then(|| Reason {
            reason: format!(
                "events that do not say from which address they came: {}",
                self.without
            ),
            help:
                "look at what else writes to the log: the API server gives each event its sourceIPs"
                    .into(),
        })
    }
}
