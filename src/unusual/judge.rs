//! All rules at work on one log.

use super::kinds::{Case, Heard, Kind, Silent, Watch};
use super::outcome::{End, First, Judged, NotJudged, Unusual};
use super::rules::{Rule, Rules};
use super::seen::Seen;
use super::{Known, Reason};
use crate::auditlog::block::Placed;
use crate::auditlog::open::Ids;
use crate::auditlog::order::{Place, Sink};
use crate::auditlog::who::Standing;
use crate::baseline::Severity;

/// So many different things are known that kube-proxy asks and that break no rule: it asks the same few again and
/// again.
const USUAL: usize = 32;

/// Judges the events of a log, in its order.
pub struct Judge {
    known: Known,
    ids: Ids,
    /// What kube-proxy asked and broke none of the rules that look at what is asked.
    usual_asks: Vec<u64>,
    /// In the order of the rules, but that of those which look at what is asked the narrower come first.
    states: Vec<State>,
    heard: Heard,
}

/// A rule, and what was seen of it.
struct State {
    /// Where it stands among the rules.
    number: usize,
    rule: Rule,
    watch: Option<Box<dyn Watch>>,
    seen: Seen,
    /// It was broken for the first time, and nobody was told yet.
    news: bool,
}

/// An event that rules are held against.
struct Charge<'a> {
    case: Case<'a>,
    place: Place,
    /// The number of what kube-proxy itself asked of a resource.
    asked: Option<u64>,
    /// The same was asked before and broke no rule that looks at what is asked.
    usual_ask: bool,
    told: Told,
}

/// The highest severity that was told of one event, by how much the rules cover.
type Told = [Option<Severity>; 3];

impl Judge {
    /// Nothing was seen yet.
    pub fn new(rules: &Rules, known: Known) -> Judge {
        let state = |(number, rule): (usize, &Rule)| State {
            number,
            rule: rule.clone(),
            watch: rule.unusual.watch(&known),
            seen: Seen::default(),
            news: false,
        };
        let mut states: Vec<State> = rules.rules.iter().enumerate().map(state).collect();
        states.sort_by_key(|state| state.rule.unusual.breadth());
        Judge {
            known,
            ids: Ids::default(),
            usual_asks: Vec::new(),
            states,
            heard: Heard::Never,
        }
    }

    /// The next events that are handed on. What others than kube-proxy do under their own names is passed over.
    pub fn see(&mut self, events: &[Placed], at: Place) {
        // First what is known of each, then rule by rule: what one rule remembers stays at hand.
        let mut charges: Vec<Charge> = Vec::with_capacity(events.len());
        for placed in events {
            if !self.known.concerns(placed) {
                continue;
            }
            let event = &placed.event;
            let own = placed.standing == Standing::Theirs;
            if own {
                self.heard.hear(event.time());
            }
            let asked = placed.asked.filter(|_| own);
            charges.push(Charge {
                case: Case {
                    standing: placed.standing,
                    event,
                    caller: placed.caller,
                    known: &self.known,
                    ids: &self.ids,
                },
                place: at.of(placed),
                asked,
                usual_ask: asked.is_some_and(|asked| self.usual_asks.contains(&asked)),
                told: Told::default(),
            });
        }
        for state in &mut self.states {
            state.see(&mut charges);
        }
        for charge in charges {
            if let Some(asked) = charge.asked
                && charge.told == Told::default()
                && self.usual_asks.len() < USUAL
                && !self.usual_asks.contains(&asked)
            {
                self.usual_asks.push(asked);
            }
        }
    }

    /// The rules that were broken for the first time since this was last asked, as far as they were seen.
    pub fn news(&mut self) -> Vec<Unusual> {
        let mut news = Vec::new();
        for state in &mut self.states {
            if std::mem::take(&mut state.news) {
                news.extend(state.unusual().map(|found| (state.number, found)));
            }
        }
        news.sort_by_key(|(number, found)| (std::cmp::Reverse(found.severity), *number));
        news.into_iter().map(|(_, found)| found).collect()
    }

