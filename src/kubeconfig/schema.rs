//! The Go structs of a kubeconfig: client-go's tools/clientcmd/api/v1/types.go.

use crate::golang::types::{Field, Record, Shape};

const fn field(key: &'static str, shape: Shape) -> Field {
    Field { key, shape }
}

const fn record(name: &'static str, fields: &'static [Field]) -> Record {
    Record {
        name,
        package: "v1",
        fields,
    }
}

const STRING: Shape = Shape::Text("string");
const EXTENSIONS: Field = field(
    "extensions",
    Shape::Records("[]v1.NamedExtension", &NAMED_EXTENSION),
);

pub(super) static CONFIG: Record = record(
    "Config",
    &[
        field("kind", STRING),
        field("apiVersion", STRING),
        field("preferences", Shape::Record(&PREFERENCES)),
        field(
            "clusters",
            Shape::Records("[]v1.NamedCluster", &NAMED_CLUSTER),
        ),
        field("users", Shape::Records("[]v1.NamedAuthInfo", &NAMED_USER)),
        field(
            "contexts",
            Shape::Records("[]v1.NamedContext", &NAMED_CONTEXT),
        ),
        field("current-context", STRING),
        EXTENSIONS,
    ],
);

static NAMED_EXTENSION: Record = record(
    "NamedExtension",
    &[field("name", STRING), field("extension", Shape::Any)],
);

static PREFERENCES: Record = record("Preferences", &[field("colors", Shape::Bool), EXTENSIONS]);

static NAMED_CLUSTER: Record = record(
    "NamedCluster",
    &[
        field("name", STRING),
        field("cluster", Shape::Record(&CLUSTER)),
    ],
);

static CLUSTER: Record = record(
    "Cluster",
    &[
        field("server", STRING),
        field("tls-server-name", STRING),
        field("insecure-skip-tls-verify", Shape::Bool),
        field("certificate-authority", STRING),
        field("certificate-authority-data", Shape::Bytes),
        field("proxy-url", STRING),
        field("disable-compression", Shape::Bool),
        EXTENSIONS,
    ],
);

static NAMED_USER: Record = record(
    "NamedAuthInfo",
    &[field("name", STRING), field("user", Shape::Record(&USER))],
);

static USER: Record = record(
    "AuthInfo",
    &[
        field("client-certificate", STRING),
        field("client-certificate-data", Shape::Bytes),
        field("client-key", STRING),
        field("client-key-data", Shape::Bytes),
        field("token", STRING),
        field("tokenFile", STRING),
        field("as", STRING),
        field("as-uid", STRING),
        field("as-groups", Shape::Texts),
        field("as-user-extra", Shape::TextsMap),
        field("username", STRING),
        field("password", STRING),
        field("auth-provider", Shape::Record(&AUTH_PROVIDER)),
        field("exec", Shape::Record(&EXEC)),
        EXTENSIONS,
    ],
);

static AUTH_PROVIDER: Record = record(
    "AuthProviderConfig",
    &[field("name", STRING), field("config", Shape::TextMap)],
);

static EXEC: Record = record(
    "ExecConfig",
    &[
        field("command", STRING),
        field("args", Shape::Texts),
        field("env", Shape::Records("[]v1.ExecEnvVar", &EXEC_ENV)),
        field("apiVersion", STRING),
        field("installHint", STRING),
        field("provideClusterInfo", Shape::Bool),
        field("interactiveMode", Shape::Text("v1.ExecInteractiveMode")),
    ],
);

static EXEC_ENV: Record = record(
    "ExecEnvVar",
    &[field("name", STRING), field("value", STRING)],
);

static NAMED_CONTEXT: Record = record(
    "NamedContext",
    &[
        field("name", STRING),
        field("context", Shape::Record(&CONTEXT)),
    ],
);

static CONTEXT: Record = record(
    "Context",
    &[
        field("cluster", STRING),
        field("user", STRING),
        field("namespace", STRING),
        EXTENSIONS,
    ],
);
