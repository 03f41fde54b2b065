//! One composing function per command.

mod ansible;
mod apply;
mod audit;
mod audit_policy;
mod context;
mod demo;
mod explain;
mod facts;
mod look;
mod malformed;
mod man;
mod manifests;
mod merge;
mod network;
mod own;
mod prompt;
mod prune;
mod recover;
mod returned;
mod rollback;
mod scan;
mod settle;
mod state;
mod taken_back;
mod transact;
mod undone;
mod waivers;

use std::process::ExitCode;

use clap::{CommandFactory, ValueEnum};
use serde_json::Value;

use crate::ansible::argument;
use crate::cli::{Cli, Command, Format, Output, ReportCommand};
use crate::failure::{Exit, Failure};
use crate::report;
use crate::report::style::{err, out, output_lost, print_json};
use crate::transaction::outlive_size_limit;

use context::{Context, hinted};
use settle::Go;

/// Parses the arguments, runs the command, prints what it says.
pub fn main() -> ExitCode {
    outlive_size_limit();
    if let Some(path) = argument(std::env::args_os()) {
        return ansible::answer(&path);
    }
    let cli = match Cli::called() {
        Ok(cli) => cli,
        Err(error) => {
            use clap::error::ErrorKind;
            let asked = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            let text = error.render();
            // Help that was asked for belongs on stdout; a closed pipe is no error.
            let print = if asked { out } else { err };
            print(&text.to_string());
            return if asked { Exit::Done } else { Exit::Usage }.into();
        }
    };
    let name = cli.command.name();
    let format = cli.global.format();
    let flags = cli.global.flags();
    match run(cli) {
        Ok(exit) if output_lost() => {
            err("error: the output could not be written to its end\n");
            // What was changed is changed; a verdict or a plan that nobody can read is none.
            let changes = matches!(name, "apply" | "rollback" | "recover" | "prune" | "demo");
            if changes { exit } else { Exit::Refused }.into()
        }
        Ok(exit) => exit.into(),
        Err(failure) => {
            let failure = hinted(failure, &flags);
            err(&format!("{}\n", report::printable(&failure.to_string())));
            if format == Format::Json && failure.exit != Exit::Usage {
                print_json(&report::error_document(name, &failure));
            }
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    cli.command.knows(cli.global.output)?;
    let context = || Context::new(&cli.global);
    // Only what judges asks what is waived: a waivers file with a fault must not keep anybody from taking
    // a transaction back.
    let judging = || context()?.with_waivers(&cli.global);
    match &cli.command {
        Command::Scan { fail_on, out } => scan::scan(&cli.global, *fail_on, out.as_deref()),
        Command::Report {
            command: ReportCommand::Merge { files, out },
        } => merge::merge(files, out.as_deref(), &cli.global),
        Command::Facts => facts::facts(&context()?),
        Command::Plan {
            out,
            detailed_exitcode,
        } => look::plan(&judging()?, out.as_deref(), *detailed_exitcode),
        Command::Verify => look::verify(&judging()?),
        Command::Explain { check } => explain::explain(&cli.global, check.as_deref()),
        Command::Apply {
            plan,
            yes,
            dry_run,
            effects,
        } => {
            let mut context = judging()?.with_effects(effects);
            apply::apply(&mut context, plan.as_deref(), Go::of(*yes, *dry_run))
        }
        Command::Rollback {
            id,
            yes,
            dry_run,
            force,
            effects,
        } => {
            let context = context()?.with_effects(effects);
            let go = Go::of(*yes, *dry_run);
            rollback::rollback(&context, id.as_deref(), go, *force)
        }
        Command::Recover {
            force,
            accept_current,
            effects,
        } => recover::recover(&context()?.with_effects(effects), *force, *accept_current),
        Command::Prune { keep } => prune::prune(&context()?, *keep),
        Command::History { id } => state::history(&context()?, id.as_deref()),
        Command::AuditPolicy { file, asked } => {
            audit_policy::audit_policy(file, asked, &cli.global)
        }
        Command::Audit { files, asked } => audit::audit(files, asked, &cli.global),
        Command::Demo { dir } => demo::demo(dir, &cli.global),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "tighten", &mut script);
            out(&String::from_utf8_lossy(&script));
            Ok(Exit::Done)
        }
        Command::Man => man::man(),
    }
}

impl Command {
    /// The name in `tighten.<command>/v1`.
    fn name(&self) -> &'static str {
        match self {
            Command::Scan { .. } => "scan",
            Command::Facts => "facts",
            Command::Plan { .. } => "plan",
            Command::Apply { .. } => "apply",
            Command::Rollback { .. } => "rollback",
            Command::Recover { .. } => "recover",
            Command::Prune { .. } => "prune",
            Command::Verify => "verify",
            Command::History { .. } => "history",
            Command::Explain { .. } => "explain",
            Command::Audit { .. } => "audit",
            Command::Report { .. } => "report",
            Command::AuditPolicy { .. } => "audit-policy",
            Command::Demo { .. } => "demo",
            Command::Completions { .. } => "completions",
            Command::Man => "man",
        }
    }
}

impl Command {
    /// Whether the command has the format.
    ///
    /// # Errors
    /// Wrong usage, with those that it has.
    fn knows(&self, output: Output) -> Result<(), Failure> {
        use Output::{Html, Json, Junit, Text};
        let known = match self {
            Command::Scan { .. } => Output::value_variants(),
            Command::Report { .. } => &[Text, Json, Html, Junit],
            _ => Output::PLAIN,
        };
        if known.contains(&output) {
            return Ok(());
        }
        let words: Vec<String> = known.iter().map(|one| one.word()).collect();
        let name = match self {
            Command::Report { .. } => "report merge",
            _ => self.name(),
        };
        Err(
            Failure::usage(format!("{name} has no format {}", output.word()))
                .help(format!("it has: {}", words.join(", "))),
        )
    }
}

/// Prints the document of an apply or rollback that failed; its message goes to stderr. Wrong usage has
/// no document.
fn told_failure(
    context: &Context,
    command: &str,
    failure: Failure,
    body: impl FnOnce(&str, &Failure) -> Value,
) -> Result<Exit, Failure> {
    if context.format != Format::Json || failure.exit == Exit::Usage {
        return Err(failure);
    }
    let failure = context.hinted(failure);
    context.tell(&format!("{failure}\n"));
    let outcome = match failure.exit {
        Exit::PutBack => "rolled-back",
        Exit::Incomplete => "incomplete",
        _ => "refused",
    };
    print_json(&report::document(command, body(outcome, &failure)));
    Ok(failure.exit)
}

/// A change in the document of an apply or rollback: what it was, and what became of it.
fn told_change(id: &str, check: &str, path: &str, action: &str, outcome: &str) -> Value {
    serde_json::json!({
        "id": id,
        "check": check,
        "path": path,
        "action": action,
        "outcome": outcome,
    })
}
