//! The Go structs of RBAC's objects: k8s.io/api/rbac/v1/types.go, and apimachinery's LabelSelector.

use crate::golang::meta::OBJECT_META;
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
const KIND: Field = field("kind", STRING);
const VERSION: Field = field("apiVersion", STRING);
const METADATA: Field = field("metadata", Shape::Record(&OBJECT_META));
const RULES: Field = field("rules", Shape::Records("[]v1.PolicyRule", &RULE));
const SUBJECTS: Field = field("subjects", Shape::Records("[]v1.Subject", &SUBJECT));
const ROLE_REF: Field = field("roleRef", Shape::Record(&REFERENCE));

pub(super) static CLUSTER_ROLE: Record = record(
    "ClusterRole",
    &[
        KIND,
        VERSION,
        METADATA,
        RULES,
        field("aggregationRule", Shape::Record(&AGGREGATION)),
    ],
);

pub(super) static ROLE: Record = record("Role", &[KIND, VERSION, METADATA, RULES]);

pub(super) static CLUSTER_ROLE_BINDING: Record = record(
    "ClusterRoleBinding",
    &[KIND, VERSION, METADATA, SUBJECTS, ROLE_REF],
);

pub(super) static ROLE_BINDING: Record = record(
    "RoleBinding",
    &[KIND, VERSION, METADATA, SUBJECTS, ROLE_REF],
);

/// Both kinds of OpenShift's own bindings.
pub(super) static OPENSHIFT_BINDING: Record = record(
    "RoleBinding",
    &[
        KIND,
        VERSION,
        METADATA,
        field("userNames", Shape::Texts),
        field("groupNames", Shape::Texts),
        field(
            "subjects",
            Shape::Records("[]v1.ObjectReference", &OBJECT_REFERENCE),
        ),
        field("roleRef", Shape::Record(&OBJECT_REFERENCE)),
    ],
);

static OBJECT_REFERENCE: Record = record(
    "ObjectReference",
    &[
        KIND,
        VERSION,
        field("name", STRING),
        field("namespace", STRING),
    ],
);

static RULE: Record = record(
    "PolicyRule",
    &[
        field("verbs", Shape::Texts),
        field("apiGroups", Shape::Texts),
        field("resources", Shape::Texts),
        field("resourceNames", Shape::Texts),
        field("nonResourceURLs", Shape::Texts),
    ],
);

static SUBJECT: Record = record(
    "Subject",
    &[
        KIND,
        field("apiGroup", STRING),
        field("name", STRING),
        field("namespace", STRING),
    ],
);

static REFERENCE: Record = record(
    "RoleRef",
    &[field("apiGroup", STRING), KIND, field("name", STRING)],
);

static AGGREGATION: Record = record(
    "AggregationRule",
    &[field(
        "clusterRoleSelectors",
        Shape::Records("[]v1.LabelSelector", &SELECTOR),
    )],
);

static SELECTOR: Record = record(
    "LabelSelector",
    &[
        field("matchLabels", Shape::TextMap),
        field(
            "matchExpressions",
            Shape::Records("[]v1.LabelSelectorRequirement", &REQUIREMENT),
        ),
    ],
);

static REQUIREMENT: Record = record(
    "LabelSelectorRequirement",
    &[
        field("key", STRING),
        field("operator", Shape::Text("v1.LabelSelectorOperator")),
        field("values", Shape::Texts),
    ],
);
