//! What the clients of a cluster ask, and how often: how a call is described, and the calls of each node.

/// A call that a client makes again and again.
pub struct Call {
    pub verb: &'static str,
    /// Path and query, in which `{s}` is the namespace and `{n}` the name of whom it is about.
    pub uri: &'static str,
    /// Resource, group, version, subresource; no resource for a path that is none.
    pub object: [&'static str; 4],
    pub subject: Subject,
    /// Milliseconds from one to the next.
    pub every: u64,
    pub code: u16,
    pub body: Body,
    /// How much longer it takes than usual.
    pub slow: u64,
    /// Only when the client starts.
    pub at_start: bool,
}

/// Whom a call is about.
#[derive(Clone, Copy)]
pub enum Subject {
    Nothing,
    /// A namespace and a name, either of which may be empty.
    Fixed(&'static str, &'static str),
    Node,
    NodeLease,
    NodeEvent,
    /// The kube-proxy of the same node.
    KubeProxy,
    Pod,
}

/// What the policy logs beside the metadata.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Body {
    Nothing,
    /// Of about a KB.
    Event,
    /// Of some KB.
    Pod,
}

use Subject::{Fixed, KubeProxy, Node, NodeEvent, NodeLease, Nothing, Pod};

pub const APPS: &[&str] = &[
    "api", "web", "worker", "billing", "search", "cart", "mail", "cache", "login", "report",
];

pub const fn call(
    verb: &'static str,
    uri: &'static str,
    object: [&'static str; 4],
    subject: Subject,
    every: u64,
) -> Call {
    Call {
        verb,
        uri,
        object,
        subject,
        every,
        code: 200,
        body: Body::Nothing,
        slow: 0,
        at_start: false,
    }
}

/// How often does not count: a watch is opened anew when it ends.
pub const fn watch(uri: &'static str, object: [&'static str; 4], subject: Subject) -> Call {
    call("watch", uri, object, subject, 0)
}

impl Call {
    pub const fn answer(mut self, code: u16) -> Call {
        self.code = code;
        self
    }

    pub const fn body(mut self, body: Body) -> Call {
        self.body = body;
        self
    }

    pub const fn slow(mut self, slow: u64) -> Call {
        self.slow = slow;
        self
    }

    pub const fn at_start(mut self) -> Call {
        self.at_start = true;
        self
    }
}

pub const NODES: [&str; 4] = ["nodes", "", "v1", ""];
pub const SERVICES: [&str; 4] = ["services", "", "v1", ""];
pub const SLICES: [&str; 4] = ["endpointslices", "discovery.k8s.io", "v1", ""];
pub const CIDRS: [&str; 4] = ["servicecidrs", "networking.k8s.io", "v1", ""];
pub const LEASES: [&str; 4] = ["leases", "coordination.k8s.io", "v1", ""];
pub const EVENTS: [&str; 4] = ["events", "", "v1", ""];
pub const NEW_EVENTS: [&str; 4] = ["events", "events.k8s.io", "v1", ""];
pub const PODS: [&str; 4] = ["pods", "", "v1", ""];
pub const STATUS: [&str; 4] = ["pods", "", "v1", "status"];
pub const TOKENS: [&str; 4] = ["serviceaccounts", "", "v1", "token"];
pub const MAPS: [&str; 4] = ["configmaps", "", "v1", ""];
pub const SECRETS: [&str; 4] = ["secrets", "", "v1", ""];
pub const NO_RESOURCE: [&str; 4] = [""; 4];

pub const KUBE_PROXY: &[Call] = &[
    call("list", "/api/v1/nodes?fieldSelector=metadata.name%3D{n}\\u0026limit=500\\u0026resourceVersion=0", NODES, Node, 0).at_start(),
    call("list", "/api/v1/services?limit=500\\u0026resourceVersion=0", SERVICES, Nothing, 0).at_start(),
    call("list", "/apis/discovery.k8s.io/v1/endpointslices?labelSelector=%21service.kubernetes.io%2Fheadless\\u0026limit=500\\u0026resourceVersion=0", SLICES, Nothing, 0).at_start(),
    call("list", "/apis/networking.k8s.io/v1/servicecidrs?limit=500\\u0026resourceVersion=0", CIDRS, Nothing, 0).at_start(),
    call("create", "/apis/events.k8s.io/v1/namespaces/default/events", NEW_EVENTS, NodeEvent, 0).answer(201).body(Body::Event).at_start(),
    watch("/api/v1/nodes?allowWatchBookmarks=true\\u0026fieldSelector=metadata.name%3D{n}", NODES, Node),
    watch("/api/v1/services?allowWatchBookmarks=true\\u0026fieldSelector=spec.clusterIP%21%3DNone\\u0026labelSelector=%21service.kubernetes.io%2Fservice-proxy-name", SERVICES, Nothing),
    watch("/apis/discovery.k8s.io/v1/endpointslices?allowWatchBookmarks=true\\u0026labelSelector=%21service.kubernetes.io%2Fheadless", SLICES, Nothing),
    watch("/apis/networking.k8s.io/v1/servicecidrs?allowWatchBookmarks=true", CIDRS, Nothing),
];

