//! Reading a log on all processors, in constant memory.

use std::fs::File;
use std::hint;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::block::{Found, Query, cut};
use super::counted::Counted;
use super::order::Log;
use super::pieces::{Pieces, Taken, held};
use super::worker::Worker;

/// Bytes that a worker reads at a time: what fits into a processor's own cache beside what it counts.
pub const PIECE: usize = 256 << 10;
/// Most workers, each of which has memory of its own.
const MOST_WORKERS: usize = 8;

/// Where the bytes of a log come from.
pub enum Source {
    /// A file with as many bytes as it had when it was opened: each worker reads pieces of its own.
    File(File, u64),
    /// Anything that is read from its beginning to its end.
    Stream(Box<dyn Read + Send>),
}

/// A log could not be read to its end.
#[derive(Debug)]
pub struct Stopped {
    /// Bytes that were read.
    pub at: u64,
    /// Why.
    pub error: io::Error,
}

/// How many workers this machine has room for.
pub fn workers() -> usize {
    // Files have to be read for it.
    static WORKERS: LazyLock<usize> = LazyLock::new(|| {
        let processors = thread::available_parallelism();
        processors.map_or(1, usize::from).min(MOST_WORKERS)
    });
    *WORKERS
}

/// The log, and whose turn it is to add to it.
struct Turns<'l, 'q> {
    log: &'l mut Log<'q>,
    next: u64,
    stopped: Option<Stopped>,
    /// How many workers sleep until their turn comes.
    asleep: usize,
}

/// How often a worker looks whether its turn has come before it sleeps, which takes some tens of microseconds. To be
/// woken often takes longer, and most turns come sooner.
const LOOKS: usize = 1000;

/// Reads a source to its end. `live` says that somebody may still write to it. Meanwhile `progress` is
/// called now and then, when it is there, with the bytes that were read of this source.
///
/// # Errors
/// When it cannot be read to its end; what stands before is read.
pub fn read(
    source: Source,
    query: &Query,
    log: &mut Log,
    live: bool,
    counted: &dyn Fn() -> Counted,
    progress: Option<&mut dyn FnMut(u64)>,
) -> Result<(), Stopped> {
    let small = matches!(&source, Source::File(_, length) if *length <= 2 * PIECE as u64);
    let number = if small { 1 } else { workers() };
    let pieces = Pieces::of(source, query.small);
    let read = AtomicU64::new(0);
    let turns = Mutex::new(Turns {
        log,
        next: 0,
        stopped: None,
        asleep: 0,
    });
    let (turn, turned) = (AtomicU64::new(0), Condvar::new());
    let work = |counted| work(&pieces, query, &turns, (&turn, &turned), &read, counted);
    thread::scope(|scope| {
        let main = thread::current();
        let spawn = |_| {
            let (work, main, counted) = (&work, main.clone(), counted());
            scope.spawn(move || {
                work(counted);
                main.unpark();
            })
        };
        // This thread works, too, unless it has to tell how far they are.
        let own = usize::from(progress.is_none());
        let others: Vec<_> = (own..number).map(spawn).collect();
        match progress {
            None => work(counted()),
            Some(progress) => {
                while !others.iter().all(|worker| worker.is_finished()) {
                    thread::park_timeout(EVERY);
                    progress(read.load(Ordering::Relaxed));
                }
            }
        }
    });
    let turns = turns.into_inner().unwrap_or_else(PoisonError::into_inner);
    match turns.stopped {
        Some(stopped) => {
            // What stands before the break need not be a whole line.
            turns.log.end_file(true);
            Err(stopped)
        }
        None => {
            turns.log.end_file(live);
            Ok(())
        }
    }
}

/// How often progress is told.
const EVERY: Duration = Duration::from_millis(100);

