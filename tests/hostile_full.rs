//! File systems with little or no room, the node's and the state's: all before or all after, never in doubt.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use support::Node;
use support::exact::{Exact, exact};
use support::mounted::{Mounted, as_root};
use support::places::DIRECTORY;
use support::stepped::stepped;

const FILLER: &str = "filler";
const BLOCK: usize = 4096;

/// The demo node with one of its two places on a file system of its own, and that place.
fn scene(of: &str, options: &str) -> Option<(Node, Mounted, PathBuf)> {
    let node = Node::demo();
    let place = if of == "state" {
        fs::create_dir(node.state()).unwrap();
        node.state()
    } else {
        node.path(DIRECTORY)
    };
    let mode = if of == "state" { "0700" } else { "0755" };
    let mounted = Mounted::over(&format!("{options},mode={mode}"), &place)?;
    fs::create_dir(place.join(FILLER)).unwrap();
    Some((node, mounted, place))
}

/// Leaves so many blocks.
fn leave_blocks(place: &Path, blocks: usize) {
    let mut filler = fs::File::create(place.join(FILLER).join("blocks")).unwrap();
    let free = nix::sys::statvfs::statvfs(place)
        .unwrap()
        .blocks_available();
    let free = usize::try_from(free).unwrap();
    filler.write_all(&vec![0; (free - blocks) * BLOCK]).unwrap();
}

/// Leaves so many inodes.
fn leave_inodes(place: &Path, inodes: usize) {
    empty(place);
    let free = nix::sys::statvfs::statvfs(place).unwrap().files_available();
    for number in inodes..usize::try_from(free).unwrap() {
        fs::write(place.join(FILLER).join(number.to_string()), "").unwrap();
    }
}

fn empty(place: &Path) {
    for entry in fs::read_dir(place.join(FILLER)).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
}

/// All files of the node but the filler.
fn tree(node: &Node) -> BTreeMap<String, Exact> {
    let mut tree = exact(&node.root());
    tree.retain(|path, _| !path.contains(FILLER));
    tree
}

/// Backups and journals in the state; a transaction that never began leaves none.
fn kept(node: &Node) -> BTreeSet<PathBuf> {
    let all = walkdir::WalkDir::new(node.state()).into_iter();
    all.flatten()
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.components().any(|part| part.as_os_str() == "tx"))
        .filter(|path| path.is_file())
        .collect()
}

/// Where the node's transactions lie.
fn transactions(node: &Node) -> PathBuf {
    let roots = node.state().join("roots");
    let own = fs::read_dir(roots).unwrap().next().unwrap().unwrap();
    own.path().join("tx")
}

/// One command: exit 0 and changed, or 1 or 3 and as before, and nothing open.
fn all_or_nothing(node: &Node, command: &str, what: &str) -> i32 {
    let (before, state) = (tree(node), kept(node));
    let ran = node.run(&[command, "--yes"]);
    let what = format!("{what}: {command}: {ran:?}");
    assert!([0, 1, 3].contains(&ran.code), "{what}");
    assert_eq!(ran.code == 0, tree(node) != before, "{what}");
    if ran.code != 0 {
        assert!(tree(node) == before, "{what}");
    }
    if ran.code == 1 {
        assert_eq!(kept(node), state, "{what}");
        assert!(ran.err.contains("nothing was written"), "{what}");
    }
    let open = walkdir::WalkDir::new(node.state()).into_iter().flatten();
    assert!(
        open.into_iter().all(|entry| entry.file_name() != "active"),
        "{what}"
    );
    assert!(
        !tree(node).keys().any(|path| path.contains("/.tighten-")),
        "{what}"
    );
    ran.code
}

