//! One credential in two places.

use std::iter;
use std::net::IpAddr;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use serde::Deserialize;

use super::{Broke, Case, Reason, Watch};
use crate::auditlog::caller::{Caller, Credential, CredentialKind};
use crate::auditlog::event::Event;
use crate::unusual::Known;
use crate::unusual::span::Span;
use crate::unusual::told::shown;

/// Most credentials that are watched at once, which fill a table of 16,384 places. A cluster of five thousand nodes
/// has so many tokens, and as many names of nodes, in the minutes that a rule looks back.
const MOST: usize = 14_336;
/// Addresses that are held of one credential: two of one family, or one of each and one more.
const ADDRESSES: usize = 3;

/// `two-addresses: {within: 5m}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoAddresses {
    /// So close to each other is at once.
    within: Span,
}

impl TwoAddresses {
    pub(super) fn watch(&self) -> Watched {
        Watched {
            within: self.within.micros(),
            used: HashMap::new(),
            swept: 0,
            overflowed: 0,
            nameless: 0,
        }
    }
}

/// The rule at work.
pub struct Watched {
    within: u64,
    used: HashMap<u64, Used>,
    /// When those were last forgotten that had not been used for long.
    swept: u64,
    /// Events whose credential had no room.
    overflowed: u64,
    /// Events that name nothing but the user, where the nodes' addresses are not known.
    nameless: u64,
}

/// An address, and when a credential was last used from there.
type Use = (IpAddr, u64);

/// From where and when a credential was last used. Most are used from one address, so that the others lie elsewhere.
struct Used {
    first: Use,
    others: Option<Box<[Option<Use>; ADDRESSES - 1]>>,
}

impl Used {
    fn uses(&self) -> impl Iterator<Item = &Use> {
        let others = self.others.iter().flat_map(|others| others.iter());
        iter::once(&self.first).chain(others.flatten())
    }

    fn newest(&self) -> u64 {
        self.uses().map(|(_, at)| *at).max().unwrap_or(0)
    }

    /// Notes a use, in place of the oldest where there is no room.
    fn note(&mut self, address: IpAddr, at: u64) {
        let others = self.others.iter_mut().flat_map(|others| others.iter_mut());
        let mut uses = iter::once(&mut self.first).chain(others.flatten());
        if let Some((_, last)) = uses.find(|(held, _)| *held == address) {
            *last = at.max(*last);
            return;
        }
        let others = self.others.get_or_insert_default();
        if let Some(empty) = others.iter_mut().find(|other| other.is_none()) {
            *empty = Some((address, at));
            return;
        }
        let uses = iter::once(&mut self.first).chain(others.iter_mut().flatten());
        if let Some(oldest) = uses.min_by_key(|(_, last)| *last) {
            *oldest = (address, at);
        }
    }
}

/// What is told of a credential.
fn told(credential: Credential, event: &Event) -> String {
    let name = shown(credential.kind.name(event).unwrap_or_default());
    match credential.kind {
        CredentialKind::Pod => format!("a token of the pod {name}"),
        CredentialKind::Node => format!("tokens of the node {name}"),
        CredentialKind::User => "the same user".into(),
        CredentialKind::Id => name,
    }
}

impl Watched {
    /// Another address from which it was used at the same time.
    fn elsewhere(
        &mut self,
        credential: Credential,
        (address, at): (IpAddr, u64),
        known: &Known,
    ) -> Option<IpAddr> {
        let key = credential.number;
        self.make_room(key, at);
        if self.used.len() >= MOST && !self.used.contains_key(&key) {
            self.overflowed += 1;
            return None;
        }
        let used = match self.used.entry(key) {
            Entry::Occupied(held) => held.into_mut(),
            Entry::Vacant(empty) => {
                empty.insert(Used {
                    first: (address, at),
                    others: None,
                });
                return None;
            }
        };
        // A node with two families has an address of each, and a client takes now this and now that.
        let other = |held: IpAddr| held != address && held.is_ipv4() == address.is_ipv4();
        let shared = |held: IpAddr| {
            let both = known.is_node(held) == Some(true) && known.is_node(address) == Some(true);
            credential.shared && both
        };
        let found = used
            .uses()
            .filter(|(held, last)| {
                other(*held) && last.abs_diff(at) <= self.within && !shared(*held)
            })
            .max_by_key(|(_, last)| *last)
            .map(|(held, _)| *held);
        used.note(address, at);
        found
    }

    /// Forgets what was not used for long, when there is no room for one more.
    fn make_room(&mut self, key: u64, now: u64) {
        // Not for each event: as long as all are in use, nothing would be found.
        let lately = now.abs_diff(self.swept) < self.within / 4;
        if self.used.len() < MOST || lately || self.used.contains_key(&key) {
            return;
        }
        self.swept = now;
        let oldest = now.saturating_sub(self.within);
        self.used.retain(|_, used| used.newest() >= oldest);
    }
}

impl Watch for Watched {
    fn see(&mut self, case: &Case) -> Option<Broke> {
        if !case.is_own() {
            return None;
        }
        let event = case.event;
        // The end of a watch tells nothing new of where its credential is: it counts from when it was asked.
        let at = event.received.or(event.reached)?.0;
        let Caller {
            address,
            credential,
            node,
        } = case.caller;
        let use_of = (address?, at);
        if credential.kind == CredentialKind::User && case.known.addresses.is_none() {
            self.nameless += 1;
            return None;
        }
        let mut found = None;
        for credential in [Some(credential), node].into_iter().flatten() {
            let elsewhere = self.elsewhere(credential, use_of, case.known);
            found = found.or_else(|| elsewhere.map(|other| (told(credential, event), other)));
        }
        let (credential, other) = found?;
        let (one, two) = (use_of.0.min(other), use_of.0.max(other));
        Broke::by(format!("{credential} from {one} and {two}"))
    }

    fn not_judged(&self, _known: &Known) -> Option<Reason> {
        if self.nameless > 0 {
            return Some(Reason {
                reason: format!(
                    "events that do not say with which credential they came, as those of API servers before 1.30, while the nodes' addresses are not known: {}",
                    self.nameless
                ),
                help: "name the nodes' addresses with --node-address ADDRESS or RANGE".into(),
            });
        }
        (self.overflowed > 0).then(|| Reason {
            reason: format!(
                "events that came with more credentials at once than the {MOST} that are told apart: {}",
                self.overflowed
            ),
            help: "judge the log in parts, with --since and --until".into(),
        })
    }
}
