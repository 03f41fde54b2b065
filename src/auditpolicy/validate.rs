//! What the API server refuses in a policy that could be decoded: apiserver's
//! pkg/apis/audit/validation, in its order and with its messages.

use super::written::{Word, Written, WrittenResources, WrittenRule};
use super::{Level, Stage};
use crate::golang::text::{quoted, quoted_list};

/// Most faults that are told.
const MAX_FAULTS: usize = 50;
/// Longest DNS subdomain, in bytes.
const MAX_SUBDOMAIN: usize = 253;
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// What is wrong, and in which line.
struct Fault {
    message: String,
    line: usize,
}

/// The API server's message and the line of the first fault; `None` for a policy that it accepts.
pub(super) fn refusal(policy: &Written) -> Option<(String, usize)> {
    let mut faults = Vec::new();
    stages(&policy.omit_stages, "omitStages", &mut faults);
    for (index, held) in policy.rules.iter().enumerate() {
        rule(held, &format!("rules[{index}]"), &mut faults);
    }
    let line = faults.first()?.line;
    let mut messages: Vec<&str> = Vec::new();
    for fault in faults.iter().take(MAX_FAULTS) {
        if !messages.contains(&fault.message.as_str()) {
            messages.push(&fault.message);
        }
    }
    let message = match messages.as_slice() {
        [one] => (*one).to_owned(),
        several => format!("[{}]", several.join(", ")),
    };
    Some((message, line))
}

fn invalid(faults: &mut Vec<Fault>, line: usize, path: &str, value: &str, why: &str) {
    faults.push(Fault {
        message: format!("{path}: Invalid value: {value}: {why}"),
        line,
    });
}

fn rule(rule: &WrittenRule, path: &str, faults: &mut Vec<Fault>) {
    level(rule, path, faults);
    urls(
        &rule.non_resource_urls,
        &format!("{path}.nonResourceURLs"),
        faults,
    );
    for held in &rule.resources {
        resources(held, &format!("{path}.resources"), faults);
    }
    stages(&rule.omit_stages, &format!("{path}.omitStages"), faults);
    let resources = !rule.resources.is_empty() || !rule.namespaces.is_empty();
    if let Some(first) = rule.non_resource_urls.first().filter(|_| resources) {
        invalid(
            faults,
            first.line,
            &format!("{path}.nonResourceURLs"),
            &listed(&rule.non_resource_urls),
            "rules cannot apply to both regular resources and non-resource URLs",
        );
    }
}

fn level(rule: &WrittenRule, path: &str, faults: &mut Vec<Fault>) {
    let level = &rule.level;
    if Level::named(&level.text).is_some() {
        return;
    }
    faults.push(if level.text.is_empty() {
        Fault {
            message: format!("{path}.level: Required value"),
            line: rule.line,
        }
    } else {
        let names: Vec<String> = Level::ALL.map(|level| quoted(level.name())).to_vec();
        Fault {
            message: format!(
                "{path}.level: Unsupported value: {}: supported values: {}",
                quoted(&level.text),
                names.join(", ")
            ),
            line: level.line,
        }
    });
}

fn urls(urls: &[Word], path: &str, faults: &mut Vec<Fault>) {
    for (index, url) in urls.iter().enumerate() {
        if url.text == "*" {
            continue;
        }
        let path = format!("{path}[{index}]");
        let value = quoted(&url.text);
        if !url.text.starts_with('/') {
            let why = "non-resource URL rules must begin with a '/' character";
            invalid(faults, url.line, &path, &value, why);
        }
        let before_last = url.text.strip_suffix('*').unwrap_or(&url.text);
        if before_last.contains('*') {
            let why = "non-resource URL wildcards '*' must be the final character of the rule";
            invalid(faults, url.line, &path, &value, why);
        }
    }
}

fn resources(held: &WrittenResources, path: &str, faults: &mut Vec<Fault>) {
    let group = &held.group;
    if !matches!(group.text.as_str(), "" | "*") {
        let mut why = Vec::new();
        if group.text.len() > MAX_SUBDOMAIN {
            why.push("must be no more than 253 bytes");
        }
        if !is_subdomain(&group.text) {
            why.push(SUBDOMAIN);
        }
        if !why.is_empty() {
            let (path, value) = (format!("{path}.group"), quoted(&group.text));
            invalid(faults, group.line, &path, &value, &why.join(","));
        }
    }
    if held.resources.is_empty() && !held.names.is_empty() {
        invalid(
            faults,
            held.line,
            &format!("{path}.resourceNames"),
            &listed(&held.names),
            "using resourceNames requires at least one resource",
        );
    }
}

fn stages(stages: &[Word], path: &str, faults: &mut Vec<Fault>) {
    for (index, stage) in stages.iter().enumerate() {
        if Stage::named(&stage.text).is_none() {
            let names = Stage::ALL.map(Stage::name).join(",");
            invalid(
                faults,
                stage.line,
                &format!("{path}[{index}]"),
                &quoted(&stage.text),
                &format!("allowed stages are {names}"),
            );
        }
    }
}

fn listed(words: &[Word]) -> String {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    quoted_list(&texts)
}

fn is_subdomain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.split('.').all(|label| {
        let ends = [label.bytes().next(), label.bytes().last()];
        ends.iter().all(|byte| byte.is_some_and(plain))
            && label.bytes().all(|byte| plain(byte) || byte == b'-')
    })
}
