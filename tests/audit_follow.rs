//! `tighten audit --follow`: nothing that is written is lost and nothing is shown twice, also when the log is
//! rotated by rename.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use support::followed::{Followed, all_up_to, append, appending, by, event, events, log, rotate};
use support::skipped;

#[test]
fn what_stood_there_before_is_not_shown_and_what_comes_is() {
    let (_directory, log) = log();
    let followed = Followed::json(&log, &[]);
    append(&log, &events(10..13));
    all_up_to(followed, 13);
}

#[test]
fn since_reads_the_log_from_its_beginning() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &["--since", "2026-11-23T16:00:04Z"]);
    append(&log, &events(10..13));
    followed.line(9);
    assert_eq!(followed.stop().numbers(), (4..13).collect::<Vec<_>>());
}

#[test]
fn a_line_that_is_half_written_at_the_start_is_shown_when_it_is_whole() {
    let (_directory, log) = log();
    let line = events(10..11);
    let (start, rest) = line.split_at(200);
    append(&log, start);
    let followed = Followed::json(&log, &[]);
    append(&log, rest);
    append(&log, &events(11..12));
    all_up_to(followed, 12);
}

#[test]
fn a_line_that_comes_in_parts_is_shown_once_when_it_is_whole() {
    let (_directory, log) = log();
    let followed = Followed::json(&log, &[]);
    for part in events(10..12).as_bytes().chunks(150) {
        append(&log, std::str::from_utf8(part).unwrap());
        followed.settle();
    }
    all_up_to(followed, 12);
}

#[test]
fn a_line_that_is_half_written_at_the_end_is_told_and_is_no_broken_one() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &[]);
    append(&log, &events(10..11));
    append(&log, event(11).split_at(100).0);
    followed.line(1);
    let summary = followed.stop().summary();
    assert_eq!(summary["half_written"], true);
    assert_eq!(summary["events"], 1);
    assert_eq!(summary["unreadable"]["lines"], 0);
}

#[test]
fn lines_of_ten_megabytes_are_shown() {
    let (_directory, log) = log();
    let followed = Followed::json(&log, &[]);
    for n in 10..13 {
        let body = "x".repeat(10 << 20);
        let line = event(n).replace(
            "\"annotations\"",
            &format!("\"requestObject\":\"{body}\",\"annotations\""),
        );
        append(&log, &(line + "\n"));
    }
    all_up_to(followed, 13);
}

#[test]
fn lines_that_are_no_events_are_counted_and_what_is_behind_them_is_shown() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &[]);
    append(&log, &events(10..11));
    append(&log, "{\"no\":\"event\"}\nno JSON\n\n\0\0\n");
    append(&log, &(event(10).split_at(300).0.to_string() + "\n"));
    append(&log, &events(11..12));
    followed.line(2);
    let ended = followed.stop();
    assert_eq!(ended.numbers(), [10, 11]);
    assert_eq!(ended.summary()["unreadable"]["lines"], 4);
    let first = &ended.summary()["unreadable"]["first"][0];
    assert_eq!(first["offset"], events(0..11).len());
}

#[test]
fn a_log_that_is_rotated_by_rename_is_followed() {
    let (_directory, log) = log();
    let followed = Followed::json(&log, &[]);
    append(&log, &events(10..12));
    rotate(&log, 1);
    append(&log, &events(12..14));
    followed.settle();
    rotate(&log, 2);
    followed.settle();
    append(&log, &events(14..16));
    let ended = all_up_to(followed, 16);
    let rotated = format!("{} was rotated; going on with the new one", log.display());
    assert_eq!(ended.err, [rotated.clone(), rotated]);
}

#[test]
fn many_rotations_between_two_looks_lose_nothing_and_show_nothing_twice() {
    let (_directory, log) = log();
    append(
        &log.with_file_name("audit-2026-11-23T15-00-00.000.log"),
        &events(0..3),
    );
    let followed = Followed::json(&log, &[]);
    for round in 0..3 {
        let from = 10 + round * 8;
        followed.between_looks(|| {
            for n in 0..4 {
                append(&log, &events(from + n * 2..from + n * 2 + 2));
                rotate(&log, round * 4 + n);
            }
        });
        followed.settle();
        assert!(!log.exists());
    }
    append(&log, &events(34..36));
    all_up_to(followed, 36);
}

#[test]
fn many_rotations_between_two_looks_are_shown_before_the_new_log_is_written_to() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &[]);
    followed.between_looks(|| {
        append(&log, &events(10..12));
        rotate(&log, 1);
        append(&log, &events(12..14));
        rotate(&log, 2);
        append(&log, "");
    });
    followed.line(4);
    append(&log, &events(14..15));
    all_up_to(followed, 15);
}

#[test]
fn who_goes_on_with_the_old_file_after_a_rename_is_read_until_something_stands_in_the_new_one() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &[]);
    let mut writer = appending(&log);
    // As logrotate does with `create`, also twice before the writer opens the log again.
    for number in [1, 2] {
        for n in (1..=number).rev() {
            let from = match n {
                1 => log.clone(),
                n => log.with_file_name(format!("audit.log.{}", n - 1)),
            };
            fs::rename(from, log.with_file_name(format!("audit.log.{n}"))).unwrap();
        }
        append(&log, "");
        if number > 1 {
            followed.line((number - 1) * 2);
        }
        std::thread::sleep(Duration::from_millis(400));
        let from = 8 + number * 2;
        writer.write_all(events(from..from + 2).as_bytes()).unwrap();
    }
    followed.line(4);
    writer.write_all(events(14..15).as_bytes()).unwrap();
    append(&log, &events(15..17));
    all_up_to(followed, 17);
}

