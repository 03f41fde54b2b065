//! A small world: everything that can be asked for in it, one by one.

use tighten::auditpolicy::{Request, Resource, Target};

/// The last of each list but of the names is what no rule of the random roles names.
pub const VERBS: [&str; 4] = ["get", "list", "escalate", "other-verb"];
pub const GROUPS: [&str; 3] = ["", "apps", "other-group"];
pub const RESOURCES: [&str; 4] = ["services", "secrets", "pods", "other-resource"];
pub const SUBRESOURCES: [&str; 3] = ["", "log", "other-subresource"];
pub const NAMES: [&str; 3] = ["", "one", "two"];
/// The empty one is what lies in no namespace.
pub const NAMESPACES: [&str; 3] = ["", "default", "other-namespace"];
pub const PATHS: [&str; 5] = ["/", "/version", "/version/more", "/metrics", "/other"];

/// One thing that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    Resource {
        verb: &'static str,
        group: &'static str,
        resource: &'static str,
        subresource: &'static str,
        name: &'static str,
        namespace: &'static str,
    },
    Path {
        verb: &'static str,
        path: &'static str,
    },
}

/// All that there is.
pub fn permissions() -> Vec<Permission> {
    let mut all = Vec::new();
    for verb in VERBS {
        all.extend(PATHS.map(|path| Permission::Path { verb, path }));
        for group in GROUPS {
            for resource in RESOURCES {
                for subresource in SUBRESOURCES {
                    for name in NAMES {
                        all.extend(NAMESPACES.map(|namespace| Permission::Resource {
                            verb,
                            group,
                            resource,
                            subresource,
                            name,
                            namespace,
                        }));
                    }
                }
            }
        }
    }
    all
}

/// kube-proxy's identities: each a user and its groups.
pub fn identities() -> Vec<(String, Vec<String>)> {
    let all: [(&str, &[&str]); 2] = [
        (
            "system:kube-proxy",
            &["system:node-proxier", "system:authenticated"],
        ),
        (
            "system:serviceaccount:kube-system:kube-proxy",
            &[
                "system:serviceaccounts",
                "system:serviceaccounts:kube-system",
                "system:authenticated",
            ],
        ),
    ];
    let owned = |groups: &[&str]| groups.iter().map(|group| (*group).to_owned()).collect();
    all.iter()
        .map(|(user, groups)| ((*user).to_owned(), owned(groups)))
        .collect()
}

/// The identities, and somebody else.
pub fn users() -> Vec<(String, Vec<String>)> {
    let mut users = identities();
    users.push((
        "system:serviceaccount:default:kube-proxy".to_owned(),
        vec!["system:serviceaccounts".to_owned()],
    ));
    users
}

fn one_of<const N: usize>(all: [&'static str; N], text: &str) -> &'static str {
    all.into_iter()
        .find(|held| *held == text)
        .expect("of this world")
}

impl Permission {
    /// kube-proxy asks for it.
    pub fn is_needed(&self) -> bool {
        match self {
            Permission::Path { .. } => false,
            Permission::Resource {
                verb,
                group,
                resource,
                subresource,
                name,
                namespace,
            } => {
                let plain = group.is_empty() && subresource.is_empty();
                let of_cluster = namespace.is_empty();
                plain
                    && (*verb == "list" && *resource == "services" && of_cluster && name.is_empty()
                        || *verb == "get" && *resource == "pods" && !name.is_empty() && of_cluster
                        || *verb == "get"
                            && *resource == "services"
                            && *namespace == "default"
                            && name.is_empty())
            }
        }
    }

    /// Somebody asks for it.
    pub fn request(&self, user: &str, groups: &[String]) -> Request {
        let (verb, target) = match self {
            Permission::Path { verb, path } => (verb, Target::Path((*path).to_owned())),
            Permission::Resource {
                verb,
                group,
                resource,
                subresource,
                name,
                namespace,
            } => (
                verb,
                Target::Resource(Resource {
                    group: (*group).to_owned(),
                    resource: (*resource).to_owned(),
                    subresource: (*subresource).to_owned(),
                    name: (*name).to_owned(),
                    namespace: (*namespace).to_owned(),
                }),
            ),
        };
        Request {
            user: user.to_owned(),
            groups: groups.to_vec(),
            verb: (*verb).to_owned(),
            target,
        }
    }

    /// What a request asks for.
    pub fn of(request: &Request) -> Permission {
        let verb = one_of(VERBS, &request.verb);
        match &request.target {
            Target::Path(path) => Permission::Path {
                verb,
                path: one_of(PATHS, path),
            },
            Target::Resource(asked) => Permission::Resource {
                verb,
                group: one_of(GROUPS, &asked.group),
                resource: one_of(RESOURCES, &asked.resource),
                subresource: one_of(SUBRESOURCES, &asked.subresource),
                name: one_of(NAMES, &asked.name),
                namespace: one_of(NAMESPACES, &asked.namespace),
            },
        }
    }
}
