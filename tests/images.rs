//! Images that are mounted in turn at one path: each has a state of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;

use support::exact::exact;
use support::mounted::{Mounted, as_root};
use support::traced::injected;
use support::{Node, Ran, tighten};

fn demo(node: &Node) {
    // A new file system brings a directory of its own.
    let _ = std::fs::remove_dir(node.path("/lost+found"));
    let ran: Ran = tighten()
        .arg("demo")
        .arg(node.root())
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn mounted(image: &Path, node: &Node) -> Option<Mounted> {
    Mounted::new(&["-o", "loop", image.to_str().unwrap()], &node.root())
}

#[test]
fn a_transaction_of_one_image_is_not_settled_on_another_that_is_mounted_in_its_place() {
    if !as_root() {
        return;
    }
    let node = Node::empty();
    let image = |name: &str| node.outside().join(name);
    let Some(first) = Mounted::ext4(&image("first"), &node.root()) else {
        return;
    };
    demo(&node);
    let before = exact(&node.root());
    // All but the last of its changes are made by then.
    if injected(&node, "renameat2:signal=KILL:when=1", &["apply", "--yes"]).is_none() {
        return;
    }
    assert_ne!(exact(&node.root()), before);
    drop(first);

    // The root of every ext4 file system is inode 2.
    let second = Mounted::ext4(&image("second"), &node.root()).unwrap();
    demo(&node);
    let other = exact(&node.root());
    let ran = node.run(&["recover"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "Recovered: nothing to settle.\n")
    );
    assert_eq!(exact(&node.root()), other);
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    drop(second);

    let _first = mounted(&image("first"), &node).unwrap();
    let ran = node.run(&["recover"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains(" was interrupted; 7 files are as before."),
        "{ran:?}"
    );
    assert_eq!(exact(&node.root()), before);
}
