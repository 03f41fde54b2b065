//! The API server's audit log: what was asked, by whom, and what of it is unusual.

mod before;
pub mod block;
pub mod caller;
mod clients;
pub mod event;
pub mod fields;
pub mod follow;
pub mod json;
pub mod logs;
pub mod long;
pub mod minutes;
pub mod names;
pub mod open;
pub mod order;
mod parts;
pub mod pieces;
pub mod read;
pub mod search;
pub mod source;
pub mod stage;
mod sweep;
pub mod tally;
pub mod time;
mod usual;
pub mod who;
pub mod worker;
