//! What those ask that a cluster has once or a few times.

use super::calls::Subject::{Fixed, Nothing, Pod};
use super::calls::{
    Body, CIDRS, Call, LEASES, MAPS, NEW_EVENTS, NO_RESOURCE, NODES, PODS, SECRETS, SERVICES,
    SLICES, STATUS, TOKENS, call, watch,
};

pub const SCHEDULER: &[Call] = &[
    call(
        "update",
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler?timeout=5s",
        LEASES,
        Fixed("kube-system", "kube-scheduler"),
        2_000,
    ),
    call(
        "create",
        "/api/v1/namespaces/{s}/pods/{n}/binding",
        ["pods", "", "v1", "binding"],
        Pod,
        900,
    )
    .answer(201),
    call(
        "create",
        "/apis/events.k8s.io/v1/namespaces/{s}/events",
        NEW_EVENTS,
        Pod,
        900,
    )
    .answer(201),
    call(
        "patch",
        "/api/v1/namespaces/{s}/pods/{n}/status",
        STATUS,
        Pod,
        8_000,
    ),
    watch(
        "/api/v1/pods?allowWatchBookmarks=true\\u0026fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed",
        PODS,
        Nothing,
    ),
    watch("/api/v1/nodes?allowWatchBookmarks=true", NODES, Nothing),
];

pub const MANAGER: &[Call] = &[
    call(
        "update",
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s",
        LEASES,
        Fixed("kube-system", "kube-controller-manager"),
        2_000,
    ),
    call(
        "create",
        "/api/v1/namespaces/{s}/serviceaccounts/default/token",
        TOKENS,
        Fixed("kube-system", "default"),
        30_000,
    )
    .answer(201),
    call("get", "/apis", NO_RESOURCE, Nothing, 30_000),
    watch("/api/v1/secrets?allowWatchBookmarks=true", SECRETS, Nothing),
    watch(
        "/apis/apps/v1/daemonsets?allowWatchBookmarks=true",
        ["daemonsets", "apps", "v1", ""],
        Nothing,
    ),
];

pub const REPLICAS: &[Call] = &[
    call("create", "/api/v1/namespaces/{s}/pods", PODS, Pod, 1_100)
        .answer(201)
        .body(Body::Pod),
    call(
        "delete",
        "/api/v1/namespaces/{s}/pods/{n}",
        PODS,
        Pod,
        1_300,
    )
    .body(Body::Pod),
    call(
        "update",
        "/apis/apps/v1/namespaces/{s}/replicasets/{n}/status",
        ["replicasets", "apps", "v1", "status"],
        Pod,
        700,
    )
    .body(Body::Event),
];

pub const ENDPOINTS: &[Call] = &[
    call(
        "update",
        "/apis/discovery.k8s.io/v1/namespaces/{s}/endpointslices/{n}",
        SLICES,
        Pod,
        400,
    ),
    call(
        "create",
        "/apis/discovery.k8s.io/v1/namespaces/{s}/endpointslices",
        SLICES,
        Pod,
        60_000,
    )
    .answer(201),
];

pub const DAEMONS: &[Call] = &[
    call(
        "update",
        "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy/status",
        ["daemonsets", "apps", "v1", "status"],
        Fixed("kube-system", "kube-proxy"),
        40_000,
    )
    .body(Body::Event),
    call(
        "create",
        "/apis/apps/v1/namespaces/kube-system/controllerrevisions",
        ["controllerrevisions", "apps", "v1", ""],
        Fixed("kube-system", "kube-proxy-84d9bcf7d"),
        3_600_000,
    )
    .answer(201)
    .body(Body::Pod),
];

pub const OPERATOR: &[Call] = &[
    call("get", "/apis/coordination.k8s.io/v1/namespaces/operators/leases/leader", LEASES, Fixed("operators", "leader"), 2_000),
    call("update", "/apis/coordination.k8s.io/v1/namespaces/operators/leases/leader", LEASES, Fixed("operators", "leader"), 2_000),
    call("list", "/apis/example.com/v1beta1/databases?limit=500", ["databases", "example.com", "v1beta1", ""], Nothing, 60_000).slow(30),
    call("patch", "/apis/example.com/v1beta1/namespaces/{s}/databases/{n}/status?fieldManager=operator\\u0026force=true", ["databases", "example.com", "v1beta1", "status"], Pod, 15_000).body(Body::Event),
    call("get", "/api/v1/namespaces/{s}/secrets/{n}", SECRETS, Pod, 20_000),
    call("get", "/api/v1/namespaces/{s}/configmaps/{n}", MAPS, Pod, 25_000).answer(404),
    watch("/apis/example.com/v1beta1/databases?allowWatchBookmarks=true", ["databases", "example.com", "v1beta1", ""], Nothing),
    watch("/api/v1/secrets?allowWatchBookmarks=true\\u0026labelSelector=app.kubernetes.io%2Fmanaged-by%3Doperator", SECRETS, Nothing),
];

