//! `tighten` hardens kube-proxy on Linux nodes.
//!
//! ```text
//! scan      discover -> facts -> check -> findings
//! plan      findings -> plan -> diff
//! apply     plan -> transaction (journal, backup, write) -> verify
//! rollback  journal -> transaction
//! ```
//!
//! The modules in the order of that flow; docs/ARCHITECTURE.md says what each may do.

pub mod edit;
pub mod failure;
pub mod golang;
pub mod goyaml;
pub mod kubeconfig;
pub mod proxyconfig;
pub mod root;
pub mod transaction;
pub mod yaml;
