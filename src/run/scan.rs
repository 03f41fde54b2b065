//! `tighten scan`: verdicts on stdout or in a file, in whichever format was asked for.

use std::path::Path;

use serde_json::json;

use super::context::{Context, hinted, open_root};
use super::look::warn_of_interrupted;
use super::malformed;
use crate::check::Outcome;
use crate::cli::{FailOn, Global, Output};
use crate::facts::{self, Facts};
use crate::failure::{Exit, Failure};
use crate::outfile::OutFile;
use crate::report;
use crate::report::scanned::{At, Node, NotScanned, Refusal, Scan, Scanned, Tool};
use crate::report::style::{Style, err, out};
use crate::report::{History, Page};
use crate::transaction;
use crate::waivers::{State, Waiver};

/// Most transactions that a page shows.
const HISTORY: usize = 50;

/// Judges the node. A scan that could not be made is told in the format too, so that whoever reads only the
/// report does not take the last one for today's.
pub fn scan(global: &Global, fail_on: FailOn, to: Option<&Path>) -> Result<Exit, Failure> {
    let file = to.map(|path| OutFile::at(path, "the report")).transpose()?;
    let context = match Context::new(global).and_then(|context| context.with_waivers(global)) {
        Ok(context) => context,
        Err(failure) => return not_scanned(global, None, failure, file.as_ref()),
    };
    warn_of_interrupted(&context);
    let facts = match context.facts() {
        Ok(facts) => facts,
        Err(failure) => return not_scanned(global, Some(&context), failure, file.as_ref()),
    };
    for remark in facts.remarks().filter(|_| !context.quiet) {
        context.tell(&format!("warning: {remark}\n"));
    }
    let outcomes = context.outcomes(&facts);
    let remains = fail_on
        .floor()
        .is_some_and(|floor| outcomes.iter().any(|outcome| outcome.remains(floor)));
    let exit = if remains { Exit::Findings } else { Exit::Done };
    let told = Told {
        context: &context,
        facts: &facts,
        outcomes: &outcomes,
        waivers: context.waiver_states(&facts, &outcomes),
    };
    let text = told.report(global.output, exit, file.is_some());
    deliver(&text, global.output, file.as_ref())?;
    if let Some(file) = file.filter(|_| !context.quiet) {
        let totals = report::totals(&outcomes);
        context.tell(&format!("Written to {}. {totals}\n", file.shown()));
    }
    Ok(exit)
}

/// Prints a report, or writes it into its file.
fn deliver(text: &str, output: Output, file: Option<&OutFile>) -> Result<(), Failure> {
    match file {
        Some(file) => file.write(text.as_bytes(), mode(output)),
        None => {
            out(text);
            Ok(())
        }
    }
}

/// Metrics hold no path and no value, and node_exporter runs without root. Every other report says where the
/// node is weak.
fn mode(output: Output) -> u32 {
    match output {
        Output::Prometheus => 0o644,
        _ => 0o600,
    }
}

/// A node that was judged.
struct Told<'a> {
    context: &'a Context,
    facts: &'a Facts,
    outcomes: &'a [Outcome<'a>],
    waivers: Vec<(&'a Waiver, State)>,
}

impl Told<'_> {
    fn report(&self, output: Output, exit: Exit, to_file: bool) -> String {
        let context = self.context;
        let scan = || Scanned::of(&context.root, self.facts, self.outcomes, &self.waivers);
        match output {
            Output::Text => {
                let style = if to_file {
                    Style::plain()
                } else {
                    context.style
                };
                let (verbose, quiet) = (context.verbose, context.quiet);
                let remarks = report::Remarks::of(&self.waivers);
                let text = report::scan(self.facts, self.outcomes, &remarks, style, verbose, quiet);
                report::with_flags(&text, &context.flags)
            }
            Output::Json => {
                let document = report::document("scan", json!(scan()));
                pretty(&context.hinted_document(document))
            }
            Output::Oscal => pretty(&report::oscal(&scan())),
            Output::Prometheus => report::prometheus(&Scan::Scanned(scan())),
            Output::Sarif => pretty(&report::sarif(
                &Scan::Scanned(scan()),
                exit,
                context.verbose,
            )),
            Output::Junit => report::junit([(None, &Scan::Scanned(scan()))].into_iter()),
            Output::Html => self.page(&Scan::Scanned(scan())),
        }
    }

    /// The page also shows what apply would do and what was done.
    fn page(&self, scan: &Scan) -> String {
        let context = self.context;
        let planned = malformed::refuse(self.facts, self.outcomes)
            .map(|()| context.plan(self.facts, self.outcomes));
        report::page(&Page {
            scan,
            plan: Some(
                planned
                    .as_ref()
                    .map(|planned| &planned.plan)
                    .map_err(Clone::clone),
            ),
            history: Some(history(context)),
            flags: &context.flags,
        })
    }
}

/// The newest transactions.
fn history(context: &Context) -> Result<History, Failure> {
    let mut history = History::default();
    let Some(state) = context.existing_state()? else {
        return Ok(history);
    };
    for (number, one) in transaction::history(&state)?.enumerate() {
        if number >= HISTORY {
            history.more = true;
            break;
        }
        match one {
            Ok(summary) => history.newest.push(summary),
            Err(failure) => history.unusable.push(failure),
        }
    }
    Ok(history)
}

/// Tells of a node that could not be looked at. Wrong usage is no report.
fn not_scanned(
    global: &Global,
    context: Option<&Context>,
    failure: Failure,
    file: Option<&OutFile>,
) -> Result<Exit, Failure> {
    if failure.exit == Exit::Usage {
        return Err(failure);
    }
    let failure = hinted(failure, &global.flags());
    // A baseline or a waivers file that was refused does not make another node of it.
    let opened = context.is_none().then(|| open_root(global).ok()).flatten();
    let root = context.map(|context| &context.root).or(opened.as_ref());
    let scan = Scan::NotScanned(NotScanned {
        tool: Tool::own(),
        scanned_at: Some(At::now()),
        node: root.map(|root| Node {
            // So that a report of many nodes knows which one it is.
            hostname: facts::hostname(root),
            ..Node::of(root, None)
        }),
        error: Refusal::of(&failure),
    });
    let text = match global.output {
        Output::Text if file.is_none() => return Err(failure),
        // An assessment that was not made has no results, and OSCAL knows no other document for it.
        Output::Oscal => {
            return Err(match (file, &failure.state) {
                (Some(file), None) => {
                    let kept = format!("no report was written to {}", file.shown());
                    failure.state(kept)
                }
                _ => failure,
            });
        }
        Output::Text => format!("{}\n", report::printable(&failure.to_string())),
        Output::Json => pretty(&match &scan {
            Scan::NotScanned(not) => report::document("scan", json!(not)),
            Scan::Scanned(scanned) => report::document("scan", json!(scanned)),
        }),
        Output::Prometheus => report::prometheus(&scan),
        Output::Sarif => pretty(&report::sarif(&scan, failure.exit, false)),
        Output::Junit => report::junit([(None, &scan)].into_iter()),
        Output::Html => report::page(&Page {
            scan: &scan,
            plan: None,
            history: context.map(history),
            flags: &global.flags(),
        }),
    };
    err(&format!("{}\n", report::printable(&failure.to_string())));
    deliver(&text, global.output, file)?;
    Ok(failure.exit)
}

fn pretty(document: &serde_json::Value) -> String {
    format!("{document:#}\n")
}
