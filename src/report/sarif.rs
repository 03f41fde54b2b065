//! A scan as SARIF 2.1.0, for code scanning.
//!
//! A check is a rule, each file or value that it fails on a result. Paths are those of the node, relative to
//! a base that stands for its root, so that they are the same for an image and for the machine it became.

use serde_json::{Map, Value, json};

use super::place;
use super::scanned::{Grounds, Judged, Scan, Scanned, Seen, Tool};
use crate::baseline::Severity;
use crate::failure::Exit;
use crate::kinds::Verdict;
use crate::root::NodePath;
use crate::transaction::sha256;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The name under which the node's root is known in the document.
const ROOT: &str = "NODEROOT";

/// The log of one run. What passed or does not apply is only in it with `verbose`: readers of code scanning
/// take every result for an alert.
pub fn sarif(scan: &Scan, exit: Exit, verbose: bool) -> Value {
    let run = match scan {
        Scan::Scanned(scanned) => run(scanned, exit, verbose),
        Scan::NotScanned(not) => {
            let mut text = not.error.message.clone();
            for more in [&not.error.state, &not.error.help].into_iter().flatten() {
                text.push('\n');
                text.push_str(more);
            }
            let mut invocation = json!({
                "executionSuccessful": false,
                "exitCode": exit as u8,
                "toolExecutionNotifications": [{"level": "error", "message": {"text": text}}],
            });
            if let (Some(at), Some(fields)) = (not.scanned_at, invocation.as_object_mut()) {
                fields.insert("endTimeUtc".into(), json!(at));
            }
            // Without results: an empty list would say that nothing was found.
            json!({
                "tool": {"driver": driver(&not.tool, Vec::new())},
                "invocations": [invocation],
            })
        }
    };
    json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})
}

fn run(scanned: &Scanned, exit: Exit, verbose: bool) -> Value {
    let mut invocation = json!({"executionSuccessful": true, "exitCode": exit as u8});
    if let (Some(at), Some(fields)) = (scanned.scanned_at, invocation.as_object_mut()) {
        fields.insert("startTimeUtc".into(), json!(at));
        fields.insert("endTimeUtc".into(), json!(at));
    }
    if let (false, Some(fields)) = (scanned.warnings.is_empty(), invocation.as_object_mut()) {
        let told = scanned.warnings.iter();
        let told = told.map(|text| json!({"level": "warning", "message": {"text": text}}));
        fields.insert("toolExecutionNotifications".into(), told.collect());
    }
    let node = scanned.node.name().unwrap_or("node");
    let mut results = Vec::new();
    for (index, judged) in scanned.verdicts.iter().enumerate() {
        let mut seen_before: Vec<&Option<NodePath>> = Vec::new();
        for seen in &judged.instances {
            // Among all of them, so that it does not hang on what the others came to.
            let ordinal = seen_before
                .iter()
                .filter(|path| **path == &seen.path)
                .count();
            seen_before.push(&seen.path);
            let shown = match seen.verdict {
                Verdict::Fail | Verdict::Unknown | Verdict::Waived => true,
                Verdict::Pass | Verdict::NotApplicable => verbose,
            };
            if !shown {
                continue;
            }
            let mut result = result(judged, seen, scanned);
            result.insert("ruleIndex".into(), json!(index));
            // Not of the line, which moves, nor of the value, which is still the same finding.
            let print = fingerprint(&[node, &judged.check, path_of(seen), &ordinal.to_string()]);
            result.insert(
                "partialFingerprints".into(),
                json!({"checkAndPlace/v1": print}),
            );
            results.push(Value::Object(result));
        }
    }
    let base = uri(&format!("{}/", scanned.node.root.trim_end_matches('/')));
    json!({
        "tool": {"driver": driver(&scanned.tool, scanned.verdicts.iter().map(rule).collect())},
        "invocations": [invocation],
        "automationDetails": {"id": format!("tighten/{}/", uri(node).replace('/', "%2F"))},
        "originalUriBaseIds": {
            ROOT: {"uri": format!("file://{base}"), "description": {"text": "The root of the node."}},
        },
        "columnKind": "unicodeCodePoints",
        "results": results,
    })
}

fn driver(tool: &Tool, rules: Vec<Value>) -> Value {
    json!({
        "name": tool.name,
        "version": tool.version,
        "shortDescription": {"text": "Hardens kube-proxy on Linux nodes."},
        "rules": rules,
    })
}