/// Applies and rolls back with this much room, from none on; both ends must come up.
fn sweep(of: &str, options: &str, most: usize, leave: &dyn Fn(&Path, usize)) {
    if !as_root() {
        return;
    }
    let Some((node, _mounted, place)) = scene(of, options) else {
        return;
    };
    let before = tree(&node);
    let mut codes = BTreeSet::new();
    for room in 0..=most {
        let what = format!("{room} left for {of}");
        leave(&place, room);
        let code = all_or_nothing(&node, "apply", &what);
        codes.insert(code);
        if code == 0 {
            leave(&place, room);
            if all_or_nothing(&node, "rollback", &what) != 0 {
                empty(&place);
                assert_eq!(all_or_nothing(&node, "rollback", &what), 0);
            }
        }
        empty(&place);
        assert!(tree(&node) == before, "{what}");
    }
    assert!(codes.contains(&0) && codes.contains(&1), "{of}: {codes:?}");
}

#[test]
fn with_few_free_blocks_for_the_node_all_is_done_or_nothing() {
    sweep("node", "size=1m", 40, &leave_blocks);
}

#[test]
fn with_few_free_blocks_for_the_state_all_is_done_or_nothing() {
    // The journal reserves room for its end, so that more than 40 blocks are asked for.
    sweep("state", "size=4m", 70, &leave_blocks);
}

#[test]
fn with_few_free_inodes_for_the_node_all_is_done_or_nothing() {
    sweep("node", "size=1m,nr_inodes=60", 12, &leave_inodes);
}

#[test]
fn with_few_free_inodes_for_the_state_all_is_done_or_nothing() {
    sweep("state", "size=4m,nr_inodes=400", 24, &leave_inodes);
}

/// Somebody else takes all room at a moment in the middle, after it was found to be enough.
fn filled_in_the_middle(of: &str, command: &str) {
    if !as_root() {
        return;
    }
    let Some((node, _mounted, place)) = scene(of, "size=4m") else {
        return;
    };
    // The state exists, so that the moments count from the transaction itself.
    assert_eq!(node.run(&["apply", "--yes"]).code, 0);
    if command == "apply" {
        assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
    }
    let before = tree(&node);
    let (mut codes, mut moment, mut filled) = (BTreeMap::new(), 1, true);
    while filled {
        let transactions = transactions(&node);
        let names = || fs::read_dir(&transactions).unwrap().count();
        let known = names();
        let mut since = 0;
        filled = false;
        let ran = stepped(&node.command(), &[command, "--yes"], &mut || {
            since += usize::from(since > 0 || names() != known);
            if since == moment {
                leave_blocks(&place, 0);
                filled = true;
            }
        });
        let Some(ran) = ran else { return };
        let what = format!("{of} filled at {moment} of {command}: {ran:?}");
        assert!([0, 1, 3].contains(&ran.code), "{what}");
        *codes.entry(ran.code).or_insert(0) += 1;
        if ran.code == 0 {
            assert!(tree(&node) != before, "{what}");
            empty(&place);
            assert_eq!(node.run(&["rollback", "--yes"]).code, 0, "{what}");
        } else {
            assert!(tree(&node) == before, "{what}");
            empty(&place);
        }
        let again = node.run(&["recover"]);
        assert_eq!(
            (again.code, again.out.as_str()),
            (0, "Recovered: nothing to settle.\n")
        );
        assert!(tree(&node) == before, "{what}");
        moment += 31;
    }
    eprintln!("{of} filled in the middle of {command}, exit code and how often: {codes:?}");
    assert!(codes.len() > 1 && codes.contains_key(&0), "{codes:?}");
}

#[test]
fn a_node_that_fills_up_in_the_middle_of_an_apply_is_all_before_or_all_after() {
    filled_in_the_middle("node", "apply");
}

#[test]
fn a_state_directory_that_fills_up_in_the_middle_of_an_apply_is_never_in_doubt() {
    filled_in_the_middle("state", "apply");
}

#[test]
fn a_node_that_fills_up_in_the_middle_of_a_rollback_is_all_before_or_all_after() {
    filled_in_the_middle("node", "rollback");
}

#[test]
fn a_state_directory_without_room_is_named_by_its_path() {
    let Some((node, _mounted, place)) = scene("state", "size=256k") else {
        return;
    };
    leave_blocks(&place, 3);
    let ran = node.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let named = format!("of the state directory {}", node.state().display());
    assert!(ran.err.contains(&named), "{ran:?}");
}
