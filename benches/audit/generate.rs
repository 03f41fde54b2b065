//! An audit log as a cluster of many nodes writes it: the same bytes on every machine, in bounded memory.
//!
//! Each client has calls that it makes again and again, and watches that it opens anew when they end; what
//! comes next is drawn from a heap, so that the lines stand in the order of time as in a real log. Shapes
//! and words are those of API server 1.36. Nothing here shares code with what reads the log.

#[path = "generate/calls.rs"]
mod calls;
#[path = "generate/central.rs"]
mod central;
#[path = "generate/clients.rs"]
mod clients;
#[path = "generate/line.rs"]
mod line;
#[path = "generate/numbers.rs"]
mod numbers;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io::{self, Write};

use calls::{Call, Subject};
use clients::{Client, cluster};
use line::{Bodies, Request, Stage};
use numbers::Numbers;

/// What somebody asked, as the log has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Lines.
    pub events: u64,
    /// Requests of which at least one line is in the log.
    pub requests: u64,
    /// The lines by verb.
    pub verbs: BTreeMap<&'static str, u64>,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// How long the log is.
    pub bytes: u64,
    /// By kube-proxy, under both of its identities.
    pub kube_proxy: Asked,
    /// By everybody.
    pub everybody: Asked,
}

/// 2026-11-23T06:00:00Z in microseconds since 1970.
const START: u64 = 1_795_413_600_000_000;
const SECOND: u64 = 1_000_000;
/// A service account's token is renewed after so long.
const TOKEN: u64 = 2900 * SECOND;
/// A kube-proxy starts anew after about so long.
const UPTIME: u64 = 24 * 3600 * SECOND;

/// What happens next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    /// A client makes one of its calls.
    Call { client: usize, call: usize },
    /// A watch ends, unless it was ended before.
    End {
        client: usize,
        call: usize,
        id: u128,
    },
    /// A client starts anew.
    Start { client: usize },
}

/// A watch that is open.
#[derive(Clone, Copy)]
struct Watch {
    id: u128,
    received: u64,
    seconds: u64,
    version: u64,
    /// The log has its beginning.
    begun: bool,
}

struct Cluster<'w> {
    numbers: Numbers,
    clients: Vec<Client>,
    watches: Vec<Vec<Option<Watch>>>,
    tasks: BinaryHeap<Reverse<(u64, u64, Task)>>,
    pushed: u64,
    version: u64,
    bodies: Bodies,
    line: Vec<u8>,
    out: &'w mut dyn Write,
    most: u64,
    written: Written,
}

/// Writes whole lines, as many as `bytes` have room for, of a cluster of so many nodes.
pub fn write(out: &mut dyn Write, bytes: u64, nodes: usize) -> io::Result<Written> {
    let clients = cluster(nodes);
    let mut cluster = Cluster {
        numbers: Numbers::new(0x7469_6768_7465_6e00),
        watches: clients
            .iter()
            .map(|client| vec![None; client.calls.len()])
            .collect(),
        clients,
        tasks: BinaryHeap::new(),
        pushed: 0,
        version: 48_120_000,
        bodies: Bodies::new(),
        line: Vec::with_capacity(32 << 10),
        out,
        most: bytes,
        written: Written::default(),
    };
    cluster.begin();
    while let Some(Reverse((at, _, task))) = cluster.tasks.pop() {
        if !cluster.step(at, task)? {
            break;
        }
    }
    Ok(cluster.written)
}

