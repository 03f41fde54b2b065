//! `tighten audit`: what kube-proxy did, from the API server's audit log.

mod follow;
mod inputs;
mod progress;

use std::path::PathBuf;

use super::print_json;
use crate::auditlog::block::{HandOn, Placed, Query, Worker};
use crate::auditlog::open::Ids;
use crate::auditlog::order::{Log, Place, Sink};
use crate::auditlog::read::read;
use crate::auditlog::tally::Counted;
use crate::auditlog::time::Instant;
use crate::auditlog::who::Who;
use crate::baseline::{self, Baseline};
use crate::cli::{AskedLog, Format, Global};
use crate::failure::{Exit, Failure};
use crate::kinds::Expect;
use crate::report::style::{Style, err, out};
use crate::report::{self, Activity, LogFile};
use inputs::Inputs;
use progress::Progress;

/// The command's name in its documents.
const NAME: &str = "audit";
/// What kube-proxy calls itself, which is all that is known of it where it could not be authenticated.
const AGENT: &str = "kube-proxy/";

/// What is asked, with whom it is asked of.
pub struct Asked {
    who: Who,
    /// They are kube-proxy's identities.
    is_kube_proxy: bool,
    since: Option<Instant>,
    until: Option<Instant>,
    thorough: bool,
}

impl Asked {
    fn of(asked: &AskedLog, baselines: &[Baseline]) -> Result<Asked, Failure> {
        let who = who(asked, baselines)?;
        Ok(Asked {
            is_kube_proxy: !who.agents.is_empty(),
            who,
            since: asked.since,
            until: asked.until,
            thorough: asked.thorough,
        })
    }

    fn query(&self, hand_on: HandOn) -> Query {
        Query {
            since: self.since,
            until: self.until,
            ..Query::new(self.who.clone(), self.thorough, hand_on)
        }
    }
}

/// Reads the logs that are named, or the node's own.
pub fn audit(files: &[PathBuf], asked: &AskedLog, global: &Global) -> Result<Exit, Failure> {
    let baselines = baseline::load(&global.baseline)?;
    let is_followed = asked.follow;
    let asked = Asked::of(asked, &baselines)?;
    if is_followed {
        return follow::follow(files, &asked, global);
    }
    let inputs = Inputs::find(files, asked.since, global)?;
    let query = asked.query(HandOn::Of(users(&baselines)));
    let ids = Ids::default();
    let counted = || Counted::beside(&ids);
    let mut sink = Judged;
    let mut log = Log::new(Worker::new(&query, counted()), &mut sink);
    let mut told = Vec::new();
    let mut stopped: Option<Failure> = None;
    let mut progress = Progress::new(&inputs, global.quiet);
    let last = inputs.logs.len().saturating_sub(1);
    for (number, input) in inputs.logs.into_iter().enumerate() {
        log.begin_file(number);
        let live = number == last && input.may_grow();
        let path = input.path;
        told.push(LogFile {
            path: path.clone(),
            bytes: input.input.size,
        });
        let packed = input.input.packed;
        let mut tell = progress.of(input.input.size, packed);
        let tell = tell.as_mut().map(|tell| tell as &mut dyn FnMut(u64));
        if let Err(failed) = read(input.input.source, &query, &mut log, live, &counted, tell) {
            let message = format!(
                "{path}: cannot be read behind byte {}: {}",
                failed.at, failed.error
            );
            let failure = Failure::refused(message)
                .state("what stands before is counted; what stands behind is not")
                .help("where it was cut off or is damaged, name the other logs, and look for another copy of this one");
            stopped.get_or_insert(failure);
        }
    }
    progress.done();
    log.tally.close();
    let activity = Activity {
        is_kube_proxy: asked.is_kube_proxy,
        since: asked.since,
        until: asked.until,
        ..Activity::of(&log, &query.who, &told)
    };
    let style = Style::new(global.color);
    match global.format() {
        Format::Json => {
            let mut body = report::activity_document(&activity);
            if let (Some(failure), Some(fields)) = (&stopped, body.as_object_mut()) {
                fields.insert("error".into(), report::error(failure));
            }
            print_json(&report::document(NAME, body));
        }
        Format::Text => {
            out(&report::activity_text(
                &activity,
                style,
                global.verbose,
                global.quiet,
            ));
        }
    }
    for (path, why) in inputs.left {
        if !global.quiet {
            let warning = format!("warning: {path} is not read: {why}\n");
            err(&report::printable(&warning));
        }
    }
    match stopped {
        Some(failure) if global.format() == Format::Json => {
            err(&format!("{}\n", report::printable(&failure.to_string())));
            Ok(failure.exit)
        }
        Some(failure) => Err(failure),
        None => Ok(Exit::Done),
    }
}

struct Judged;

impl Sink for Judged {
    fn take(&mut self, _: &Placed, _: Place) {}
}

/// Whose events: kube-proxy's, under the identities of the baseline, unless the command line says.
fn who(asked: &AskedLog, baselines: &[Baseline]) -> Result<Who, Failure> {
    if asked.all_users {
        return Ok(Who {
            everybody: true,
            ..Who::default()
        });
    }
    if !asked.user.is_empty() || !asked.group.is_empty() {
        let empty = asked.user.iter().chain(&asked.group).any(String::is_empty);
        if empty {
            return Err(Failure::usage("the name of a user or group is empty"));
        }
        return Ok(Who {
            users: asked.user.clone(),
            groups: asked.group.clone(),
            ..Who::default()
        });
    }
    let users = users(baselines);
    if users.is_empty() {
        return Err(Failure::refused(
            "no baseline says who kube-proxy is: none has a check of the kind audit-requests",
        )
        .help("name the user: --user U"));
    }
    Ok(Who {
        users,
        agents: vec![AGENT.into()],
        ..Who::default()
    })
}

/// kube-proxy's identities.
fn users(baselines: &[Baseline]) -> Vec<String> {
    let checks = baselines.iter().flat_map(|baseline| &baseline.checks);
    let mut users: Vec<String> = checks
        .filter_map(|check| match &check.expect {
            Expect::AuditRequests(requests) => Some(requests.users()),
            _ => None,
        })
        .flatten()
        .map(String::from)
        .collect();
    users.sort_unstable();
    users.dedup();
    users
}
