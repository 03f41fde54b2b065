//! Policies and requests whose meaning is known before they are written down.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

#[derive(Clone, Debug)]
pub struct Model {
    pub rules: Vec<Rule>,
    pub omit_stages: Vec<&'static str>,
    /// Written as one line of JSON for each rule, otherwise as blocks of YAML.
    pub json: bool,
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub level: &'static str,
    pub users: Vec<&'static str>,
    pub groups: Vec<&'static str>,
    pub verbs: Vec<&'static str>,
    pub resources: Vec<Resources>,
    pub namespaces: Vec<&'static str>,
    pub urls: Vec<&'static str>,
    pub omit_stages: Vec<&'static str>,
    /// A misspelt key beside the others, which means nothing.
    pub misspelt: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub struct Resources {
    pub group: &'static str,
    pub resources: Vec<String>,
    pub names: Vec<&'static str>,
}

#[derive(Clone, Debug)]
pub struct Asked {
    pub user: &'static str,
    pub groups: Vec<&'static str>,
    pub verb: &'static str,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Path(&'static str),
    Resource {
        group: &'static str,
        resource: &'static str,
        subresource: &'static str,
        namespace: &'static str,
        name: &'static str,
    },
}

const USERS: &[&str] = &["alice", "bob", "system:kube-proxy", "Alice", "*"];
const GROUPS: &[&str] = &["dev", "ops", "system:authenticated", "system:nodes"];
const VERBS: &[&str] = &["get", "list", "watch", "delete", "*"];
const API_GROUPS: &[&str] = &["", "apps", "discovery.k8s.io"];
const RESOURCES: &[&str] = &["pods", "pod", "deployments", "nodes"];
const SUBRESOURCES: &[&str] = &["log", "scale", "status", "stat"];
const NAMESPACES: &[&str] = &["", "kube-system", "prod", "kube"];
const NAMES: &[&str] = &["", "web", "db", "we"];
const PATHS: &[&str] = &[
    "/",
    "/healthz",
    "/healthz/etcd",
    "/metrics",
    "/api",
    "/apis/apps",
];
const URLS: &[&str] = &[
    "*",
    "/",
    "/*",
    "/healthz",
    "/healthz*",
    "/healthz/*",
    "/api*",
    "/m",
];
const LEVELS: &[&str] = &["None", "Metadata", "Request", "RequestResponse"];
const STAGES: &[&str] = &[
    "RequestReceived",
    "ResponseStarted",
    "ResponseComplete",
    "Panic",
];

/// Mostly empty, or a few of them, doubled ones too.
fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![3 => Just(Vec::new()), 2 => vec(select(of), 1..4)]
}

/// Mostly one of the first, seldom one of those that are refused.
fn seldom(
    good: &'static [&'static str],
    bad: &'static [&'static str],
) -> impl Strategy<Value = &'static str> {
    prop_oneof![60 => select(good), 1 => select(bad)]
}

fn stages() -> impl Strategy<Value = Vec<&'static str>> {
    let stage = || seldom(STAGES, &["Received", "panic", ""]);
    prop_oneof![2 => Just(Vec::new()), 1 => vec(stage(), 1..4)]
}

fn pattern() -> impl Strategy<Value = String> {
    let (resource, sub) = (select(RESOURCES), select(SUBRESOURCES));
    let spelled = |(shape, resource, sub): (u8, &str, &str)| match shape {
        0 => resource.to_owned(),
        1 => format!("{resource}/{sub}"),
        2 => format!("{resource}/*"),
        3 => format!("*/{sub}"),
        4 => "*/*".to_owned(),
        _ => "*".to_owned(),
    };
    (0..6_u8, resource, sub).prop_map(spelled)
}