impl Cluster<'_> {
    /// The cluster runs already when the log begins: everybody is somewhere between two calls, and all
    /// watches are open.
    fn begin(&mut self) {
        for client in 0..self.clients.len() {
            for call in 0..self.clients[client].calls.len() {
                let what = self.what(client, call);
                if what.at_start {
                    continue;
                }
                if what.verb == "watch" {
                    let seconds = 300 + self.numbers.below(300);
                    let id = self.numbers.id();
                    let received = START - self.numbers.below(seconds * SECOND);
                    let (version, begun) = (self.version - self.numbers.below(90_000), false);
                    self.watches[client][call] = Some(Watch {
                        id,
                        received,
                        seconds,
                        version,
                        begun,
                    });
                    self.push(received + seconds * SECOND, Task::End { client, call, id });
                } else {
                    let first = self.numbers.below(what.every * SECOND / 1000);
                    self.push(START + first, Task::Call { client, call });
                }
            }
            if self.clients[client].is_kube_proxy {
                let first = self.numbers.below(UPTIME);
                self.push(START + first, Task::Start { client });
            }
        }
    }

    fn what(&self, client: usize, call: usize) -> &'static Call {
        let calls = self.clients[client].calls;
        &calls[call]
    }

    fn push(&mut self, at: u64, task: Task) {
        self.pushed += 1;
        self.tasks.push(Reverse((at, self.pushed, task)));
    }

    /// Whether there is still room in the log.
    fn step(&mut self, at: u64, task: Task) -> io::Result<bool> {
        match task {
            Task::Call { client, call } => {
                let what = self.what(client, call);
                if what.verb == "watch" {
                    return self.begin_watch(at, client, call);
                }
                if !what.at_start {
                    let every = what.every * SECOND / 1000;
                    let next = every - every / 8 + self.numbers.below(every / 4 + 1);
                    self.push(at + next, task);
                }
                self.once(at, client, what)
            }
            Task::End { client, call, id } => match self.watches[client][call] {
                Some(watch) if watch.id == id => self.end_watch(at, client, call, watch),
                _ => Ok(true),
            },
            Task::Start { client } => self.start(at, client),
        }
    }

    fn once(&mut self, at: u64, client: usize, what: &'static Call) -> io::Result<bool> {
        let took = 300 + self.numbers.below(4000) + what.slow * self.numbers.below(1000);
        self.version += u64::from(!matches!(what.verb, "get" | "list"));
        let request = Request {
            id: self.numbers.id(),
            received: at - took,
            seconds: 0,
            version: self.version,
            subject: self.subject(client, what.subject),
            body: self.bodies.choose(what.body, &mut self.numbers),
            conflict: what.verb == "update" && self.numbers.below(700) == 0,
        };
        self.event(at, client, what, &request, Stage::Complete, true)
    }

    fn begin_watch(&mut self, at: u64, client: usize, call: usize) -> io::Result<bool> {
        if self.watches[client][call].is_some() {
            return Ok(true);
        }
        let watch = Watch {
            id: self.numbers.id(),
            received: at - 200 - self.numbers.below(900),
            // What client-go asks for: between five and ten minutes.
            seconds: 300 + self.numbers.below(300),
            version: self.version - self.numbers.below(40),
            begun: true,
        };
        self.watches[client][call] = Some(watch);
        let end = watch.received + watch.seconds * SECOND + self.numbers.below(2000);
        self.push(
            end,
            Task::End {
                client,
                call,
                id: watch.id,
            },
        );
        self.watched(at, client, call, watch, Stage::Started)
    }

    /// The client opens a watch that has ended at once anew.
    fn end_watch(&mut self, at: u64, client: usize, call: usize, watch: Watch) -> io::Result<bool> {
        self.watches[client][call] = None;
        let again = at + 800 + self.numbers.below(60_000);
        self.push(again, Task::Call { client, call });
        self.watched(at, client, call, watch, Stage::Complete)
    }

    fn watched(
        &mut self,
        at: u64,
        client: usize,
        call: usize,
        watch: Watch,
        stage: Stage,
    ) -> io::Result<bool> {
        let what = self.what(client, call);
        let request = Request {
            id: watch.id,
            received: watch.received,
            seconds: watch.seconds,
            version: watch.version,
            subject: self.subject(client, what.subject),
            body: None,
            conflict: false,
        };
        let first = matches!(stage, Stage::Started) || !watch.begun;
        self.event(at, client, what, &request, stage, first)
    }

    /// A kube-proxy stops, which ends its watches, and starts.
    fn start(&mut self, at: u64, client: usize) -> io::Result<bool> {
        let mut room = true;
        for call in 0..self.clients[client].calls.len() {
            let what = self.what(client, call);
            if let Some(watch) = self.watches[client][call].take() {
                room = room && self.watched(at, client, call, watch, Stage::Complete)?;
            }
            let again = if what.verb == "watch" {
                2_400_000
            } else {
                2_000_000
            };
            let again = again + 40_000 * call as u64 + self.numbers.below(20_000);
            if what.at_start || what.verb == "watch" {
                self.push(at + again, Task::Call { client, call });
            }
        }
        let next = UPTIME / 2 + self.numbers.below(UPTIME);
        self.push(at + next, Task::Start { client });
        Ok(room)
    }

    /// Whom a call is about: namespace and name.
    fn subject(&mut self, client: usize, subject: Subject) -> (String, String) {
        let client = &self.clients[client];
        match subject {
            Subject::Nothing => Default::default(),
            Subject::Fixed(space, name) => (space.into(), name.into()),
            Subject::Node => (String::new(), client.node.clone()),
            Subject::NodeLease => ("kube-node-lease".into(), client.node.clone()),
            Subject::NodeEvent => (
                "default".into(),
                format!("{}.18eab8b24ffe6d9f", client.node),
            ),
            Subject::KubeProxy => ("kube-system".into(), client.neighbour.clone()),
            Subject::Pod => {
                let app = self.numbers.below(40);
                let name = format!(
                    "{}-{}-{}",
                    calls::APPS[app as usize % calls::APPS.len()],
                    numbers::letters(app * 7919 + 3, 9),
                    numbers::letters(self.numbers.below(60) * 104_729 + app, 5)
                );
                (format!("team-{}", app % 12), name)
            }
        }
    }

    fn event(
        &mut self,
        at: u64,
        client: usize,
        what: &Call,
        request: &Request,
        stage: Stage,
        first: bool,
    ) -> io::Result<bool> {
        let client = &self.clients[client];
        // A line is written a little after its time was taken, so that some stand out of order.
        let late = self.numbers.below(8) == 0;
        let reached = at - if late { self.numbers.below(150) } else { 0 };
        let age = request.received.saturating_sub(client.started) / TOKEN;
        self.line.clear();
        line::write(
            &mut self.line,
            client,
            age,
            what,
            request,
            stage,
            reached.max(request.received),
        );
        if self.written.bytes + self.line.len() as u64 > self.most {
            return Ok(false);
        }
        self.out.write_all(&self.line)?;
        self.written.bytes += self.line.len() as u64;
        let everybody = &mut self.written.everybody;
        let kube_proxy = client.is_kube_proxy.then_some(&mut self.written.kube_proxy);
        for asked in std::iter::once(everybody).chain(kube_proxy) {
            asked.events += 1;
            asked.requests += u64::from(first);
            *asked.verbs.entry(what.verb).or_default() += 1;
        }
        Ok(true)
    }
}
