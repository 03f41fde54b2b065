//! `tighten audit --follow`: a line for each event as it comes, and the summary in the end.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Map;

use super::asked::Asked;
use super::inputs::of_node;
use super::policy::Policy;
use super::{NAME, tell_text};
use crate::auditlog::block::{HandOn, Placed};
use crate::auditlog::counted::Counted;
use crate::auditlog::follow::{self, Away, Follower, Happened};
use crate::auditlog::logs::{OnNode, rotated};
use crate::auditlog::open::Ids;
use crate::auditlog::order::{Log, Place, Sink};
use crate::auditlog::time::Instant;
use crate::auditlog::worker::Worker;
use crate::cli::{Format, Global};
use crate::failure::{Exit, Failure};
use crate::report::style::{Pieces, Style, err, out, print_json_line};
use crate::report::{self, Activity, LogFile, Summary};
use crate::root::{NodePath, Root};
use crate::run::context::open_root;
use crate::transaction::Interrupt;
use crate::unusual::{End, Judge};

/// How long is waited between two looks at the log.
const EVERY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// Shows what comes until it is stopped.
pub fn follow(files: &[PathBuf], asked: &Asked, global: &Global) -> Result<Exit, Failure> {
    let place = Followed::find(files, global)?;
    let path = place.path.display().to_string();
    let query = asked.query_for(HandOn::All);
    let style = Style::new(global.color);
    let mut lines = Lines {
        out: Pieces::default(),
        format: global.format(),
        style,
        with_user: !asked.is_kube_proxy,
        closed: false,
        judge: asked.judge(files, global),
        quiet: global.quiet,
    };
    lines.begin();
    let started = Instant::now();
    let ids = Ids::default();
    let counted = || Counted::beside(&ids);
    // From here on Ctrl-C ends the following, not the program.
    let interrupt = Interrupt::hold()?;
    let failed = |error: io::Error| Failure::refused(format!("{path}: {error}")).because(error);
    let mut log = Log::new(Worker::for_few(&query, counted()), &mut lines);
    let worker = Worker::new(&query, counted());
    let mut follower =
        Follower::new(&place, worker, &mut log, asked.since.is_some()).map_err(failed)?;
    // nohup has it outlive its terminal.
    let stays = ignores(Signal::SIGHUP);
    let mut stop = || {
        let came = interrupt.came();
        came.is_some_and(|came| came != Signal::SIGHUP.as_str() || !stays)
    };
    let mut tell = |happened| tell(&path, happened, global.quiet);
    let stopped = loop {
        match follower.look(&mut log, &mut stop, &mut tell) {
            Err(error) => break Some(failed(error)),
            Ok(false) => break None,
            Ok(true) if !log.flush() || !is_read() || stop() => {
                // A line that has no end yet.
                log.end_file(true);
                log.flush();
                break None;
            }
            Ok(true) => {}
        }
    };
    follower.hand_in(&mut log);
    let totals = log.close();
    let file = [LogFile {
        path: path.clone(),
        bytes: None,
    }];
    let activity = Activity {
        who: &query.who,
        is_kube_proxy: asked.is_kube_proxy,
        files: &file,
        since: asked.since,
        until: asked.until,
        totals: &totals,
        numbered: false,
    };
    let policy = Policy::find(asked, files, totals.tally.total().events == 0, global)?;
    let end = End {
        // Somebody else need not have asked anything meanwhile.
        log_first: Some(asked.since.unwrap_or(started)),
        log_last: Some(Instant::now()),
        ..asked.end(&totals, policy.as_ref())
    };
    let judged = lines.judge.finish(&end);
    match global.format() {
        Format::Json => {
            let error = stopped.as_ref().map(report::error);
            let more = error.map(|error| ("error".into(), error));
            let more = Map::from_iter(more);
            print_json_line(&Summary::of(NAME, &activity, &judged, more));
        }
        Format::Text => {
            out("\n");
            tell_text(&activity, &judged, global);
        }
    }
    match stopped {
        Some(failure) => {
            err(&format!("{}\n", report::printable(&failure.to_string())));
            Ok(failure.exit)
        }
        None => Ok(asked.exit(&judged)),
    }
}

/// Whether who started this has it ignore a signal.
fn ignores(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal as i32 - 1) & 1 == 1)
}

