//! A scan as metrics: the text format of Prometheus, for node_exporter's textfile collector.
//!
//! The names and labels are stable (docs/metrics.md). No value of the node becomes a label: a check's id
//! comes from a baseline, so that there is one series for each check and no more.

use std::fmt::Write;

use super::scanned::{At, Scan, Scanned, Tool};
use crate::baseline::Severity;
use crate::kinds::Verdict;
use crate::waivers::State;

const SEVERITIES: [Severity; 3] = [Severity::High, Severity::Medium, Severity::Low];
const VERDICTS: [Verdict; 5] = [
    Verdict::Pass,
    Verdict::Fail,
    Verdict::Unknown,
    Verdict::Waived,
    Verdict::NotApplicable,
];

const STATES: [State; 7] = [
    State::Used,
    State::Unused,
    State::Unjudged,
    State::Expired,
    State::OtherNode,
    State::UnknownNode,
    State::NotSelected,
];

/// The metrics. A node that could not be scanned has no verdicts, and `tighten_scan_success` 0.
pub fn prometheus(scan: &Scan) -> String {
    let mut out = String::new();
    let (tool, at) = match scan {
        Scan::Scanned(scanned) => (&scanned.tool, scanned.scanned_at),
        Scan::NotScanned(not) => (&not.tool, not.scanned_at),
    };
    about(&mut out, tool, at, matches!(scan, Scan::Scanned(_)));
    if let Scan::Scanned(scanned) = scan {
        verdicts(&mut out, scanned);
    }
    out
}

fn about(out: &mut String, tool: &Tool, at: Option<At>, success: bool) {
    let version = escaped(&tool.version);
    family(
        out,
        "tighten_build_info",
        "Always 1; its label is the version of tighten that scanned.",
    );
    let _ = writeln!(out, "tighten_build_info{{version=\"{version}\"}} 1");
    family(
        out,
        "tighten_scan_success",
        "1 when the node was scanned, 0 when it could not be.",
    );
    let _ = writeln!(out, "tighten_scan_success {}", u8::from(success));
    if let Some(at) = at {
        family(
            out,
            "tighten_scan_timestamp_seconds",
            "When the scan looked at the node, in seconds since 1970.",
        );
        let _ = writeln!(out, "tighten_scan_timestamp_seconds {}", at.seconds());
    }
}

fn verdicts(out: &mut String, scanned: &Scanned) {
    family(
        out,
        "tighten_scan_checks",
        "Number of checks by severity and verdict.",
    );
    for severity in SEVERITIES {
        for verdict in VERDICTS {
            let of_both = |judged: &&super::scanned::Judged| {
                judged.severity == severity && judged.verdict == verdict
            };
            let _ = writeln!(
                out,
                "tighten_scan_checks{{severity=\"{severity}\",verdict=\"{}\"}} {}",
                verdict.word(),
                scanned.verdicts.iter().filter(of_both).count()
            );
        }
    }
    family(
        out,
        "tighten_scan_waivers",
        "Number of waivers by what became of them.",
    );
    for state in STATES {
        let of_it = |waived: &&super::scanned::Waived| waived.state == state.word();
        let number = scanned.waivers.iter().filter(of_it).count();
        let _ = writeln!(
            out,
            "tighten_scan_waivers{{state=\"{}\"}} {number}",
            state.word()
        );
    }
    family(
        out,
        "tighten_scan_check",
        "Always 1; its labels are a check, its severity and its verdict.",
    );
    for judged in &scanned.verdicts {
        let _ = writeln!(
            out,
            "tighten_scan_check{{check=\"{}\",severity=\"{}\",verdict=\"{}\"}} 1",
            escaped(&judged.check),
            judged.severity,
            judged.verdict.word(),
        );
    }
}

fn family(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
}

/// A label's value.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
