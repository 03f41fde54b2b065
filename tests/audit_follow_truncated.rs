//! `tighten audit --follow` while the log is copied and truncated.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use support::followed::{Followed, all_up_to, append, events, log, rotate};

#[test]
fn a_log_that_is_copied_and_truncated_is_followed_and_its_copy_is_not_read_again() {
    let (_directory, log) = log();
    let copy = log.with_file_name("audit.log.1");
    let mut followed = Followed::json(&log, &[]);
    for round in 0..3 {
        let from = 10 + round * 6;
        append(&log, &events(from..from + 2));
        followed.line(2 + round * 6);
        followed.between_looks(|| {
            // After the last look and before the copy: it stands in the copy alone.
            append(&log, &events(from + 2..from + 4));
            if copy.exists() {
                fs::rename(
                    &copy,
                    log.with_file_name(format!("audit.log.{}", round + 1)),
                )
                .unwrap();
            }
            fs::copy(&log, &copy).unwrap();
            File::options()
                .write(true)
                .open(&log)
                .unwrap()
                .set_len(0)
                .unwrap();
        });
        followed.line(4 + round * 6);
        append(&log, &events(from + 4..from + 6));
        followed.line(6 + round * 6);
    }
    // And a rename after it.
    rotate(&log, 1);
    append(&log, &events(28..30));
    all_up_to(followed, 30);
}

#[test]
fn a_line_that_was_half_written_before_a_copy_is_finished_from_it() {
    let (_directory, log) = log();
    let followed = Followed::json(&log, &[]);
    let line = events(10..11);
    append(&log, line.split_at(100).0);
    followed.settle();
    followed.between_looks(|| {
        append(&log, line.split_at(100).1);
        fs::copy(&log, log.with_file_name("audit.log.1")).unwrap();
        File::options()
            .write(true)
            .open(&log)
            .unwrap()
            .set_len(0)
            .unwrap();
        append(&log, &events(11..12));
    });
    all_up_to(followed, 12);
}

#[test]
fn who_goes_on_at_the_former_place_after_a_truncation_is_read_behind_the_hole() {
    let (_directory, log) = log();
    let followed = Followed::json(&log, &[]);
    // The API server opens a log that it creates without O_APPEND.
    let mut writer = File::options().write(true).open(&log).unwrap();
    writer.seek(SeekFrom::End(0)).unwrap();
    writer.write_all(events(10..12).as_bytes()).unwrap();
    followed.settle();
    writer.set_len(0).unwrap();
    followed.settle();
    writer.write_all(events(12..14).as_bytes()).unwrap();
    followed.settle();
    followed.between_looks(|| {
        writer.set_len(0).unwrap();
        writer.write_all(events(14..16).as_bytes()).unwrap();
    });
    all_up_to(followed, 16);
}

#[test]
fn a_log_that_was_truncated_and_has_grown_past_the_former_place_is_read_from_its_beginning() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &[]);
    append(&log, &events(10..12));
    followed.line(2);
    // Lines of the same length: a line ends where the last one did, with the same bytes for a long way.
    followed.between_looks(|| {
        let file = File::options().write(true).open(&log).unwrap();
        file.set_len(0).unwrap();
        file.write_all_at(events(12..30).as_bytes(), 0).unwrap();
    });
    let ended = all_up_to(followed, 30);
    let told = format!(
        "{} was truncated; what was written shortly before may be missing here",
        log.display()
    );
    assert_eq!(ended.err, [told]);
}

#[test]
fn several_copies_and_truncations_between_two_looks_lose_nothing() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &[]);
    append(&log, &events(10..12));
    followed.line(2);
    followed.between_looks(|| {
        for (n, name) in [(12, "audit.log.2"), (14, "audit.log.1")] {
            append(&log, &events(n..n + 2));
            fs::copy(&log, log.with_file_name(name)).unwrap();
            File::options()
                .write(true)
                .open(&log)
                .unwrap()
                .set_len(0)
                .unwrap();
        }
        append(&log, &events(16..17));
    });
    all_up_to(followed, 17);
}