pub const API_SERVER: &[Call] = &[
    call(
        "get",
        "/api/v1/namespaces/kube-system",
        ["namespaces", "", "v1", ""],
        Fixed("kube-system", "kube-system"),
        10_000,
    ),
    call(
        "get",
        "/api/v1/namespaces/default/services/kubernetes",
        SERVICES,
        Fixed("default", "kubernetes"),
        10_000,
    ),
    call(
        "update",
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/apiserver-wlv32tlttr4jl3gtroqexyxapa",
        LEASES,
        Fixed("kube-system", "apiserver-wlv32tlttr4jl3gtroqexyxapa"),
        10_000,
    ),
    watch(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles?allowWatchBookmarks=true",
        ["clusterroles", "rbac.authorization.k8s.io", "v1", ""],
        Nothing,
    ),
    watch(
        "/api/v1/resourcequotas?allowWatchBookmarks=true",
        ["resourcequotas", "", "v1", ""],
        Nothing,
    ),
    watch(
        "/apis/networking.k8s.io/v1/servicecidrs?allowWatchBookmarks=true",
        CIDRS,
        Nothing,
    ),
];

pub const NAMES: &[Call] = &[
    watch(
        "/apis/discovery.k8s.io/v1/endpointslices?allowWatchBookmarks=true",
        SLICES,
        Nothing,
    ),
    watch(
        "/api/v1/services?allowWatchBookmarks=true",
        SERVICES,
        Nothing,
    ),
    watch(
        "/api/v1/namespaces?allowWatchBookmarks=true",
        ["namespaces", "", "v1", ""],
        Nothing,
    ),
];

pub const METRICS: &[Call] = &[
    call(
        "create",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        ["subjectaccessreviews", "authorization.k8s.io", "v1", ""],
        Nothing,
        5_000,
    )
    .answer(201),
    call("get", "/metrics", NO_RESOURCE, Nothing, 15_000).slow(60),
    call(
        "list",
        "/api/v1/endpoints?limit=500",
        ["endpoints", "", "v1", ""],
        Nothing,
        300_000,
    ),
    watch("/api/v1/pods?allowWatchBookmarks=true", PODS, Nothing),
];

pub const PERSON: &[Call] = &[
    call("get", "/openapi/v3?timeout=32s", NO_RESOURCE, Nothing, 240_000),
    call("list", "/api/v1/namespaces/team-3/pods?limit=500", PODS, Fixed("team-3", ""), 25_000).slow(10),
    call("list", "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-proxy\\u0026limit=500", PODS, Fixed("kube-system", ""), 600_000).slow(10),
    call("get", "/api/v1/namespaces/{s}/pods/{n}", PODS, Pod, 40_000),
    call("get", "/api/v1/namespaces/{s}/pods/{n}/log?container=main\\u0026follow=true", ["pods", "", "v1", "log"], Pod, 90_000).slow(900),
    call("create", "/api/v1/namespaces/{s}/pods/{n}/exec?command=sh\\u0026container=main\\u0026stdin=true\\u0026stdout=true\\u0026tty=true", ["pods", "", "v1", "exec"], Pod, 500_000).answer(101),
    call("patch", "/apis/apps/v1/namespaces/{s}/deployments/{n}?fieldManager=kubectl-client-side-apply\\u0026fieldValidation=Strict", ["deployments", "apps", "v1", ""], Pod, 150_000).body(Body::Pod),
    call("get", "/api/v1/namespaces/{s}/secrets/{n}", SECRETS, Pod, 700_000).answer(403),
];

pub const PIPELINE: &[Call] = &[
    call(
        "patch",
        "/apis/apps/v1/namespaces/{s}/deployments/{n}?fieldManager=pipeline\\u0026force=true",
        ["deployments", "apps", "v1", ""],
        Pod,
        20_000,
    )
    .body(Body::Pod),
    call(
        "list",
        "/api/v1/namespaces/kube-system/secrets?limit=500",
        SECRETS,
        Fixed("kube-system", ""),
        60_000,
    )
    .answer(403),
    call(
        "get",
        "/apis/apps/v1/namespaces/{s}/deployments/{n}",
        ["deployments", "apps", "v1", ""],
        Pod,
        4_000,
    ),
];

pub const PROBE: &[Call] = &[
    call("get", "/readyz", NO_RESOURCE, Nothing, 1_000),
    call(
        "get",
        "/livez?exclude=etcd\\u0026exclude=kms-provider-0",
        NO_RESOURCE,
        Nothing,
        10_000,
    ),
];

pub const STRANGER: &[Call] = &[call(
    "list",
    "/api/v1/secrets?limit=500",
    SECRETS,
    Nothing,
    45_000,
)
.answer(401)];
