//! All rules at work on one log.

use super::asks::Asks;
use super::kinds::{Case, Heard, Kind, Silent, Watch};
use super::origin::Origins;
use super::outcome::{End, First, Judged, NotJudged, Unusual};
use super::rules::{Rule, Rules};
use super::seen::Seen;
use super::{Known, Reason};
use crate::auditlog::block::Placed;
use crate::auditlog::json::Text;
use crate::auditlog::open::Ids;
use crate::auditlog::order::{Place, Sink};
use crate::auditlog::who::Standing;
use crate::baseline::Severity;

/// Judges the events of a log, in its order.
pub struct Judge {
    known: Known,
    ids: Ids,
    origins: Origins,
    /// What kube-proxy asked and broke none of the rules that look at what is asked.
    usual_asks: Asks,
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
            origins: Origins::default(),
            usual_asks: Asks::default(),
            states,
            heard: Heard::Never,
        }
    }

    /// The next event that is handed on. What others than kube-proxy do under their own names is passed over.
    pub fn see(&mut self, placed: &Placed, place: Place) {
        let event = &placed.event;
        let acted = match placed.standing {
            Standing::Theirs => Some(event.user),
            Standing::Posed => event.impersonated,
            Standing::Unknown => None,
        };
        let is = |user: Text| {
            let mut identities = self.known.identities.iter();
            identities.any(|(held, _)| user.is(held.as_bytes()))
        };
        if placed.standing != Standing::Unknown && !acted.is_some_and(is) {
            return;
        }
        let case = Case {
            standing: placed.standing,
            event,
            origin: self.origins.of(placed),
            known: &self.known,
            ids: &self.ids,
        };
        if placed.standing == Standing::Theirs {
            self.heard = match (self.heard, event.time()) {
                (Heard::Last(last), Some(time)) => Heard::Last(last.max(time)),
                (_, Some(time)) => Heard::Last(time),
                (Heard::Never, None) => Heard::Sometime,
                (heard, None) => heard,
            };
        }
        let own = placed.standing == Standing::Theirs;
        let known_ask = own && self.usual_asks.hold(event);
        let mut told = Told::default();
        for state in &mut self.states {
            let Some(watch) = &mut state.watch else {
                continue;
            };
            let severity = state.rule.severity;
            let breadth = state.rule.unusual.breadth();
            if breadth.is_some_and(|breadth| known_ask || is_told(&told, breadth, severity)) {
                continue;
            }
            let Some(broke) = watch.see(&case) else {
                continue;
            };
            if let Some(held) = breadth.and_then(|breadth| told.get_mut(breadth)) {
                *held = (*held).max(Some(severity));
            }
            state.news |= state.seen.first.is_none();
            state.seen.add(&case, place, broke);
        }
        if own && !known_ask && told == Told::default() {
            self.usual_asks.add(event);
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
    fn take(&mut self, placed: &Placed, place: Place) {
        self.see(placed, place);
    }
}
