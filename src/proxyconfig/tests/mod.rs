//! What kube-proxy makes of configurations, one rule at a time.

mod decoded;
mod judged;

use super::*;

const HEADER_LINES: &str =
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

fn with(lines: &str) -> Reading {
    read(format!("{HEADER_LINES}{lines}").as_bytes())
}

fn value(lines: &str, name: &str) -> serde_json::Value {
    let reading = with(lines);
    let values = reading
        .values
        .unwrap_or_else(|| panic!("{lines}: {:?}", reading.error));
    values.field(name).unwrap().value.clone()
}

fn refusal_of(lines: &str) -> String {
    with(lines)
        .error
        .unwrap_or_else(|| panic!("{lines} is accepted"))
        .message
}
