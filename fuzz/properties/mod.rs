//! What must hold for any bytes whatever. The fuzz targets and tests/fuzz_corpus.rs run the same
//! functions, so that the two cannot drift. Each panics when its property does not hold, and says
//! whether anything was accepted: a parser that refuses everything proves nothing.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

pub mod auditlog;
pub mod certificates;
pub mod flags;
pub mod journal;
pub mod meaning;
pub mod saved_plan;
pub mod scan;
pub mod waivers;
pub mod yaml_edit;
