//! Bindings of OpenShift's own API, `authorization.openshift.io/v1`: github.com/openshift/api's
//! authorization/v1/types.go. Its API server keeps them as those of RBAC. Roles differ from RBAC's in nothing that
//! is read here.

use super::read::{Refused, fits, items, named, refused, text, texts};
use super::{Binding, Doubt, Subject, Who, schema};
use crate::golang::text::quoted;
use crate::goyaml::Item;

/// The API group.
const GROUP: &str = "authorization.openshift.io";

/// Whether an API version is one of OpenShift's; releases before 4 had these objects in the core group, too, where
/// Kubernetes has none with their kinds.
pub(super) fn is_version(api_version: &str) -> bool {
    api_version == "v1" || is_group(api_version)
}

fn is_group(api_version: &str) -> bool {
    api_version.split_once('/').map(|(group, _)| group) == Some(GROUP)
}

/// Whether an API version has the fields that are read here.
pub(super) fn has_fields(api_version: &str) -> bool {
    matches!(api_version, "v1" | "authorization.openshift.io/v1")
}

/// A binding. Whom it names stands in `subjects`, `userNames` and `groupNames`. Which of them counts where they
/// differ is unsure, so that all do.
pub(super) fn binding(source: usize, object: &Item, cluster: bool) -> Result<Binding, Refused> {
    fits(&schema::OPENSHIFT_BINDING, object)?;
    let (name, scope) = named(object, cluster)?;
    let Some(reference) = object.get("roleRef").map(|entry| &entry.item) else {
        return Err(refused(
            object.line,
            "roleRef: Required value: name the role that is bound",
        ));
    };
    let role = text(reference, "name");
    if role.is_empty() {
        return Err(refused(reference.line, "roleRef.name: Required value"));
    }
    // A role of a namespace is told by the namespace; the kind need not be there.
    let of_cluster_role = match (text(reference, "kind"), text(reference, "namespace")) {
        _ if cluster => true,
        ("ClusterRole", _) | ("", "") => true,
        ("Role" | "", _) => false,
        (other, _) => {
            let message = format!("roleRef.kind: Unsupported value: {}", quoted(other));
            return Err(refused(reference.line, message));
        }
    };
    let mut subjects = Vec::new();
    for item in items(object, "subjects") {
        subjects.push((item.line, who(item, subjects.len(), cluster)?));
    }
    for (key, of) in [
        ("userNames", Who::User as fn(String) -> Who),
        ("groupNames", Who::Group),
    ] {
        let line = object.get(key).map_or(object.line, |entry| entry.item.line);
        let names = texts(object, key).into_iter();
        subjects.extend(names.map(|name| (line, of(name))));
    }
    let subject = |(index, (line, who))| Subject { index, line, who };
    Ok(Binding {
        source: Some(source),
        line: object.line,
        scope,
        name: name.to_owned(),
        of_cluster_role,
        role: role.to_owned(),
        subjects: subjects.into_iter().enumerate().map(subject).collect(),
        doubt: Some(Doubt::OpenShift),
    })
}

fn who(item: &Item, index: usize, cluster: bool) -> Result<Who, Refused> {
    let (name, namespace) = (text(item, "name"), text(item, "namespace"));
    match text(item, "kind") {
        _ if name.is_empty() => Err(refused(
            item.line,
            format!("subjects[{index}].name: Required value"),
        )),
        "User" | "SystemUser" => Ok(Who::User(name.to_owned())),
        "Group" | "SystemGroup" => Ok(Who::Group(name.to_owned())),
        "ServiceAccount" if namespace.is_empty() && cluster => Err(refused(
            item.line,
            format!(
                "subjects[{index}].namespace: Required value: a service account lies in a namespace"
            ),
        )),
        "ServiceAccount" => {
            let namespace = Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty());
            Ok(Who::Account(namespace, name.to_owned()))
        }
        other => Err(refused(
            item.line,
            format!(
                "subjects[{index}].kind: Unsupported value: {}",
                quoted(other)
            ),
        )),
    }
}
