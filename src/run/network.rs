//! Looks at the network of the node, where a check asks for it.

use super::context::Context;
use crate::effects::Nft;
use crate::facts::{Facts, Network, Table};
use crate::failure::Failure;
use crate::ip_network::IpNetwork;
use crate::nftables::MAX_RANGES;
use crate::root::Where;

/// # Errors
/// When more ranges are named than a table of ours holds.
pub fn few_enough(allow_from: &[IpNetwork]) -> Result<(), Failure> {
    if allow_from.len() <= MAX_RANGES {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--allow-from names {} ranges, and no more than {MAX_RANGES} are taken",
        allow_from.len()
    ))
    .help("name larger ranges that hold them"))
}

impl Context {
    /// The facts with the network, when a check that is run speaks of it.
    pub fn with_network(&self, mut facts: Facts) -> Facts {
        let mut checks = self.baselines.iter().flat_map(|baseline| &baseline.checks);
        let asked =
            checks.any(|check| self.selection.takes(&check.id) && check.expect.is_of_network());
        if asked {
            let mut network = Network::gather(&self.root, &facts.proxy, &self.inputs.allow_from);
            network.firewall.table = self.table(&network);
            facts.network = Some(network);
        }
        facts
    }

    /// What is loaded, on a live node that has a file of ours: to ask makes the kernel load modules.
    fn table(&self, network: &Network) -> Table {
        let live = matches!(self.root.place(), Where::Live);
        match (&network.firewall.nft, &network.firewall.file) {
            (Some(nft), Ok(Some(_))) if live => Nft::at(nft).table(),
            _ => Table::NotAsked,
        }
    }
}
