//! What a worker counts.

use super::asks::{Ask, Asks, NAMES};
use super::clients::Kept;
use super::event::Event;
use super::json::Text;
use super::names::{Count, Local, OTHERS};
use super::open::{Begun, Ids};
use super::tally::{By, KINDS};
use super::time::Instant;

/// Most names of all kinds that a worker holds before it forgets them. A cluster of a thousand nodes has some two
/// thousand users and addresses.
const HELD: usize = 3584;
/// Most bytes that those names have.
const HELD_BYTES: usize = 96 << 10;

/// What a worker counts: how often names came up in all blocks, and the rest in the block at hand.
#[derive(Default)]
pub struct Counted {
    pub(super) names: [Local; KINDS],
    asks: Asks,
    pub(super) minutes: Vec<(u64, u64)>,
    pub(super) steps: Vec<Step>,
    ids: Ids,
    pub(super) total: Count,
    pub(super) seen: Option<(Instant, Instant)>,
    scratch: Vec<u8>,
    code: Digits,
    /// Events are taken back that were counted.
    takes_back: bool,
}

/// How often a client was counted that is known, and the numbers of its user, its address and its user agent.
#[derive(Clone, Copy, Debug)]
pub struct OfClient {
    numbers: [u16; 3],
    count: Count,
}

/// The digits of a number, which most often is the last one again.
#[derive(Default)]
struct Digits {
    number: u16,
    text: Vec<u8>,
}

impl Digits {
    #[inline]
    fn text(&mut self, number: u16) -> &[u8] {
        if self.number != number || self.text.is_empty() {
            self.number = number;
            self.text.clear();
            self.text.extend(itoa(number));
        }
        &self.text
    }
}

/// What happens to a request, in the order of the log.
pub(super) enum Step {
    /// It began, or went on.
    Begin(u64, Begun),
    /// It ended.
    End(u64),
}

impl Counted {
    /// As another worker of the same log counts.
    pub fn beside(ids: &Ids) -> Counted {
        Counted {
            ids: ids.clone(),
            ..Counted::default()
        }
    }

    /// What makes numbers of ids and texts, the same for all workers of a log.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// Whether more names are held than there should be, so that it is time to hand in.
    pub fn is_full(&self) -> bool {
        let held = self.names.iter().map(Local::held);
        let (names, bytes) = held.fold((0, 0), |all, held| (all.0 + held.0, all.1 + held.1));
        names > HELD || bytes > HELD_BYTES
    }

    /// From now on what is counted takes back what was counted in the block at hand.
    pub fn begin_to_take_back(&mut self) {
        self.takes_back = true;
    }

    /// What was counted in the block at hand is taken back.
    pub fn end_to_take_back(&mut self) {
        self.takes_back = false;
        self.minutes.clear();
        self.steps.clear();
        (self.total, self.seen) = (Count::default(), None);
    }

    /// Counts an event. A request counts when it ends, since its beginning need not be in the log; one
    /// that does not end is counted in the end. `asked` is the number of what was asked of a resource, and `client`
    /// is kept of a client that is known.
    pub fn count(&mut self, event: &Event, asked: Option<u64>, client: Option<&mut Kept>) {
        let ends = !event.stage.is_open();
        let once = Count {
            events: 1,
            requests: u64::from(ends),
        };
        self.total += once;
        let count = if self.takes_back {
            once.negated()
        } else {
            once
        };
        let [user, source, agent] = self.client(event, count, client);
        let [verb, resource, namespace, code] = self.ask(event, count, asked);
        let arrived = event.received.or(event.reached);
        let minute = arrived.map_or(0, Instant::minute);
        if let Some(time) = event.time() {
            let (first, last) = self.seen.unwrap_or((time, time));
            self.seen = Some((first.min(time), last.max(time)));
        }
        let id = match event.audit_id.plain() {
            Some(id) => self.ids.number(id),
            None => self.ids.number(&event.audit_id.bytes()),
        };
        if ends {
            if arrived.is_some() {
                match self.minutes.last_mut() {
                    Some((last, requests)) if *last == minute => *requests += 1,
                    _ => self.minutes.push((minute, 1)),
                }
            }
            self.steps.push(Step::End(id));
        } else {
            let names = [user, verb, resource, namespace, code, source, agent];
            let minute = u32::try_from(minute).unwrap_or(u32::MAX);
            self.steps.push(Step::Begin(id, Begun { names, minute }));
        }
    }