#[test]
fn a_number_that_is_given_again_hides_no_log() {
    let (_directory, log) = log();
    let old = log.with_file_name("audit-2026-11-23T15-00-00.000.log");
    fs::write(&old, events(0..5)).unwrap();
    let number = fs::metadata(&old).unwrap().ino();
    let followed = Followed::json(&log, &[]);
    let mut again = false;
    followed.between_looks(|| {
        append(&log, &events(10..12));
        rotate(&log, 1);
        fs::remove_file(&old).unwrap();
        append(&log, &events(12..14));
        again = fs::metadata(&log).unwrap().ino() == number;
        rotate(&log, 2);
        append(&log, &events(14..16));
    });
    if !again {
        skipped("this file system does not give the number of a file again at once");
    }
    all_up_to(followed, 16);
}

#[test]
fn an_old_log_that_somebody_unpacks_beside_it_is_not_shown() {
    let (_directory, log) = log();
    let followed = Followed::json(&log, &[]);
    append(&log, &events(10..12));
    fs::write(log.with_file_name("audit-2026-11-23T15-00-00.000.log"), {
        events(0..5).replace("T16:", "T15:")
    })
    .unwrap();
    rotate(&log, 1);
    append(&log, &events(12..14));
    all_up_to(followed, 14);
}

/// Compresses a log as the API server does after a rotation.
fn compress(log: &Path) {
    let packed = File::create(log.with_extension("log.gz")).unwrap();
    let mut packed = GzEncoder::new(packed, Compression::fast());
    packed.write_all(&fs::read(log).unwrap()).unwrap();
    packed.finish().unwrap();
    fs::remove_file(log).unwrap();
}

#[test]
fn logs_that_were_rotated_and_compressed_between_two_looks_are_read() {
    let (_directory, log) = log();
    let old = log.with_file_name("audit-2026-11-23T15-00-00.000.log");
    fs::write(&old, events(0..5)).unwrap();
    let mut followed = Followed::json(&log, &[]);
    append(&log, &events(10..12));
    followed.line(2);
    compress(&old);
    followed.between_looks(|| {
        append(&log, &events(12..14));
        compress(&rotate(&log, 1));
        append(&log, &events(14..16));
        compress(&rotate(&log, 2));
        // This one is being compressed.
        append(&log, &events(16..18));
        let third = rotate(&log, 3);
        let plain = fs::read(&third).unwrap();
        compress(&third);
        fs::write(third, plain).unwrap();
        append(&log, "");
    });
    followed.line(8);
    append(&log, &events(18..20));
    followed.line(10);
    compress(&rotate(&log, 4));
    append(&log, &events(20..21));
    all_up_to(followed, 21);
}

#[test]
fn a_log_that_was_compressed_and_damaged_between_two_looks_is_told() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &[]);
    append(&log, &events(10..12));
    followed.line(2);
    followed.between_looks(|| {
        rotate(&log, 1);
        append(&log, &events(12..1000));
        let second = rotate(&log, 2);
        compress(&second);
        let packed = File::options()
            .write(true)
            .open(second.with_extension("log.gz"));
        packed.unwrap().set_len(9000).unwrap();
        append(&log, &events(1000..1001));
    });
    followed.hear("was rotated and compressed meanwhile, and of that something is missing here");
    let ended = followed.stop();
    assert_eq!(*ended.numbers().last().unwrap(), 1000);
}

#[test]
fn a_log_that_grows_and_is_rotated_without_a_pause_is_counted_to_its_last_event() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &["--user", "nobody"]);
    let others = events(0..1000);
    for number in 0..40 {
        append(&log, &others);
        append(&log, &(by("nobody", "curl/8", "pods", number) + "\n"));
        append(&log, &others);
        rotate(&log, number);
    }
    append(&log, &(by("nobody", "curl/8", "pods", 40) + "\n"));
    followed.line(41);
    let ended = followed.stop();
    assert_eq!(ended.numbers(), (0..41).collect::<Vec<_>>());
    assert_eq!(ended.summary()["lines"], 40 * 2001 + 1);
}

#[test]
fn more_old_logs_than_there_are_handles_hide_no_new_one() {
    let (_directory, log) = log();
    let old = SystemTime::now() - Duration::from_secs(86400);
    for number in 0..300 {
        let (minute, second) = (number / 60, number % 60);
        let name = format!("audit-2026-11-22T00-{minute:02}-{second:02}.000.log");
        let file = File::create(log.with_file_name(name)).unwrap();
        file.set_modified(old).unwrap();
    }
    let followed = Followed::json(&log, &[]);
    let limited = Command::new("prlimit")
        .args([
            "--nofile=100:100",
            "--pid",
            &followed.child.id().to_string(),
        ])
        .status();
    if !limited.is_ok_and(|status| status.success()) {
        skipped("prlimit is not there");
    }
    followed.between_looks(|| {
        append(&log, &events(10..12));
        rotate(&log, 1);
        append(&log, &events(12..14));
        rotate(&log, 2);
        append(&log, &events(14..16));
    });
    all_up_to(followed, 16);
}
