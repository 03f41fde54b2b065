//! Scans as JUnit's XML: a suite for each node, a case for each check. The order of elements and the
//! attributes are those of Ant's schema, which is the strictest that readers of JUnit follow.

use std::fmt::Write;

use super::escape::{escaped, one_line};
use super::place;
use super::scanned::{At, Judged, NotScanned, Scan, Scanned};
use crate::kinds::Verdict;

/// A suite for each scan, under the given name or else the node's own.
pub fn junit<'a>(scans: impl Iterator<Item = (Option<&'a str>, &'a Scan)>) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (number, (name, scan)) in scans.enumerate() {
        let name = name.or(scan.name()).unwrap_or_default();
        match scan {
            Scan::Scanned(scanned) => scanned_suite(&mut out, number, name, scanned),
            Scan::NotScanned(not) => not_scanned_suite(&mut out, number, name, not),
        }
    }
    out.push_str("</testsuites>\n");
    out
}

/// What a suite's first line says.
struct Head<'a> {
    number: usize,
    name: &'a str,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    at: Option<At>,
    version: &'a str,
}

fn open(out: &mut String, head: &Head) {
    // An empty name is no token; this is the schema's own word for a host that has none.
    let name = match one_line(head.name) {
        name if name.is_empty() => "localhost".into(),
        name => name,
    };
    // The schema forbids a time zone.
    let at = head.at.unwrap_or(At::of(0)).to_string();
    let at = at.trim_end_matches('Z');
    let _ = writeln!(
        out,
        "  <testsuite id=\"{}\" package=\"tighten\" name=\"{name}\" hostname=\"{name}\" timestamp=\"{at}\" \
         tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"0\">\n    <properties>\n      \
         <property name=\"tighten.version\" value=\"{}\"/>\n    </properties>",
        head.number,
        head.tests,
        head.failures,
        head.errors,
        head.skipped,
        one_line(head.version),
    );
}

fn close(out: &mut String, warnings: &[String]) {
    let _ = writeln!(
        out,
        "    <system-out></system-out>\n    <system-err>{}</system-err>\n  </testsuite>",
        escaped(&warnings.join("\n"))
    );
}

fn scanned_suite(out: &mut String, number: usize, name: &str, scanned: &Scanned) {
    let counts = &scanned.summary;
    open(
        out,
        &Head {
            number,
            name,
            tests: scanned.verdicts.len(),
            failures: counts.fail,
            errors: counts.unknown,
            skipped: counts.not_applicable + counts.waived,
            at: scanned.scanned_at,
            version: &scanned.tool.version,
        },
    );
    for judged in &scanned.verdicts {
        case(out, judged);
    }
    close(out, &scanned.warnings);
}

fn case(out: &mut String, judged: &Judged) {
    let _ = write!(
        out,
        "    <testcase classname=\"tighten.{}\" name=\"{}\" time=\"0\"",
        judged.severity,
        one_line(&judged.check),
    );
    let outcome = match judged.verdict {
        Verdict::Pass => {
            out.push_str("/>\n");
            return;
        }
        Verdict::Fail => ("failure", Some(judged.severity.to_string())),
        Verdict::Unknown => ("error", Some("unknown".to_string())),
        Verdict::NotApplicable | Verdict::Waived => ("skipped", None),
    };
    let (element, kind) = outcome;
    let kind = kind.map_or(String::new(), |kind| format!(" type=\"{kind}\""));
    let _ = write!(
        out,
        ">\n      <{element} message=\"{}\"{kind}>",
        one_line(&message(judged))
    );
    let mut lines = Vec::new();
    for seen in place::telling(judged) {
        lines.push(place::evidence(judged, seen));
    }
    if let Some(fix) = &judged.fix {
        lines.push(format!("fix ({}): {}", fix.risk, fix.summary));
    }
    let _ = writeln!(
        out,
        "{}</{element}>\n    </testcase>",
        escaped(&lines.join("\n"))
    );
}

/// What a list of cases shows of one that did not pass.
fn message(judged: &Judged) -> String {
    match (judged.verdict, &judged.waiver) {
        (Verdict::Waived, Some(waiver)) => waiver.told(),
        (Verdict::Waived, None) => "waived".into(),
        (Verdict::Fail, _) => format!("not so: {}", judged.title),
        (Verdict::NotApplicable, _) => format!(
            "not applicable: {}",
            judged
                .reason
                .as_deref()
                .unwrap_or("nothing that it speaks of")
        ),
        _ => format!(
            "could not be judged: {}",
            judged.reason.as_deref().unwrap_or("no reason is known")
        ),
    }
}

fn not_scanned_suite(out: &mut String, number: usize, name: &str, not: &NotScanned) {
    open(
        out,
        &Head {
            number,
            name,
            tests: 1,
            failures: 0,
            errors: 1,
            skipped: 0,
            at: not.scanned_at,
            version: &not.tool.version,
        },
    );
    let told = [
        Some(&not.error.message),
        not.error.state.as_ref(),
        not.error.help.as_ref(),
    ];
    let told: Vec<&str> = told.into_iter().flatten().map(String::as_str).collect();
    let _ = writeln!(
        out,
        "    <testcase classname=\"tighten\" name=\"scan\" time=\"0\">\n      \
         <error message=\"{}\" type=\"not-scanned\">{}</error>\n    </testcase>",
        one_line(&format!("not scanned: {}", not.error.message)),
        escaped(&told.join("\n"))
    );
    close(out, &[]);
}
