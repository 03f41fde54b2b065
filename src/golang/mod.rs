//! How the Go programs of Kubernetes read values: types, durations, addresses, and what they say of them.

pub mod address;
pub mod codec;
pub mod duration;
pub mod header;
pub mod meta;
mod number;
mod parsers;
pub mod text;
pub mod types;

pub use number::parse_int;
