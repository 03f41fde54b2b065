//! What the binary carries: the baselines, as JSON made from plans/*.yaml by build.rs, and the files
//! that fixes create.

const BASELINES: &[(&str, &str)] = &[
    (
        "kube-proxy",
        include_str!(concat!(env!("OUT_DIR"), "/kube-proxy.json")),
    ),
    (
        "kube-proxy-network",
        include_str!(concat!(env!("OUT_DIR"), "/kube-proxy-network.json")),
    ),
    (
        "kube-proxy-workload",
        include_str!(concat!(env!("OUT_DIR"), "/kube-proxy-workload.json")),
    ),
];

const CONTENTS: &[(&str, &str)] = &[(
    "audit-policy.yaml",
    include_str!("../../plans/audit-policy.yaml"),
)];

/// The names of the built-in baselines.
pub fn names() -> impl Iterator<Item = &'static str> {
    BASELINES.iter().map(|(name, _)| *name)
}

/// A built-in baseline as JSON.
pub(super) fn baseline(name: &str) -> Option<&'static str> {
    find(BASELINES, name)
}

/// The text of a file that a fix creates.
pub fn content(name: &str) -> Option<&'static str> {
    find(CONTENTS, name)
}

fn find(all: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    all.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}