/// Waits until it is time for the next look; false when nobody reads stdout any more.
fn is_read() -> bool {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    // A signal, which is asked for next, or nothing happened.
    let _ = poll(&mut polled, Some(&EVERY));
    let gone = PollFlags::ERR | PollFlags::HUP;
    polled.iter().all(|one| !one.revents().intersects(gone))
}

fn tell(path: &str, happened: Happened, quiet: bool) {
    if quiet {
        return;
    }
    let text = match &happened {
        Happened::Unreadable(why) => &*format!("cannot be opened, which is tried again: {why}"),
        Happened::Damaged(why) => &*format!(
            "was rotated and compressed meanwhile, and of that something is missing here: {why}"
        ),
        Happened::Missing => "does not exist yet; waiting for it",
        Happened::Appeared => "exists now",
        Happened::Rotated => "was rotated; going on with the new one",
        Happened::Truncated => "was truncated; what was written shortly before may be missing here",
    };
    err(&report::printable(&format!("{path} {text}\n")));
}

/// Prints events.
struct Lines {
    out: Pieces,
    format: Format,
    style: Style,
    with_user: bool,
    /// Nobody reads any more.
    closed: bool,
    judge: Judge,
    quiet: bool,
}

impl Lines {
    fn begin(&mut self) {
        if self.format == Format::Text {
            let heading = report::activity_heading(self.with_user, self.style);
            self.put(&heading);
            self.flush();
        }
    }

    fn put(&mut self, text: &str) {
        self.closed = self.closed || self.out.write_all(text.as_bytes()).is_err();
    }
}

impl Sink for Lines {
    fn flush(&mut self) -> bool {
        // What is unusual is said at once, beside the events.
        for found in self.judge.news() {
            let text = format!(
                "unusual: {} ({}): {}\n",
                found.rule, found.severity, found.observed
            );
            if !self.quiet {
                err(&report::printable(&text));
            }
        }
        self.closed = self.closed || self.out.flush().is_err();
        !self.closed
    }

    fn take(&mut self, events: &[Placed], at: Place) {
        self.judge.see(events, at);
        for placed in events {
            match self.format {
                Format::Text => {
                    let line = report::activity_line(placed, self.with_user, self.style);
                    self.put(&line);
                }
                Format::Json => {
                    let document = report::document(NAME, report::activity_event(placed));
                    self.put(&format!("{document}\n"));
                }
            }
        }
    }
}

/// The log that is followed.
struct Followed {
    path: PathBuf,
    root: Root,
    /// As the node sees it, where it can be found as such.
    on_node: Option<NodePath>,
    /// It was found by the flags of the API server, or lies below --root.
    is_found: bool,
    /// Logs that were written to before are of no interest, and there may be more than handles to hold.
    since: Instant,
}

impl Followed {
    fn find(files: &[PathBuf], global: &Global) -> Result<Followed, Failure> {
        match files {
            [] => {
                let (root, path) = of_node(global)?;
                Ok(Followed {
                    path: path.to_string().into(),
                    root,
                    on_node: Some(path),
                    is_found: true,
                    since: Instant::now(),
                })
            }
            [file] if file == Path::new("-") => Err(Failure::usage("stdin cannot be followed")
                .help("leave --follow out: it is read to its end")),
            [file] => Ok(Followed {
                path: file.clone(),
                root: open_root(global)?,
                on_node: global.node_path(file),
                is_found: global.root.is_some(),
                since: Instant::now(),
            }),
            _ => Err(Failure::usage("one log can be followed at a time")),
        }
    }
}

impl follow::Place for Followed {
    fn open(&self) -> io::Result<File> {
        match &self.on_node {
            Some(path) if self.is_found => Ok(self.root.open(path)?.1.reader()?),
            _ => {
                // A pipe that has the name would else be waited for.
                let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
                let mut options = File::options();
                options.read(true).custom_flags(flags.bits());
                options.open(&self.path)
            }
        }
    }

    fn rotated(&self) -> Vec<Away> {
        let found = self
            .on_node
            .as_ref()
            .and_then(|path| rotated(&self.root, path, Some(self.since)).ok());
        let logs = found.unwrap_or_default().logs.into_iter();
        let away = |log: OnNode| {
            Some(Away {
                file: log.opened.reader().ok()?,
                begins: log.begins,
                is_packed: log.is_packed,
            })
        };
        logs.filter_map(away).collect()
    }
}
