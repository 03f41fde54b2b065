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

/// The proxy's URL, where the way to it is not over TLS (facts page, section 6). It counts beside --master
/// too.
fn proxy(check: &Check, facts: &Facts) -> Vec<Instance> {
    let plain = |kubeconfig: &Kubeconfig| {
        let url = kubeconfig.cluster.as_ref()?.proxy_url.clone()?;
        let (scheme, _) = url.value.split_once(':')?;
        scheme.eq_ignore_ascii_case("http").then_some(url)
    };
    if !matches!(&facts.kubeconfig, Some(Ok(read)) if plain(read).is_some()) {
        return Vec::new();
    }
    each_kubeconfig(facts, |_, kubeconfig| {
        let url = plain(kubeconfig);
        let observed = url.as_ref().map_or("", |url| url.value.as_str());
        Instance::judged(false, format!("proxy-url: {observed}"), || by_hand(check))
            .line(url.map(|url| url.line))
    })
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
            let instance = match &origin.path {
                Some(path) => instance.at(path),
                None => instance,
            };
            return std::iter::once(instance)
                .chain(proxy(check, facts))
                .collect();
        }
        let mut all = each_kubeconfig(facts, |_, kubeconfig| {
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
        });
        all.extend(proxy(check, facts));
        all
    }
}