    /// What was found so far, in a log that goes on.
    pub fn so_far(&self, end: &End) -> Judged {
        let mut states: Vec<&State> = self.states.iter().collect();
        states.sort_by_key(|state| state.number);
        let mut judged = Judged::default();
        for state in states {
            let found = match &state.rule.unusual {
                Kind::Silence(silence) => {
                    let said = silence.judge(&self.known, self.heard, end);
                    said.map(|said| match said {
                        Silent::Unusual(observed) => Ok(state.of(0, None, observed)),
                        Silent::NotJudged(reason) => Err(reason),
                    })
                }
                Kind::Unreadable(_) => state.unreadable(end).map(Ok),
                _ => {
                    let watch = state.watch.as_ref();
                    if let Some(reason) = watch.and_then(|watch| watch.not_judged(&self.known)) {
                        judged.not_judged.push(state.not_judged(reason));
                    }
                    state.unusual().map(Ok)
                }
            };
            match found {
                Some(Ok(unusual)) => judged.unusual.push(unusual),
                Some(Err(reason)) => judged.not_judged.push(state.not_judged(reason)),
                None => {}
            }
        }
        let rank = |found: &Unusual| std::cmp::Reverse((found.severity, found.events));
        judged.unusual.sort_by_key(rank);
        judged
    }

    /// What was found in the whole log.
    pub fn finish(self, end: &End) -> Judged {
        self.so_far(end)
    }
}

/// Whether a narrower rule, no less severe, has told the same event.
fn is_told(told: &Told, breadth: usize, severity: Severity) -> bool {
    let narrower = told.iter().take(breadth);
    narrower.flatten().any(|held| *held >= severity)
}

impl State {
    /// The next events of the log.
    fn see(&mut self, charges: &mut [Charge]) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        let severity = self.rule.severity;
        let breadth = self.rule.unusual.breadth();
        for charge in charges {
            let told = &mut charge.told;
            let passed = |breadth| charge.usual_ask || is_told(told, breadth, severity);
            if breadth.is_some_and(passed) {
                continue;
            }
            let Some(broke) = watch.see(&charge.case) else {
                continue;
            };
            if let Some(held) = breadth.and_then(|breadth| told.get_mut(breadth)) {
                *held = (*held).max(Some(severity));
            }
            self.news |= self.seen.first.is_none();
            self.seen.add(&charge.case, charge.place, broke);
        }
    }

    fn of(&self, events: u64, first: Option<First>, observed: String) -> Unusual {
        Unusual {
            rule: self.rule.id.clone(),
            severity: self.rule.severity,
            title: self.rule.title.clone(),
            events,
            requests: self.seen.requests(),
            rough: self.seen.rough,
            first,
            observed,
            why: self.rule.why.clone(),
            help: self.rule.help.clone(),
        }
    }

    fn unusual(&self) -> Option<Unusual> {
        let first = self.seen.first.clone()?;
        Some(self.of(self.seen.events, Some(first), self.seen.observed()))
    }

    fn unreadable(&self, end: &End) -> Option<Unusual> {
        if end.unreadable == 0 {
            return None;
        }
        let first = end.first_unreadable.map(|broken| First {
            time: None,
            audit_id: String::new(),
            place: broken.place,
            what: broken.damage.to_string(),
        });
        let count = end.unreadable;
        let lines = if count == 1 { "line is" } else { "lines are" };
        let why = first.as_ref().map_or("unknown", |first| &first.what);
        let observed = format!("{count} {lines} no event, the first: {why}");
        Some(self.of(count, first, observed))
    }

    fn not_judged(&self, reason: Reason) -> NotJudged {
        NotJudged {
            rule: self.rule.id.clone(),
            reason: reason.reason,
            help: reason.help,
        }
    }
}

impl Sink for Judge {
    fn take(&mut self, events: &[Placed], at: Place) {
        self.see(events, at);
    }
}
