//! What was found in a log as JSON.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::super::document;
use super::Activity;
use crate::auditlog::block::Placed;
use crate::auditlog::counted::resource;
use crate::auditlog::json::Damage;
use crate::auditlog::names::{Count, Name};
use crate::auditlog::order::Place;
use crate::auditlog::tally::{By, Tally};
use crate::auditlog::time::Instant;
use crate::auditlog::who::Standing;
use crate::unusual::{Judged, Unusual};

/// The document of a log that was read. Its names are written one by one, since thousands of them take megabytes as
/// values.
#[derive(Serialize)]
pub struct Summary<'a> {
    by: Names<'a>,
    #[serde(flatten)]
    rest: Value,
}

impl<'a> Summary<'a> {
    /// Of what a command found, with more fields.
    pub fn of(
        command: &str,
        activity: &Activity<'a>,
        judged: &Judged,
        more: Map<String, Value>,
    ) -> Summary<'a> {
        let mut rest = document(command, summary(activity, judged));
        if let Value::Object(fields) = &mut rest {
            fields.extend(more);
        }
        Summary {
            by: Names(&activity.totals.tally),
            rest,
        }
    }
}

/// Counts by name, of each kind.
struct Names<'a>(&'a Tally);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut kinds = serializer.serialize_map(None)?;
        for kind in By::ALL {
            let (names, others) = self.0.ranked(kind);
            kinds.serialize_entry(kind.key(), &Ranked(names))?;
            if others != Count::default() {
                let rest = json!({"requests": others.requests, "events": others.events});
                kinds.serialize_entry(&format!("{}_others", kind.key()), &rest)?;
            }
        }
        kinds.end()
    }
}

/// The names of a kind.
struct Ranked<'a>(Vec<(Name<'a>, Count)>);

impl Serialize for Ranked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(name, count)| {
            json!({"name": name.text(), "requests": count.requests, "events": count.events})
        }))
    }
}

/// All of a summary but the names.
fn summary(activity: &Activity, judged: &Judged) -> Value {
    let tally = &activity.totals.tally;
    let total = tally.total();
    let seen = tally.seen();
    let minutes = tally.minutes();
    let reasons: Map<String, Value> = Damage::ALL
        .into_iter()
        .zip(activity.totals.damaged)
        .filter(|(_, count)| *count > 0)
        .map(|(damage, count)| (damage.to_string(), json!(count)))
        .collect();
    let broken: Vec<Value> = activity
        .totals
        .broken
        .iter()
        .map(|broken| {
            let mut place = place(activity, broken.place);
            place.insert("reason".into(), json!(broken.damage.to_string()));
            Value::Object(place)
        })
        .collect();
    json!({
        "who": {
            "kube_proxy": activity.is_kube_proxy,
            "everybody": activity.who.everybody,
            "users": activity.who.users,
            "groups": activity.who.groups,
        },
        "files": activity.files.iter()
            .map(|file| json!({"path": file.path, "bytes": file.bytes}))
            .collect::<Vec<_>>(),
        "since": time(activity.since),
        "until": time(activity.until),
        "lines": activity.totals.lines,
        "each_line_parsed": !activity.totals.searched,
        "bytes": activity.totals.bytes,
        "events": total.events,
        "requests": total.requests,
        "open_requests": tally.open(),
        "requests_exact": !tally.is_rough(),
        "first_seen": time(seen.map(|(first, _)| first)),
        "last_seen": time(seen.map(|(_, last)| last)),
        "over_time": {
            "start": (!minutes.counts().is_empty()).then(|| Instant(minutes.start()).to_string()),
            "minutes": minutes.width(),
            "requests": minutes.counts(),
        },
        "unreadable": {
            "lines": activity.totals.unreadable(),
            "reasons": reasons,
            "first": broken,
            "help": activity.totals.legacy.then_some(super::LEGACY),
        },
        "half_written": activity.totals.half_written,
        "unusual": judged.unusual.iter().map(|found| unusual(activity, found)).collect::<Vec<_>>(),
        "not_judged": judged.not_judged.iter()
            .map(|rule| json!({"rule": rule.rule, "reason": rule.reason, "help": rule.help}))
            .collect::<Vec<_>>(),
    })
}

/// A rule that was broken.
pub fn unusual(activity: &Activity, found: &Unusual) -> Value {
    let first = found.first.as_ref().map(|first| {
        let mut fields = place(activity, first.place);
        fields.insert("time".into(), json!(time(first.time)));
        fields.insert("audit_id".into(), json!(first.audit_id));
        fields.insert("what".into(), json!(first.what));
        Value::Object(fields)
    });
    json!({
        "rule": found.rule,
        "severity": found.severity,
        "title": found.title,
        "events": found.events,
        "requests": found.requests,
        "requests_exact": !found.rough,
        "observed": found.observed,
        "first": first,
        "why": found.why,
        "help": found.help,
    })
}

/// Where a line stands.
fn place(activity: &Activity, place: Place) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("file".into(), json!(activity.file(place.file)));
    if activity.numbered {
        fields.insert("line".into(), json!(place.line));
    }
    fields.insert("offset".into(), json!(place.offset));
    fields
}

/// The body of one event's document, in a log that is followed.
pub fn event(placed: &Placed) -> Value {
    let event = &placed.event;
    let mut object = Vec::new();
    resource(event, &mut object);
    json!({"event": {
        "time": time(event.time()),
        "stage": event.stage.name(),
        "audit_id": event.audit_id.text(),
        "user": event.user.text(),
        "impersonated_user": event.impersonated.map(|user| user.text()),
        "authenticated": placed.standing != Standing::Unknown,
        "verb": event.verb.text(),
        "resource": String::from_utf8_lossy(&object),
        "namespace": event.namespace.text(),
        "name": event.name.text(),
        "code": event.code,
        "source_ip": event.source.text(),
        "user_agent": event.user_agent.text(),
    }})
}

fn time(time: Option<Instant>) -> Option<String> {
    time.map(|time| time.to_string())
}
