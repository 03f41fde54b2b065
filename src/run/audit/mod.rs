//! `tighten audit`: what kube-proxy did, from the API server's audit log.

mod asked;
mod follow;
mod inputs;
mod policy;
mod progress;

use std::path::PathBuf;

use serde_json::{Map, json};

use super::print_json;
use crate::auditlog::counted::Counted;
use crate::auditlog::open::Ids;
use crate::auditlog::order::Log;
use crate::auditlog::read::{Stopped, read};
use crate::auditlog::source::LargeWindow;
use crate::auditlog::worker::Worker;
use crate::baseline;
use crate::cli::{AskedLog, Format, Global};
use crate::failure::{Exit, Failure};
use crate::report::style::{Style, err, out};
use crate::report::{self, Activity, LogFile, Summary};
use crate::unusual::Judged;
use asked::Asked;
use inputs::{Inputs, unpacking};
use policy::Policy;
use progress::Progress;

/// The command's name in its documents.
const NAME: &str = "audit";

/// Reads the logs that are named, or the node's own, or follows one.
pub fn audit(files: &[PathBuf], cli: &AskedLog, global: &Global) -> Result<Exit, Failure> {
    let baselines = baseline::load(&global.baselines())?;
    let asked = Asked::of(cli, &baselines, global)?;
    if cli.follow {
        return follow::follow(files, &asked, global);
    }
    let inputs = Inputs::find(files, asked.since, global)?;
    let left: Vec<(String, String)> = inputs
        .left
        .iter()
        .map(|(path, why)| (path.to_string(), why.clone()))
        .collect();
    for (path, why) in &left {
        warn(&format!("{path} is not read: {why}"), global);
    }
    let query = asked.query();
    let ids = Ids::default();
    let counted = || Counted::beside(&ids);
    let mut judge = asked.judge(files, global);
    let mut log = Log::new(Worker::for_few(&query, counted()), &mut judge);
    let mut told = Vec::new();
    let mut stopped: Option<Failure> = None;
    let mut progress = Progress::new(&inputs, global.quiet);
    let last = inputs.logs.len().saturating_sub(1);
    for (number, named) in inputs.logs.into_iter().enumerate() {
        log.begin_file(number);
        let live = number == last && named.may_grow();
        let (path, input) = (named.path, named.input);
        told.push(LogFile {
            path: path.clone(),
            bytes: input.size,
        });
        let mut tell = progress.of(input.size, input.packed);
        let tell = tell.as_mut().map(|tell| tell as &mut dyn FnMut(u64));
        if let Err(failed) = read(input.source, &query, &mut log, live, &counted, tell) {
            stopped.get_or_insert(broke_off(&path, &failed));
        }
    }
    progress.done();
    let totals = log.close();
    let activity = Activity {
        who: &query.who,
        is_kube_proxy: asked.is_kube_proxy,
        files: &told,
        since: asked.since,
        until: asked.until,
        totals: &totals,
        numbered: true,
    };
    let silent = totals.tally.total().events == 0;
    let policy = Policy::find(&asked, files, silent, global)?;
    let judged = judge.finish(&asked.end(&totals, policy.as_ref()));
    tell(&activity, &judged, &left, stopped.as_ref(), global);
    match stopped {
        Some(failure) => {
            err(&format!("{}\n", report::printable(&failure.to_string())));
            Ok(failure.exit)
        }
        None => Ok(asked.exit(&judged)),
    }
}

/// What is said of a log that could not be read to its end.
fn broke_off(path: &str, failed: &Stopped) -> Failure {
    let (at, error) = (failed.at, &failed.error);
    let inner = error.get_ref();
    let help = match inner.and_then(|inner| inner.downcast_ref::<LargeWindow>()) {
        Some(window) => unpacking(&window.program(), path),
        None => "where it was cut off or is damaged, look for another copy of this log".into(),
    };
    Failure::refused(format!("{path}: cannot be read behind byte {at}: {error}"))
        .state("what stands before is counted; what stands behind is not")
        .help(help)
}

/// Prints what was found in logs that were read to their end, or as far as that is possible.
fn tell(
    activity: &Activity,
    judged: &Judged,
    left: &[(String, String)],
    stopped: Option<&Failure>,
    global: &Global,
) {
    match global.format() {
        Format::Json => {
            let left = left
                .iter()
                .map(|(path, why)| json!({"path": path, "reason": why}));
            let mut more = Map::from_iter([("not_read".into(), left.collect())]);
            if let Some(failure) = stopped {
                more.insert("error".into(), report::error(failure));
            }
            print_json(&Summary::of(NAME, activity, judged, more));
        }
        Format::Text => {
            tell_text(activity, judged, global);
        }
    }
}

/// Prints it as text.
fn tell_text(activity: &Activity, judged: &Judged, global: &Global) {
    let style = Style::new(global.color);
    let how = (global.verbose, global.quiet);
    let say = &mut |part: &str| out(&report::with_flags(part, &global.flags()));
    report::activity_text(activity, judged, style, how, say);
}

fn warn(text: &str, global: &Global) {
    if !global.quiet {
        err(&report::printable(&format!("warning: {text}\n")));
    }
}
