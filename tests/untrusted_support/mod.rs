//! A node with a transaction whose state is tampered with, and what must hold however it is.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

#[path = "../support/mod.rs"]
pub mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::traced::injected;
use support::{Entry, Node, Ran, snapshot};

/// A node, its one transaction, and the bytes of its journal.
pub struct Case {
    pub node: Node,
    /// The tree before the transaction began.
    pub before: BTreeMap<String, Entry>,
    /// The transaction's directory.
    pub transaction: PathBuf,
    pub journal: PathBuf,
    pub written: Vec<u8>,
}

/// An apply that was killed in its middle; `None` where there is no strace.
pub fn interrupted() -> Option<Case> {
    let node = Node::demo();
    let before = node.snapshot();
    injected(&node, "renameat:signal=KILL:when=1", &["apply", "--yes"])?;
    assert!(node.snapshot() != before, "it was killed too early");
    Some(case(node, before))
}

/// An apply that committed.
pub fn settled() -> Case {
    let node = Node::demo();
    let before = node.snapshot();
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    case(node, before)
}

fn case(node: Node, before: BTreeMap<String, Entry>) -> Case {
    let own = only(&node.state().join("roots"));
    let transaction = only(&own.join("tx"));
    let journal = transaction.join("journal");
    let written = fs::read(&journal).unwrap();
    Case {
        node,
        before,
        transaction,
        journal,
        written,
    }
}

fn only(directory: &Path) -> PathBuf {
    let mut all = fs::read_dir(directory).unwrap();
    let one = all.next().unwrap().unwrap().path();
    assert!(all.next().is_none());
    one
}

impl Case {
    /// The directory that holds `active`, `lock` and `tx`.
    pub fn own(&self) -> PathBuf {
        let own = self.transaction.parent().and_then(Path::parent);
        own.unwrap().to_path_buf()
    }

    pub fn id(&self) -> String {
        let name = self.transaction.file_name().unwrap();
        name.to_str().unwrap().to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.written.clone()).unwrap()
    }

    /// The journal's lines with their ends.
    pub fn lines(&self) -> Vec<String> {
        let text = self.text();
        text.split_inclusive('\n').map(str::to_owned).collect()
    }

    /// Puts other bytes in the journal's place, with its own owner and mode.
    pub fn write(&self, bytes: &[u8]) {
        fs::write(&self.journal, bytes).unwrap();
    }

    /// Runs every command that changes something, and expects that each refuses with this exit code,
    /// names the file, says what to do, and leaves tree and state as they are.
    pub fn refused(&self, code: i32, named: &Path, said: &str, what: &str) {
        let (tree, state) = (self.node.snapshot(), self.state());
        let id = self.id();
        for command in [
            &["recover"][..],
            &["apply", "--yes"],
            &["rollback", "--yes"],
            &["rollback", "--yes", "--force"],
            &["rollback", "--yes", &id],
        ] {
            let ran = self.node.run(command);
            assert_eq!(ran.code, code, "{what}: {command:?}: {ran:?}");
            let (named, err) = (named.to_str().unwrap(), &ran.err);
            assert!(err.contains(named), "{what}: {command:?}: {ran:?}");
            assert!(err.contains(said), "{what}: {command:?}: {ran:?}");
            assert!(err.contains("nothing was written"), "{what}: {ran:?}");
            assert!(err.contains("help: "), "{what}: {command:?}: {ran:?}");
            self.as_it_was(&tree, &state, what, &ran);
        }
        self.readers_change_nothing(what);
    }

    /// Runs every command that only reads: their exit codes are those of the contract, and nothing is
    /// changed.
    pub fn readers_change_nothing(&self, what: &str) {
        let (tree, state) = (self.node.snapshot(), self.state());
        let id = self.id();
        for command in [
            &["scan"][..],
            &["verify"],
            &["history"],
            &["history", &id],
            &["plan"],
        ] {
            let ran = self.node.run(command);
            assert!(
                [0, 1, 2].contains(&ran.code),
                "{what}: {command:?}: {ran:?}"
            );
            assert!(!ran.err.contains("panicked"), "{what}: {ran:?}");
            self.as_it_was(&tree, &state, what, &ran);
        }
    }

    fn as_it_was(
        &self,
        tree: &BTreeMap<String, Entry>,
        state: &BTreeMap<String, Entry>,
        what: &str,
        ran: &Ran,
    ) {
        assert!(self.node.snapshot() == *tree, "{what}: the node: {ran:?}");
        assert!(self.state() == *state, "{what}: the state: {ran:?}");
    }

    /// The state directory, but for the lock's note of who held it last.
    fn state(&self) -> BTreeMap<String, Entry> {
        let mut found = snapshot(&self.node.state());
        found.retain(|path, _| !path.ends_with("/lock"));
        found
    }
}
