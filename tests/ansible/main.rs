//! The collection under the real ansible-core: module, role and playbook, on trees of nodes.
//!
//! The versions are pinned in requirements.txt. Without Python or PyPI each test says that it is skipped.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod checked;
mod cluster;
mod many;
mod module;
