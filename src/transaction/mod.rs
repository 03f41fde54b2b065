//! One apply or rollback: all of its changes, or none.
//!
//! ```text
//! lock -> recover -> begin (look, back up, journal) -> stage -> carry_out -> verify -> commit
//! ```
//!
//! Each state is a type that the next step uses up. A failure before `commit` puts everything back;
//! a crash at any point is settled by `recover`. The journal is written before the node is touched.
//! While a transaction is open nothing is printed and no thread is started.

mod attributes;
mod begin;
mod carry;
mod directory;
mod disk;
mod flow;
mod flush;
mod form;
mod history;
mod id;
mod interrupt;
mod inverse;
mod journal;
mod judge;
mod listing;
mod location;
mod operation;
mod preflight;
mod prune;
mod reading;
mod record;
mod recover;
mod restore;
mod rollback;
mod space;
mod state_dir;
mod step;
mod story;
mod undo;
mod uptime;

pub use begin::{Change, Description, KernelState, Restart, Transaction, machine_id};
pub use carry::stays;
pub use flow::{CarriedOut, CheckStaged, Committed, Prepared, Staged, Verified};
pub use history::{Details, State, Summary, history, newest_below, show};
pub use id::TransactionId;
pub use interrupt::{Interrupt, outlive_size_limit};
pub use judge::obstacle;
pub use operation::{Action, Expected, Operation, sha256};
pub use prune::{Pruned, Swept, Why, prune};
pub use reading::{JournalReading, Touched, read_journal};
pub use recover::{Began, Follow, Recovered, Settlement, recover};
pub use rollback::{Drift, Rollback, left_as};
pub use state_dir::{Locked, StateDir};
pub use undo::{Aftermath, Resolution};
pub use uptime::Uptime;
