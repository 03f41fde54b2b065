//! What is asked: `resource`, `write`, `outside-requests`.

use super::*;

fn told(event: Value) -> Vec<String> {
    let found = broken(&[event]);
    found.into_iter().map(|(rule, _, _)| rule).collect()
}

#[test]
fn a_secret_is_told_once_whatever_the_verb_and_the_answer() {
    for verb in ["get", "list", "watch", "create", "delete"] {
        assert_eq!(
            told(asks(verb, "secrets", "", "", "kube-system")),
            ["credential-asked"]
        );
    }
    let mut refused = asks("list", "secrets", "", "", "kube-system");
    refused["responseStatus"]["code"] = json!(403);
    let found = one(judged(known(), lines(&[refused])));
    assert_eq!(
        found.observed,
        format!("list secrets in kube-system (403), as {PROXY}, from 10.0.0.1")
    );
    assert_eq!(found.severity.to_string(), "high");
    // Of another group it is something else.
    assert_eq!(
        told(asks("list", "secrets", "example.org", "", "")),
        ["outside-its-requests"]
    );
}

#[test]
fn tokens_and_shells_are_told_of_each_resource() {
    for (verb, resource, group, subresource, rule) in [
        ("create", "serviceaccounts", "", "token", "credential-asked"),
        (
            "create",
            "tokenreviews",
            "authentication.k8s.io",
            "",
            "credential-asked",
        ),
        (
            "update",
            "certificatesigningrequests",
            "certificates.k8s.io",
            "approval",
            "credential-asked",
        ),
        (
            "get",
            "certificatesigningrequests",
            "certificates.k8s.io",
            "",
            "credential-asked",
        ),
        ("create", "pods", "", "exec", "container-entered"),
        ("get", "pods", "", "exec", "container-entered"),
        ("get", "nodes", "", "proxy", "container-entered"),
        (
            "create",
            "virtualmachines",
            "example.org",
            "portforward",
            "container-entered",
        ),
        (
            "create",
            "selfsubjectaccessreviews",
            "authorization.k8s.io",
            "",
            "rights-asked",
        ),
        (
            "get",
            "clusterroles",
            "rbac.authorization.k8s.io",
            "",
            "rights-asked",
        ),
        // The resource without the subresource that is listed.
        ("get", "serviceaccounts", "", "", "outside-its-requests"),
        ("get", "nodes", "", "status", "outside-its-requests"),
        ("get", "pods", "", "execute", "outside-its-requests"),
    ] {
        let found = told(asks(verb, resource, group, subresource, "default"));
        assert_eq!(found, [rule], "{verb} {resource}.{group}/{subresource}");
    }
}

#[test]
fn a_write_is_told_but_not_of_events() {
    for verb in [
        "create",
        "update",
        "patch",
        "delete",
        "deletecollection",
        "post",
    ] {
        assert_eq!(
            told(asks(verb, "services", "", "", "default")),
            ["wrote"],
            "{verb}"
        );
    }
    // Deleting traces is no write that is told, but nothing that kube-proxy asks.
    assert_eq!(
        told(asks("delete", "events", "", "", "default")),
        ["outside-its-requests"]
    );
    // A namespace counts where the list names one.
    assert_eq!(
        told(asks("create", "events", "", "", "other")),
        ["outside-its-requests"]
    );
    assert_eq!(told(asks("list", "services", "", "", "other")), [""; 0]);
    // The API server gives no verb to OPTIONS.
    assert_eq!(
        told(asks("", "services", "", "", "")),
        ["outside-its-requests"]
    );
}

#[test]
fn a_verb_resource_or_group_that_kube_proxy_does_not_ask_is_outside() {
    assert_eq!(
        told(asks("get", "services", "", "", "")),
        ["outside-its-requests"]
    );
    assert_eq!(
        told(asks("list", "pods", "", "", "")),
        ["outside-its-requests"]
    );
    assert_eq!(
        told(asks("list", "services", "example.org", "", "")),
        ["outside-its-requests"]
    );
    assert_eq!(
        told(asks("list", "endpointslices", "", "", "")),
        ["outside-its-requests"]
    );
}

fn path(method: &str, uri: &str) -> Vec<String> {
    let mut event = event(&[("/verb", json!(method)), ("/requestURI", json!(uri))]);
    event.as_object_mut().unwrap().remove("objectRef");
    told(event)
}

#[test]
fn listed_paths_may_be_read() {
    for uri in [
        "/version",
        "/version?timeout=32s",
        "/api",
        "/apis/apps/v1",
        "/healthz",
        "/openapi/v3",
    ] {
        assert_eq!(path("get", uri), [""; 0], "{uri}");
    }
    for uri in [
        "/metrics",
        "/healthz/etcd",
        "/logs/",
        "/versions",
        "/apix",
        "",
        "?/version",
    ] {
        assert_eq!(path("get", uri), ["outside-its-requests"], "{uri}");
    }
    assert_eq!(path("post", "/version"), ["wrote"]);
    assert_eq!(path("head", "/version"), [""; 0]);
}

