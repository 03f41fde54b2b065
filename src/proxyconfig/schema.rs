//! The Go structs of kubeproxy.config.k8s.io/v1alpha1, their fields in the order of the documentation.
//!
//! Source: kube-proxy's config/v1alpha1/types.go and component-base's config and logs APIs.

use crate::golang::types::{Field, Record, Shape};

const fn field(key: &'static str, shape: Shape) -> Field {
    Field { key, shape }
}

const STRING: Shape = Shape::Text("string");

/// The fields that are pointers in Go: for them null or nothing is different from zero.
pub(super) const POINTERS: [&str; 8] = [
    "iptables.masqueradeBit",
    "iptables.localhostNodePorts",
    "nftables.masqueradeBit",
    "oomScoreAdj",
    "conntrack.maxPerCore",
    "conntrack.min",
    "conntrack.tcpEstablishedTimeout",
    "conntrack.tcpCloseWaitTimeout",
];

pub(super) static ROOT: Record = Record {
    name: "KubeProxyConfiguration",
    package: "v1alpha1",
    fields: &[
        field("kind", STRING),
        field("apiVersion", STRING),
        field("featureGates", Shape::Flags),
        field("clientConnection", Shape::Record(&CLIENT_CONNECTION)),
        field("logging", Shape::Record(&LOGGING)),
        field("hostnameOverride", STRING),
        field("bindAddress", STRING),
        field("healthzBindAddress", STRING),
        field("metricsBindAddress", STRING),
        field("bindAddressHardFail", Shape::Bool),
        field("enableProfiling", Shape::Bool),
        field("showHiddenMetricsForVersion", STRING),
        field("mode", Shape::Text("v1alpha1.ProxyMode")),
        field("iptables", Shape::Record(&IPTABLES)),
        field("ipvs", Shape::Record(&IPVS)),
        field("nftables", Shape::Record(&NFTABLES)),
        field("winkernel", Shape::Record(&WINKERNEL)),
        field("detectLocalMode", Shape::Text("v1alpha1.LocalMode")),
        field("detectLocal", Shape::Record(&DETECT_LOCAL)),
        field("clusterCIDR", STRING),
        field("nodePortAddresses", Shape::Texts),
        field("oomScoreAdj", Shape::Int32),
        field("conntrack", Shape::Record(&CONNTRACK)),
        field("configSyncPeriod", Shape::Duration),
        field("portRange", STRING),
        field("windowsRunAsService", Shape::Bool),
    ],
};

static CLIENT_CONNECTION: Record = Record {
    name: "ClientConnectionConfiguration",
    package: "v1alpha1",
    fields: &[
        field("kubeconfig", STRING),
        field("acceptContentTypes", STRING),
        field("contentType", STRING),
        field("qps", Shape::Float32),
        field("burst", Shape::Int32),
    ],
};

static LOGGING: Record = Record {
    name: "LoggingConfiguration",
    package: "v1",
    fields: &[
        field("format", STRING),
        field("flushFrequency", Shape::Flush),
        field("verbosity", Shape::Uint32("v1.VerbosityLevel")),
        field(
            "vmodule",
            Shape::Records("v1.VModuleConfiguration", &VMODULE_ITEM),
        ),
        field("options", Shape::Record(&LOG_OPTIONS)),
    ],
};

static VMODULE_ITEM: Record = Record {
    name: "VModuleItem",
    package: "v1",
    fields: &[
        field("filePattern", STRING),
        field("verbosity", Shape::Uint32("v1.VerbosityLevel")),
    ],
};

static LOG_OPTIONS: Record = Record {
    name: "FormatOptions",
    package: "v1",
    fields: &[
        field("text", Shape::Record(&TEXT_OPTIONS)),
        field("json", Shape::Record(&JSON_OPTIONS)),
    ],
};

static TEXT_OPTIONS: Record = Record {
    name: "TextOptions",
    package: "v1",
    fields: &[
        field("splitStream", Shape::Bool),
        field("infoBufferSize", Shape::Quantity),
    ],
};

static JSON_OPTIONS: Record = Record {
    name: "JSONOptions",
    package: "v1",
    fields: &[
        field("splitStream", Shape::Bool),
        field("infoBufferSize", Shape::Quantity),
    ],
};

static IPTABLES: Record = Record {
    name: "KubeProxyIPTablesConfiguration",
    package: "v1alpha1",
    fields: &[
        field("masqueradeBit", Shape::Int32),
        field("masqueradeAll", Shape::Bool),
        field("localhostNodePorts", Shape::Bool),
        field("syncPeriod", Shape::Duration),
        field("minSyncPeriod", Shape::Duration),
    ],
};

static IPVS: Record = Record {
    name: "KubeProxyIPVSConfiguration",
    package: "v1alpha1",
    fields: &[
        field("syncPeriod", Shape::Duration),
        field("minSyncPeriod", Shape::Duration),
        field("scheduler", STRING),
        field("excludeCIDRs", Shape::Texts),
        field("strictARP", Shape::Bool),
        field("tcpTimeout", Shape::Duration),
        field("tcpFinTimeout", Shape::Duration),
        field("udpTimeout", Shape::Duration),
    ],
};

static NFTABLES: Record = Record {
    name: "KubeProxyNFTablesConfiguration",
    package: "v1alpha1",
    fields: &[
        field("masqueradeBit", Shape::Int32),
        field("masqueradeAll", Shape::Bool),
        field("syncPeriod", Shape::Duration),
        field("minSyncPeriod", Shape::Duration),
    ],
};

static WINKERNEL: Record = Record {
    name: "KubeProxyWinkernelConfiguration",
    package: "v1alpha1",
    fields: &[
        field("networkName", STRING),
        field("sourceVip", STRING),
        field("enableDSR", Shape::Bool),
        field("rootHnsEndpointName", STRING),
        field("forwardHealthCheckVip", Shape::Bool),
    ],
};

static DETECT_LOCAL: Record = Record {
    name: "DetectLocalConfiguration",
    package: "v1alpha1",
    fields: &[
        field("bridgeInterface", STRING),
        field("interfaceNamePrefix", STRING),
    ],
};

static CONNTRACK: Record = Record {
    name: "KubeProxyConntrackConfiguration",
    package: "v1alpha1",
    fields: &[
        field("maxPerCore", Shape::Int32),
        field("min", Shape::Int32),
        field("tcpEstablishedTimeout", Shape::DurationPointer),
        field("tcpCloseWaitTimeout", Shape::DurationPointer),
        field("tcpBeLiberal", Shape::Bool),
        field("udpTimeout", Shape::Duration),
        field("udpStreamTimeout", Shape::Duration),
    ],
};
