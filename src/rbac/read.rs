//! Reading roles and bindings, and what the API server refuses in them: k8s.io/kubernetes'
//! pkg/apis/rbac/validation/validation.go and pkg/apis/rbac/v1/defaults.go.

use super::doubt::is_being_deleted;
use super::selector::selector;
use super::{Binding, Doubt, Objects, Role, Rule, Scope, Subject, Who, openshift, schema};
use crate::golang::text::quoted;
use crate::golang::types::{self, Record};
use crate::goyaml::{Data, Item};

/// The API group of RBAC's objects.
const GROUP: &str = "rbac.authorization.k8s.io";
/// The versions with these fields; 1.22 took v1beta1 away, which manifests may still name.
const VERSIONS: [&str; 2] = [
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
];
const KINDS: [&str; 4] = ["ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding"];

/// Why an object cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong, and what to do.
    pub message: String,
    /// Line of what is wrong, counted from 1.
    pub line: usize,
}

/// Whether an object is a role or a binding, of whatever version.
pub fn is_rbac(api_version: &str, kind: &str) -> bool {
    let group = api_version.split_once('/').map(|(group, _)| group);
    (group == Some(GROUP) || openshift::is_version(api_version)) && KINDS.contains(&kind)
}

impl Role {
    /// A role of which only the name is known, and why.
    pub fn unread(source: usize, line: usize, scope: Scope, name: &str, why: String) -> Role {
        Role {
            source: Some(source),
            line,
            scope,
            name: name.to_owned(),
            labels: [].into(),
            rules: Vec::new(),
            aggregates: None,
            open: Some(why),
            doubt: None,
        }
    }
}

impl Objects {
    /// Adds one object; what is neither a role nor a binding is left out. `source` is the caller's number for it.
    /// An item of a typed list has its version and kind from the list.
    ///
    /// # Errors
    /// When the API server would refuse it.
    pub fn add(
        &mut self,
        source: usize,
        (version, kind): (&str, &str),
        object: &Item,
    ) -> Result<(), Refused> {
        if !is_rbac(version, kind) {
            return Ok(());
        }
        if !VERSIONS.contains(&version) && !openshift::has_fields(version) {
            return Err(refused(
                object.line,
                format!(
                    "the API server knows no {kind} of version {}; write apiVersion: {GROUP}/v1",
                    quoted(version)
                ),
            ));
        }
        let of_openshift = openshift::is_version(version);
        let doubt = if of_openshift {
            Some(Doubt::OpenShift)
        } else {
            is_being_deleted(object).then_some(Doubt::Deleted)
        };
        let cluster = kind.starts_with("Cluster");
        if kind.ends_with("Role") {
            let role = role(source, object, cluster)?;
            self.roles.push(Role { doubt, ..role });
        } else {
            let read = if of_openshift {
                openshift::binding
            } else {
                binding
            };
            let binding = read(source, object, cluster)?;
            self.bindings.push(Binding { doubt, ..binding });
        }
        Ok(())
    }
}

pub(super) fn refused(line: usize, message: impl Into<String>) -> Refused {
    Refused {
        message: message.into(),
        line,
    }
}

/// The value of a key as a text; empty where there is none, as in Go.
pub(super) fn text<'i>(item: &'i Item, key: &str) -> &'i str {
    let value = item.get(key).and_then(|entry| entry.item.text());
    value.unwrap_or_default()
}

pub(super) fn fits(record: &Record, object: &Item) -> Result<(), Refused> {
    let checked = types::check(record, object);
    // Unknown and doubled keys are kubectl's affair: the API server drops them, or refuses the request.
    checked
        .map(|_| ())
        .map_err(|misfit| refused(misfit.line, misfit.message))
}

pub(super) fn items<'i>(item: &'i Item, key: &str) -> &'i [Item] {
    item.get(key).map_or(&[], |entry| entry.item.items())
}

/// Null in a list of strings is an empty one to Go.
pub(super) fn texts(item: &Item, key: &str) -> Vec<String> {
    let each = items(item, key).iter();
    each.map(|item| item.text().unwrap_or_default().to_owned())
        .collect()
}

/// The object's name and the namespace that it names.
pub(super) fn named(object: &Item, cluster: bool) -> Result<(&str, Scope), Refused> {
    let metadata = object.get("metadata").map(|entry| &entry.item);
    let name = metadata.map_or("", |metadata| text(metadata, "name"));
    if name.is_empty() {
        let line = metadata.map_or(object.line, |metadata| metadata.line);
        return Err(refused(
            line,
            "metadata.name: Required value: give the object a name",
        ));
    }
    let scope = match metadata.map_or("", |metadata| text(metadata, "namespace")) {
        // kubectl drops the namespace of what has none.
        _ if cluster => Scope::Cluster,
        "" => Scope::Unsaid,
        namespace => Scope::Namespace(namespace.to_owned()),
    };
    Ok((name, scope))
}

