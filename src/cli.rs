//! The command line, nothing else.

mod asked;
mod choices;
mod global;
mod log;

pub use asked::AskedRequest;
pub use choices::{Color, FailOn, Format, Output};
pub use global::{Global, image_digest, machine_path, node_ip};
pub use log::AskedLog;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

/// Harden kube-proxy on this node: an exact plan, one atomic transaction, and the way back.
#[derive(Debug, Parser)]
#[command(
    name = "tighten",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done or nothing to do; 1 could not, nothing changed; 2 findings, pending changes or drift; \
3 failed and put everything back; 4 failed and not everything is back; 64 wrong usage.\n\n\
Try it without a cluster: tighten demo /tmp/node && tighten --root /tmp/node scan"
)]
pub struct Cli {
    /// What every command understands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// The command line of this process. A plugin of kubectl is shown as it is called through kubectl.
    ///
    /// # Errors
    /// What clap says of the words, or the help or version that they ask for.
    pub fn called() -> Result<Cli, clap::Error> {
        let mut command = Cli::command();
        if let Some(name) = std::env::args_os().next().as_deref().and_then(plugin) {
            let help = command.get_after_help().map(ToString::to_string);
            let help = help
                .unwrap_or_default()
                .replace("tighten ", &format!("{name} "));
            command = command.bin_name(name).after_help(help);
        }
        let matches = command.try_get_matches_from_mut(std::env::args_os())?;
        Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

/// How kubectl calls a plugin of this name: behind `kubectl-` each `-` parts two words, and each `_` is a
/// `-` within one.
fn plugin(path: &std::ffi::OsStr) -> Option<String> {
    let name = std::path::Path::new(path).file_name()?.to_str()?;
    let words = name
        .strip_prefix("kubectl-")
        .filter(|words| !words.is_empty())?;
    Some(format!(
        "kubectl {}",
        words.replace('-', " ").replace('_', "-")
    ))
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge the node against the baseline; writes nothing but --out
    Scan {
        /// Exit with 2 when a finding of this severity or above remains
        #[arg(long, value_enum, default_value_t = FailOn::Low)]
        fail_on: FailOn,
        /// Write the report to FILE, which is replaced whole or not at all; mode 0644 for prometheus, else 0600
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Show what was found: kube-proxy, its files, each effective value and where it comes from
    Facts,
    /// Show the changes as a diff; writes nothing but --out
    Plan {
        /// Save the plan, mode 0600, for tighten apply
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Exit with 2 when changes are pending
        #[arg(long)]
        detailed_exitcode: bool,
    },
    /// Carry the plan out as one transaction, with backups
    Apply {
        /// A saved plan: applied exactly, or refused
        plan: Option<PathBuf>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
        /// Show what would be done, or why it would be refused; writes nothing
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
        /// How effects are carried out.
        #[command(flatten)]
        effects: EffectOptions,
    },
    /// Undo the newest committed transaction, or the named one
    Rollback {
        /// The transaction, by its id or an unambiguous beginning of it
        id: Option<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
        /// Show what would be done, or why it would be refused; writes nothing
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
        /// Overwrite files that changed since; what is overwritten is backed up
        #[arg(long)]
        force: bool,
        /// How effects are carried out.
        #[command(flatten)]
        effects: EffectOptions,
    },
    /// Settle an interrupted transaction; apply and rollback do it first by themselves
    Recover {
        /// Restore the backup over files that somebody changed meanwhile
        #[arg(long, conflicts_with = "accept_current")]
        force: bool,
        /// Keep files as they are now where somebody changed them meanwhile
        #[arg(long)]
        accept_current: bool,
        /// How effects are carried out.
        #[command(flatten)]
        effects: EffectOptions,
    },
    /// Exit with 0 if apply would do nothing and every file is as the last transaction left it
    Verify,
    /// List the transactions on this node, newest first; with ID, one with its changes
    History {
        /// The transaction, by its id or an unambiguous beginning of it
        id: Option<String>,
    },
    /// Remove old transactions with their backups; the node itself is not touched
    ///
    /// Kept beyond the newest N: the newest that committed, and each that is not settled or cannot be
    /// judged. Does not ask. A signal stops it between two transactions, with exit 1.
    Prune {
        /// Keep the newest N transactions
        #[arg(long, value_name = "N", value_parser = how_many, allow_negative_numbers = true)]
        keep: usize,
    },
    /// Say what a check expects, why, its fix and its risk, or what a rule of tighten audit tells; without CHECK, list all
    Explain {
        /// The check's id, or the rule's
        check: Option<String>,
    },
    /// Say what an audit policy logs of a request, and by which rule
    ///
    /// Decides as kube-apiserver does: the first rule that matches. Needs neither kube-proxy nor root.
    AuditPolicy {
        /// The policy; below --root when that is given
        file: PathBuf,
        /// What is asked.
        #[command(flatten)]
        asked: Box<AskedRequest>,
    },
    /// Say what kube-proxy did, and what of it is unusual, from the API server's audit log
    ///
    /// Reads files, pipes and what gzip or zstd compressed. Needs neither kube-proxy nor root where FILE is
    /// given. Exit 2 when something unusual was found; --only and --skip take the ids of its rules.
    Audit {
        /// Logs, the oldest first, or - for stdin [default: the one that kube-apiserver's flags name, with what was rotated away from it]
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// What is asked.
        #[command(flatten)]
        asked: Box<AskedLog>,
    },
    /// Make one report of the scans of many nodes
    Report {
        /// Which.
        #[command(subcommand)]
        command: ReportCommand,
    },
    /// Lay out a sample node under DIR to try everything on
    Demo {
        /// A directory that does not exist yet, or is empty
        dir: PathBuf,
    },
    /// Print a completion script
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// The reports.
#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Put the scans of many nodes beside each other, worst first; as text, json, html or junit
    ///
    /// Of two scans of one node the newer counts. A node that could not be scanned is shown as such.
    Merge {
        /// What scan --format json wrote, a file for each node
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Write the report to FILE, mode 0600, which is replaced whole or not at all
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// How restarts and health are taken care of.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Restarts and health")]
pub struct EffectOptions {
    /// Leave restarts and health to the caller, and say what is due
    #[arg(long)]
    pub no_effects: bool,
    /// What is run as systemctl (daemon-reload; restart UNIT; reset-failed UNIT) [default: /usr/bin/systemctl]
    #[arg(long, value_name = "PROGRAM")]
    pub systemctl: Option<PathBuf>,
    /// How long a systemd unit may take to be well again, such as 90s
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = patience)]
    pub unit_timeout: Duration,
    /// How long a static pod may take to be well again, such as 10m
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = patience)]
    pub pod_timeout: Duration,
}

/// A time to wait for: long enough to see anything, and short enough to be meant.
pub fn patience(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|_| "not a time such as 90s or 5m")?;
    if (Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&time) {
        Ok(time)
    } else {
        Err("not between 1s and 1h".into())
    }
}

/// A number of transactions: the standard library's own message does not say what would be right.
fn how_many(text: &str) -> Result<usize, String> {
    let number = text.parse();
    number.map_err(|_| format!("not a whole number from 0 to {}", usize::MAX))
}
