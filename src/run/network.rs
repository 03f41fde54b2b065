//! Looks at the network of the node, where a check asks for it.

use super::context::Context;
use crate::effects::Nft;
use crate::facts::{Facts, Network, Table};
use crate::failure::Failure;
use crate::ip_network::IpNetwork;
use crate::nftables::MAX_RANGES;
use crate::root::Where;

/// Whether these can be let in: a saved plan is not believed, so that its ranges are judged as well.
///
/// # Errors
/// When they are more than a table of ours holds, or everybody is among them.
pub fn can_be_let_in(allow_from: &[IpNetwork]) -> Result<(), Failure> {
    if allow_from.len() > MAX_RANGES {
        return Err(Failure::usage(format!(
            "--allow-from names {} ranges, and no more than {MAX_RANGES} are taken",
            allow_from.len()
        ))
        .help("name larger ranges that hold them"));
    }
    match allow_from.iter().find(|network| network.is_everybody()) {
        Some(everybody) => Err(Failure::usage(format!(
            "--allow-from {everybody} is everybody, and no port is guarded then"
        ))
        .help("name those who need it")),
        None => Ok(()),
    }
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
