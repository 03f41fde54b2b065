//! What `tighten audit` is asked.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;

use super::FailOn;
use crate::auditlog::time::Instant;
use crate::unusual::IpNetwork;

/// What is asked of the API server's audit log.
#[derive(Clone, Debug, Args)]
pub struct AskedLog {
    /// What this user did, instead of kube-proxy (repeatable)
    #[arg(long, value_name = "U")]
    pub user: Vec<String>,
    /// What users of this group did (repeatable)
    #[arg(long, value_name = "G")]
    pub group: Vec<String>,
    /// What everybody did
    #[arg(long, conflicts_with_all = ["user", "group"])]
    pub all_users: bool,
    /// Nothing before: a time (2026-11-23T16:00:00Z), a day, or how long ago (90m, 2h)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Instant>,
    /// Nothing from then on; as --since
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Instant>,
    /// Show what comes in, a line for each event, until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
    /// Parse each line, instead of searching for the user's name first
    #[arg(long)]
    pub thorough: bool,
    /// Exit with 2 when something unusual of this severity or above was found
    #[arg(long, value_enum, default_value_t = FailOn::Low)]
    pub fail_on: FailOn,
    /// Rules for what is unusual: a built-in set's name or a file (repeatable) [default: kube-proxy-activity]
    #[arg(long, value_name = "NAME|FILE")]
    pub rules: Vec<String>,
    /// The addresses of all nodes that ask this API server: kube-proxy from elsewhere is unusual (repeatable)
    #[arg(long, value_name = "IP|CIDR", value_delimiter = ',')]
    pub node_address: Vec<IpNetwork>,
    /// The audit policy to ask when kube-proxy left no trace [default: the node's own]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

/// A point in time: RFC 3339 in UTC, a day, or how long ago.
fn moment(text: &str) -> Result<Instant, String> {
    if let Some(time) = Instant::read(text.as_bytes()) {
        return Ok(time);
    }
    if let Some(time) = Instant::read(format!("{text}T00:00:00Z").as_bytes()) {
        return Ok(time);
    }
    let ago = humantime::parse_duration(text)
        .map_err(|_| "not a time such as 2026-11-23T16:00:00Z, 2026-11-23 or 90m".to_string())?;
    let time = SystemTime::now().checked_sub(ago);
    time.map(Instant::at)
        .ok_or_else(|| "longer ago than there is time".into())
}
