//! Turns the baselines of plans/ into JSON for the binary. Their YAML is read on every machine that
//! builds; a node that scans every minute then need not read it again.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=plans");
    let out = std::env::var("OUT_DIR").expect("cargo names OUT_DIR");
    for name in ["kube-proxy"] {
        let path = format!("plans/{name}.yaml");
        let text = std::fs::read_to_string(&path).expect(&path);
        let value: serde_json::Value = serde_yaml::from_str(&text).expect(&path);
        std::fs::write(
            Path::new(&out).join(format!("{name}.json")),
            value.to_string(),
        )
        .expect("OUT_DIR can be written");
    }
}
