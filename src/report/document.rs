//! JSON documents: one for each run, with schema and tool.

use serde_json::{Map, Value, json};

use crate::baseline::Risk;
use crate::check::Outcome;
use crate::discover::Source;
use crate::facts::{Facts, Role};
use crate::failure::Failure;
use crate::kinds::{Instance, Mend, Verdict};
use crate::plan::Plan;
use crate::root::Root;
use crate::waivers::{self, Glob, State, Waiver};

/// A document of a command: schema, tool, and what the body holds.
pub fn document(command: &str, body: Value) -> Value {
    let mut fields = Map::new();
    fields.insert("schema".into(), json!(format!("tighten.{command}/v1")));
    fields.insert(
        "tool".into(),
        json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")}),
    );
    if let Value::Object(body) = body {
        fields.extend(body);
    }
    Value::Object(fields)
}

/// What a command prints with `--format json` when it could not do its work.
pub fn error_document(command: &str, failure: &Failure) -> Value {
    document(command, json!({"error": error(failure)}))
}

/// The `error` of a document.
pub fn error(failure: &Failure) -> Value {
    json!({
        "message": failure.message,
        "state": failure.state,
        "help": failure.help,
    })
}

/// The `node` of a document.
pub fn node(root: &Root, facts: Option<&Facts>) -> Value {
    let proxy = match facts {
        Some(facts) => {
            let path = |role: Role| facts.target(role).map(|target| target.path.as_str());
            json!({
                // Files that only the operator named are no kube-proxy that was found.
                "found": !matches!(facts.proxy.source, Source::Named),
                "platform": facts.proxy.platform(),
                "pid": facts.proxy.pid(),
                "version": facts.proxy.version,
                "config": path(Role::ProxyConfig),
                "kubeconfig": path(Role::ProxyKubeconfig),
                "managed_by": facts.proxy.managed_by(),
                "evidence": facts.proxy.recognised.evidence,
            })
        }
        None => json!({
            "found": false,
            "platform": null,
            "pid": null,
            "version": null,
            "config": null,
            "kubeconfig": null,
            "managed_by": null,
            "evidence": [],
        }),
    };
    json!({
        "root": root.host(),
        "hostname": facts.and_then(|facts| facts.hostname.clone()),
        "kube_proxy": proxy,
    })
}

/// The body of a scan.
pub fn scan(
    root: &Root,
    facts: &Facts,
    outcomes: &[Outcome],
    waivers: &[(&Waiver, State)],
) -> Value {
    let verdicts: Vec<Value> = outcomes.iter().map(verdict).collect();
    let count = |wanted: Verdict| {
        outcomes
            .iter()
            .filter(|outcome| outcome.verdict() == wanted)
            .count()
    };
    json!({
        "node": node(root, Some(facts)),
        "verdicts": verdicts,
        "summary": {
            "pass": count(Verdict::Pass),
            "fail": count(Verdict::Fail),
            "not_applicable": count(Verdict::NotApplicable),
            "unknown": count(Verdict::Unknown),
            "waived": count(Verdict::Waived),
        },
        "waivers": waivers.iter().map(waiver).collect::<Vec<_>>(),
        "warnings": waivers::warnings(waivers),
    })
}

/// A waiver, and what became of it.
fn waiver((waiver, state): &(&Waiver, State)) -> Value {
    let pattern = |glob: &Option<Glob>| glob.as_ref().map(ToString::to_string);
    let grounds = &waiver.grounds;
    json!({
        "check": waiver.check,
        "path": pattern(&waiver.path),
        "node": pattern(&waiver.node),
        "justification": grounds.justification,
        "expires": grounds.expires,
        "file": grounds.file,
        "line": grounds.line,
        "state": state.word(),
    })
}

fn verdict(outcome: &Outcome) -> Value {
    let check = outcome.check;
    let decisive = outcome.decisive();
    let field = |value: Option<Value>| value.unwrap_or(Value::Null);
    let failed = outcome.verdict() == Verdict::Fail;
    let fix = check.fix.as_ref().filter(|_| failed).map(|fix| {
        let by_hand = decisive
            .is_some_and(|instance| matches!(instance.mend, Mend::ByHand(_) | Mend::Elsewhere(..)));
        let risk = if by_hand { Risk::Manual } else { fix.risk };
        json!({"risk": risk, "summary": summary(decisive)})
    });
    let others: Vec<Value> = outcome
        .instances
        .iter()
        .map(|instance| {
            json!({
                "verdict": instance.verdict.word(),
                "path": instance.path,
                "line": instance.line,
                "observed": instance.observed,
                "origin": instance.origin,
                "reason": instance.reason,
                "waiver": instance.waiver.as_deref(),
            })
        })
        .collect();
    json!({
        "check": check.id,
        "verdict": outcome.verdict().word(),
        "severity": check.severity,
        "title": check.title,
        "path": field(decisive.map(|instance| json!(instance.path))),
        "line": field(decisive.map(|instance| json!(instance.line))),
        "observed": field(decisive.map(|instance| json!(instance.observed))),
        "expected": check.expect.expected(),
        "origin": field(decisive.map(|instance| json!(instance.origin))),
        "fix": fix,
        "refs": check.refs,
        "reason": field(decisive.map(|instance| json!(instance.reason))),
        "waiver": decisive.and_then(|instance| instance.waiver.as_deref()),
        "instances": others,
    })
}

/// What would mend it, in words.
fn summary(decisive: Option<&Instance>) -> String {
    match decisive.map(|instance| &instance.mend) {
        Some(Mend::ByHand(reason)) => reason.clone(),
        Some(Mend::Mode(path, mode)) => format!("chmod {mode:04o} {path}"),
        Some(Mend::Owner(path, owner)) => format!("chown {}:{} {path}", owner.uid, owner.gid),
        Some(Mend::Directory(path, _, _)) => format!("take {path} away from others"),
        Some(Mend::Edit(path, edit)) => format!("set {} in {path}", edit.places()),
        Some(Mend::Elsewhere(_, edit, _)) => format!("set {} in the cluster's API", edit.places()),
        Some(Mend::Create(path, ..)) => format!("create {path}"),
        Some(Mend::MakeDirectory(path, mode)) => format!("mkdir -m {mode:04o} {path}"),
        Some(Mend::None) | None => "left to you".into(),
    }
}

/// The body of a plan.
pub fn plan(root: &Root, facts: &Facts, plan: &Plan) -> Value {
    let mut body = Map::new();
    body.insert("node".into(), node(root, Some(facts)));
    if let Ok(Value::Object(fields)) = serde_json::to_value(plan) {
        body.extend(fields);
    }
    Value::Object(body)
}