#[test]
fn a_broader_rule_that_is_worse_tells_too_and_one_that_is_alone_tells() {
    let yaml = |severity: &str| {
        let text = format!(
            "name: own\ntitle: t\nrules:\n\
             - {{id: all, title: t, severity: medium, unusual: {{outside-requests: {{}}}}, why: w, help: h}}\n\
             - {{id: narrow, title: t, severity: {severity}, unusual: {{resource: [pods]}}, why: w, help: h}}\n"
        );
        crate::unusual::rules::parse(&text, "own.yaml").unwrap()
    };
    let log = || lines(&[asks("list", "pods", "", "", "")]);
    let rules = |severity: &str| counts(&judged_by(&yaml(severity), known(), log()));
    assert_eq!(
        rules("low"),
        [("all".into(), 1, 1), ("narrow".into(), 1, 1)]
    );
    assert_eq!(rules("medium"), [("narrow".into(), 1, 1)]);
    let alone = yaml("high").select(&[], &["narrow".into()]).unwrap();
    assert_eq!(
        counts(&judged_by(&alone, known(), log())),
        [("all".into(), 1, 1)]
    );
}

#[test]
fn a_watch_is_two_events_and_one_request() {
    let mut started = asks("watch", "secrets", "", "", "");
    started["stage"] = json!("ResponseStarted");
    let complete = asks("watch", "secrets", "", "", "");
    let begun = || {
        let mut begun = started.clone();
        begun["auditID"] = json!("b");
        begun
    };
    // The second of the two has not ended.
    let events = [started.clone(), begun(), complete];
    assert_eq!(broken(&events), [("credential-asked".into(), 3, 2)]);
    assert_eq!(broken(&[begun()]), [("credential-asked".into(), 1, 1)]);
}

#[test]
fn the_most_severe_come_first_and_of_those_the_most_frequent() {
    let events = [
        asks("get", "pods", "", "exec", "a"),
        asks("list", "pods", "", "", ""),
        asks("list", "pods", "", "", ""),
        asks("list", "pods", "", "", ""),
        asks("list", "secrets", "", "", "a"),
        asks("list", "secrets", "", "", "b"),
    ];
    let found = judged(known(), lines(&events));
    assert_eq!(
        counts(&found),
        [
            ("credential-asked".into(), 2, 2),
            ("container-entered".into(), 1, 1),
            ("outside-its-requests".into(), 3, 3),
        ]
    );
    let first = found.unusual[0].first.as_ref().unwrap();
    assert_eq!((first.place.file, first.place.line), (0, 5));
    assert_eq!(first.audit_id, "a");
    assert_eq!(first.time, Some(noon(0)));
    assert_eq!(
        first.what,
        format!(
            "list secrets in a (200), as {PROXY}, from 10.0.0.1, with kube-proxy/v1.36.0 (linux/amd64) kubernetes/abc"
        )
    );
    assert!(found.reaches(crate::baseline::Severity::High));
}

#[test]
fn more_open_requests_than_are_held_are_said_to_be_counted_roughly() {
    let mut begun = asks("watch", "secrets", "", "", "");
    begun["stage"] = json!("ResponseStarted");
    begun["auditID"] = json!("ID");
    let line = begun.to_string();
    let log = |count: usize| {
        let each = (0..count).map(|number| line.replace("\"ID\"", &format!("\"{number}\"")));
        each.collect::<Vec<String>>().join("\n").into_bytes()
    };
    let found = one(judged(known(), log(2560)));
    assert_eq!((found.requests, found.rough), (2560, false));
    let found = one(judged(known(), log(2561)));
    assert_eq!(
        (found.events, found.requests, found.rough),
        (2561, 2561, true)
    );
}

#[test]
fn what_is_asked_often_hides_nothing_that_is_not() {
    let usual = asks("list", "services", "", "", "");
    let unusual = [
        asks("list", "secrets", "", "", ""),
        asks("delete", "services", "", "", ""),
        asks("list", "services", "", "", "default"),
        asks("list", "services", "example.com", "", ""),
        asks("list", "services", "", "proxy", ""),
        asks("listservices", "", "", "", ""),
    ];
    let events = vec![usual; 20];
    for one in &unusual {
        let found = broken(&[&events[..], std::slice::from_ref(one)].concat());
        assert_eq!(found, broken(std::slice::from_ref(one)), "{one}");
    }
    let all = [&events[..], &unusual, &unusual].concat();
    let told = |found: Vec<(String, u64, u64)>| found.iter().map(|found| found.1).sum::<u64>();
    assert_eq!(told(broken(&all)), 2 * told(broken(&unusual)));
}
