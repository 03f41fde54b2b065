//! What kube-proxy 1.36 refuses after defaulting: pkg/proxy/apis/config/validation.
//!
//! The names of feature gates differ from version to version, so none is refused here.

use super::held::{Held, Slots};
use crate::golang::address;
use crate::golang::duration;
use crate::golang::text::{quoted, quoted_list};

/// A refused value: the message and the field that is to blame.
pub(super) struct Fault {
    pub message: String,
    pub field: &'static str,
}

const ROOT: &str = "KubeProxyConfiguration";
/// Only the minor version before kube-proxy's own may be named; this is what 1.36 takes.
const PREVIOUS_MINOR: &str = "1.35";

pub(super) struct Judge<'slots> {
    pub slots: &'slots Slots,
    pub faults: Vec<Fault>,
}

/// Everything but the logging block, in kube-proxy's order.
pub(super) fn validate(slots: &Slots) -> Vec<Fault> {
    let mut judge = Judge {
        slots,
        faults: Vec::new(),
    };
    judge.modes();
    judge.linux();
    judge.proxy_mode();
    judge.at_least("clientConnection.burst", "ClientConnection.Burst", 0);
    judge.periods();
    judge.addresses();
    judge.node_ports();
    judge.detect_local();
    judge.faults
}

/// Most faults that are told. A list of many thousand bad values says no more than its first ones.
const MAX_FAULTS: usize = 50;

/// One message as it is, several as `[a, b]`, the same one only once.
pub(super) fn aggregate(faults: &[Fault]) -> String {
    let mut messages: Vec<&str> = Vec::new();
    for fault in faults.iter().take(MAX_FAULTS) {
        if !messages.contains(&fault.message.as_str()) {
            messages.push(&fault.message);
        }
    }
    match messages.as_slice() {
        [one] => (*one).to_owned(),
        several => format!("[{}]", several.join(", ")),
    }
}