/// Reads piece after piece, and adds what was found when its turn comes.
fn work(
    pieces: &Pieces,
    query: &Query,
    turns: &Mutex<Turns>,
    (turn_of, turned): (&AtomicU64, &Condvar),
    read: &AtomicU64,
    counted: Counted,
) {
    let mut buffer = vec![0; PIECE];
    let mut worker = Worker::new(query, counted);
    loop {
        let Taken {
            number,
            size,
            parse,
        } = pieces.next(&mut buffer);
        let piece = match &size {
            Ok(0) => break,
            Ok(size) => cut(buffer.get(..*size).unwrap_or_default()),
            Err(_) => cut(&[]),
        };
        let body = piece.rest.as_ref().map(|rest| rest.body);
        let found = body.map_or_else(Found::default, |body| worker.read(body, parse));
        let mut looks = 0..LOOKS;
        while turn_of.load(Ordering::Relaxed) < number && looks.next().is_some() {
            hint::spin_loop();
        }
        let mut turn = held(turns);
        while turn.next < number {
            turn.asleep += 1;
            turn = turned.wait(turn).unwrap_or_else(PoisonError::into_inner);
            turn.asleep -= 1;
        }
        if turn.next > number {
            // Somebody before met an error, behind which nothing counts.
            drop(turn);
            if let Some(body) = body {
                worker.take_back(body, parse);
            }
            break;
        }
        match size {
            Ok(size) => {
                turn.log.add(&piece, found, &mut worker, parse);
                turn.next += 1;
                read.fetch_add(size as u64, Ordering::Relaxed);
            }
            Err(error) => {
                let at = read.load(Ordering::Relaxed);
                turn.stopped = Some(Stopped { at, error });
                turn.next = u64::MAX;
            }
        }
        turn_of.store(turn.next, Ordering::Relaxed);
        let asleep = turn.asleep > 0;
        drop(turn);
        if asleep {
            turned.notify_all();
        }
    }
    held(turns).log.hand_in(&mut worker);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auditlog::block::{HandOn, Placed};
    use crate::auditlog::open::Ids;
    use crate::auditlog::order::{Place, Sink};
    use crate::auditlog::tally::By;
    use crate::auditlog::who::Who;

    struct Nobody;

    impl Sink for Nobody {
        fn take(&mut self, _events: &[Placed], _at: Place) {}
    }

    /// Fails once, and goes on behind.
    struct Failing<'t> {
        before: &'t [u8],
        behind: &'t [u8],
        failed: bool,
    }

    impl Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if !self.before.is_empty() {
                return self.before.read(buffer);
            }
            if !self.failed {
                self.failed = true;
                return Err(io::Error::other("the cable was pulled"));
            }
            self.behind.read(buffer)
        }
    }

    #[test]
    fn nothing_counts_that_stands_behind_an_error() {
        let line = |user: usize| {
            let user = format!(r#"{{"username":"user-{user}"}}"#);
            format!(
                r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a","stage":"ResponseComplete","requestURI":"/","verb":"get","user":{user},"sourceIPs":["10.0.0.1"],"userAgent":"kubectl","objectRef":{{"resource":"pods"}}}}"#
            ) + "\n"
        };
        // Clients that come again and such as come once, and what is asked again and again.
        let users =
            |from: usize| (0..6000).map(move |at| if at % 2 == 0 { at % 7 } else { from + at });
        let before: String = users(10).map(line).collect();
        let behind: String = users(100_000).map(line).collect();
        assert!(before.len() > 3 * PIECE);
        let who = Who {
            everybody: true,
            ..Who::default()
        };
        let told = |behind: &'static str, hand_on| {
            let query = Query::new(who.clone(), true, hand_on);
            let ids = Ids::default();
            let counted = || Counted::beside(&ids);
            let mut nobody = Nobody;
            let mut log = Log::new(Worker::for_few(&query, counted()), &mut nobody);
            let stream = Failing {
                before: before.clone().leak().as_bytes(),
                behind: behind.as_bytes(),
                failed: false,
            };
            let source = Source::Stream(Box::new(stream));
            let stopped = read(source, &query, &mut log, false, &counted, None).unwrap_err();
            assert_eq!(stopped.at, before.len() as u64);
            let totals = log.close();
            let names = By::ALL.map(|by| format!("{:?}", totals.tally.ranked(by)));
            let minutes = totals.tally.minutes().clone();
            (
                totals.tally.total().events,
                totals.lines,
                format!("{names:?} {minutes:?}"),
            )
        };
        let behind: &str = behind.leak();
        // More than are handed on at once, and none.
        for hand_on in [HandOn::All, HandOn::Of(Vec::new())] {
            let alone = told("", hand_on.clone());
            assert_eq!((alone.0, alone.1), (6000, 6000));
            assert_eq!(told(behind, hand_on), alone);
        }
    }
}
