//! The facts as a flat list, for `tighten facts`.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Facts, Origin, Role};
use crate::kinds::value_origin;

/// One value and where it comes from.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    /// The configuration's own name (`bindAddress`, `iptables.localhostNodePorts`), or a word for what
    /// the configuration does not hold (`nodeIP`).
    pub name: String,
    /// The effective value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// Everything that was found, the effective configuration first.
pub fn list(facts: &Facts) -> Vec<Fact> {
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
    if let Some((url, origin)) = facts.api_server_url() {
        push("apiServer", json!(url), origin);
    }
    if let Ok((address, origin)) = &facts.node_ip {
        push("nodeIP", json!(address), origin.clone());
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
