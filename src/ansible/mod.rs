//! The binary as a module of Ansible: what it was called with, and what it answers.
//!
//! Ansible runs any program as a module: it copies it to the node and starts it with one argument, the
//! path of a file of JSON. The keys that start with `_ansible_` are Ansible's own, all others are the
//! task's options. One document of JSON on stdout is the answer, whatever happened.

mod call;
mod convert;
mod diff;
mod options;
mod reply;

pub use call::{Call, Given, argument, given};
pub use diff::{Entry, of_changes};
pub use options::{Options, State};
pub use reply::Reply;
