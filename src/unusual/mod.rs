//! What a kube-proxy never does, by rules over the events of the API server's audit log.
//!
//! The rules are data in plans/kube-proxy-activity.yaml, loaded as strictly as baselines; who kube-proxy is
//! and what it asks comes from the baseline. Memory does not grow with the log: each table has a bound, and
//! it is told when one is reached.

mod judge;
mod kinds;
mod known;
mod outcome;
mod pattern;
mod rules;
mod seen;
mod span;
mod told;

pub use crate::ip_network::IpNetwork;
pub use judge::Judge;
pub use kinds::{Heard, Kind, Reason, Silence, Silent};
pub use known::{Known, OwnNode};
pub use outcome::{End, First, Judged, NotJudged, PolicyFile, Unusual};
pub use rules::{DEFAULT, Rule, Rules};

#[cfg(test)]
mod tests;