fn rule(judged: &Judged) -> Value {
    let mut help = format!("Expected: {}.", judged.expected);
    if !judged.why.is_empty() {
        help.push_str(&format!(" {}.", judged.why.trim_end_matches('.')));
    }
    help.push_str(&format!(" More: tighten explain {}", judged.check));
    let tags: Vec<&str> = ["security", "kube-proxy"]
        .into_iter()
        .chain(judged.refs.iter().map(String::as_str))
        .collect();
    let mut rule = json!({
        "id": judged.check,
        "shortDescription": {"text": judged.title},
        "help": {"text": help},
        "defaultConfiguration": {"level": level(judged.severity)},
        "properties": {
            "tags": tags,
            "precision": "very-high",
            "security-severity": score(judged.severity),
        },
    });
    if let Some(fields) = rule.as_object_mut() {
        if !judged.why.is_empty() {
            fields.insert("fullDescription".into(), json!({"text": judged.why}));
        }
        if let Some(cve) = judged.refs.iter().find(|reference| is_cve(reference)) {
            let page = format!("https://nvd.nist.gov/vuln/detail/{cve}");
            fields.insert("helpUri".into(), json!(page));
        }
    }
    rule
}

fn is_cve(reference: &str) -> bool {
    let plain = |c: char| c.is_ascii_digit() || c == '-';
    reference
        .strip_prefix("CVE-")
        .is_some_and(|number| !number.is_empty() && number.chars().all(plain))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// In the middle of the range that code scanning calls by the same word.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

fn result(judged: &Judged, seen: &Seen, scanned: &Scanned) -> Map<String, Value> {
    let (kind, level) = match seen.verdict {
        Verdict::Fail | Verdict::Waived => ("fail", level(judged.severity)),
        Verdict::Unknown => ("review", "none"),
        Verdict::Pass => ("pass", "none"),
        Verdict::NotApplicable => ("notApplicable", "none"),
    };
    let mut text = format!("{}: {}", judged.title, place::observed(judged, seen));
    if let Some(fix) = judged
        .fix
        .as_ref()
        .filter(|_| seen.verdict == Verdict::Fail)
    {
        text.push_str(&format!(". Fix ({}): {}", fix.risk, fix.summary));
    }
    let mut result = Map::new();
    result.insert("ruleId".into(), json!(judged.check));
    result.insert("kind".into(), json!(kind));
    result.insert("level".into(), json!(level));
    result.insert("message".into(), json!({"text": text}));
    if let Some(location) = location(seen, scanned) {
        result.insert("locations".into(), json!([location]));
    }
    if seen.verdict == Verdict::Waived {
        let waiver = seen.waiver.as_ref().or(judged.waiver.as_ref());
        result.insert("suppressions".into(), json!([suppression(waiver)]));
    }
    result
}

/// Where it stands; without a file of its own, in kube-proxy's configuration, since readers refuse a result
/// that is nowhere.
fn location(seen: &Seen, scanned: &Scanned) -> Option<Value> {
    let proxy = &scanned.node.kube_proxy;
    let path = seen
        .path
        .as_ref()
        .or(proxy.config.as_ref())
        .or(proxy.kubeconfig.as_ref())?;
    let relative = path.as_str().trim_start_matches('/');
    let mut physical = json!({"artifactLocation": {"uri": uri(relative), "uriBaseId": ROOT}});
    let line = seen.line.filter(|line| *line > 0 && seen.path.is_some());
    if let (Some(line), Some(fields)) = (line, physical.as_object_mut()) {
        fields.insert("region".into(), json!({"startLine": line}));
    }
    Some(json!({"physicalLocation": physical}))
}

fn suppression(waiver: Option<&Grounds>) -> Value {
    let mut suppression = json!({"kind": "external", "status": "accepted"});
    if let (Some(waiver), Some(fields)) = (waiver, suppression.as_object_mut()) {
        fields.insert("justification".into(), json!(waiver.justification));
        if let Some(expires) = &waiver.expires {
            fields.insert("properties".into(), json!({"expires": expires}));
        }
    }
    suppression
}

fn path_of(seen: &Seen) -> &str {
    seen.path.as_ref().map_or("", NodePath::as_str)
}

/// A hash over texts, each closed by what no text has in it.
fn fingerprint(parts: &[&str]) -> String {
    sha256(format!("{}\0", parts.join("\0")).as_bytes())
}

/// A path inside a URI (RFC 3986, unreserved characters and the slash).
fn uri(path: &str) -> String {
    path.bytes().fold(String::new(), |mut uri, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
        uri
    })
}
