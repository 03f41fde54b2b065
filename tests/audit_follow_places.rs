//! `tighten audit --follow` of a log that is not there, not a file, or another one than before.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use support::followed::{Followed, all_up_to, append, events, log, rotate};

#[test]
fn a_log_that_is_deleted_and_created_anew_is_followed() {
    let (_directory, log) = log();
    let followed = Followed::json(&log, &[]);
    append(&log, &events(10..12));
    fs::remove_file(&log).unwrap();
    followed.settle();
    append(&log, &events(12..14));
    all_up_to(followed, 14);
}

#[test]
fn a_log_that_does_not_exist_yet_is_waited_for_and_so_is_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("kubernetes/audit/audit.log");
    let mut followed = Followed::json(&log, &[]);
    followed.hear("does not exist yet; waiting for it");
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    followed.settle();
    append(&log, &events(10..12));
    followed.line(2);
    rotate(&log, 1);
    append(&log, &events(12..14));
    let ended = all_up_to(followed, 14);
    let path = log.display();
    assert_eq!(
        ended.err,
        [
            format!("{path} does not exist yet; waiting for it"),
            format!("{path} exists now"),
            format!("{path} was rotated; going on with the new one"),
        ]
    );
}

#[test]
fn a_log_that_came_and_was_rotated_before_the_first_look_is_read_too() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("audit.log");
    let mut followed = Followed::json(&log, &[]);
    followed.hear("does not exist yet");
    followed.between_looks(|| {
        append(&log, &events(10..12));
        rotate(&log, 1);
        append(&log, &events(12..14));
    });
    all_up_to(followed, 14);
}

#[test]
fn what_is_no_file_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    for path in [directory.path(), &pipe] {
        let ended = Followed::start(path, &["--quiet"]).ends();
        assert_eq!(ended.code, Some(1));
        let path = path.display();
        assert_eq!(
            ended.err[0],
            format!("error: {path}: it is no regular file, which alone can be followed")
        );
    }
}

#[test]
fn what_is_no_file_in_place_of_the_log_is_told_once_and_waited_out() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &[]);
    append(&log, &events(10..12));
    followed.line(2);
    let former = rotate(&log, 1);
    let why = "cannot be opened, which is tried again: it is no regular file";
    mkfifo(&log, Mode::S_IRWXU).unwrap();
    followed.hear(why);
    // The former one is read on meanwhile.
    append(&former, &events(12..13));
    followed.line(3);
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(400));
    fs::remove_dir(&log).unwrap();
    symlink("audit.log", &log).unwrap();
    followed.hear("cannot be opened, which is tried again: Too many levels");
    fs::remove_file(&log).unwrap();
    append(&log, &events(13..15));
    all_up_to(followed, 15);
}

#[test]
fn a_symlink_that_leads_to_another_file_now_is_followed_there() {
    let (directory, log) = log();
    let path = |name: &str| directory.path().join(name);
    fs::rename(&log, path("one")).unwrap();
    symlink("one", &log).unwrap();
    let followed = Followed::json(&log, &[]);
    append(&log, &events(10..12));
    followed.settle();
    append(&path("two"), &events(12..14));
    symlink("two", path("next")).unwrap();
    fs::rename(path("next"), &log).unwrap();
    all_up_to(followed, 14);
}
