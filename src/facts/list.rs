//! The facts as a flat list, for `tighten facts`.

use serde::Serialize;
use serde_json::{Value, json};

use super::sysctl::NAME;
use super::{Facts, Network, Origin, Role, Table};
use crate::certificates::{Bundle, Fit};
use crate::kinds::value_origin;

/// One value and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fact {
    /// The configuration's own name (`bindAddress`, `iptables.localhostNodePorts`), or a word for what
    /// the configuration does not hold (`nodeIP`).
    pub name: String,
    /// The effective value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// Everything that was found, the effective configuration first. Of manifests, what each pod will see, and
/// where it stands in them.
pub fn list(facts: &Facts) -> Vec<Fact> {
    let manifests = facts.objects.as_ref().filter(|objects| objects.alone);
    let views = manifests.map_or(&[][..], |objects| &objects.views);
    if views.is_empty() {
        return list_of_one(facts);
    }
    let mut found = Vec::new();
    for view in views {
        for mut fact in list_of_one(&view.facts) {
            view.stands_at(&mut fact.origin);
            // The clock is the machine's, whatever is judged by it.
            if fact.name != "clock" || !found.contains(&fact) {
                found.push(fact);
            }
        }
    }
    found
}

fn list_of_one(facts: &Facts) -> Vec<Fact> {
    let mut found = Vec::new();
    let mut push = |name: &str, value: Value, origin: Origin| {
        found.push(Fact {
            name: name.to_string(),
            value,
            origin,
        });
    };
    if let Some(values) = facts
        .config
        .as_ref()
        .and_then(|reading| reading.values.as_ref())
    {
        for field in &values.fields {
            push(
                &field.name,
                field.value.clone(),
                value_origin(facts, values, &field.name),
            );
        }
    }
    for (role, name) in [
        (Role::ProxyConfig, "configFile"),
        (Role::ProxyKubeconfig, "kubeconfigFile"),
        (Role::ProxyCredential, "credentialFile"),
        (Role::ProxyCertificate, "certificateFile"),
        (Role::ProxyUnit, "unitFile"),
    ] {
        for target in facts.targets(role) {
            push(name, json!(target.path), target.origin.clone());
        }
    }
    for (name, value, origin) in certificates(facts) {
        push(&name, value, origin);
    }
    push(
        "clock",
        json!(facts.clock.0.to_string()),
        facts.clock.1.clone(),
    );
    if let Some((url, origin)) = facts.api_server_url() {
        push("apiServer", json!(url), origin);
    }
    if let Ok((address, origin)) = &facts.node_ip {
        push("nodeIP", json!(address), origin.clone());
    }
    for (name, value) in facts.network.iter().flat_map(network) {
        push(name, value, Origin::KERNEL);
    }
    for flag in &facts.proxy.flags {
        push(
            &format!("--{}", flag.name),
            json!(flag.value),
            flag.origin.clone(),
        );
    }
    found
}

/// What the kernel shows: where kube-proxy's process listens, who is let in, and route_localnet.
fn network(network: &Network) -> Vec<(&'static str, Value)> {
    let mut found = Vec::new();
    for listener in network.listening.iter().flatten() {
        let address = std::net::SocketAddr::new(listener.ip, listener.port);
        found.push(("listening", json!(address)));
    }
    if let Table::Loaded(loaded) = &network.firewall.table {
        let ports: Vec<u16> = loaded.ports().collect();
        found.push(("guardedPorts", json!(ports)));
        found.push(("allowedFrom", json!(loaded.allowed())));
    }
    if let Some(Ok(on)) = &network.route_localnet.now {
        found.push((NAME, json!(u8::from(*on))));
    }
    found
}

/// Most certificates of one bundle that are listed.
const MAX_LISTED: usize = 16;

/// Whom the certificates name and how long they last; never a body.
fn certificates(facts: &Facts) -> Vec<(String, Value, Origin)> {
    let mut found = Vec::new();
    let credentials = &facts.credentials;
    let given = [
        ("certificateAuthority", &credentials.authority, MAX_LISTED),
        // What stands behind the first is only sent along.
        ("clientCertificate", &credentials.client, 1),
    ];
    for (name, given, most) in given {
        let Some(given) = given else { continue };
        for one in given.bundle.iter().flat_map(Bundle::all).take(most) {
            for (part, value) in [
                ("subject", one.subject.to_string()),
                ("issuer", one.issuer.to_string()),
                ("notBefore", one.not_before.to_string()),
                ("notAfter", one.not_after.to_string()),
            ] {
                found.push((format!("{name}.{part}"), json!(value), given.origin.clone()));
            }
        }
    }
    if let Some((Ok(fit @ (Fit::Belongs | Fit::Other)), origin)) = &credentials.key {
        let belongs = *fit == Fit::Belongs;
        found.push(("clientKey.belongs".into(), json!(belongs), origin.clone()));
    }
    if let Some(known) = &facts.client_authority {
        found.push((
            "clientCAFile".into(),
            json!(known.path),
            known.origin.clone(),
        ));
    }
    found
}
