//! `tighten explain`: what checks and rules expect, and why.

use serde_json::json;

use super::context::Context;
use super::print_json;
use crate::baseline::{self, Baseline, Check};
use crate::check::nearest;
use crate::cli::{Format, Global};
use crate::failure::{Exit, Failure};
use crate::report;
use crate::unusual::Rules;

/// `tighten explain`: of the baselines that are named, else of all that are built in.
pub fn explain(global: &Global, id: Option<&str>) -> Result<Exit, Failure> {
    let mut global = global.clone();
    if global.baseline.is_empty() {
        global.baseline = baseline::names().map(String::from).collect();
    }
    let context = Context::new(&global)?;
    let all = || {
        context
            .baselines
            .iter()
            .flat_map(|baseline| &baseline.checks)
    };
    let home = |check: &Check| {
        let holds = |baseline: &&Baseline| baseline.checks.iter().any(|own| own.id == check.id);
        context
            .baselines
            .iter()
            .find(holds)
            .map(|baseline| &baseline.name)
    };
    let mut rules = Rules::load(&[])?;
    if let Some(id) = id {
        rules.rules.retain(|rule| rule.id == id);
    }
    let chosen: Vec<_> = match id {
        None => all().collect(),
        Some(id) => {
            let found: Vec<_> = all().filter(|check| check.id == id).collect();
            if found.is_empty() && rules.rules.is_empty() {
                let known = Rules::load(&[])?;
                let rules = known.rules.iter().map(|rule| rule.id.as_str());
                let names: Vec<&str> = all().map(|check| check.id.as_str()).chain(rules).collect();
                let help = match nearest(id, &names) {
                    Some(near) => format!("did you mean {near}?"),
                    None => "tighten explain lists them all".into(),
                };
                return Err(Failure::usage(format!("no check or rule is called {id:?}")).help(help));
            }
            found
        }
    };
    match (context.format, id, chosen.first()) {
        (Format::Json, ..) => {
            let checks: Vec<_> = chosen
                .iter()
                .map(|check| {
                    json!({
                        "check": check.id,
                        "baseline": home(check),
                        "title": check.title,
                        "severity": check.severity,
                        "kind": check.expect.name(),
                        "expected": check.expect.expected(),
                        "since": check.since.map(|version| version.to_string()),
                        "why": check.why,
                        "fix": check.fix.as_ref().map(|fix| json!({"risk": fix.risk, "on_request": fix.on_request})),
                        "breaks": check.breaks,
                        "by_hand": check.by_hand,
                        "refs": check.refs,
                    })
                })
                .collect();
            let rules: Vec<_> = rules
                .rules
                .iter()
                .map(|rule| {
                    json!({
                        "rule": rule.id,
                        "title": rule.title,
                        "severity": rule.severity,
                        "why": rule.why,
                        "help": rule.help,
                        "refs": rule.refs,
                    })
                })
                .collect();
            let body = json!({"checks": checks, "rules": rules});
            print_json(&report::document("explain", body));
        }
        (Format::Text, Some(_), Some(check)) => context.say(&report::explain(check, context.style)),
        (Format::Text, Some(_), None) => {
            for rule in &rules.rules {
                context.say(&report::explain_rule(rule, context.style));
            }
        }
        (Format::Text, None, _) => {
            let checks = report::explain_all(&context.baselines, context.style);
            let rules = report::explain_rules(&rules, context.style);
            context.say(&format!(
                "{checks}\n{rules}\nMore of one: tighten explain CHECK\n"
            ));
        }
    }
    Ok(Exit::Done)
}
