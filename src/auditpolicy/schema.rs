//! The Go structs of an audit policy: apiserver's pkg/apis/audit/v1/types.go and apimachinery's ObjectMeta.

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
const STAGES: Field = field("omitStages", Shape::TextsOf("v1.Stage"));
const NO_MANAGED_FIELDS: Field = field("omitManagedFields", Shape::Bool);

pub(super) static POLICY: Record = record(
    "Policy",
    &[
        field("kind", STRING),
        field("apiVersion", STRING),
        field("metadata", Shape::Record(&METADATA)),
        field("rules", Shape::Records("[]v1.PolicyRule", &RULE)),
        STAGES,
        NO_MANAGED_FIELDS,
    ],
);

static RULE: Record = record(
    "PolicyRule",
    &[
        field("level", Shape::Text("v1.Level")),
        field("users", Shape::Texts),
        field("userGroups", Shape::Texts),
        field("verbs", Shape::Texts),
        field(
            "resources",
            Shape::Records("[]v1.GroupResources", &GROUP_RESOURCES),
        ),
        field("namespaces", Shape::Texts),
        field("nonResourceURLs", Shape::Texts),
        STAGES,
        NO_MANAGED_FIELDS,
    ],
);

static GROUP_RESOURCES: Record = record(
    "GroupResources",
    &[
        field("group", STRING),
        field("resources", Shape::Texts),
        field("resourceNames", Shape::Texts),
    ],
);

static METADATA: Record = record(
    "ObjectMeta",
    &[
        field("name", STRING),
        field("generateName", STRING),
        field("namespace", STRING),
        field("selfLink", STRING),
        field("uid", Shape::Text("types.UID")),
        field("resourceVersion", STRING),
        field("generation", Shape::Int64),
        field("creationTimestamp", Shape::Time),
        field("deletionTimestamp", Shape::Time),
        field("deletionGracePeriodSeconds", Shape::Int64),
        field("labels", Shape::TextMap),
        field("annotations", Shape::TextMap),
        field(
            "ownerReferences",
            Shape::Records("[]v1.OwnerReference", &OWNER),
        ),
        field("finalizers", Shape::Texts),
        field(
            "managedFields",
            Shape::Records("[]v1.ManagedFieldsEntry", &MANAGED_FIELDS),
        ),
    ],
);

static OWNER: Record = record(
    "OwnerReference",
    &[
        field("apiVersion", STRING),
        field("kind", STRING),
        field("name", STRING),
        field("uid", Shape::Text("types.UID")),
        field("controller", Shape::Bool),
        field("blockOwnerDeletion", Shape::Bool),
    ],
);

static MANAGED_FIELDS: Record = record(
    "ManagedFieldsEntry",
    &[
        field("manager", STRING),
        field("operation", Shape::Text("v1.ManagedFieldsOperationType")),
        field("apiVersion", STRING),
        field("time", Shape::Time),
        field("fieldsType", STRING),
        field("fieldsV1", Shape::Any),
        field("subresource", STRING),
    ],
);
