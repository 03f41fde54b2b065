//! The corners that the recorded answers do not reach, and the lines, of which they say nothing.

use super::{Level, Policy, Request, Resource, Stage};

const HEAD: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";

fn read(rest: &str) -> Policy {
    Policy::read(format!("{HEAD}{rest}").as_bytes()).unwrap()
}

fn refused(text: &str) -> (Option<usize>, String) {
    let refused = Policy::read(text.as_bytes()).unwrap_err();
    assert!(!refused.unjudged, "{refused:?}");
    (refused.line, refused.message)
}

fn get(resource: &str) -> Request {
    Request::from_json(&format!(
        r#"{{"User":"u","Groups":null,"Verb":"get",{resource}}}"#
    ))
    .unwrap()
}

#[test]
fn the_first_rule_that_matches_decides_and_is_told_with_its_line() {
    let policy = read(
        "omitStages: [Panic]\nrules:\n# why\n- level: None\n  verbs: [watch]\n- omitStages: [RequestReceived]\n  level: Request\n- level: Metadata\n",
    );
    let decision = policy.level_of(&get(r#""Resource":"pods""#));
    assert_eq!((decision.rule, decision.line), (Some(1), Some(8)));
    assert_eq!(decision.level, Level::Request);
    assert_eq!(decision.omit_stages, [Stage::RequestReceived, Stage::Panic]);
}

#[test]
fn without_a_rule_nothing_is_logged_and_the_policys_stages_stay_left_out() {
    let policy = read("omitStages: [Panic, Panic]\nrules:\n- level: Request\n  users: [x]\n");
    let decision = policy.level_of(&get(r#""Path":"/""#));
    assert_eq!((decision.rule, decision.line), (None, None));
    assert_eq!(decision.level, Level::None);
    assert_eq!(decision.omit_stages, [Stage::Panic]);
}

#[test]
fn an_unknown_and_a_doubled_key_are_dropped_and_told_with_their_lines() {
    let policy = read(
        "rules:\n- level: None\n  nonResourceUrls: [/x]\n  users: [a]\n  users: [b]\nmore: 1\n",
    );
    let told: Vec<_> = policy
        .unknown
        .iter()
        .map(|key| (key.line, key.doubled))
        .collect();
    assert_eq!(told, [(5, false), (7, true), (8, false)]);
    assert_eq!(policy.unknown[0].path, "rules[0].nonResourceUrls");
    assert_eq!(policy.rules[0].users, ["b"]);
    assert!(policy.rules[0].non_resource_urls.is_empty());
}

#[test]
fn what_a_doubled_list_of_json_does_not_mention_stays() {
    let policy = Policy::read(
        br#"{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"None","users":["a","b"]}],"rules":[{"level":"Request","users":[null]}]}"#,
    )
    .unwrap();
    assert_eq!(policy.rules[0].level, Level::Request);
    assert_eq!(policy.rules[0].users, ["a"]);
    assert!(policy.unknown[0].doubled);
}

#[test]
fn a_missing_kind_is_taken_for_a_policy_and_a_missing_version_is_refused() {
    let rules = "rules: [{level: None}]\n";
    assert!(Policy::read(format!("apiVersion: audit.k8s.io/v1\n{rules}").as_bytes()).is_ok());
    for head in [
        "kind: Policy\n",
        "",
        "apiVersion: audit.k8s.io/\n",
        "apiVersion: audit.k8s.io/__internal\n",
    ] {
        let (_, message) = refused(&format!("{head}{rules}"));
        assert!(
            message.starts_with("unknown group version"),
            "{head}: {message}"
        );
    }
    assert!(refused("").1.starts_with("unknown group version"));
    assert!(
        refused("[]")
            .1
            .starts_with("failed decoding: couldn't get version/kind")
    );
}

#[test]
fn a_refusal_names_the_line_of_what_is_wrong() {
    for (rest, line, message) in [
        ("rules: []\n", 3, "loaded illegal policy with 0 rules"),
        ("", 1, "loaded illegal policy with 0 rules"),
        (
            "rules:\n- users: [x]\n",
            4,
            "rules[0].level: Required value",
        ),
        (
            "rules:\n- level: None\n- null\n",
            5,
            "rules[1].level: Required value",
        ),
        (
            "rules:\n- level: None\n  verbs: [get, 1]\n",
            5,
            "failed decoding: json: cannot unmarshal number into Go struct field PolicyRule.rules.verbs of type string",
        ),
        (
            "rules:\n- level: None\n  omitStages: Panic\n",
            5,
            "failed decoding: json: cannot unmarshal string into Go struct field PolicyRule.rules.omitStages of type []v1.Stage",
        ),
        (
            "metadata: {creationTimestamp: now}\nrules: [{level: None}]\n",
            3,
            "failed decoding: parsing time \"now\" as \"2006-01-02T15:04:05Z07:00\": cannot parse it",
        ),
        (
            "rules:\n- level: None\n  nonResourceURLs: [\"\", \"a*b*\"]\n",
            5,
            "[rules[0].nonResourceURLs[0]: Invalid value: \"\": non-resource URL rules must begin with a '/' character, rules[0].nonResourceURLs[1]: Invalid value: \"a*b*\": non-resource URL rules must begin with a '/' character, rules[0].nonResourceURLs[1]: Invalid value: \"a*b*\": non-resource URL wildcards '*' must be the final character of the rule]",
        ),
    ] {
        assert_eq!(
            refused(&format!("{HEAD}{rest}")),
            (Some(line), message.into())
        );
    }
}

#[test]
fn metadata_as_kubectl_prints_it_is_accepted() {
    for time in [
        "null",
        "\"2026-11-23T18:00:00Z\"",
        "\"2026-11-23T18:00:00.5+02:00\"",
    ] {
        read(&format!(
            "metadata: {{name: a, generation: 3, labels: {{a: b}}, creationTimestamp: {time}}}\nrules: [{{level: None}}]\n"
        ));
    }
}

#[test]
fn what_is_more_than_is_read_is_not_judged() {
    let mut bytes = format!("{HEAD}rules: [{{level: None}}]\n").into_bytes();
    bytes.resize(crate::yaml::MAX_BYTES + 1, b'\n');
    assert!(Policy::read(&bytes).unwrap_err().unjudged);
}

#[test]
fn a_resource_is_spelled_as_on_kubectls_command_line() {
    let parsed = |text: &str| {
        let resource = Resource::parse(text).map_err(|_| ())?;
        Ok((resource.resource, resource.group, resource.subresource))
    };
    let is =
        |resource: &str, group: &str, sub: &str| Ok((resource.into(), group.into(), sub.into()));
    assert_eq!(parsed("pods"), is("pods", "", ""));
    assert_eq!(parsed("pods/log"), is("pods", "", "log"));
    assert_eq!(
        parsed("endpointslices.discovery.k8s.io"),
        is("endpointslices", "discovery.k8s.io", "")
    );
    assert_eq!(
        parsed("deployments.apps/scale"),
        is("deployments", "apps", "scale")
    );
    for bad in ["", "/log", "pods/", ".apps", "pods.", "pods/a/b", "./"] {
        assert_eq!(parsed(bad), Err(()), "{bad}");
    }
}

#[test]
fn a_request_that_says_too_much_or_too_little_is_malformed() {
    for bad in [
        r#"{"User":"u","Verb":"get"}"#,
        r#"{"User":"u","Verb":"get","Path":"/","Resource":"pods"}"#,
        r#"{"User":"u","Verb":"get","Path":"/","Namespace":"x"}"#,
        r#"{"Verb":"get","Path":"/"}"#,
        r#"{"User":"u","Path":"/"}"#,
        r#"{"User":"u","Verb":"get","Path":"/","User":"v"}"#,
        r#"{"User":"u","Verb":"get","Resource":"pods","Namspace":"x"}"#,
        r#"{"User":"u","Verb":"get","Resource":"pods"} x"#,
        "[]",
    ] {
        assert!(Request::from_json(bad).is_err(), "{bad}");
    }
    // As a program writes it that knows no keys to leave out.
    let full = r#"{"User":"u","Groups":[],"Verb":"get","APIGroup":"","Resource":"","Subresource":"","Namespace":"","Name":"","Path":"/x","level":"None","omitStages":[]}"#;
    assert!(Request::from_json(full).is_ok());
}

#[test]
fn hostile_policies_are_refused_or_not_judged_with_a_short_message() {
    for hostile in [
        format!("{HEAD}rules: {}", "[".repeat(10_000)),
        format!(
            "{HEAD}rules:\n{}",
            "- level: None\n  level: None\n".repeat(20_000)
        ),
        format!("{HEAD}rules:\n{}", "- {}\n".repeat(50_000)),
        format!("{HEAD}rules:\n- level: \"{}\\e[2J\"\n", "x".repeat(100_000)),
        format!(
            "{HEAD}x: &x [{}]\nrules:\n{}",
            "a,".repeat(20_000),
            "- {level: x, users: *x}\n".repeat(20_000)
        ),
    ] {
        let message = match Policy::read(hostile.as_bytes()) {
            Ok(policy) => {
                assert!(policy.unknown.iter().all(|key| key.doubled));
                continue;
            }
            Err(refused) => refused.message,
        };
        assert!(message.chars().count() <= 2_001, "{}", message.len());
        assert!(!message.contains(char::is_control), "{message}");
    }
    for bytes in [&b"\0"[..], b"{\"a\":\xff}", b"\xff\xfe", b"{"] {
        assert!(Policy::read(bytes).is_err());
    }
}
