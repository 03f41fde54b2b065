//! Random roles and bindings of the small world.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use tighten::rbac::{
    Binding, Objects, Operator, Requirement, Role, Rule, Scope, Selector, Subject, Who,
};

/// The name of the role that gives what kube-proxy is meant to have.
const STANDARD: &str = "standard";

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

fn some(all: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    subsequence(texts(all), 1..=all.len().min(3))
}

/// What kube-proxy is meant to have here.
pub fn standard() -> Vec<Rule> {
    let rule = |verbs: &[&str], resources: &[&str]| Rule {
        verbs: texts(verbs),
        groups: texts(&[""]),
        resources: texts(resources),
        ..Rule::default()
    };
    vec![
        rule(&["get", "list"], &["services"]),
        rule(&["get"], &["pods"]),
        Rule {
            verbs: texts(&["get"]),
            urls: texts(&["/version"]),
            ..Rule::default()
        },
    ]
}

/// A binding that gives all identities what they are meant to have.
pub fn add_standard_binding(objects: &mut Objects) {
    objects.roles.push(Role {
        name: "all-of-it".to_owned(),
        rules: standard(),
        ..empty(Scope::Cluster)
    });
    let users = crate::universe::identities().into_iter().enumerate();
    objects.bindings.push(Binding {
        source: Some(objects.bindings.len()),
        line: 1,
        scope: Scope::Cluster,
        name: "all-of-it".to_owned(),
        of_cluster_role: true,
        role: "all-of-it".to_owned(),
        subjects: users
            .map(|(index, (user, _))| Subject {
                index,
                line: 1,
                who: Who::User(user),
            })
            .collect(),
        doubt: None,
    });
}

fn empty(scope: Scope) -> Role {
    Role {
        source: Some(0),
        line: 1,
        scope,
        name: STANDARD.to_owned(),
        labels: BTreeMap::new(),
        rules: Vec::new(),
        aggregates: None,
        open: None,
        doubt: None,
    }
}

fn resource_rule() -> impl Strategy<Value = Rule> {
    let verbs = some(&["get", "list", "escalate", "*"]);
    let groups = some(&["", "apps", "*"]);
    let resources = prop_oneof![
        3 => some(&["services", "secrets", "pods", "pods/log"]),
        1 => some(&["*", "*/log", "services/*", "pods"]),
    ];
    let names = prop_oneof![4 => Just(Vec::new()), 1 => some(&["one", "two"])];
    (verbs, groups, resources, names).prop_map(|(verbs, groups, resources, names)| Rule {
        verbs,
        groups,
        resources,
        names,
        ..Rule::default()
    })
}

fn url_rule() -> impl Strategy<Value = Rule> {
    let urls = some(&[
        "/version",
        "/version*",
        "/version/*",
        "*",
        "/metrics",
        "/met**",
    ]);
    (some(&["get", "*"]), urls).prop_map(|(verbs, urls)| Rule {
        verbs,
        urls,
        ..Rule::default()
    })
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let one = prop_oneof![
        2 => select(standard()),
        5 => resource_rule(),
        1 => url_rule(),
    ];
    vec(one, 0..4).prop_map(|mut rules| {
        for (index, rule) in rules.iter_mut().enumerate() {
            rule.line = index + 1;
        }
        rules
    })
}

fn selector() -> impl Strategy<Value = Selector> {
    let operator = select(vec![
        Operator::In,
        Operator::NotIn,
        Operator::Exists,
        Operator::DoesNotExist,
    ]);
    let requirement = (
        select(texts(&["a", "b"])),
        operator,
        select(texts(&["x", "w"])),
    );
    let requirement = requirement.prop_map(|(key, operator, value)| Requirement {
        key,
        operator,
        values: match operator {
            Operator::In | Operator::NotIn => vec![value],
            _ => Vec::new(),
        },
    });
    vec(requirement, 1..3).prop_map(Selector)
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        6 => Just(Scope::Cluster),
        2 => select(texts(&["kube-system", "default"])).prop_map(Scope::Namespace),
        1 => Just(Scope::Unsaid),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    let labels = btree_map(select(texts(&["a", "b"])), select(texts(&["x", "w"])), 0..3);
    let aggregates = prop_oneof![5 => Just(None), 1 => vec(selector(), 1..3).prop_map(Some)];
    let partial = prop::bool::weighted(0.05);
    (
        scope(),
        select(texts(&["r1", "r2", "r3"])),
        labels,
        rules(),
        aggregates,
        partial,
    )
        .prop_map(|(scope, name, labels, rules, aggregates, partial)| Role {
            name,
            labels,
            rules,
            // Only ClusterRoles are aggregated.
            aggregates: aggregates.filter(|_| scope == Scope::Cluster),
            open: partial.then(|| "it may allow more".to_owned()),
            ..empty(scope)
        })
}

fn who() -> impl Strategy<Value = Who> {
    let user = select(texts(&[
        "system:kube-proxy",
        "system:serviceaccount:kube-system:kube-proxy",
        "alice",
    ]));
    let group = select(texts(&[
        "system:node-proxier",
        "system:authenticated",
        "system:serviceaccounts",
        "system:serviceaccounts:default",
    ]));
    let namespace = select(vec![
        None,
        Some("kube-system".to_owned()),
        Some("default".to_owned()),
    ]);
    prop_oneof![
        3 => user.prop_map(Who::User),
        1 => group.prop_map(Who::Group),
        2 => namespace.prop_map(|namespace| Who::Account(namespace, "kube-proxy".to_owned())),
    ]
}

fn binding() -> impl Strategy<Value = Binding> {
    let role = select(texts(&["r1", "r2", "r3", "r3", "missing", STANDARD]));
    let name = select(texts(&["b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8"]));
    (scope(), name, any::<bool>(), role, vec(who(), 1..4)).prop_map(
        |(scope, name, of_cluster_role, role, who)| {
            let of_cluster_role = of_cluster_role || scope == Scope::Cluster;
            // The API server takes no account without a namespace into a ClusterRoleBinding.
            let valid =
                |who: &Who| scope != Scope::Cluster || !matches!(who, Who::Account(None, _));
            let subjects = who.into_iter().filter(valid).enumerate();
            Binding {
                source: Some(0),
                line: 1,
                name,
                of_cluster_role,
                role,
                subjects: subjects
                    .map(|(index, who)| Subject {
                        index,
                        line: 1,
                        who,
                    })
                    .collect(),
                scope,
                doubt: None,
            }
        },
    )
}

/// Roles and bindings; among the roles is the one that gives what kube-proxy is meant to have, and often it is bound.
pub fn objects() -> impl Strategy<Value = Objects> {
    let standard_is_bound = any::<bool>();
    (vec(role(), 3..7), vec(binding(), 1..6), standard_is_bound).prop_map(
        |(mut roles, bindings, standard_is_bound)| {
            roles.push(Role {
                rules: standard(),
                ..empty(Scope::Cluster)
            });
            let mut objects = Objects { roles, bindings };
            if standard_is_bound {
                add_standard_binding(&mut objects);
            }
            objects
        },
    )
}