impl Judge<'_> {
    fn invalid(&mut self, field: &'static str, path: &str, value: &str, why: &str) {
        self.faults.push(Fault {
            message: format!("{ROOT}.{path}: Invalid value: {value}: {why}"),
            field,
        });
    }

    /// A number's or a duration's value as messages show it.
    pub fn shown(&self, field: &str) -> String {
        match self.slots.slot(field).map(|slot| &slot.held) {
            Some(Held::Duration(length)) => quoted(&duration::spell(*length)),
            Some(Held::Int(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    fn at_least(&mut self, field: &'static str, path: &str, least: i64) {
        if self.slots.number(field).is_some_and(|value| value < least) {
            let shown = self.shown(field);
            let why = format!("must be greater than or equal to {least}");
            self.invalid(field, path, &shown, &why);
        }
    }

    fn within(&mut self, field: &'static str, path: &str, low: i64, high: i64) {
        let outside = |value| !(low..=high).contains(&value);
        if self.slots.number(field).is_some_and(outside) {
            let shown = self.shown(field);
            self.invalid(
                field,
                path,
                &shown,
                &format!("must be within the range [{low}, {high}]"),
            );
        }
    }

    fn modes(&mut self) {
        let iptables = "KubeProxyIPTablesConfiguration.MasqueradeBit";
        self.within("iptables.masqueradeBit", iptables, 0, 31);
        match self.slots.text("mode") {
            "ipvs" => {
                let ipvs = "KubeProxyIPVSConfiguration";
                self.at_least("ipvs.tcpTimeout", &format!("{ipvs}.TCPTimeout"), 0);
                self.at_least("ipvs.tcpFinTimeout", &format!("{ipvs}.TCPFinTimeout"), 0);
                self.at_least("ipvs.udpTimeout", &format!("{ipvs}.UDPTimeout"), 0);
                for (index, range) in self.slots.texts("ipvs.excludeCIDRs").iter().enumerate() {
                    if address::cidr_is_ipv4(range).is_none() {
                        let path = format!("{ipvs}.ExcludeCidrs[{index}]");
                        let why = "must be a valid CIDR";
                        self.invalid("ipvs.excludeCIDRs", &path, &quoted(range), why);
                    }
                }
            }
            "nftables" => {
                let nftables = "KubeProxyNFTablesConfiguration.MasqueradeBit";
                self.within("nftables.masqueradeBit", nftables, 0, 31);
            }
            _ => {}
        }
    }

    fn linux(&mut self) {
        let conntrack = "KubeProxyLinuxConfiguration.KubeProxyConntrackConfiguration";
        for (field, name) in [
            ("conntrack.maxPerCore", "MaxPerCore"),
            ("conntrack.min", "Min"),
            ("conntrack.tcpEstablishedTimeout", "TCPEstablishedTimeout"),
            ("conntrack.tcpCloseWaitTimeout", "TCPCloseWaitTimeout"),
            ("conntrack.udpTimeout", "UDPTimeout"),
            ("conntrack.udpStreamTimeout", "UDPStreamTimeout"),
        ] {
            self.at_least(field, &format!("{conntrack}.{name}"), 0);
        }
        let oom = "KubeProxyLinuxConfiguration.OOMScoreAdj";
        self.within("oomScoreAdj", oom, -1000, 1000);
    }

    fn proxy_mode(&mut self) {
        let mode = self.slots.text("mode");
        if !matches!(mode, "" | "iptables" | "ipvs" | "nftables") {
            let shown = quoted(mode);
            self.invalid(
                "mode",
                "Mode.ProxyMode",
                &shown,
                "must be iptables, ipvs, nftables or blank (blank means the best-available proxy [currently iptables])",
            );
        }
    }

    /// The sync periods of the mode that runs; those of the others are not looked at.
    fn periods(&mut self) {
        let above_zero = "must be greater than 0";
        if self
            .slots
            .number("configSyncPeriod")
            .is_some_and(|length| length <= 0)
        {
            let shown = self.shown("configSyncPeriod");
            self.invalid("configSyncPeriod", "ConfigSyncPeriod", &shown, above_zero);
        }
        let (period, least) = match self.slots.text("mode") {
            "ipvs" => ("ipvs.syncPeriod", "ipvs.minSyncPeriod"),
            "nftables" => ("nftables.syncPeriod", "nftables.minSyncPeriod"),
            _ => ("iptables.syncPeriod", "iptables.minSyncPeriod"),
        };
        let length = |field| self.slots.number(field).unwrap_or_default();
        let (period_length, least_length) = (length(period), length(least));
        if period_length <= 0 {
            let shown = self.shown(period);
            self.invalid(period, "SyncPeriod", &shown, above_zero);
        }
        self.at_least(least, "MinSyncPeriod", 0);
        if least_length > period_length {
            // kube-proxy shows the smaller bound here, not the period.
            let shown = self.shown(least);
            let why = format!("must be greater than or equal to {ROOT}.MinSyncPeriod");
            self.invalid(period, "SyncPeriod", &shown, &why);
        }
    }

    fn addresses(&mut self) {
        let slots = self.slots;
        let address = slots.text("bindAddress");
        if address::ip(address).is_none() {
            let why = "not a valid textual representation of an IP address";
            self.invalid("bindAddress", "BindAddress", &quoted(address), why);
        }
        let healthz = slots.text("healthzBindAddress");
        if !healthz.is_empty() {
            self.host_port("healthzBindAddress", "HealthzBindAddress", healthz);
        }
        let metrics = slots.text("metricsBindAddress");
        self.host_port("metricsBindAddress", "MetricsBindAddress", metrics);
        let range = slots.text("portRange");
        if !address::is_port_range(range) {
            let why = "must be a valid port range (e.g. 300-2000)";
            self.invalid("portRange", "PortRange", &quoted(range), why);
        }
    }

    fn host_port(&mut self, field: &'static str, path: &str, text: &str) {
        let Some((host, port)) = address::split_host_port(text) else {
            self.invalid(field, path, &quoted(text), "must be IP:port");
            return;
        };
        if address::ip(host).is_none() {
            self.invalid(field, path, &quoted(host), "must be a valid IP");
        }
        if !address::atoi(port).is_some_and(|port| (1..=65_535).contains(&port)) {
            self.invalid(field, path, &quoted(port), "must be a valid port");
        }
    }

    fn node_ports(&mut self) {
        let addresses = self.slots.texts("nodePortAddresses");
        for (index, address) in addresses.iter().enumerate() {
            let path = format!("NodePortAddresses[{index}]");
            if address == "primary" {
                if addresses.len() != 1 {
                    let why = "can't use both 'primary' and CIDRs";
                    self.invalid("nodePortAddresses", &path, &quoted(address), why);
                }
                break;
            }
            if address::cidr_is_ipv4(address).is_none() {
                let why = "must be a valid CIDR";
                self.invalid("nodePortAddresses", &path, &quoted(address), why);
            }
        }
        let version = self.slots.text("showHiddenMetricsForVersion");
        if !matches!(version, "" | PREVIOUS_MINOR) {
            let why = format!(
                "--show-hidden-metrics-for-version must be omitted or have the value '{PREVIOUS_MINOR}'. Only the previous minor version is allowed"
            );
            let shown = quoted(version);
            let field = "showHiddenMetricsForVersion";
            self.invalid(field, "ShowHiddenMetricsForVersion", &shown, &why);
        }
    }

    fn detect_local(&mut self) {
        let configuration = "DetectLocalConfiguration";
        match self.slots.text("detectLocalMode") {
            "" | "NodeCIDR" => {}
            "ClusterCIDR" => self.cluster_ranges(),
            "BridgeInterface" => {
                if self.slots.text("detectLocal.bridgeInterface").is_empty() {
                    let path = format!("{configuration}.InterfaceName");
                    let field = "detectLocal.bridgeInterface";
                    self.invalid(field, &path, "\"\"", "must not be empty");
                }
            }
            "InterfaceNamePrefix" => {
                if self.slots.text("detectLocal.interfaceNamePrefix").is_empty() {
                    let path = format!("{configuration}.InterfacePrefix");
                    let field = "detectLocal.interfaceNamePrefix";
                    self.invalid(field, &path, "\"\"", "must not be empty");
                }
            }
            mode => self.faults.push(Fault {
                message: format!(
                    "{ROOT}.DetectLocalMode: Unsupported value: {}: supported values: \"ClusterCIDR\", \"NodeCIDR\", \"BridgeInterface\", \"InterfaceNamePrefix\", \"\"",
                    quoted(mode)
                ),
                field: "detectLocalMode",
            }),
        }
    }

    fn cluster_ranges(&mut self) {
        let path = "DetectLocalConfiguration.ClusterCIDRs";
        let text = self.slots.text("clusterCIDR");
        if text.is_empty() {
            return;
        }
        let ranges: Vec<&str> = text.split(',').collect();
        let pair = "must be a either a single CIDR or dual-stack pair of CIDRs (e.g. [10.100.0.0/16, fde4:8dba:82e1::/48]";
        if ranges.len() > 2 {
            self.invalid("clusterCIDR", path, &quoted_list(&ranges), pair);
            return;
        }
        let families: Vec<Option<bool>> = ranges
            .iter()
            .map(|range| address::cidr_is_ipv4(range))
            .collect();
        for (index, (range, family)) in ranges.iter().zip(&families).enumerate() {
            if family.is_none() {
                let why = "must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)";
                self.invalid(
                    "clusterCIDR",
                    &format!("{path}[{index}]"),
                    &quoted(range),
                    why,
                );
            }
        }
        if let [Some(one), Some(other)] = families.as_slice()
            && one == other
        {
            self.invalid("clusterCIDR", path, &quoted_list(&ranges), pair);
        }
    }
}
