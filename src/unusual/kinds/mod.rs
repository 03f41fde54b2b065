//! The kinds of rules: what each finds unusual of an event. A file per kind.

mod address;
mod denied_burst;
mod impersonation;
mod outside_requests;
mod resource;
mod silence;
mod two_addresses;
mod unreadable;
mod user_agent;
mod write;

use serde::Deserialize;

pub use silence::{Heard, Silence, Silent};
pub use unreadable::Unreadable;

use crate::auditlog::caller::Caller;
use crate::auditlog::event::Event;
use crate::auditlog::open::Ids;
use crate::auditlog::who::Standing;

use super::Known;

/// What is unusual, by kind. The name in the rules is the variant's, with dashes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One of these resources is asked for, whatever the verb.
    Resource(resource::Listed),
    /// Something is written.
    Write(write::Write),
    /// Something is asked that is not among the baseline's requests.
    OutsideRequests(outside_requests::OutsideRequests),
    /// The credential comes from an address that is no node's.
    Address(address::Address),
    /// The client calls itself otherwise.
    UserAgent(user_agent::UserAgent),
    /// Many requests are refused in a short time.
    DeniedBurst(denied_burst::DeniedBurst),
    /// Somebody acts as somebody else.
    Impersonation(impersonation::Impersonation),
    /// One credential comes from two addresses at once.
    TwoAddresses(two_addresses::TwoAddresses),
    /// No event comes.
    Silence(Silence),
    /// Lines are no events.
    Unreadable(Unreadable),
}

/// An event that is judged.
pub struct Case<'a> {
    /// How it has to do with kube-proxy.
    pub standing: Standing,
    /// What it says.
    pub event: &'a Event<'a>,
    /// From where it came and with which credential.
    pub caller: Caller,
    /// What is known beforehand.
    pub known: &'a Known,
    /// What makes a number of its audit id.
    pub ids: &'a Ids,
}

impl Case<'_> {
    /// The number of its request.
    pub fn id(&self) -> u64 {
        self.ids.number(&self.event.audit_id.bytes())
    }

    /// Whether kube-proxy's own credential asked.
    fn is_own(&self) -> bool {
        self.standing == Standing::Theirs
    }

    /// Whether it was done as kube-proxy, by itself or by somebody else.
    fn is_as_kube_proxy(&self) -> bool {
        self.standing != Standing::Unknown
    }
}

/// An event breaks a rule.
pub struct Broke {
    /// By what.
    pub what: String,
    /// Events before it that belong to it and were not counted yet.
    pub earlier: Vec<Earlier>,
}

/// An event that only a later one makes unusual.
#[derive(Clone, Copy)]
pub struct Earlier {
    /// The number of its request.
    pub id: u64,
    /// How many events of the request there were.
    pub events: u64,
    /// More events of the request may come.
    pub open: bool,
}

impl Broke {
    fn by(what: String) -> Option<Broke> {
        Some(Broke {
            what,
            earlier: Vec::new(),
        })
    }
}

/// Why something could not be judged, and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Why.
    pub reason: String,
    /// What to do.
    pub help: String,
}

/// A rule at work. What it remembers is bounded.
pub trait Watch: Send {
    /// Whether the next event of the log breaks it.
    fn see(&mut self, case: &Case) -> Option<Broke>;

    /// What of the log it could not judge.
    fn not_judged(&self, _known: &Known) -> Option<Reason> {
        None
    }
}

impl Kind {
    /// A rule at work that has seen nothing; none where single events do not matter.
    pub fn watch(&self, known: &Known) -> Option<Box<dyn Watch>> {
        match self {
            Kind::Resource(fields) => Some(Box::new(fields.clone())),
            Kind::Write(fields) => Some(Box::new(fields.clone())),
            Kind::OutsideRequests(fields) => Some(Box::new(fields.watch(known))),
            Kind::Address(fields) => Some(Box::new(fields.watch())),
            Kind::UserAgent(fields) => Some(Box::new(fields.clone())),
            Kind::DeniedBurst(fields) => Some(Box::new(fields.watch())),
            Kind::Impersonation(fields) => Some(Box::new(fields.clone())),
            Kind::TwoAddresses(fields) => Some(Box::new(fields.watch())),
            Kind::Silence(_) | Kind::Unreadable(_) => None,
        }
    }

    /// Of the kinds that look at what is asked, and at nothing else: how much one of them covers, the narrowest first.
    pub fn breadth(&self) -> Option<usize> {
        match self {
            Kind::Resource(_) => Some(0),
            Kind::Write(_) => Some(1),
            Kind::OutsideRequests(_) => Some(2),
            _ => None,
        }
    }

    /// What types cannot say.
    ///
    /// # Errors
    /// Why it cannot be meant.
    pub fn sound(&self) -> Result<(), String> {
        match self {
            Kind::Resource(fields) => fields.sound(),
            Kind::OutsideRequests(fields) => fields.sound(),
            Kind::UserAgent(fields) => fields.sound(),
            Kind::DeniedBurst(fields) => fields.sound(),
            _ => Ok(()),
        }
    }
}