fn role(source: usize, object: &Item, cluster: bool) -> Result<Role, Refused> {
    let record = if cluster {
        &schema::CLUSTER_ROLE
    } else {
        &schema::ROLE
    };
    fits(record, object)?;
    let (name, scope) = named(object, cluster)?;
    let labels = object
        .get("metadata")
        .and_then(|metadata| metadata.item.get("labels"))
        .map_or(&[][..], |labels| labels.item.entries());
    let aggregation = object.get("aggregationRule").map(|entry| &entry.item);
    let aggregates = match aggregation.filter(|item| item.data != Data::Null) {
        Some(item) => Some(
            items(item, "clusterRoleSelectors")
                .iter()
                .map(selector)
                .collect::<Result<_, _>>()?,
        ),
        None => None,
    };
    let rules = items(object, "rules").iter().enumerate();
    Ok(Role {
        source: Some(source),
        line: object.line,
        scope,
        name: name.to_owned(),
        labels: labels
            .iter()
            .map(|entry| {
                (
                    entry.key.clone(),
                    entry.item.text().unwrap_or_default().to_owned(),
                )
            })
            .collect(),
        rules: rules
            .map(|(index, item)| rule(item, index, cluster))
            .collect::<Result<_, _>>()?,
        aggregates,
        open: None,
        doubt: None,
    })
}

fn rule(item: &Item, index: usize, cluster: bool) -> Result<Rule, Refused> {
    let rule = Rule {
        line: item.line,
        verbs: texts(item, "verbs"),
        groups: texts(item, "apiGroups"),
        resources: texts(item, "resources"),
        names: texts(item, "resourceNames"),
        urls: texts(item, "nonResourceURLs"),
    };
    let wrong = |field: &str, why: &str| {
        let message = format!("rules[{index}].{field}: {why}");
        Err(refused(item.line, message))
    };
    if rule.verbs.is_empty() {
        return wrong(
            "verbs",
            "Required value: verbs must contain at least one value",
        );
    }
    if !rule.urls.is_empty() {
        let field = "nonResourceURLs";
        if !cluster {
            return wrong(field, "namespaced rules cannot apply to non-resource URLs");
        }
        if !(rule.groups.is_empty() && rule.resources.is_empty() && rule.names.is_empty()) {
            return wrong(
                field,
                "rules cannot apply to both regular resources and non-resource URLs",
            );
        }
        return Ok(rule);
    }
    if rule.groups.is_empty() {
        return wrong(
            "apiGroups",
            "Required value: resource rules must supply at least one api group",
        );
    }
    if rule.resources.is_empty() {
        return wrong(
            "resources",
            "Required value: resource rules must supply at least one resource",
        );
    }
    if !rule.names.is_empty() && rule.resources.len() > 1 {
        return wrong(
            "resourceNames",
            "Required value: resource names cannot apply to multiple resources",
        );
    }
    Ok(rule)
}

fn binding(source: usize, object: &Item, cluster: bool) -> Result<Binding, Refused> {
    let record = if cluster {
        &schema::CLUSTER_ROLE_BINDING
    } else {
        &schema::ROLE_BINDING
    };
    fits(record, object)?;
    let (name, scope) = named(object, cluster)?;
    let Some(reference) = object.get("roleRef").map(|entry| &entry.item) else {
        return Err(refused(
            object.line,
            "roleRef: Required value: name the role that is bound",
        ));
    };
    let wrong = |field: &str, value: &str, supported: &str| {
        let message = format!(
            "roleRef.{field}: Unsupported value: {}: supported values: {supported}",
            quoted(value)
        );
        Err(refused(reference.line, message))
    };
    match text(reference, "apiGroup") {
        "" | GROUP => {}
        other => return wrong("apiGroup", other, GROUP),
    }
    let of_cluster_role = match text(reference, "kind") {
        "ClusterRole" => true,
        "Role" if !cluster => false,
        other if cluster => return wrong("kind", other, "ClusterRole"),
        other => return wrong("kind", other, "Role, ClusterRole"),
    };
    let role = text(reference, "name");
    if role.is_empty() {
        return Err(refused(reference.line, "roleRef.name: Required value"));
    }
    let subjects = items(object, "subjects").iter().enumerate();
    Ok(Binding {
        source: Some(source),
        line: object.line,
        scope,
        name: name.to_owned(),
        of_cluster_role,
        role: role.to_owned(),
        subjects: subjects
            .map(|(index, item)| subject(item, index, cluster))
            .collect::<Result<_, _>>()?,
        doubt: None,
    })
}

fn subject(item: &Item, index: usize, cluster: bool) -> Result<Subject, Refused> {
    let wrong = |field: &str, why: String| {
        let message = format!("subjects[{index}].{field}: {why}");
        Err(refused(item.line, message))
    };
    let name = text(item, "name");
    if name.is_empty() {
        return wrong("name", "Required value".to_owned());
    }
    let (kind, group, namespace) = (
        text(item, "kind"),
        text(item, "apiGroup"),
        text(item, "namespace"),
    );
    let expected = if kind == "ServiceAccount" { "" } else { GROUP };
    // An apiGroup that is not given becomes the expected one.
    let foreign = !group.is_empty() && group != expected;
    let who = match kind {
        "User" | "Group" | "ServiceAccount" if foreign => {
            let why = format!(
                "Unsupported value: {}: supported values: {}",
                quoted(group),
                quoted(expected)
            );
            return wrong("apiGroup", why);
        }
        "User" => Who::User(name.to_owned()),
        "Group" => Who::Group(name.to_owned()),
        "ServiceAccount" if namespace.is_empty() && cluster => {
            let why = "Required value: a service account lies in a namespace".to_owned();
            return wrong("namespace", why);
        }
        "ServiceAccount" => {
            let namespace = Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty());
            Who::Account(namespace, name.to_owned())
        }
        other => {
            let why = format!(
                "Unsupported value: {}: supported values: ServiceAccount, User, Group",
                quoted(other)
            );
            return wrong("kind", why);
        }
    };
    Ok(Subject {
        index,
        line: item.line,
        who,
    })
}
