//! State that others could have written, or that is no longer the file it was, is refused and never
//! half executed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod untrusted_support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use untrusted_support::support::mounted::as_root;
use untrusted_support::support::{Node, Ran, tighten};
use untrusted_support::{Case, interrupted, settled};

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Puts another object at the first path; the second is a file.
type Put = fn(&Path, &Path);

/// Another object in a file's place, and how the refusal names it.
const IN_ITS_PLACE: &[(&str, Put)] = &[
    (
        "it is a symlink, and none is followed here",
        |path, aside| {
            symlink(aside, path).unwrap();
        },
    ),
    ("it is a named pipe", |path, _| {
        mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    }),
    ("it is a directory", |path, _| {
        fs::create_dir(path).unwrap();
        chmod(path, 0o700);
    }),
    ("it is not a regular file", |path, _| {
        drop(std::os::unix::net::UnixListener::bind(path).unwrap());
        chmod(path, 0o600);
    }),
];

/// Moves the file aside, puts each other object in its place, and puts it back.
fn replaced(case: &Case, path: &Path, code: i32) {
    let aside = case.node.outside().join("aside");
    fs::rename(path, &aside).unwrap();
    for (said, put) in IN_ITS_PLACE {
        put(path, &aside);
        case.refused(code, path, said, said);
        if path.symlink_metadata().unwrap().is_dir() {
            fs::remove_dir(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
    fs::rename(&aside, path).unwrap();
}

/// Opens it up for others and gives it away, and makes it good again.
fn opened_up(case: &Case, path: &Path, code: i32, mode: u32) {
    for more in [0o020, 0o002] {
        chmod(path, mode | more);
        let said = format!("others may write to it (mode {:04o})", mode | more);
        case.refused(code, path, &said, &said);
    }
    chmod(path, mode);
    if as_root() {
        chown(path, Some(1000), None).unwrap();
        let said = "it belongs to user 1000, and this is user 0";
        case.refused(code, path, said, said);
        chown(path, Some(0), None).unwrap();
    }
}

#[test]
fn a_journal_that_others_could_have_written_is_refused() {
    let Some(case) = interrupted() else { return };
    opened_up(&case, &case.journal, 4, 0o600);
    replaced(&case, &case.journal, 4);
    assert_eq!(case.node.run(&["recover"]).code, 0);
    assert!(case.node.snapshot() == case.before);

    let case = settled();
    opened_up(&case, &case.journal, 1, 0o600);
    replaced(&case, &case.journal, 1);
    assert_eq!(case.node.run(&["rollback", "--yes"]).code, 0);
    assert!(case.node.snapshot() == case.before);
}

#[test]
fn a_directory_of_the_state_that_others_could_have_written_to_is_refused() {
    let Some(case) = interrupted() else { return };
    let own = case.own();
    let roots = own.parent().unwrap().to_path_buf();
    let directories: [PathBuf; 5] = [
        case.node.state(),
        roots,
        own.clone(),
        own.join("tx"),
        case.transaction.clone(),
    ];
    for directory in directories {
        opened_up(&case, &directory, 1, 0o700);
    }
    assert_eq!(case.node.run(&["recover"]).code, 0);
    assert!(case.node.snapshot() == case.before);
}

#[test]
fn a_note_of_the_open_transaction_that_others_could_have_written_is_refused() {
    let Some(case) = interrupted() else { return };
    let active = case.own().join("active");
    opened_up(&case, &active, 1, 0o600);
    replaced(&case, &active, 1);
    fs::write(&active, vec![b'x'; 1 << 20]).unwrap();
    case.refused(1, &active, "larger than it can be", "1 MiB");
    fs::write(&active, format!("{}\n", case.id())).unwrap();
    assert_eq!(case.node.run(&["recover"]).code, 0);
    assert!(case.node.snapshot() == case.before);
}

#[test]
fn a_note_that_names_nothing_means_the_newest_transaction() {
    for text in [&b""[..], b"rubbish", b"\0\xff", b"../..", b"20261123T"] {
        let Some(case) = interrupted() else { return };
        fs::write(case.own().join("active"), text).unwrap();
        case.readers_change_nothing("active");
        let ran = case.node.run(&["recover"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(case.node.snapshot() == case.before);
        assert!(!case.own().join("active").exists());
    }
}

#[test]
fn a_note_that_names_a_transaction_that_is_not_there_undoes_nothing() {
    let Some(case) = interrupted() else { return };
    let active = case.own().join("active");
    fs::write(&active, "20200101T000000.000000Z-000000\n").unwrap();
    let tree = case.node.snapshot();
    for command in [
        &["recover"][..],
        &["apply", "--yes"],
        &["rollback", "--yes"],
    ] {
        let ran = case.node.run(command);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(case.journal.to_str().unwrap()), "{ran:?}");
        assert!(ran.err.contains("help: "), "{ran:?}");
        assert!(case.node.snapshot() == tree, "{ran:?}");
    }
    assert!(case.journal.exists());
}

#[test]
fn a_lock_that_others_could_have_made_is_refused() {
    let Some(case) = interrupted() else { return };
    let lock = case.own().join("lock");
    let tree = case.node.snapshot();
    let refused = |said: &str| {
        for command in [
            &["recover"][..],
            &["apply", "--yes"],
            &["rollback", "--yes"],
        ] {
            let ran = case.node.run(command);
            assert_eq!(ran.code, 1, "{ran:?}");
            assert!(ran.err.contains(lock.to_str().unwrap()), "{ran:?}");
            assert!(ran.err.contains(said), "{ran:?}");
            assert!(ran.err.contains("nothing was written"), "{ran:?}");
            assert!(ran.err.contains("help: "), "{ran:?}");
            assert!(case.node.snapshot() == tree, "{ran:?}");
        }
        case.readers_change_nothing(said);
    };
    chmod(&lock, 0o620);
    refused("others may write to it (mode 0620)");
    chmod(&lock, 0o600);
    if as_root() {
        chown(&lock, Some(1000), None).unwrap();
        refused("it belongs to user 1000, and this is user 0");
        chown(&lock, Some(0), None).unwrap();
    }
    fs::remove_file(&lock).unwrap();
    let target = case.node.outside().join("precious");
    fs::write(&target, "precious\n").unwrap();
    symlink(&target, &lock).unwrap();
    refused("symlink");
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious\n");
    fs::remove_file(&lock).unwrap();
    mkfifo(&lock, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    refused("it is a named pipe");
    fs::remove_file(&lock).unwrap();
    assert_eq!(case.node.run(&["recover"]).code, 0);
    assert!(case.node.snapshot() == case.before);
}

fn a_backup(case: &Case) -> PathBuf {
    let mut all: Vec<PathBuf> = fs::read_dir(&case.transaction)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("pre.")
        })
        .collect();
    all.sort();
    all.remove(0)
}

#[test]
fn a_rollback_takes_a_backup_only_with_its_own_bytes() {
    let case = settled();
    let backup = a_backup(&case);
    let bytes = fs::read(&backup).unwrap();
    let tree = case.node.snapshot();
    let refused = |what: &str| {
        for command in [
            &["rollback", "--yes"][..],
            &["rollback", "--yes", "--force"],
        ] {
            let ran = case.node.run(command);
            assert_eq!(ran.code, 1, "{what}: {ran:?}");
            assert!(
                ran.err.contains(backup.to_str().unwrap()),
                "{what}: {ran:?}"
            );
            assert!(ran.err.contains("nothing was written"), "{what}: {ran:?}");
            assert!(ran.err.contains("help: "), "{what}: {ran:?}");
            assert!(case.node.snapshot() == tree, "{what}: {ran:?}");
        }
    };
    let mut flipped = bytes.clone();
    flipped[0] ^= 1;
    for (what, bytes) in [
        ("flipped", &flipped[..]),
        ("cut", &bytes[1..]),
        ("empty", b""),
    ] {
        fs::write(&backup, bytes).unwrap();
        refused(what);
    }
    fs::remove_file(&backup).unwrap();
    refused("gone");
    let aside = case.node.outside().join("aside");
    fs::write(&aside, &bytes).unwrap();
    symlink(&aside, &backup).unwrap();
    refused("a symlink");
    fs::remove_file(&backup).unwrap();
    mkfifo(&backup, Mode::S_IRUSR).unwrap();
    refused("a FIFO");
    fs::remove_file(&backup).unwrap();

    // Whoever could write it: its hash stands in the journal, and that one is trusted.
    fs::write(&backup, &bytes).unwrap();
    chmod(&backup, 0o666);
    assert_eq!(case.node.run(&["rollback", "--yes"]).code, 0);
    assert!(case.node.snapshot() == case.before);
}

#[test]
fn nothing_is_decided_by_the_plan_that_lies_beside_a_journal() {
    let Some(case) = interrupted() else { return };
    let plan = case.transaction.join("plan.json");
    fs::remove_file(&plan).unwrap();
    mkfifo(&plan, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    case.readers_change_nothing("a FIFO");
    assert_eq!(case.node.run(&["recover"]).code, 0);
    assert!(case.node.snapshot() == case.before);
}

#[test]
fn a_scan_says_that_the_newest_journal_cannot_be_used() {
    let Some(case) = interrupted() else { return };
    chmod(&case.journal, 0o620);
    let ran = case.node.run(&["scan"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let warning = format!(
        "warning: {}: is not trusted: others may write to it (mode 0620), so files may be half changed\nhelp: tighten --root {} --state-dir {} recover\n",
        case.journal.display(),
        case.node.root().display(),
        case.node.state().display()
    );
    assert_eq!(ran.err, warning);
}

#[test]
fn a_slash_behind_a_symlink_does_not_make_it_a_state_directory() {
    let node = Node::demo();
    let (real, link) = (node.outside().join("real"), node.outside().join("link"));
    fs::create_dir(&real).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&real, &link).unwrap();
    for end in ["", "/", "//", "/."] {
        let mut command = tighten();
        command.arg("--root").arg(node.root()).arg("--state-dir");
        command.arg(format!("{}{end}", link.display()));
        let ran: Ran = command.args(["apply", "--yes"]).output().unwrap().into();
        assert_eq!(ran.code, 1, "{end:?}: {ran:?}");
        assert!(
            ran.err.contains("(a symlink is not followed here)"),
            "{ran:?}"
        );
        assert_eq!(fs::read_dir(&real).unwrap().count(), 0, "{end:?}");
    }
}