    /// Counts an event's client.
    #[inline]
    fn client(&mut self, event: &Event, count: Count, client: Option<&mut Kept>) -> [u16; 3] {
        if let Some(Kept {
            counted: Some(known),
            ..
        }) = client
        {
            known.count += count;
            return known.numbers;
        }
        let numbers = OF_CLIENT.map(|by| self.number(event, by));
        match client {
            Some(client) => client.counted = Some(OfClient { numbers, count }),
            None => self.count_client(OfClient { numbers, count }),
        }
        numbers
    }

    /// Counts what is asked.
    #[inline]
    fn ask(&mut self, event: &Event, count: Count, asked: Option<u64>) -> [u16; NAMES] {
        let ask = asked.map(|asked| (asked, event.code));
        if let Some(known) = ask.and_then(|(asked, code)| self.asks.find(asked, code)) {
            known.count += count;
            return known.numbers;
        }
        let numbers = OF_ASK.map(|by| self.number(event, by));
        match ask {
            Some(ask) => {
                if let Some(gone) = self.asks.hold(ask, numbers, count) {
                    self.count_ask(gone);
                }
            }
            None => self.count_names(OF_ASK, numbers, count),
        }
        numbers
    }

    /// Counts the names of a client that is no longer known.
    pub fn count_client(&mut self, client: OfClient) {
        self.count_names(OF_CLIENT, client.numbers, client.count);
    }

    /// Counts the names of all that was asked and is held, which is forgotten.
    pub(super) fn count_asks(&mut self) {
        let mut asks = std::mem::take(&mut self.asks);
        for ask in asks.drain() {
            self.count_ask(ask);
        }
        self.asks = asks;
    }

    fn count_ask(&mut self, ask: Ask) {
        self.count_names(OF_ASK, ask.numbers, ask.count);
    }

    fn count_names<const N: usize>(&mut self, kinds: [By; N], numbers: [u16; N], count: Count) {
        for (by, number) in kinds.into_iter().zip(numbers) {
            if let Some(names) = self.names.get_mut(by as usize) {
                names.count(number, count);
            }
        }
    }

    /// The number of the name under which an event is counted.
    fn number(&mut self, event: &Event, by: By) -> u16 {
        let code = self.code.text(event.code);
        self.scratch.clear();
        let name = name(event, by, code, &mut self.scratch);
        let names = self.names.get_mut(by as usize);
        // There are names of each kind.
        names.map_or(OTHERS, |names| names.number(name))
    }
}

/// What a client is counted by.
const OF_CLIENT: [By; 3] = [By::User, By::Source, By::UserAgent];
/// What it asks is counted by.
const OF_ASK: [By; NAMES] = [By::Verb, By::Resource, By::Namespace, By::Code];

/// The name that an event with this code is counted under, written to `scratch` where it does not stand in the event.
fn name<'a>(event: &Event<'a>, by: By, code: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let text = match by {
        By::User => event.user,
        By::Verb => event.verb,
        By::Namespace => event.namespace,
        By::Source => event.source,
        By::UserAgent => event.user_agent,
        By::Code => return code,
        By::Resource => {
            resource(event, scratch);
            return scratch;
        }
    };
    text.plain().unwrap_or_else(|| {
        put(text, scratch);
        scratch
    })
}

/// `pods/log`, `endpointslices.discovery.k8s.io`, or the path of what is no resource, without its query.
pub fn resource(event: &Event, into: &mut Vec<u8>) {
    if event.resource.is_empty() {
        put(event.uri, into);
        let path = into.iter().position(|byte| *byte == b'?');
        into.truncate(path.unwrap_or(into.len()));
        return;
    }
    put(event.resource, into);
    for (before, part) in [(b'.', event.group), (b'/', event.subresource)] {
        if !part.is_empty() {
            into.push(before);
            put(part, into);
        }
    }
}

/// The digits of a number.
fn itoa(number: u16) -> impl Iterator<Item = u8> {
    let digits = [10_000, 1000, 100, 10, 1].into_iter();
    let digits = digits.skip_while(move |unit| *unit > number.max(1));
    // A digit is below ten.
    digits.map(move |unit| b'0' + u8::try_from(number / unit % 10).unwrap_or(0))
}

/// Adds the bytes that a text means.
fn put(text: Text, into: &mut Vec<u8>) {
    match text.plain() {
        Some(bytes) => into.extend_from_slice(bytes),
        None => into.extend_from_slice(&text.bytes()),
    }
}
