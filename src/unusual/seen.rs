//! What was seen of a rule that was broken.

use super::kinds::{Broke, Case};
use super::outcome::First;
use super::told::{Few, asked, shown, user};
use crate::auditlog::order::Place;
use crate::auditlog::table::Table;

/// Most requests of one rule that are held open until their end comes.
const OPEN: usize = 2560;

/// Counts and examples of one rule.
#[derive(Default)]
pub struct Seen {
    /// Events that broke it.
    pub events: u64,
    ended: u64,
    /// Requests of which more events may come.
    open: Table<u64>,
    /// More were open at once than are held.
    pub rough: bool,
    /// The first event.
    pub first: Option<First>,
    what: Few,
    users: Few,
    sources: Few,
}

impl Seen {
    /// One more event broke it.
    pub fn add(&mut self, case: &Case, place: Place, broke: Broke) {
        let event = case.event;
        for earlier in &broke.earlier {
            self.count(earlier.id, earlier.events, earlier.open);
        }
        self.count(case.id(), 1, event.stage.is_open());
        let (who, source) = (user(event), source(case));
        self.first.get_or_insert_with(|| First {
            time: event.time(),
            audit_id: shown(event.audit_id),
            place,
            what: format!("{}, as {who}, from {source}{}", asked(event), client(case)),
        });
        self.what.add(broke.what);
        self.users.add(who.into());
        self.sources.add(source);
    }

    /// A request counts once, when it ends: a watch gives an event when it starts and one when it ends.
    fn count(&mut self, id: u64, events: u64, open: bool) {
        self.events += events;
        let goes_on = open && self.open.get_mut(id).is_some();
        if goes_on {
            return;
        }
        if open && self.open.count() < OPEN {
            self.open.add(id);
            return;
        }
        self.open.remove(id);
        self.rough |= open;
        self.ended += 1;
    }

    /// Requests, with those whose end has not come.
    pub fn requests(&self) -> u64 {
        self.ended + self.open.count() as u64
    }

    /// What was seen, in one sentence.
    pub fn observed(&self) -> String {
        format!("{}, as {}, from {}", self.what, self.users, self.sources)
    }
}

fn source(case: &Case) -> String {
    match case.caller.address {
        Some(address) => address.to_string(),
        None if case.event.source.is_empty() => "an unknown address".into(),
        None => shown(case.event.source),
    }
}

fn client(case: &Case) -> String {
    match case.event.user_agent.is_empty() {
        true => String::new(),
        false => format!(", with {}", shown(case.event.user_agent)),
    }
}
