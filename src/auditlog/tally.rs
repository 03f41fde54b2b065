//! What is counted: by a worker in the block at hand, and in the whole log.

use super::clients::Kept;
use super::event::Event;
use super::json::Text;
use super::minutes::Minutes;
use super::names::{Common, Count, Local};
use super::open::{Begun, Ids, Open};
use super::time::Instant;

/// What events are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The user.
    User,
    /// The verb.
    Verb,
    /// The resource with its group and subresource; of what is none, its path without the query.
    Resource,
    /// The namespace.
    Namespace,
    /// The answer's HTTP status.
    Code,
    /// The address at the other end of the connection.
    Source,
    /// What the client calls itself.
    UserAgent,
}

/// How many of them there are.
pub const KINDS: usize = By::ALL.len();

impl By {
    /// All, in the order in which they are shown.
    pub const ALL: [By; 7] = [
        By::User,
        By::Verb,
        By::Resource,
        By::Namespace,
        By::Code,
        By::Source,
        By::UserAgent,
    ];

    /// The key in the document.
    pub fn key(self) -> &'static str {
        match self {
            By::User => "user",
            By::Verb => "verb",
            By::Resource => "resource",
            By::Namespace => "namespace",
            By::Code => "code",
            By::Source => "source_ip",
            By::UserAgent => "user_agent",
        }
    }

    /// The heading in the text.
    pub fn title(self) -> &'static str {
        match self {
            By::User => "user",
            By::Verb => "verb",
            By::Resource => "resource",
            By::Namespace => "namespace",
            By::Code => "response code",
            By::Source => "source IP",
            By::UserAgent => "user agent",
        }
    }
}

/// What a worker counts in the block at hand.
#[derive(Default)]
pub struct Counted {
    names: [Local; KINDS],
    minutes: Vec<(u64, u64)>,
    steps: Vec<Step>,
    ids: Ids,
    total: Count,
    seen: Option<(Instant, Instant)>,
    scratch: Vec<u8>,
    code: Digits,
    /// How often names were forgotten.
    forgot: u32,
}

/// Under which numbers a client is counted: its user, its address and its user agent.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// How often names had been forgotten then.
    forgot: u32,
    numbers: [u16; 3],
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
enum Step {
    Begin(u64, Begun),
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

    /// Makes room before a block.
    pub fn make_room(&mut self) {
        for names in &mut self.names {
            if names.make_room() {
                self.forgot += 1;
            }
        }
    }

    /// Counts an event. A request counts when it ends, since its beginning need not be in the log; one
    /// that does not end is counted in the end. `client` is kept of a client that is known.
    pub fn count(&mut self, event: &Event, client: Option<&mut Kept>) {
        let ends = !event.stage.is_open();
        let count = Count {
            events: 1,
            requests: u64::from(ends),
        };
        self.total += count;
        let code = self.code.text(event.code);
        let [users, verbs, resources, namespaces, codes, sources, agents] = &mut self.names;
        let mut of = |names: &mut Local, by| {
            self.scratch.clear();
            names.count(name(event, by, code, &mut self.scratch), count)
        };
        let known = client.as_ref().and_then(|client| client.counted);
        let [user, source, agent] = match known.filter(|known| known.forgot == self.forgot) {
            Some(Numbers { numbers, .. }) => {
                for (names, number) in [&mut *users, &mut *sources, &mut *agents]
                    .into_iter()
                    .zip(numbers)
                {
                    names.count_number(number, count);
                }
                numbers
            }
            None => {
                let numbers = [
                    of(users, By::User),
                    of(sources, By::Source),
                    of(agents, By::UserAgent),
                ];
                if let Some(client) = client {
                    client.counted = Some(Numbers {
                        forgot: self.forgot,
                        numbers,
                    });
                }
                numbers
            }
        };
        let numbers = [
            user,
            of(verbs, By::Verb),
            of(resources, By::Resource),
            of(namespaces, By::Namespace),
            of(codes, By::Code),
            source,
            agent,
        ];
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
            let names = numbers;
            self.steps.push(Step::Begin(id, Begun { names, minute }));
        }
    }
}

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

/// What is counted in the whole log.
#[derive(Default)]
pub struct Tally {
    names: [Common; KINDS],
    minutes: Minutes,
    open: Open,
    total: Count,
    seen: Option<(Instant, Instant)>,
}

impl Tally {
    /// Adds what a worker counted in the next block.
    pub fn add(&mut self, counted: &mut Counted) {
        for (common, local) in self.names.iter_mut().zip(&mut counted.names) {
            local.add_to(common);
        }
        self.total += std::mem::take(&mut counted.total);
        if let Some((first, last)) = counted.seen.take() {
            let (before, after) = self.seen.unwrap_or((first, last));
            self.seen = Some((before.min(first), after.max(last)));
        }
        for (minute, requests) in counted.minutes.drain(..) {
            self.minutes.add(minute, requests);
        }
        for step in counted.steps.drain(..) {
            match step {
                Step::End(id) => self.open.end(id),
                Step::Begin(id, begun) => {
                    let mut names = begun.names;
                    for (name, local) in names.iter_mut().zip(&counted.names) {
                        *name = local.common(*name);
                    }
                    if let Some(begun) = self.open.begin(id, Begun { names, ..begun }) {
                        request(&mut self.names, &mut self.minutes, &mut self.total, begun);
                    }
                }
            }
        }
    }

    /// Counts the requests whose end did not come, after which nothing is added.
    pub fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        for begun in open.left() {
            request(&mut self.names, &mut self.minutes, &mut self.total, begun);
        }
        self.open = open;
    }

    /// All events and requests.
    pub fn total(&self) -> Count {
        self.total
    }

    /// When the first and the last of the events was written.
    pub fn seen(&self) -> Option<(Instant, Instant)> {
        self.seen
    }

    /// The requests over time.
    pub fn minutes(&self) -> &Minutes {
        &self.minutes
    }

    /// The names of a kind with their counts, the most frequent first, and the count of the others.
    pub fn ranked(&self, by: By) -> (Vec<(String, Count)>, Count) {
        let names = self.names.get(by as usize);
        names.map(Common::ranked).unwrap_or_default()
    }

    /// Requests that had begun and not ended where the log ends.
    pub fn open(&self) -> usize {
        self.open.count()
    }

    /// Whether more requests were open at once than are told apart, so that some may be counted twice.
    pub fn is_rough(&self) -> bool {
        self.open.overflowed
    }
}

fn request(names: &mut [Common; KINDS], minutes: &mut Minutes, total: &mut Count, begun: Begun) {
    let count = Count {
        events: 0,
        requests: 1,
    };
    *total += count;
    for (common, number) in names.iter_mut().zip(begun.names) {
        common.add(number, count);
    }
    if begun.minute > 0 {
        minutes.add(begun.minute, 1);
    }
}
