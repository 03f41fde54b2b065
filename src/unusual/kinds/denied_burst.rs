//! Many refusals in a short time.

use std::collections::VecDeque;

use hashbrown::HashMap;
use serde::Deserialize;

use super::{Broke, Case, Earlier, Watch};
use crate::auditlog::open::Ids;
use crate::auditlog::who::Standing;
use crate::unusual::span::Span;

/// Most refusals that a rule may count.
const MOST: usize = 100;
/// Most addresses that are told apart at once. Beyond, the one that was quiet for longest is forgotten.
const ADDRESSES: usize = 256;

/// `denied-burst: {codes: [401, 403], count: 10, within: 1m}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeniedBurst {
    /// The answers that count.
    codes: Vec<u16>,
    /// So many of them are a burst.
    count: usize,
    /// From the first of them to the last.
    within: Span,
}

impl DeniedBurst {
    pub(super) fn sound(&self) -> Result<(), String> {
        if self.codes.is_empty() || !self.codes.iter().all(|code| (400..600).contains(code)) {
            return Err("codes needs HTTP statuses from 400 to 599".into());
        }
        if !(2..=MOST).contains(&self.count) {
            return Err(format!("count is 2 to {MOST}"));
        }
        Ok(())
    }

    pub(super) fn watch(&self) -> Watched {
        Watched {
            rule: self.clone(),
            // The API server tells of a request that was not authenticated at the stage ResponseStarted alone, and
            // of a watch that was refused twice: so requests count, not stages.
            names: Ids::default(),
            refused: HashMap::new(),
        }
    }
}

/// The rule at work.
pub struct Watched {
    rule: DeniedBurst,
    names: Ids,
    /// By address: a cluster of many nodes has some refusals at any time.
    refused: HashMap<u64, Refusals>,
}

/// The last refusals of one address, no more than a burst needs.
struct Refusals {
    last: VecDeque<Refusal>,
}

struct Refusal {
    at: u64,
    counted: bool,
    request: Earlier,
}

impl Refusals {
    fn newest(&self) -> u64 {
        self.last
            .iter()
            .map(|refusal| refusal.at)
            .max()
            .unwrap_or(0)
    }

    fn span(&self) -> u64 {
        let oldest = self.last.iter().map(|refusal| refusal.at).min();
        self.newest() - oldest.unwrap_or(0)
    }
}

impl Watch for Watched {
    fn see(&mut self, case: &Case) -> Option<Broke> {
        let event = case.event;
        let posed = case.standing == Standing::Posed;
        if posed || !self.rule.codes.contains(&event.code) {
            return None;
        }
        let at = event.time()?.0;
        let address = self.names.number(&event.source.bytes());
        if self.refused.len() >= ADDRESSES && !self.refused.contains_key(&address) {
            let quiet = self.refused.iter().min_by_key(|(_, held)| held.newest());
            if let Some(quiet) = quiet.map(|(address, _)| *address) {
                self.refused.remove(&quiet);
            }
        }
        let count = self.rule.count;
        let held = self.refused.entry(address);
        let held = held.or_insert_with(|| Refusals {
            last: VecDeque::with_capacity(count),
        });
        let (id, open) = (case.id(), event.stage.is_open());
        let burst = || {
            let codes: Vec<String> = self.rule.codes.iter().map(u16::to_string).collect();
            let (count, within) = (self.rule.count, self.rule.within);
            format!(
                "{count} or more answers {} within {within}",
                codes.join(" or ")
            )
        };
        // Clients may choose the id: it alone does not show that a request is the same.
        let begun = |held: &&mut Refusal| held.request.id == id && held.request.open && !open;
        if let Some(known) = held.last.iter_mut().find(begun) {
            known.request.open = false;
            if known.counted {
                return Broke::by(burst());
            }
            known.request.events += 1;
            return None;
        }
        if held.last.len() >= self.rule.count {
            held.last.pop_front();
        }
        held.last.push_back(Refusal {
            at,
            counted: false,
            request: Earlier {
                id,
                events: 1,
                open,
            },
        });
        if held.last.len() < self.rule.count || held.span() > self.rule.within.micros() {
            return None;
        }
        let mut earlier = Vec::new();
        for refusal in held.last.iter_mut().filter(|refusal| !refusal.counted) {
            refusal.counted = true;
            earlier.push(refusal.request);
        }
        // The last of them is the event at hand.
        earlier.pop();
        let what = burst();
        Some(Broke { what, earlier })
    }
}
