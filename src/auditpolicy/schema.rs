//! The Go structs of an audit policy: apiserver's pkg/apis/audit/v1/types.go.

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
const STAGES: Field = field("omitStages", Shape::TextsOf("v1.Stage"));
const NO_MANAGED_FIELDS: Field = field("omitManagedFields", Shape::Bool);

pub(super) static POLICY: Record = record(
    "Policy",
    &[
        field("kind", STRING),
        field("apiVersion", STRING),
        field("metadata", Shape::Record(&OBJECT_META)),
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