pub const KUBELET: &[Call] = &[
    call(
        "update",
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{n}?timeout=10s",
        LEASES,
        NodeLease,
        10_000,
    ),
    call(
        "patch",
        "/api/v1/nodes/{n}/status?timeout=10s",
        ["nodes", "", "v1", "status"],
        Node,
        290_000,
    )
    .body(Body::Event),
    call("get", "/api/v1/namespaces/{s}/pods/{n}", PODS, Pod, 70_000),
    call(
        "patch",
        "/api/v1/namespaces/{s}/pods/{n}/status",
        STATUS,
        Pod,
        75_000,
    )
    .body(Body::Event),
    call(
        "get",
        "/api/v1/namespaces/kube-system/pods/{n}",
        PODS,
        KubeProxy,
        3_000_000,
    ),
    call(
        "patch",
        "/api/v1/namespaces/kube-system/pods/{n}/status",
        STATUS,
        KubeProxy,
        3_600_000,
    )
    .body(Body::Event),
    call(
        "create",
        "/api/v1/namespaces/kube-system/serviceaccounts/kube-proxy/token",
        TOKENS,
        Fixed("kube-system", "kube-proxy"),
        2_900_000,
    )
    .answer(201),
    call(
        "create",
        "/api/v1/namespaces/monitoring/serviceaccounts/node-exporter/token",
        TOKENS,
        Fixed("monitoring", "node-exporter"),
        2_900_000,
    )
    .answer(201),
    call(
        "create",
        "/api/v1/namespaces/{s}/events",
        EVENTS,
        Pod,
        240_000,
    )
    .answer(201),
    watch(
        "/api/v1/pods?allowWatchBookmarks=true\\u0026fieldSelector=spec.nodeName%3D{n}",
        PODS,
        Node,
    ),
    watch(
        "/api/v1/nodes?allowWatchBookmarks=true\\u0026fieldSelector=metadata.name%3D{n}",
        NODES,
        Node,
    ),
    watch(
        "/api/v1/services?allowWatchBookmarks=true",
        SERVICES,
        Nothing,
    ),
    watch(
        "/apis/storage.k8s.io/v1/csidrivers?allowWatchBookmarks=true",
        ["csidrivers", "storage.k8s.io", "v1", ""],
        Nothing,
    ),
    watch(
        "/apis/node.k8s.io/v1/runtimeclasses?allowWatchBookmarks=true",
        ["runtimeclasses", "node.k8s.io", "v1", ""],
        Nothing,
    ),
    watch(
        "/api/v1/namespaces/kube-system/configmaps?allowWatchBookmarks=true\\u0026fieldSelector=metadata.name%3Dkube-proxy",
        MAPS,
        Fixed("kube-system", "kube-proxy"),
    ),
    watch(
        "/api/v1/namespaces/kube-system/configmaps?allowWatchBookmarks=true\\u0026fieldSelector=metadata.name%3Dkube-root-ca.crt",
        MAPS,
        Fixed("kube-system", "kube-root-ca.crt"),
    ),
    watch(
        "/api/v1/namespaces/monitoring/configmaps?allowWatchBookmarks=true\\u0026fieldSelector=metadata.name%3Dkube-root-ca.crt",
        MAPS,
        Fixed("monitoring", "kube-root-ca.crt"),
    ),
    watch(
        "/api/v1/namespaces/team-1/secrets?allowWatchBookmarks=true\\u0026fieldSelector=metadata.name%3Dregistry",
        SECRETS,
        Fixed("team-1", "registry"),
    ),
    watch(
        "/api/v1/namespaces/team-4/configmaps?allowWatchBookmarks=true\\u0026fieldSelector=metadata.name%3Dsettings",
        MAPS,
        Fixed("team-4", "settings"),
    ),
];

pub const NETWORK: &[Call] = &[
    watch(
        "/apis/networking.k8s.io/v1/networkpolicies?allowWatchBookmarks=true",
        ["networkpolicies", "networking.k8s.io", "v1", ""],
        Nothing,
    ),
    watch(
        "/api/v1/namespaces?allowWatchBookmarks=true",
        ["namespaces", "", "v1", ""],
        Nothing,
    ),
    watch(
        "/api/v1/pods?allowWatchBookmarks=true\\u0026fieldSelector=spec.nodeName%3D{n}",
        PODS,
        Node,
    ),
    watch(
        "/apis/discovery.k8s.io/v1/endpointslices?allowWatchBookmarks=true",
        SLICES,
        Nothing,
    ),
    watch(
        "/apis/network.example.com/v1/pools?allowWatchBookmarks=true",
        ["pools", "network.example.com", "v1", ""],
        Nothing,
    ),
    call(
        "update",
        "/apis/network.example.com/v1/nodeblocks/{n}",
        ["nodeblocks", "network.example.com", "v1", ""],
        Node,
        120_000,
    ),
];
