//! What kube-proxy fills in: v1alpha1/defaults.go, then `platformApplyDefaults` for Linux.

use std::net::IpAddr;

use super::held::{Held, Slots};
use crate::golang::address;

/// The port of the health check server.
const HEALTHZ_PORT: u32 = 10_256;
/// The port of the metrics server.
const METRICS_PORT: u32 = 10_249;
const SECOND: i64 = 1_000_000_000;

/// `SetDefaults_KubeProxyConfiguration`. Empty text and zero are defaulted even where they are written.
pub(super) fn scheme(slots: &mut Slots) {
    if slots.text("bindAddress").is_empty() {
        slots.default("bindAddress", Held::Text("0.0.0.0".to_owned()));
    }
    // What is no address counts as IPv6 here; validation refuses it later.
    let (healthz, metrics) = match address::ip(slots.text("bindAddress")) {
        Some(IpAddr::V4(_)) => ("0.0.0.0", "127.0.0.1"),
        _ => ("[::]", "[::1]"),
    };
    for (name, host, port) in [
        ("healthzBindAddress", healthz, HEALTHZ_PORT),
        ("metricsBindAddress", metrics, METRICS_PORT),
    ] {
        if slots.text(name).is_empty() {
            slots.default(name, Held::Text(format!("{host}:{port}")));
        } else if let Some(slot) = slots.slot_mut(name)
            && let Held::Text(address) = &mut slot.held
        {
            *address = address::with_port(address, port);
        }
    }
    for (name, seconds) in [
        ("iptables.syncPeriod", 30),
        ("iptables.minSyncPeriod", 1),
        ("ipvs.syncPeriod", 30),
        ("nftables.syncPeriod", 30),
        ("nftables.minSyncPeriod", 1),
        ("configSyncPeriod", 15 * 60),
        ("logging.flushFrequency", 5),
    ] {
        if slots.number(name) == Some(0) {
            slots.default(name, Held::Duration(seconds * SECOND));
        }
    }
    for (name, default) in [
        ("oomScoreAdj", Held::Int(-999)),
        ("iptables.localhostNodePorts", Held::Bool(true)),
        ("iptables.masqueradeBit", Held::Int(14)),
        ("nftables.masqueradeBit", Held::Int(14)),
        ("conntrack.maxPerCore", Held::Int(32 * 1024)),
        ("conntrack.min", Held::Int(128 * 1024)),
        (
            "conntrack.tcpEstablishedTimeout",
            Held::Duration(24 * 3600 * SECOND),
        ),
        (
            "conntrack.tcpCloseWaitTimeout",
            Held::Duration(3600 * SECOND),
        ),
    ] {
        if slots
            .slot(name)
            .is_some_and(|slot| slot.held == Held::Nothing)
        {
            slots.default(name, default);
        }
    }
    for (name, default) in [
        (
            "clientConnection.contentType",
            "application/vnd.kubernetes.protobuf",
        ),
        ("logging.format", "text"),
    ] {
        if slots.text(name).is_empty() {
            slots.default(name, Held::Text(default.to_owned()));
        }
    }
    if slots
        .slot("clientConnection.qps")
        .is_some_and(|slot| slot.held == Held::Float(0.0))
    {
        slots.default("clientConnection.qps", Held::Float(5.0));
    }
    if slots.number("clientConnection.burst") == Some(0) {
        slots.default("clientConnection.burst", Held::Int(10));
    }
    if slots
        .slot("featureGates")
        .is_some_and(|slot| slot.held == Held::Flags(None))
    {
        slots.default("featureGates", Held::Flags(Some(Vec::new())));
    }
}

/// `platformApplyDefaults` on Linux.
pub(super) fn platform(slots: &mut Slots) {
    if slots.text("mode").is_empty() {
        slots.default("mode", Held::Text("iptables".to_owned()));
    }
    if slots.text("mode") == "nftables" && slots.texts("nodePortAddresses").is_empty() {
        let primary = vec!["primary".to_owned()];
        slots.default("nodePortAddresses", Held::Texts(Some(primary)));
    }
    if slots.text("detectLocalMode").is_empty() {
        slots.default("detectLocalMode", Held::Text("ClusterCIDR".to_owned()));
    }
}
