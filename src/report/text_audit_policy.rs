//! What an audit policy logs of a request, in words.

use std::fmt::Write as _;
use std::ops::Range;

use super::printable;
use super::style::Style;
use crate::auditpolicy::{Decision, Level, Policy, Stage, StrictProblem, Target};
use crate::root::NodePath;

/// Most lines of a rule that are shown without -v.
const SHOWN_LINES: usize = 40;
/// Most characters of one of its lines: a policy in JSON may be one single line.
const SHOWN_COLUMNS: usize = 400;

/// The level, the stages that are left out, and the rule as it stands in the file.
pub fn decision(
    decision: &Decision,
    target: &Target,
    policy: &Policy,
    (path, bytes): (&NodePath, &[u8]),
    style: Style,
    verbose: bool,
) -> String {
    let level = decision.level.name();
    let painted = match decision.level {
        Level::None => style.warn(level),
        _ => style.good(level),
    };
    let means = match (decision.level, target) {
        (Level::None, _) => "nothing is logged",
        (Level::Metadata, _) => "who, what and when",
        // The bodies are those of objects (facts page, section 5.1).
        (_, Target::Path(_)) => "who, what and when: a path has no bodies that are logged",
        (Level::Request, _) => "and the body of the request",
        (Level::RequestResponse, _) => "and the bodies of request and answer",
    };
    let mut out = format!("Level: {painted} ({means})\n");
    let stages: Vec<&str> = decision
        .omit_stages
        .iter()
        .copied()
        .map(Stage::name)
        .collect();
    let stages = match stages.as_slice() {
        [] => "none".to_owned(),
        stages => stages.join(", "),
    };
    let _ = writeln!(out, "Stages left out: {stages}");
    let path = printable(path.as_str());
    let found = decision
        .rule
        .and_then(|index| Some((index, policy.rules.get(index)?)));
    let Some((index, rule)) = found else {
        let _ = writeln!(out, "Rule: no rule of {path} matches");
        return out;
    };
    let _ = writeln!(out, "Rule: rules[{index}] in {path}:{}", rule.line);
    let lines = excerpt(&String::from_utf8_lossy(bytes), &rule.span);
    let end = if verbose || lines.len() <= SHOWN_LINES + 1 {
        lines.len()
    } else {
        SHOWN_LINES
    };
    for line in lines.iter().take(end) {
        let shown = match line.char_indices().nth(SHOWN_COLUMNS) {
            Some((at, _)) if !verbose => format!("{}…", line.get(..at).unwrap_or_default()),
            _ => line.clone(),
        };
        let _ = writeln!(out, "  {}", printable(&shown));
    }
    if end < lines.len() {
        let rest = lines.len() - end;
        let _ = writeln!(
            out,
            "  {}",
            style.dim(&format!("... {rest} more lines; -v shows them"))
        );
    }
    out
}

/// What the API server makes of a key that is unknown or doubled.
pub fn unknown_key(path: &NodePath, key: &StrictProblem) -> String {
    let (line, name) = (key.line, &key.path);
    if key.doubled {
        format!("{path}:{line}: {name} is there twice, and the API server takes the last")
    } else {
        format!("{path}:{line}: the API server knows no {name} and drops it")
    }
}

/// The lines of a span, with the dash before it, without the indentation that they share.
fn excerpt(text: &str, span: &Range<usize>) -> Vec<String> {
    let before = text.get(..span.start).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let head = before.get(start..).unwrap_or_default();
    let own_line = head.chars().all(|letter| matches!(letter, ' ' | '-'));
    let (start, indent) = if own_line {
        (start, head.len() - head.trim_start().len())
    } else {
        (span.start, 0)
    };
    let shown = text.get(start..span.end).unwrap_or_default();
    let mut lines: Vec<&str> = shown.lines().collect();
    // The comment behind a rule is about the next one.
    while lines.pop_if(|line| is_blank(line)).is_some() {}
    let dedented = lines.into_iter().map(|line| {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        line.get(blanks.min(indent)..)
            .unwrap_or_default()
            .to_owned()
    });
    dedented.collect()
}

fn is_blank(line: &str) -> bool {
    let content = line.trim();
    content.is_empty() || content.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn a_rule_is_shown_as_it_stands_without_the_common_indentation() {
        let text = "rules:\n  - level: None\n    # why\n    users:\n    - a\n\n  # next\n  - x\n";
        let span = text.find("level").unwrap()..text.find("  - x").unwrap();
        assert_eq!(
            excerpt(text, &span),
            ["- level: None", "  # why", "  users:", "  - a"]
        );
        let text = "{\"rules\": [{\"level\": \"None\"}, {}]}";
        let span = text.find("{\"level").unwrap()..text.find(", {}").unwrap();
        assert_eq!(excerpt(text, &span), ["{\"level\": \"None\"}"]);
        assert!(excerpt("", &(3..9)).is_empty());
    }
}
