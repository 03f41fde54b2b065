//! One reader of YAML for everything: a tree in which every node knows its bytes.
//!
//! What a configuration means (`proxyconfig`, `kubeconfig`) and where it may be edited (`edit`) come
//! from the same tree, so that a scan and an edit cannot disagree about a file.

mod literal;
mod parse;
mod refusal;
mod stream;
mod tree;

pub use literal::Literal;
pub use parse::{MAX_BYTES, MAX_DEPTH, MAX_NODES, parse, parse_first};
pub use refusal::{Problem, Refusal};
pub use stream::{MAX_STREAM_BYTES, Part, Parts, parse_stream};
pub use tree::{Comment, Document, Node, Style, Value};

#[cfg(test)]
mod tests;
