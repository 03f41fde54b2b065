//! Requests to the API server: kube-proxy's own, written down here a second time, and of everybody else.

use std::collections::BTreeSet;

use tighten::auditpolicy::{Level, Policy, Request, Resource, Stage, Target};

pub const BY_CERTIFICATE: &str = "system:kube-proxy";
pub const BY_TOKEN: &str = "system:serviceaccount:kube-system:kube-proxy";

pub fn groups(user: &str) -> Vec<String> {
    let groups: &[&str] = match user {
        BY_CERTIFICATE => &["system:node-proxier", "system:authenticated"],
        BY_TOKEN => &[
            "system:serviceaccounts",
            "system:serviceaccounts:kube-system",
            "system:authenticated",
        ],
        _ => &["system:authenticated"],
    };
    groups.iter().map(|group| (*group).to_owned()).collect()
}

pub fn request(user: &str, verb: &str, target: Target) -> Request {
    Request {
        user: user.into(),
        groups: groups(user),
        verb: verb.into(),
        target,
    }
}

pub fn resource(spelled: &str, namespace: &str, name: &str) -> Target {
    Target::Resource(Resource {
        namespace: namespace.into(),
        name: name.into(),
        ..Resource::parse(spelled).unwrap()
    })
}

/// What kube-proxy asks, by its ClusterRole system:node-proxier.
pub fn of_kube_proxy() -> Vec<Request> {
    let mut all = Vec::new();
    for user in [BY_CERTIFICATE, BY_TOKEN] {
        let mut add = |verb: &str, target| all.push(request(user, verb, target));
        for verb in ["list", "watch"] {
            add(verb, resource("services", "", ""));
            add(verb, resource("endpoints", "", ""));
            add(verb, resource("endpointslices.discovery.k8s.io", "", ""));
            add(verb, resource("servicecidrs.networking.k8s.io", "", ""));
            add(verb, resource("nodes", "", "node1"));
        }
        add("get", resource("nodes", "", "node1"));
        for events in ["events", "events.events.k8s.io"] {
            add("create", resource(events, "default", ""));
            add(
                "patch",
                resource(events, "default", "node1.18eab8b24ffe6d9f"),
            );
            add(
                "update",
                resource(events, "default", "node1.18eab8b24ffe6d9f"),
            );
        }
    }
    all
}

pub fn logged(policy: &Policy, request: &Request) -> bool {
    let decision = policy.level_of(request);
    decision.level >= Level::Metadata && !decision.omit_stages.contains(&Stage::ResponseComplete)
        || decision.level >= Level::Metadata
            && request.verb == "watch"
            && !decision.omit_stages.contains(&Stage::ResponseStarted)
}

/// Requests of everybody whom a policy names, and of some whom it does not, for everything that it names.
pub fn broad(policy: &Policy) -> Vec<Request> {
    let mut users = BTreeSet::from(["alice".to_owned(), "system:node:node1".to_owned()]);
    let mut user_groups =
        BTreeSet::from(["system:authenticated".to_owned(), "system:nodes".to_owned()]);
    let mut verbs: BTreeSet<String> = [
        "get",
        "list",
        "watch",
        "create",
        "patch",
        "deletecollection",
    ]
    .map(str::to_owned)
    .into();
    let mut api_groups: BTreeSet<String> = ["", "apps", "events.k8s.io", "discovery.k8s.io"]
        .map(str::to_owned)
        .into();
    let mut resources: BTreeSet<String> = [
        "secrets",
        "configmaps",
        "serviceaccounts/token",
        "pods",
        "pods/exec",
        "nodes",
        "services",
        "events",
        "endpointslices",
    ]
    .map(str::to_owned)
    .into();
    let mut places = BTreeSet::from([
        (String::new(), String::new()),
        ("default".to_owned(), "x".to_owned()),
        ("kube-system".to_owned(), "x".to_owned()),
    ]);
    let mut paths: BTreeSet<String> = ["/healthz", "/metrics", "/api/v1"]
        .map(str::to_owned)
        .into();
    for rule in &policy.rules {
        users.extend(rule.users.iter().cloned());
        user_groups.extend(rule.user_groups.iter().cloned());
        verbs.extend(rule.verbs.iter().cloned());
        paths.extend(
            rule.non_resource_urls
                .iter()
                .map(|url| url.replace('*', "z")),
        );
        places.extend(
            rule.namespaces
                .iter()
                .map(|space| (space.clone(), String::new())),
        );
        for held in &rule.resources {
            api_groups.insert(held.group.clone());
            resources.extend(held.resources.iter().cloned());
            places.extend(
                held.names
                    .iter()
                    .map(|name| ("default".to_owned(), name.clone())),
            );
        }
    }
    let mut targets: Vec<Target> = paths.into_iter().map(Target::Path).collect();
    for group in &api_groups {
        for spelled in &resources {
            let (resource, subresource) = spelled.split_once('/').unwrap_or((spelled, ""));
            for (namespace, name) in &places {
                targets.push(Target::Resource(Resource {
                    group: group.clone(),
                    resource: resource.into(),
                    subresource: subresource.into(),
                    namespace: namespace.clone(),
                    name: name.clone(),
                }));
            }
        }
    }
    let mut all = Vec::new();
    for user in &users {
        for verb in &verbs {
            for target in &targets {
                let mut one = request(user, verb, target.clone());
                if one.groups.len() == 1 {
                    one.groups.extend(user_groups.iter().cloned());
                }
                all.push(one);
            }
        }
    }
    all
}
