//! The second evaluator: each request is spelled out as all that could match it, and a rule matches when
//! every list that it has meets that. Slow, and with no code in common with the first.

use std::collections::BTreeSet;

use crate::model::{Asked, Model, Rule, What};

const LEVELS: [&str; 4] = ["None", "Metadata", "Request", "RequestResponse"];
const STAGES: [&str; 4] = [
    "RequestReceived",
    "ResponseStarted",
    "ResponseComplete",
    "Panic",
];

/// The first rule that the API server would not start with; the number of rules for anything else.
pub fn refused(model: &Model) -> Option<usize> {
    let everywhere = model.rules.len();
    let known = |stages: &[&str]| stages.iter().all(|stage| STAGES.contains(stage));
    if model.rules.is_empty() || !known(&model.omit_stages) {
        return Some(everywhere);
    }
    model.rules.iter().position(|rule| {
        let group = |group: &str| {
            // All groups that are generated and are no DNS subdomains have one of these.
            let bad = |letter: char| letter.is_ascii_uppercase() || letter == '/';
            group != "*"
                && (group.contains(bad)
                    || group.contains('*')
                    || group.contains("..")
                    || group == "."
                    || group.starts_with('-'))
        };
        let url = |url: &str| {
            let stars = url.matches('*').count();
            let at_end = usize::from(url.ends_with('*'));
            url != "*" && (!url.starts_with('/') || stars > at_end)
        };
        let on_resources = rule.resources.len() + rule.namespaces.len();
        !LEVELS.contains(&rule.level)
            || !known(&rule.omit_stages)
            || rule.urls.iter().any(|held| url(held))
            || rule.resources.iter().any(|held| {
                group(held.group) || (held.resources.is_empty() && !held.names.is_empty())
            })
            || (on_resources > 0 && !rule.urls.is_empty())
    })
}

/// The level, the stages that are left out in their order, and the rule.
pub fn decide(model: &Model, asked: &Asked) -> (&'static str, Vec<&'static str>, Option<usize>) {
    let mut level = "None";
    let mut left_out: BTreeSet<&str> = model.omit_stages.iter().copied().collect();
    let mut decided = None;
    // From the last to the first, so that the first has the last word.
    for (index, rule) in model.rules.iter().enumerate().rev() {
        if matches(rule, asked) {
            level = rule.level;
            left_out = model.omit_stages.iter().copied().collect();
            left_out.extend(&rule.omit_stages);
            decided = Some(index);
        }
    }
    let in_order = STAGES.into_iter().filter(|stage| left_out.contains(stage));
    (level, in_order.collect(), decided)
}

fn meets(list: &[&str], spellings: &BTreeSet<String>) -> bool {
    list.is_empty() || list.iter().any(|held| spellings.contains(*held))
}

fn one(value: &str) -> BTreeSet<String> {
    BTreeSet::from([value.to_owned()])
}

fn matches(rule: &Rule, asked: &Asked) -> bool {
    let groups: BTreeSet<String> = asked.groups.iter().map(|group| (*group).into()).collect();
    let by_whom = meets(&rule.users, &one(asked.user))
        && meets(&rule.groups, &groups)
        && meets(&rule.verbs, &one(asked.verb));
    by_whom
        && match &asked.what {
            What::Path(path) => {
                rule.resources.is_empty()
                    && rule.namespaces.is_empty()
                    && meets(&rule.urls, &urls(path))
            }
            What::Resource {
                group,
                resource,
                subresource,
                namespace,
                name,
            } => {
                let spelled = spellings(resource, subresource);
                let groups = BTreeSet::from([(*group).to_owned(), "*".to_owned()]);
                rule.urls.is_empty()
                    && meets(&rule.namespaces, &one(namespace))
                    && (rule.resources.is_empty()
                        || rule.resources.iter().any(|held| {
                            let resources: Vec<&str> =
                                held.resources.iter().map(String::as_str).collect();
                            meets(&[held.group], &groups)
                                && meets(&resources, &spelled)
                                && meets(&held.names, &one(name))
                        }))
            }
        }
}

/// Every way to write a resource that covers this one.
fn spellings(resource: &str, subresource: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from(["*".to_owned(), format!("{resource}/*")]);
    if subresource.is_empty() {
        all.insert(resource.to_owned());
    } else {
        all.insert(format!("{resource}/{subresource}"));
        all.insert(format!("*/{subresource}"));
    }
    all
}

/// Every way to write a path that covers this one.
fn urls(path: &str) -> BTreeSet<String> {
    let mut all = one(path);
    let mut start = String::new();
    all.insert("*".into());
    for letter in path.chars() {
        start.push(letter);
        all.insert(format!("{start}*"));
    }
    all
}
