//! `tighten` hardens kube-proxy on Linux nodes.
//!
//! ```text
//! scan      discover -> facts -> check -> waivers -> findings
//! plan      findings -> plan -> diff
//! apply     plan -> transaction (journal, backup, write) -> verify -> effects -> commit
//! rollback  journal -> transaction
//! audit     log -> events -> counts, unusual
//! ```
//!
//! The modules in the order of that flow; docs/ARCHITECTURE.md says what each may do.

pub mod ansible;
pub mod cli;
pub mod run;

pub mod root;

pub mod discover;
pub mod facts;
pub mod objects;

pub mod baseline;
pub mod check;
pub mod kinds;
pub mod waivers;

pub mod diff;
pub mod edit;
pub mod plan;

pub mod effects;
pub mod transaction;

pub mod auditlog;
pub mod unusual;

pub mod failure;
pub mod outfile;
pub mod report;

pub mod auditpolicy;
pub mod certificates;
pub mod golang;
pub mod goyaml;
pub mod ip_network;
pub mod kubeconfig;
pub mod nftables;
pub mod proxyconfig;
pub mod rbac;
pub mod yaml;
