//! What is extra, and which binding lets go of kube-proxy.

use super::*;

/// What kube-proxy asks for here.
const NEEDED: [&str; 4] = [
    "list services",
    "watch endpointslices.discovery.k8s.io",
    "get nodes named any-other",
    "create events in default",
];
const ADMIN: &str = "[{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]";

fn standard_binding() -> String {
    bound(
        "ClusterRoleBinding",
        "kubeadm:node-proxier",
        "ClusterRole/system:node-proxier",
        PROXY,
    )
}

/// For each binding that reaches kube-proxy: its name, the extra rights, and the outcome.
fn planned(documents: &str) -> Vec<(String, String, Outcome)> {
    let mut objects = objects(documents);
    let defaults = Defaults::of(Version::read("1.36")).unwrap();
    defaults.add_roles(&mut objects);
    let cluster = Cluster::of(&objects);
    let compared = compare(&cluster, &identities(), &standard(&defaults)).unwrap();
    let requests: Vec<Request> = (0..2)
        .flat_map(|user| NEEDED.iter().map(move |text| request(user, text)))
        .collect();
    let outcomes = plan(&cluster, &compared, &requests).unwrap();
    compared
        .reaches
        .iter()
        .zip(outcomes)
        .map(|(reach, outcome)| {
            let extra: Vec<String> = reach
                .extra
                .iter()
                .map(|extra| format!("{:?}: {}", extra.concern, extra.right))
                .collect();
            let name = objects.bindings[reach.binding].name.clone();
            (name, extra.join("; "), outcome)
        })
        .collect()
}

fn outcomes(documents: &str) -> Vec<(String, Outcome)> {
    let all = planned(documents).into_iter();
    all.map(|(name, _, outcome)| (name, outcome)).collect()
}

fn left(documents: &str) -> String {
    let mut left = outcomes(documents)
        .into_iter()
        .filter_map(|(_, outcome)| match outcome {
            Outcome::Left(why) => Some(why),
            _ => None,
        });
    left.next().expect("something is left to a person")
}

#[test]
fn the_standard_binding_and_what_everybody_has_are_nothing_extra() {
    let text = standard_binding()
        + &bound(
            "ClusterRoleBinding",
            "system:discovery",
            "ClusterRole/system:discovery",
            "[{kind: Group, name: 'system:authenticated'}]",
        )
        + &bound(
            "ClusterRoleBinding",
            "x",
            "ClusterRole/cluster-admin",
            "[{kind: Group, name: 'system:masters'}]",
        );
    assert_eq!(
        planned(&text),
        [
            (
                "kubeadm:node-proxier".into(),
                String::new(),
                Outcome::Nothing
            ),
            ("system:discovery".into(), String::new(), Outcome::Nothing),
        ]
    );
}

#[test]
fn kubeadms_role_for_the_bootstrap_token_does_not_reach_kube_proxy() {
    let text = role(
        "Role/kube-system",
        "kube-proxy",
        "[{verbs: [get], apiGroups: [''], resources: [configmaps], resourceNames: [kube-proxy]}]",
    ) + &bound(
        "RoleBinding/kube-system",
        "kube-proxy",
        "Role/kube-proxy",
        "[{kind: Group, name: 'system:bootstrappers:kubeadm:default-node-token'}]",
    );
    assert_eq!(planned(&text), []);
}

#[test]
fn each_extra_right_is_named_the_worst_first() {
    let rules = "[{verbs: [get, list], apiGroups: ['', apps], resources: [services, secrets]}, \
                 {verbs: [list, create], apiGroups: [''], resources: [pods/exec]}, \
                 {verbs: [bind], apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles]}, \
                 {verbs: [get], nonResourceURLs: [/version, /metrics, '*']}]";
    let text = standard_binding() + &bound_to(rules);
    let all = planned(&text);
    assert_eq!(
        all[1].1,
        "Escalation: bind clusterroles.rbac.authorization.k8s.io; Secrets: get secrets; Secrets: list secrets; \
         Execution: list pods/exec; Execution: create pods/exec; Wildcard: get every path; Other: get services; \
         Other: get services.apps; Other: list services.apps; Other: get secrets.apps; Other: list secrets.apps; \
         Other: get /metrics"
    );
    assert_eq!(all[1].2, Outcome::Remove);
}

#[test]
fn a_binding_to_cluster_admin_goes_when_another_one_gives_what_is_needed() {
    let text = standard_binding()
        + &bound(
            "ClusterRoleBinding",
            "x",
            "ClusterRole/cluster-admin",
            PROXY,
        );
    assert_eq!(
        outcomes(&text),
        [
            ("kubeadm:node-proxier".into(), Outcome::Nothing),
            ("x".into(), Outcome::Remove),
        ]
    );
}

