//! What is known of kube-proxy and of its nodes before the log is read.

use std::net::IpAddr;

use crate::auditlog::block::Placed;
use crate::auditlog::json::Text;
use crate::auditlog::who::Standing;
use crate::auditpolicy::Request;
use crate::baseline::Baseline;
use crate::failure::Failure;
use crate::kinds::Expect;

use super::IpNetwork;

/// Who kube-proxy is, what it asks, and from where.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Users with their groups.
    pub identities: Vec<(String, Vec<String>)>,
    /// What each of them asks.
    pub requests: Vec<Request>,
    /// The addresses of all nodes whose kube-proxies ask this API server; none when nobody named them.
    pub addresses: Option<Vec<IpNetwork>>,
    /// The API server runs on the node, so that its kube-proxy may come from loopback.
    pub loopback: bool,
    /// The node at hand, where its name and addresses are known.
    pub node: Option<OwnNode>,
}

/// The node at hand.
#[derive(Clone, Debug)]
pub struct OwnNode {
    /// Its name in the cluster.
    pub name: String,
    /// Its own addresses.
    pub addresses: Vec<IpNetwork>,
}

impl Known {
    /// What the baselines' checks of kind `audit-requests` say; of addresses nothing is known.
    ///
    /// # Errors
    /// When there is no such check.
    pub fn of(baselines: &[Baseline]) -> Result<Known, Failure> {
        let mut known = Known::default();
        for check in baselines.iter().flat_map(|baseline| &baseline.checks) {
            let Expect::AuditRequests(asked) = &check.expect else {
                continue;
            };
            for (user, groups) in asked.identities() {
                if !known.identities.iter().any(|(held, _)| held == user) {
                    known.identities.push((user.into(), groups.to_vec()));
                }
            }
            let requests = asked
                .requests()
                .map_err(|why| Failure::refused(format!("check {}: {why}", check.id)))?;
            for request in requests {
                if !known.requests.contains(&request) {
                    known.requests.push(request);
                }
            }
        }
        if known.identities.is_empty() {
            return Err(Failure::refused(
                "none of the baselines says who kube-proxy is and what it asks",
            )
            .help(
                "add the built-in one (--baseline kube-proxy), or a check of kind audit-requests",
            ));
        }
        Ok(known)
    }

    /// Whether an event is kube-proxy's, or of somebody who acts as kube-proxy or calls itself so.
    pub fn concerns(&self, placed: &Placed) -> bool {
        let acted = match placed.standing {
            Standing::Theirs => Some(placed.event.user),
            Standing::Posed => placed.event.impersonated,
            Standing::Unknown => return true,
        };
        let is = |user: Text| {
            let mut identities = self.identities.iter();
            identities.any(|(held, _)| user.is(held.as_bytes()))
        };
        acted.is_some_and(is)
    }

    /// Whether an address is a node's; none when the nodes' addresses are not known.
    pub fn is_node(&self, address: IpAddr) -> Option<bool> {
        let addresses = self.addresses.as_ref()?;
        Some(self.is_local(address) || addresses.iter().any(|held| held.contains(address)))
    }

    /// Whether it is loopback, and the API server runs on the node.
    pub fn is_local(&self, address: IpAddr) -> bool {
        self.loopback && address.to_canonical().is_loopback()
    }
}
