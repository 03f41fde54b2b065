//! What kube-proxy 1.36.2 makes of a KubeProxyConfiguration: whether it starts with it, and with which
//! values.
//!
//! Decoding, defaulting and validation follow the program's own order: `apiVersion` and `kind`, the types
//! of all fields, unknown and doubled keys (only a log line), defaults, logging, validation. Feature gates
//! are known by each version alone; their names are accepted here without a look.

mod defaults;
mod effective;
mod flags;
mod held;
mod logging;
mod schema;
mod validate;

pub use crate::golang::types::StrictProblem;
pub use effective::{Effective, Field};
pub use flags::{HONOURED_WITH_CONFIG, flag_of, from_flags};

use crate::golang::{codec, header, text, types};
use held::{Held, Slots};
use validate::Fault;

/// What kube-proxy demands of `apiVersion` and `kind`.
const HEADER: header::Expected = header::Expected {
    group: "kubeproxy.config.k8s.io",
    version: "v1alpha1",
    kind: "KubeProxyConfiguration",
    missing: header::Missing::Refused,
    scheme: "pkg/proxy/apis/config/scheme/scheme.go:29",
};

/// What was found out about a configuration.
#[must_use]
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// kube-proxy starts with it, as far as the configuration decides that.
    pub accepted: bool,
    /// kube-proxy logs that it fell back to lenient decoding: a key is unknown or doubled.
    pub lenient: bool,
    /// Why kube-proxy refuses it, or why it could not be judged.
    pub error: Option<Problem>,
    /// It is more than is read here, so nothing is known about it, not even whether it is accepted.
    pub unjudged: bool,
    /// The keys behind `lenient`.
    pub unknown: Vec<StrictProblem>,
    /// The values, when it is accepted.
    pub values: Option<Effective>,
}

/// Why a configuration is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// kube-proxy's message; short and printable, whatever the file holds.
    pub message: String,
    /// Line of what is wrong, where it is known.
    pub line: Option<usize>,
}

/// Reads the bytes of the file that `--config` names.
pub fn read(bytes: &[u8]) -> Reading {
    let (root, doubled) = match codec::load(bytes) {
        Ok(loaded) => loaded,
        Err(trouble) if trouble.budget => return Reading::unjudged(&trouble.message, trouble.line),
        Err(trouble) => return Reading::undecodable(&trouble.message, trouble.line),
    };
    match header::check(&root, &HEADER) {
        Ok(()) => {}
        Err(header::Misheaded::Refused(message, line)) => {
            return Reading::undecodable(&message, Some(line));
        }
        Err(header::Misheaded::Unjudged(message, line)) => {
            return Reading::unjudged(&message, Some(line));
        }
    }
    let mut unknown = doubled;
    match types::check(&schema::ROOT, &root) {
        Ok(problems) => unknown.extend(problems),
        Err(misfit) => return Reading::undecodable(&misfit.message, Some(misfit.line)),
    }
    unknown.sort_by_key(|problem| problem.line);
    let mut slots = Slots::zero();
    slots.fill(&schema::ROOT, root.entries(), "");
    defaults::scheme(&mut slots);
    defaults::platform(&mut slots);
    judge(slots, unknown)
}

/// Why kube-proxy would refuse a configuration, in words; `None` when it would start with it.
pub fn refusal(bytes: &[u8]) -> Option<String> {
    let reading = read(bytes);
    match (reading.error, reading.accepted) {
        (_, true) => None,
        (Some(problem), _) => Some(format!("kube-proxy would refuse it: {}", problem.message)),
        (None, _) => Some("kube-proxy would refuse it".into()),
    }
}

/// Validates what was decoded and defaulted.
fn judge(slots: Slots, unknown: Vec<StrictProblem>) -> Reading {
    let lenient = !unknown.is_empty();
    let error = problem(&slots);
    Reading {
        accepted: error.is_none(),
        lenient,
        unjudged: false,
        unknown,
        values: error.is_none().then(|| Effective::new(slots)),
        error,
    }
}

fn problem(slots: &Slots) -> Option<Problem> {
    let line = |faults: &[Fault]| slots.slot(faults.first()?.field)?.line;
    let faults = logging::validate(slots);
    if !faults.is_empty() {
        let message = format!("initialize logging: {}", validate::aggregate(&faults));
        return Some(Problem::new(&message, line(&faults)));
    }
    let faults = validate::validate(slots);
    if faults.is_empty() {
        return None;
    }
    let message = format!("failed validate: {}", validate::aggregate(&faults));
    Some(Problem::new(&message, line(&faults)))
}

impl Problem {
    fn new(message: &str, line: Option<usize>) -> Self {
        Problem {
            message: text::message(message),
            line,
        }
    }
}

impl Reading {
    fn refused(message: &str, line: Option<usize>) -> Self {
        Reading {
            accepted: false,
            lenient: false,
            error: Some(Problem::new(message, line)),
            unjudged: false,
            unknown: Vec::new(),
            values: None,
        }
    }

    fn undecodable(message: &str, line: Option<usize>) -> Self {
        Reading::refused(
            &format!("failed complete: failed to decode: {message}"),
            line,
        )
    }

    fn unjudged(message: &str, line: Option<usize>) -> Self {
        Reading {
            unjudged: true,
            ..Reading::refused(message, line)
        }
    }

    /// The same with `--hostname-override`, the one field's flag that beats the file. An empty flag counts
    /// as none; one of blanks alone is refused.
    pub fn with_hostname_override(mut self, name: &str) -> Self {
        let trimmed = name.trim();
        let Some(values) = &mut self.values else {
            return self;
        };
        if name.is_empty() {
            return self;
        }
        if trimmed.is_empty() {
            return Reading::refused(flags::EMPTY_HOSTNAME, None);
        }
        for field in &mut values.fields {
            if field.name == "hostnameOverride" {
                field.value = serde_json::json!(trimmed.to_lowercase());
                field.line = None;
                field.span = None;
                field.written = true;
                field.defaulted = false;
                field.flag = Some("hostname-override".to_owned());
            }
        }
        self
    }
}

/// Sets a field from a flag.
fn set(slots: &mut Slots, name: &str, held: Held, flag: &str) {
    if let Some(slot) = slots.slot_mut(name) {
        slot.held = held;
        slot.written = true;
        slot.defaulted = false;
        slot.flag = Some(flag.to_owned());
    }
}

#[cfg(test)]
mod tests;
