//! Turns the baselines and rules of plans/ into JSON for the binary. Their YAML is read on every machine that
//! builds; a node that scans every minute then need not read it again.

use std::error::Error;
use std::path::Path;

/// The baselines and rules that the binary carries.
const CARRIED: &[&str] = &[
    "kube-proxy",
    "kube-proxy-activity",
    "kube-proxy-network",
    "kube-proxy-workload",
    "kubernetes-roles",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=plans");
    let out = std::env::var("OUT_DIR")?;
    for name in CARRIED {
        let text = std::fs::read_to_string(format!("plans/{name}.yaml"))?;
        let value: serde_json::Value = serde_yaml::from_str(&text)?;
        std::fs::write(
            Path::new(&out).join(format!("{name}.json")),
            value.to_string(),
        )?;
    }
    Ok(())
}