fn resources() -> impl Strategy<Value = Resources> {
    let group = prop_oneof![
        60 => select(API_GROUPS),
        15 => Just("*"),
        1 => select(&["apps/v1", "Apps", "-a", "a..b", ".", "*.io"][..]),
    ];
    let patterns = prop_oneof![1 => Just(Vec::new()), 4 => vec(pattern(), 1..4)];
    (group, patterns, some(NAMES), 0..40_u8).prop_map(|(group, resources, names, keep)| {
        // Names without resources are refused, so they are seldom.
        let names = if resources.is_empty() && keep > 0 {
            Vec::new()
        } else {
            names
        };
        Resources {
            group,
            resources,
            names,
        }
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let target = prop_oneof![
        20 => Just((Vec::new(), Vec::new(), Vec::new())),
        20 => (vec(resources(), 0..3), some(NAMESPACES)).prop_map(|(r, n)| (r, n, Vec::new())),
        20 => vec(seldom(URLS, &["", "healthz", "/a*b", "**", "/a/**"]), 1..3)
            .prop_map(|urls| (Vec::new(), Vec::new(), urls)),
        1 => (vec(resources(), 0..2), some(NAMESPACES), some(URLS)),
    ];
    let misspelt = prop_oneof![
        9 => Just(None),
        1 => select(&["nonResourceUrls", "Users", "user", "verb"][..]).prop_map(Some),
    ];
    (
        seldom(LEVELS, &["metadata", "All", ""]),
        some(USERS),
        some(GROUPS),
        some(VERBS),
        target,
        stages(),
        misspelt,
    )
        .prop_map(
            |(level, users, groups, verbs, target, omit_stages, misspelt)| {
                let (resources, namespaces, urls) = target;
                Rule {
                    level,
                    users,
                    groups,
                    verbs,
                    resources,
                    namespaces,
                    urls,
                    omit_stages,
                    misspelt,
                }
            },
        )
}

pub fn policy() -> impl Strategy<Value = Model> {
    (vec(rule(), 0..6), stages(), any::<bool>()).prop_map(|(rules, omit_stages, json)| Model {
        rules,
        omit_stages,
        json,
    })
}

pub fn request() -> impl Strategy<Value = Asked> {
    let subresource = prop_oneof![1 => Just(""), 1 => select(SUBRESOURCES)];
    let resource = (
        select(API_GROUPS),
        select(RESOURCES),
        subresource,
        select(NAMESPACES),
        select(NAMES),
    );
    let resource =
        resource.prop_map(
            |(group, resource, subresource, namespace, name)| What::Resource {
                group,
                resource,
                subresource,
                namespace,
                name,
            },
        );
    let what = prop_oneof![2 => resource, 1 => select(PATHS).prop_map(What::Path)];
    (
        select(USERS),
        vec(select(GROUPS), 0..3),
        select(VERBS),
        what,
    )
        .prop_map(|(user, groups, verb, what)| Asked {
            user,
            groups,
            verb,
            what,
        })
}

/// Leaves out what is empty.
fn put(fields: &mut Map<String, Value>, key: &str, value: Value) {
    let empty = value.as_array().is_some_and(Vec::is_empty) || value == "";
    if !empty {
        fields.insert(key.into(), value);
    }
}

impl Rule {
    fn to_json(&self) -> Value {
        let mut fields = Map::new();
        let resources = self.resources.iter().map(|held| {
            let mut fields = Map::new();
            put(&mut fields, "group", json!(held.group));
            put(&mut fields, "resources", json!(held.resources));
            put(&mut fields, "resourceNames", json!(held.names));
            Value::Object(fields)
        });
        put(&mut fields, "level", json!(self.level));
        put(&mut fields, "users", json!(self.users));
        put(&mut fields, "userGroups", json!(self.groups));
        put(&mut fields, "verbs", json!(self.verbs));
        put(&mut fields, "resources", resources.collect());
        put(&mut fields, "namespaces", json!(self.namespaces));
        put(&mut fields, "nonResourceURLs", json!(self.urls));
        put(&mut fields, "omitStages", json!(self.omit_stages));
        if let Some(key) = self.misspelt {
            put(&mut fields, key, json!(["x"]));
        }
        Value::Object(fields)
    }

    /// The rule as a block of YAML, one line for each key.
    fn to_yaml(&self) -> String {
        let json = self.to_json();
        let keys = json.as_object().unwrap().iter();
        let lines: Vec<String> = keys
            .map(|(key, value)| format!("{key}: {value}\n"))
            .collect();
        match lines.is_empty() {
            true => "- {}\n".into(),
            false => format!("- {}", lines.join("  ")),
        }
    }
}

impl Model {
    pub fn written(&self) -> String {
        let stages = json!(self.omit_stages);
        if self.json {
            let rules: Vec<String> = self
                .rules
                .iter()
                .map(|rule| rule.to_json().to_string())
                .collect();
            return format!(
                "{{\"apiVersion\":\"audit.k8s.io/v1\",\"kind\":\"Policy\",\"omitStages\":{stages},\"rules\":[\n{}]}}",
                rules.join(",\n")
            );
        }
        let rules: String = self.rules.iter().map(Rule::to_yaml).collect();
        format!("kind: Policy\nomitStages: {stages}\nrules:\n{rules}apiVersion: audit.k8s.io/v1\n")
    }

    /// The line in which a rule is written; past the last one, that of the first thing that can be wrong.
    pub fn line(&self, rule: usize) -> usize {
        if rule >= self.rules.len() {
            return 1;
        }
        if self.json {
            return 2 + rule;
        }
        let before = self.rules.iter().take(rule);
        4 + before
            .map(|rule| rule.to_yaml().lines().count())
            .sum::<usize>()
    }
}

impl Asked {
    pub fn written(&self) -> String {
        let mut line = json!({"User": self.user, "Groups": self.groups, "Verb": self.verb});
        let fields = line.as_object_mut().unwrap();
        match &self.what {
            What::Path(path) => {
                fields.insert("Path".into(), json!(path));
            }
            What::Resource {
                group,
                resource,
                subresource,
                namespace,
                name,
            } => {
                fields.insert("APIGroup".into(), json!(group));
                fields.insert("Resource".into(), json!(resource));
                fields.insert("Subresource".into(), json!(subresource));
                fields.insert("Namespace".into(), json!(namespace));
                fields.insert("Name".into(), json!(name));
            }
        }
        line.to_string()
    }
}
