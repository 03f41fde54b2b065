//! The Go struct that every object of the API has: apimachinery's pkg/apis/meta/v1/types.go.

use super::types::{Field, Record, Shape};

const fn field(key: &'static str, shape: Shape) -> Field {
    Field { key, shape }
}

/// `metav1.ObjectMeta`
pub static OBJECT_META: Record = Record {
    name: "ObjectMeta",
    package: "v1",
    fields: &[
        field("name", Shape::Text("string")),
        field("generateName", Shape::Text("string")),
        field("namespace", Shape::Text("string")),
        field("selfLink", Shape::Text("string")),
        field("uid", Shape::Text("types.UID")),
        field("resourceVersion", Shape::Text("string")),
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
};

static OWNER: Record = Record {
    name: "OwnerReference",
    package: "v1",
    fields: &[
        field("apiVersion", Shape::Text("string")),
        field("kind", Shape::Text("string")),
        field("name", Shape::Text("string")),
        field("uid", Shape::Text("types.UID")),
        field("controller", Shape::Bool),
        field("blockOwnerDeletion", Shape::Bool),
    ],
};

static MANAGED_FIELDS: Record = Record {
    name: "ManagedFieldsEntry",
    package: "v1",
    fields: &[
        field("manager", Shape::Text("string")),
        field("operation", Shape::Text("v1.ManagedFieldsOperationType")),
        field("apiVersion", Shape::Text("string")),
        field("time", Shape::Time),
        field("fieldsType", Shape::Text("string")),
        field("fieldsV1", Shape::Any),
        field("subresource", Shape::Text("string")),
    ],
};
