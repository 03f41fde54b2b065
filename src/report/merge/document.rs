//! Many nodes as JSON: `tighten.report/v1`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Merged, MergedNode};
use crate::kinds::Verdict;
use crate::report::scanned::{Counts, Judged, Scan};

/// The body of the document.
pub fn document(merged: &Merged) -> Value {
    let verdicts = merged.nodes.iter().filter_map(|node| match &node.scan {
        Scan::Scanned(scanned) => Some(&scanned.verdicts),
        Scan::NotScanned(_) => None,
    });
    let all = Counts::of(verdicts.flatten().map(|judged| judged.verdict));
    let checks: Vec<Value> = merged
        .checks
        .iter()
        .map(|check| {
            json!({
                "check": check.check,
                "title": check.title,
                "severity": check.severity,
                "summary": check.counts,
            })
        })
        .collect();
    json!({
        "summary": {
            "nodes": merged.nodes.len(),
            "scanned": merged.scanned(),
            "not_scanned": merged.nodes.len() - merged.scanned(),
            "with_findings": merged.with_findings(),
            "verdicts": all,
        },
        "checks": checks,
        "nodes": merged.nodes.iter().map(node).collect::<Vec<_>>(),
        "notes": merged.notes,
    })
}

fn node(node: &MergedNode) -> Value {
    let mut body = json!({
        "name": node.name,
        "file": node.file,
        "scanned_at": node.scan.at(),
        "tool_version": node.scan.tool().version,
    });
    let rest = match &node.scan {
        Scan::Scanned(scanned) => {
            let bad = node.badness().unwrap_or_default();
            let verdicts: BTreeMap<&str, Verdict> = node.verdicts();
            let told = |judged: &&Judged| {
                !matches!(judged.verdict, Verdict::Pass | Verdict::NotApplicable)
            };
            json!({
                "status": "scanned",
                "node": scanned.node,
                "summary": scanned.summary,
                "findings": {"high": bad.high, "medium": bad.medium, "low": bad.low},
                "verdicts": verdicts,
                "details": scanned.verdicts.iter().filter(told).map(details).collect::<Vec<_>>(),
                "error": null,
            })
        }
        Scan::NotScanned(not) => json!({
            "status": "not-scanned",
            "node": not.node,
            "summary": null,
            "findings": null,
            "verdicts": {},
            "details": [],
            "error": not.error,
        }),
    };
    if let (Value::Object(body), Value::Object(rest)) = (&mut body, rest) {
        body.extend(rest);
    }
    body
}

/// What did not pass, as the scan told it.
fn details(judged: &Judged) -> Value {
    json!({
        "check": judged.check,
        "verdict": judged.verdict,
        "severity": judged.severity,
        "expected": judged.expected,
        "fix": judged.fix,
        "reason": judged.reason,
        "waiver": judged.waiver,
        "instances": judged.instances,
    })
}
