//! The API server is reached over TLS.

use serde::Deserialize;

use super::{Instance, Kind, by_hand, each_kubeconfig};
use crate::baseline::Check;
use crate::facts::Facts;
use crate::kubeconfig::Kubeconfig;

/// `kubeconfig-server: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeconfigServer {}

/// client-go's choice for a server without a scheme: TLS where anything of TLS is given.
fn takes_tls(kubeconfig: &Kubeconfig) -> bool {
    let cluster = kubeconfig.cluster.as_ref().is_some_and(|cluster| {
        cluster.certificate_authority.is_some()
            || cluster.certificate_authority_data.is_some()
            || matches!(&cluster.insecure_skip_tls_verify, Some(skip) if skip.value)
    });
    let user = kubeconfig.user.as_ref().is_some_and(|user| {
        user.client_certificate.is_some() || user.client_certificate_data.is_some()
    });
    cluster || user
}

impl Kind for KubeconfigServer {
    fn expected(&self) -> String {
        "https://".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        if let Some(problem) = &facts.proxy.problem {
            let why = format!("kube-proxy's flags are not known: {problem}");
            return vec![Instance::unknown(why)];
        }
        // --master counts before the kubeconfig's server.
        if let Some((url, origin)) = facts.master() {
            let secure = url
                .split_once("://")
                .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"));
            let observed = format!("--master: {}", crate::kubeconfig::without_credentials(&url));
            let instance = Instance::judged(secure, observed, || by_hand(check));
            let instance = instance.line(origin.line).from(&origin);
            return vec![match &origin.path {
                Some(path) => instance.at(path),
                None => instance,
            }];
        }
        each_kubeconfig(facts, |_, kubeconfig| {
            let by_hand = || by_hand(check);
            match kubeconfig.server() {
                Some(server) => {
                    let secure = match server.value.split_once("://") {
                        Some((scheme, _)) => scheme.eq_ignore_ascii_case("https"),
                        None => takes_tls(kubeconfig),
                    };
                    Instance::judged(secure, format!("server: {}", server.value), by_hand)
                        .line(Some(server.line))
                }
                // client-go then takes http://localhost:8080.
                None => Instance::judged(false, "no server", by_hand),
            }
        })
    }
}