#[test]
fn a_binding_stays_when_nothing_else_gives_what_is_needed() {
    let why = left(&bound(
        "ClusterRoleBinding",
        "x",
        "ClusterRole/cluster-admin",
        PROXY,
    ));
    assert_eq!(
        why,
        "kube-proxy has list services, watch endpointslices.discovery.k8s.io, get nodes, create events in default \
         from the ClusterRoleBinding x, and no other binding in the manifests surely gives that"
    );
}

#[test]
fn of_two_bindings_that_both_give_what_is_needed_the_worse_one_goes() {
    let both = "[{verbs: ['*'], apiGroups: ['', discovery.k8s.io], resources: [services, nodes, events, endpointslices]}]";
    let text = bound_to(both)
        + &role("ClusterRole", "all", ADMIN)
        + &bound("ClusterRoleBinding", "all", "ClusterRole/all", PROXY);
    let all = outcomes(&text);
    assert_eq!(all[1], ("all".into(), Outcome::Remove));
    assert!(matches!(&all[0], (_, Outcome::Left(_))), "{all:?}");
}

#[test]
fn the_binding_of_another_identity_does_not_help() {
    let user = "[{kind: User, name: 'system:kube-proxy'}]";
    let text = bound(
        "ClusterRoleBinding",
        "own",
        "ClusterRole/system:node-proxier",
        user,
    ) + &bound(
        "ClusterRoleBinding",
        "x",
        "ClusterRole/cluster-admin",
        PROXY,
    );
    assert!(left(&text).starts_with("kube-proxy has list services"));
}

#[test]
fn a_needed_request_of_one_name_is_a_request_of_its_own() {
    // Only the node n1 has its right from here, so that it counts for no other one.
    let named = "[{verbs: [get], apiGroups: [''], resources: [nodes], resourceNames: [n1]}, {verbs: [list], apiGroups: [''], resources: [secrets]}]";
    let mut objects = objects(&bound_to(named));
    let defaults = Defaults::of(None).unwrap();
    defaults.add_roles(&mut objects);
    let cluster = Cluster::of(&objects);
    let compared = compare(&cluster, &identities(), &standard(&defaults)).unwrap();
    assert_eq!(compared.names, ["n1"]);
    let requests = [request(1, "get nodes named any-other")];
    assert_eq!(
        plan(&cluster, &compared, &requests).unwrap(),
        [Outcome::Remove]
    );
    let requests = [request(1, "get nodes named n1")];
    assert!(matches!(
        plan(&cluster, &compared, &requests).unwrap()[0],
        Outcome::Left(_)
    ));
}

#[test]
fn what_reaches_others_too_is_left_to_a_person() {
    for subject in [
        "{kind: Group, name: 'system:authenticated'}",
        "{kind: Group, name: 'system:serviceaccounts'}",
        "{kind: Group, name: 'system:serviceaccounts:kube-system'}",
    ] {
        let text = standard_binding()
            + &bound(
                "ClusterRoleBinding",
                "x",
                "ClusterRole/view",
                &format!("[{subject}]"),
            );
        let why = left(&text);
        assert!(why.contains("which holds others too"), "{why}");
    }
    let both = "[{kind: ServiceAccount, name: kube-proxy, namespace: kube-system}, {kind: Group, name: 'system:authenticated'}]";
    let text = standard_binding() + &bound("ClusterRoleBinding", "x", "ClusterRole/view", both);
    assert!(left(&text).contains("which holds others too"));
}

#[test]
fn kube_proxys_own_group_is_taken_out() {
    let text = standard_binding()
        + &bound(
            "ClusterRoleBinding",
            "x",
            "ClusterRole/view",
            "[{kind: Group, name: 'system:node-proxier'}]",
        )
        + &bound(
            "ClusterRoleBinding",
            "y",
            "ClusterRole/system:node-proxier",
            "[{kind: User, name: 'system:kube-proxy'}]",
        );
    assert_eq!(outcomes(&text)[1], ("x".into(), Outcome::Remove));
}

#[test]
fn a_binding_that_is_there_twice_is_left_to_a_person() {
    let one = bound("ClusterRoleBinding", "x", "ClusterRole/view", PROXY);
    let text = standard_binding() + &one + &one;
    assert!(left(&text).contains("more than once"));
}

#[test]
fn a_binding_whose_role_is_not_known_is_open_and_gives_nothing_extra() {
    let mut objects = objects(&bound("ClusterRoleBinding", "x", "ClusterRole/own", PROXY));
    let defaults = Defaults::of(None).unwrap();
    defaults.add_roles(&mut objects);
    let cluster = Cluster::of(&objects);
    let compared = compare(&cluster, &identities(), &standard(&defaults)).unwrap();
    let open = compared.reaches[0].open.as_deref();
    assert_eq!(open, Some("the ClusterRole own is not in the manifests"));
    assert!(compared.reaches[0].extra.is_empty());
}

