//! The API server is reached over TLS.

use serde::Deserialize;

use super::{Instance, Kind, by_hand, each_kubeconfig};
use crate::baseline::Check;
use crate::facts::Facts;

/// `kubeconfig-server: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeconfigServer {}

impl Kind for KubeconfigServer {
    fn expected(&self) -> String {
        "https://".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_kubeconfig(facts, |_, kubeconfig| {
            let by_hand = || by_hand(check);
            match kubeconfig.server() {
                Some(server) => {
                    let secure = server
                        .value
                        .get(..8)
                        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
                    Instance::judged(secure, format!("server: {}", server.value), by_hand)
                        .line(Some(server.line))
                }
                // client-go then takes http://localhost:8080.
                None => Instance::judged(false, "no server", by_hand),
            }
        })
    }
}
