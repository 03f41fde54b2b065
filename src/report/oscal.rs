//! A scan as OSCAL assessment results, version 1.2.1, for auditors.
//!
//! A check is an objective. Each check that applies gives an observation and a finding, each finding that is
//! not satisfied a risk: open, or accepted where a waiver excuses it. What could not be judged is not
//! satisfied. A check that does not apply gives the observation alone.

use serde_json::{Map, Value, json};

use super::place;
use super::scanned::{At, Judged, Scanned};
use crate::kinds::Verdict;
use crate::transaction::sha256;

const VERSION: &str = "1.2.1";

/// The assessment results of one node. The same scan gives the same document, ids included.
pub fn oscal(scanned: &Scanned) -> Value {
    let node = scanned.node.name().unwrap_or("node");
    let at = scanned.scanned_at.unwrap_or(At::of(0)).to_string();
    let ids = Ids(format!("{node}\0{at}\0{}", scanned.node.root));
    let (plan, item) = (ids.of("assessment-plan"), ids.of("inventory-item"));
    let parts: Vec<Parts> = scanned
        .verdicts
        .iter()
        .map(|judged| parts(judged, &ids, &item, &at))
        .collect();
    let mut result = json!({
        "uuid": ids.of("result"),
        "title": format!("tighten scan of {node}"),
        "description": "Every check of the baseline, judged on the node.",
        "start": at,
        "end": at,
        "local-definitions": {"inventory-items": [{
            "uuid": item,
            "description": format!("The node {node}, root {}", scanned.node.root),
        }]},
        "reviewed-controls": {"control-selections": [{"include-all": {}}]},
        "observations": parts.iter().map(|parts| &parts.observation).collect::<Vec<_>>(),
    });
    // The schema admits no empty list.
    if let Some(fields) = result.as_object_mut() {
        let lists: [(&str, Vec<&Value>); 2] = [
            (
                "findings",
                parts
                    .iter()
                    .filter_map(|parts| parts.finding.as_ref())
                    .collect(),
            ),
            (
                "risks",
                parts
                    .iter()
                    .filter_map(|parts| parts.risk.as_ref())
                    .collect(),
            ),
        ];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            fields.insert(name.into(), json!(list));
        }
        if parts.is_empty() {
            fields.remove("observations");
        }
    }
    json!({"assessment-results": {
        "uuid": ids.of("document"),
        "metadata": {
            "title": format!("tighten scan of {node}"),
            "last-modified": at,
            "version": scanned.tool.version,
            "oscal-version": VERSION,
        },
        "import-ap": {"href": format!("#{plan}")},
        "results": [result],
        "back-matter": {"resources": [{
            "uuid": plan,
            "title": "No assessment plan",
            "description": "The scan follows the baseline that tighten was given, and no plan in OSCAL.",
        }]},
    }})
}

struct Parts {
    observation: Value,
    finding: Option<Value>,
    risk: Option<Value>,
}

