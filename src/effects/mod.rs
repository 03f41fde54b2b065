//! What must follow the files: restarts, and the proof that what runs came back with the new values.
//!
//! ```text
//! due -> preflight -> (the transaction writes) -> restart -> health -> commit
//!                                                    \-> (files put back) -> restart -> health
//! ```
//!
//! `due` is pure. Everything else runs programs of the node or asks it over loopback, and only on the
//! live system: of a `--root` tree nothing is running. Programs are started by their path with an
//! argument list, never through a shell, with an empty environment and a time limit.

mod again;
mod api_server;
mod configz;
mod due;
mod health;
mod http;
mod kernel;
mod listener;
mod nft;
mod preflight;
mod processes;
mod program;
mod progress;
mod systemctl;
mod tls;
mod wait;
mod work;

use std::path::PathBuf;
use std::time::Duration;

pub use again::again;
pub use due::{Component, Due, Way, due};
pub use kernel::{Part, Tell, To, to_tell};
pub use nft::{Nft, accepts};
pub use preflight::{Asked, New, preflight};
pub use progress::Progress;
pub use work::{Told, Work};

/// How long a unit may take to come back, unless the caller says otherwise.
pub const UNIT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a static pod may take: the old one ends first, the kubelet looks every 20 s, and the API
/// server's own probes allow 4 minutes (facts page, section 5.4).
pub const POD_TIMEOUT: Duration = Duration::from_secs(300);
/// How long it must stay well before that is believed: a start that fails shows within seconds.
const STEADY: Duration = Duration::from_secs(5);

/// What the caller decides about effects.
#[derive(Clone, Debug)]
pub struct Settings {
    /// False for `--no-effects`, for a tree that is not running, and without root: they are left to the
    /// caller.
    pub run: bool,
    /// What is called as systemctl; `None` for the system's own.
    pub systemctl: Option<PathBuf>,
    /// How long a unit may take to come back.
    pub unit_timeout: Duration,
    /// How long a static pod may take to come back.
    pub pod_timeout: Duration,
}
