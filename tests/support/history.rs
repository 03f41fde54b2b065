//! A node with a long history, and what it lists.

use std::path::PathBuf;

use super::many::{copies, names, transactions};
use super::{Node, Ran};

/// A node with copies of its one real transaction, which is the newest.
pub struct History {
    pub node: Node,
    /// The directory of the transactions.
    pub all: PathBuf,
    /// Oldest first.
    pub ids: Vec<String>,
}

impl History {
    pub fn of(number: u64) -> History {
        let node = Node::demo();
        assert_eq!(node.run(&["apply", "--yes"]).code, 0);
        let all = transactions(&node.state());
        let real = names(&all).remove(0);
        let mut ids = copies(&all.join(&real), 1, number);
        ids.push(real);
        History { node, all, ids }
    }

    pub fn own(&self, index: usize) -> PathBuf {
        self.all.join(&self.ids[index])
    }

    pub fn prune(&self, keep: &str) -> Ran {
        self.node.run(&["prune", "--keep", keep])
    }

    pub fn listed(&self) -> Vec<String> {
        let (_, document) = self.node.json(&["history"]);
        let all = document["transactions"].as_array().unwrap();
        let id = |one: &serde_json::Value| one["id"].as_str().unwrap().to_string();
        all.iter().rev().map(id).collect()
    }
}
