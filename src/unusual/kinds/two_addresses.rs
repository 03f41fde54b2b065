//! One credential in two places.

use std::iter;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU64;

use serde::Deserialize;

use super::{Broke, Case, Reason, Watch};
use crate::auditlog::caller::{Caller, Credential, CredentialKind};
use crate::auditlog::event::Event;
use crate::auditlog::table::{Numbered, Table};
use crate::unusual::Known;
use crate::unusual::span::Span;
use crate::unusual::told::shown;

/// Most nodes, and credentials of none, that are watched at once. A large cluster has five thousand nodes.
const MOST: usize = 5376;
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
            used: Table::default(),
            swept: 0,
            overflowed: 0,
            nameless: 0,
        }
    }
}

/// The rule at work.
pub struct Watched {
    within: u64,
    used: Table<Used>,
    /// When those were last forgotten that had not been used for long.
    swept: u64,
    /// Events whose credential had no room.
    overflowed: u64,
    /// Events that name nothing but the user, where the nodes' addresses are not known.
    nameless: u64,
}

/// When a credential was last used from an address.
#[derive(Clone, Copy)]
struct Use {
    address: Held,
    /// No 0, so that a use that is not there takes no more room.
    at: NonZeroU64,
    /// The credential's number.
    credential: u64,
}

/// An address, in the least room: one of IPv4 as IPv6 has it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Held(Ipv6Addr);

impl Held {
    fn of(address: IpAddr) -> Held {
        Held(match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        })
    }

    fn address(self) -> IpAddr {
        IpAddr::V6(self.0).to_canonical()
    }
}

/// From where and when a credential, or one of a node's, was last used. Most are used from one address, so that the
/// others lie elsewhere.
struct Used {
    /// The number of the credential, or of the node.
    number: u64,
    first: Use,
    others: Option<Box<[Option<Use>; ADDRESSES - 1]>>,
}

impl Numbered for Used {
    fn number(&self) -> u64 {
        self.number
    }
}

impl Used {
    fn uses(&self) -> impl Iterator<Item = &Use> {
        let others = self.others.iter().flat_map(|others| others.iter());
        iter::once(&self.first).chain(others.flatten())
    }

    fn newest(&self) -> u64 {
        self.uses().map(|one| one.at.get()).max().unwrap_or(0)
    }

    /// Notes a use, in place of the oldest where there is no room.
    fn note(&mut self, new: Use) {
        let others = self.others.iter_mut().flat_map(|others| others.iter_mut());
        let mut uses = iter::once(&mut self.first).chain(others.flatten());
        if let Some(held) = uses.find(|held| held.address == new.address) {
            if new.at >= held.at {
                *held = new;
            }
            return;
        }
        let others = self.others.get_or_insert_default();
        if let Some(empty) = others.iter_mut().find(|other| other.is_none()) {
            *empty = Some(new);
            return;
        }
        let uses = iter::once(&mut self.first).chain(others.iter_mut().flatten());
        if let Some(oldest) = uses.min_by_key(|held| held.at) {
            *oldest = new;
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
    /// The use at the same time from another address of this credential, which is the one that was used or the node's.
    fn elsewhere(&mut self, whose: Credential, new: Use, known: &Known) -> Option<Use> {
        let at = new.at.get();
        let number = whose.number;
        let Some(used) = self.used.get_mut(number) else {
            self.hold(Used {
                number,
                first: new,
                others: None,
            });
            return None;
        };
        let address = new.address.address();
        // A node with two families has an address of each, and a client takes now this and now that.
        let other = |held: IpAddr| held != address && held.is_ipv4() == address.is_ipv4();
        let shared = |held: IpAddr| {
            let both = known.is_node(held) == Some(true) && known.is_node(address) == Some(true);
            whose.shared && both
        };
        let found = used.uses().filter(|held| {
            let from = held.address.address();
            other(from) && held.at.get().abs_diff(at) <= self.within && !shared(from)
        });
        let found = found.max_by_key(|held| (held.credential == new.credential, held.at));
        let found = found.copied();
        used.note(new);
        found
    }

    /// Holds one more, in place of what was not used for long where there is no room.
    fn hold(&mut self, new: Used) {
        let now = new.newest();
        // Not for each event: as long as all are in use, nothing would be found.
        let lately = now.abs_diff(self.swept) < self.within / 4;
        if self.used.count() >= MOST && !lately {
            self.swept = now;
            let oldest = now.saturating_sub(self.within);
            self.used.retain(|used| used.newest() >= oldest);
        }
        if self.used.count() < MOST {
            self.used.add(new);
        } else {
            self.overflowed += 1;
        }
    }
}

impl Watch for Watched {
    fn see(&mut self, case: &Case) -> Option<Broke> {
        if !case.is_own() {
            return None;
        }
        let event = case.event;
        // The end of a watch tells nothing new of where its credential is: it counts from when it was asked.
        let at = event.received.or(event.reached)?;
        let Caller {
            address,
            credential,
            node,
        } = case.caller;
        let address = address?;
        if credential.kind == CredentialKind::User && case.known.addresses.is_none() {
            self.nameless += 1;
            return None;
        }
        let new = Use {
            address: Held::of(address),
            at: NonZeroU64::new(at.0).unwrap_or(NonZeroU64::MIN),
            credential: credential.number,
        };
        // A token is bound to one node, whose tokens hold it.
        let watched = match node {
            Some(_) if !credential.shared => [node, None],
            _ => [Some(credential), node],
        };
        let mut found = None;
        for whose in watched.into_iter().flatten() {
            let elsewhere = self.elsewhere(whose, new, case.known);
            found = found.or(elsewhere.map(|other| (whose, other)));
        }
        let (whose, other) = found?;
        let used = told(credential, event);
        let told = if other.credential == credential.number {
            used
        } else {
            format!("{}, the last one {used},", told(whose, event))
        };
        let other = other.address.address();
        let (one, two) = (address.min(other), address.max(other));
        Broke::by(format!("{told} from {one} and {two}"))
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
                "events that came from more nodes, or with more credentials of none, at once than the {MOST} that are told apart: {}",
                self.overflowed
            ),
            help: "judge the log in parts, with --since and --until".into(),
        })
    }
}
