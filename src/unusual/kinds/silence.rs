//! No event of kube-proxy: the opposite of unusual activity, and as telling.

use std::time::Duration;

use serde::Deserialize;

use super::Reason;
use crate::auditlog::time::Instant;
use crate::auditpolicy::{Policy, Request};
use crate::kinds::{Hidden, told};
use crate::unusual::span::Span;
use crate::unusual::{End, Known, PolicyFile};

/// `silence: {after: 15m}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// So long is too long.
    after: Span,
}

/// When kube-proxy was last heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Not in this log.
    Never,
    /// In this log, without a time.
    Sometime,
    /// In this log, last at this time.
    Last(Instant),
}

impl Heard {
    /// An event of this time was read.
    pub fn hear(&mut self, time: Option<Instant>) {
        *self = match (*self, time) {
            (Heard::Last(last), Some(time)) => Heard::Last(last.max(time)),
            (_, Some(time)) => Heard::Last(time),
            (Heard::Never, None) => Heard::Sometime,
            (heard, None) => heard,
        };
    }
}

/// What is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silent {
    /// It is unusual: what was seen.
    Unusual(String),
    /// It cannot be told from a log that is too short.
    NotJudged(Reason),
}

/// What a policy makes of kube-proxy's requests.
enum Policed {
    /// None is logged.
    HidesAll(String),
    /// All of one identity's are hidden, so that a kube-proxy with that one leaves no trace.
    HidesOne(String),
    /// Whichever it is, something would be in the log.
    Logs(String),
    /// Nothing is known.
    Unknown(String),
}

impl Silence {
    /// What is to be said; nothing when kube-proxy was heard until the end. It depends on no clock.
    pub fn judge(&self, known: &Known, heard: Heard, end: &End) -> Option<Silent> {
        let span = end.log_first.zip(end.log_last);
        let span = span
            .map(|(first, last)| last.since(first))
            .unwrap_or_default();
        match heard {
            Heard::Sometime => None,
            Heard::Last(last) => {
                let quiet = end.log_last?.since(last);
                (quiet >= self.after.0).then(|| {
                    Silent::Unusual(format!(
                        "the last event of kube-proxy is of {last}, and the log goes on for {}",
                        rounded(quiet)
                    ))
                })
            }
            Heard::Never => Some(self.never(known, span, end)),
        }
    }

    fn never(&self, known: &Known, span: Duration, end: &End) -> Silent {
        let long = span >= self.after.0;
        let none = match span.is_zero() {
            true => "no event of kube-proxy".into(),
            false => format!("no event of kube-proxy in {}", rounded(span)),
        };
        let policed = policed(known, end.policy.as_ref());
        let said = match &policed {
            Policed::HidesAll(said) => return Silent::Unusual(format!("{none}: {said}")),
            Policed::HidesOne(said) | Policed::Logs(said) | Policed::Unknown(said) => said,
        };
        if long {
            let instead = match policed {
                Policed::Logs(_) => ", so that kube-proxy does not run, or asks another API server",
                _ => "",
            };
            return Silent::Unusual(format!("{none}: {said}{instead}"));
        }
        Silent::NotJudged(Reason {
            reason: format!(
                "{none}, but only a log of {} or more would tell; {said}",
                self.after
            ),
            help: "give a longer log, with the rotated ones".into(),
        })
    }
}

fn policed(known: &Known, policy: Option<&PolicyFile>) -> Policed {
    let Some(PolicyFile { path, bytes }) = policy else {
        return Policed::Unknown("the API server's audit policy is not known".into());
    };
    let policy = match Policy::read(bytes) {
        Ok(policy) => policy,
        Err(refused) => {
            let line = refused
                .line
                .map_or(String::new(), |line| format!(":{line}"));
            return Policed::Unknown(format!(
                "the audit policy {path}{line} is not one: {}",
                refused.message
            ));
        }
    };
    let hidden = Hidden::of(&policy, &known.requests);
    let count: usize = hidden.iter().map(Hidden::count).sum();
    if count == 0 {
        return Policed::Logs(format!(
            "the audit policy {path} would log what kube-proxy asks"
        ));
    }
    let said = format!("by {path}, {}", told(&hidden, known.requests.len()));
    let logged = |request: &Request| policy.level_of(request).is_logged(&request.verb);
    let whole = |user: &String| {
        let mut own = known
            .requests
            .iter()
            .filter(|request| request.user == *user);
        !own.any(logged)
    };
    let silenced = known
        .identities
        .iter()
        .filter(|(user, _)| whole(user))
        .count();
    match silenced {
        0 => Policed::Logs(said),
        some if some == known.identities.len() => Policed::HidesAll(said),
        _ => Policed::HidesOne(said),
    }
}

/// To the second: finer is no news.
fn rounded(span: Duration) -> humantime::FormattedDuration {
    let whole = Duration::from_secs(span.as_secs());
    humantime::format_duration(if whole.is_zero() { span } else { whole })
}
