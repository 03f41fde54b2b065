//! What is counted in the whole log.

use super::counted::{Counted, Step};
use super::minutes::Minutes;
use super::names::{Common, Count, Name};
use super::open::{Begun, Open};
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
    /// Adds what a worker counted in the next block, but for how often names came up: [`Tally::hand_in`].
    pub fn add(&mut self, counted: &mut Counted) {
        for (common, local) in self.names.iter_mut().zip(&mut counted.names) {
            local.make_known(common);
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

    /// Adds how often names came up in all blocks that a worker has added. It starts anew.
    pub fn hand_in(&mut self, counted: &mut Counted) {
        counted.count_asks();
        for (common, local) in self.names.iter_mut().zip(&mut counted.names) {
            local.hand_in(common);
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
    pub fn ranked(&self, by: By) -> (Vec<(Name<'_>, Count)>, Count) {
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
        minutes.add(begun.minute.into(), 1);
    }
}