fn parts(judged: &Judged, ids: &Ids, item: &str, at: &str) -> Parts {
    let check = &judged.check;
    let id = |what: &str| ids.of(&format!("{what}\0{check}"));
    let title = title(judged);
    let evidence: Vec<Value> = judged
        .instances
        .iter()
        .map(|seen| {
            let told = place::evidence(judged, seen);
            json!({"description": format!("{}: {told}", seen.verdict.word())})
        })
        .collect();
    let props = json!([
        {"name": "verdict", "ns": NAMES, "value": judged.verdict.word()},
        {"name": "severity", "ns": NAMES, "value": judged.severity.to_string()},
    ]);
    let mut observation = json!({
        "uuid": id("observation"),
        "title": check,
        "description": format!("{title}. Expected: {}.", judged.expected),
        "props": props,
        "methods": ["TEST"],
        "subjects": [{"subject-uuid": item, "type": "inventory-item"}],
        "collected": at,
    });
    if let Some(fields) = observation.as_object_mut().filter(|_| !evidence.is_empty()) {
        fields.insert("relevant-evidence".into(), json!(evidence));
    }
    let Some((state, reason)) = status(judged.verdict) else {
        return Parts {
            observation,
            finding: None,
            risk: None,
        };
    };
    let mut status = json!({"state": state, "reason": reason});
    let mut finding = Map::new();
    finding.insert("uuid".into(), json!(id("finding")));
    finding.insert("title".into(), json!(title));
    finding.insert(
        "description".into(),
        json!(format!("The verdict is {}.", judged.verdict.word())),
    );
    finding.insert("props".into(), props);
    finding.insert(
        "related-observations".into(),
        json!([{"observation-uuid": id("observation")}]),
    );
    let risk = (state == "not-satisfied").then(|| {
        finding.insert("related-risks".into(), json!([{"risk-uuid": id("risk")}]));
        risk(judged, &id("risk"))
    });
    if let (Some(reason), Some(fields)) = (&judged.reason, status.as_object_mut()) {
        fields.insert("remarks".into(), json!(reason));
    }
    finding.insert(
        "target".into(),
        json!({"type": "objective-id", "target-id": token(check), "status": status}),
    );
    Parts {
        observation,
        finding: Some(Value::Object(finding)),
        risk,
    }
}

/// What a check calls itself, as the one line that OSCAL admits.
fn title(judged: &Judged) -> String {
    let words: Vec<&str> = judged.title.split_whitespace().collect();
    match words.is_empty() {
        true => judged.check.clone(),
        false => words.join(" "),
    }
}

/// An id as a token, which does not begin with a digit or a dash.
fn token(check: &str) -> String {
    match check.starts_with(char::is_alphabetic) {
        true => check.into(),
        false => format!("_{check}"),
    }
}

/// What is satisfied and why, in OSCAL's words; nothing of a check that does not apply.
fn status(verdict: Verdict) -> Option<(&'static str, &'static str)> {
    match verdict {
        Verdict::Pass => Some(("satisfied", "pass")),
        Verdict::Fail => Some(("not-satisfied", "fail")),
        Verdict::Unknown | Verdict::Waived => Some(("not-satisfied", "other")),
        Verdict::NotApplicable => None,
    }
}

fn risk(judged: &Judged, uuid: &str) -> Value {
    let title = title(judged);
    let why = Some(&judged.why).filter(|why| !why.is_empty());
    let mut risk = json!({
        "uuid": uuid,
        "title": title,
        "description": format!("Not so: {title}"),
        "statement": why.unwrap_or(&title),
        "props": [{"name": "severity", "ns": NAMES, "value": judged.severity.to_string()}],
        "status": if judged.verdict == Verdict::Waived { "deviation-approved" } else { "open" },
    });
    let Some(fields) = risk.as_object_mut() else {
        return risk;
    };
    if let Some(waiver) = &judged.waiver {
        fields.insert("description".into(), json!(waiver.told()));
    }
    if let Some(fix) = &judged.fix {
        let response = json!({
            "uuid": format_uuid(&sha256(format!("response\0{uuid}").as_bytes())),
            "lifecycle": "recommendation",
            "title": "Fix",
            "description": format!("{} (risk: {})", fix.summary, fix.risk),
        });
        fields.insert("remediations".into(), json!([response]));
    }
    risk
}

/// The namespace of the properties that OSCAL does not define.
const NAMES: &str = "urn:tighten:oscal";

/// Ids that follow from what they name.
struct Ids(String);

impl Ids {
    fn of(&self, what: &str) -> String {
        format_uuid(&sha256(format!("{}\0{what}", self.0).as_bytes()))
    }
}

/// A hash as a name-based UUID. OSCAL admits versions 4 and 5 only, so it says 5, with SHA-256 in the place
/// of SHA-1.
fn format_uuid(hash: &str) -> String {
    let part = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-5{}-a{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}