#[test]
fn more_rights_than_can_be_told_are_refused() {
    let many: Vec<String> = (0..1000).map(|number| format!("r{number}")).collect();
    let rules = format!(
        "[{{verbs: [{0}], apiGroups: [''], resources: [{0}]}}]",
        many.join(", ")
    );
    let objects = objects(&bound_to(&rules));
    let cluster = Cluster::of(&objects);
    assert!(compare(&cluster, &identities(), &[]).is_err());
}

#[test]
fn more_bindings_than_are_compared_are_told() {
    let mut objects = objects(&bound_to(
        "[{verbs: [get], apiGroups: [''], resources: [pods]}]",
    ));
    let one = objects.bindings[0].clone();
    let compared = |objects: &Objects| {
        let cluster = Cluster::of(objects);
        let compared = compare(&cluster, &identities(), &[]).unwrap();
        (compared.reaches.len(), compared.more)
    };
    objects.bindings = vec![one.clone(); MAX_BINDINGS];
    assert_eq!(compared(&objects), (MAX_BINDINGS, false));
    objects.bindings.push(one);
    assert_eq!(compared(&objects), (MAX_BINDINGS, true));
}

#[test]
fn only_the_named_subjects_are_left_out() {
    let objects = objects(&bound(
        "ClusterRoleBinding",
        "x",
        "ClusterRole/view",
        "[{kind: User, name: a}, {kind: User, name: b}, {kind: User, name: c}]",
    ));
    let removed = BTreeSet::from([(0, 1)]);
    let indexes: Vec<usize> = objects.without(&removed).bindings[0]
        .subjects
        .iter()
        .map(|subject| subject.index)
        .collect();
    assert_eq!(indexes, [0, 2]);
}

#[test]
fn a_star_that_is_a_part_of_a_word_gives_nothing() {
    let rules = "[{verbs: [get, 'l*'], apiGroups: [''], resources: ['pods/*', '*/']}]";
    let all = planned(&bound_to(rules));
    assert_eq!(all[0].1, "");
    assert_eq!(all[0].2, Outcome::Nothing);
}

#[test]
fn a_right_belongs_to_the_worst_that_it_can_do() {
    let concern = |rule: &str| {
        let all = planned(&bound_to(&format!("[{rule}]")));
        all[0].1.split(':').next().unwrap().to_owned()
    };
    let rule = |verb: &str, group: &str, resource: &str| {
        format!("{{verbs: ['{verb}'], apiGroups: ['{group}'], resources: ['{resource}']}}")
    };
    for (verb, group, resource, expected) in [
        ("*", "*", "*", "ClusterAdmin"),
        ("impersonate", "", "users", "Escalation"),
        ("bind", "rbac.authorization.k8s.io", "roles", "Escalation"),
        ("create", "", "serviceaccounts/token", "Escalation"),
        ("create", "", "*/token", "Escalation"),
        ("*", "", "*", "Escalation"),
        ("update", "*", "*", "Escalation"),
        ("patch", "", "namespaces", "Escalation"),
        ("get", "", "namespaces", "Other"),
        ("approve", "certificates.k8s.io", "signers", "Escalation"),
        ("get", "", "secrets", "Secrets"),
        ("list", "", "*", "Secrets"),
        ("watch", "*", "*", "Secrets"),
        ("get", "apps", "secrets", "Other"),
        ("create", "", "pods/exec", "Execution"),
        ("get", "", "nodes/proxy", "Execution"),
        ("create", "", "*/attach", "Execution"),
        ("*", "apps", "*", "Execution"),
        ("create", "batch", "jobs", "Execution"),
        ("list", "batch", "jobs", "Other"),
        ("get", "*", "leases", "Wildcard"),
        ("*", "coordination.k8s.io", "*", "Wildcard"),
        ("get", "coordination.k8s.io", "*", "Wildcard"),
        ("get", "coordination.k8s.io", "leases", "Other"),
    ] {
        assert_eq!(
            concern(&rule(verb, group, resource)),
            expected,
            "{verb} {group} {resource}"
        );
    }
    assert_eq!(
        concern("{verbs: [get], nonResourceURLs: ['/*']}"),
        "Wildcard"
    );
    assert_eq!(concern("{verbs: ['*'], nonResourceURLs: [/x]}"), "Wildcard");
    assert_eq!(
        concern("{verbs: [get], nonResourceURLs: ['/metrics*']}"),
        "Other"
    );
}
