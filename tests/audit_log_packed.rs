//! Audit logs that gzip or zstd compressed, whole and damaged; and those that another program did.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use support::logged::{document, feed, file, gzip, lines, read, run, whole, zstd};

/// A frame that holds no data of the log.
fn skippable() -> Vec<u8> {
    [&[0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"hello"].concat()
}

#[test]
fn compressed_logs_of_several_parts_are_read_to_their_end() {
    let (one, two) = (lines(0..50), lines(50..120));
    let odd = lines(0..1);
    let (half, rest) = odd.split_at(100);
    for (name, bytes) in [
        ("members.gz", [gzip(&one), gzip(&two)].concat()),
        (
            "empty-member.gz",
            [gzip(&one), gzip(""), gzip(&two)].concat(),
        ),
        ("frames.zst", [zstd(&one), zstd(&two)].concat()),
        (
            "skippable.zst",
            [
                skippable(),
                zstd(&one),
                skippable(),
                skippable(),
                zstd(&two),
                skippable(),
            ]
            .concat(),
        ),
        // The name says nothing.
        ("audit.log", zstd(&(one.clone() + &two))),
    ] {
        let (_held, path) = file(name, bytes);
        assert_eq!(read(&path), whole(120), "{name}");
    }
    // A line goes on in the next member.
    for bytes in [
        [gzip(half), gzip(rest)].concat(),
        [zstd(half), zstd(rest)].concat(),
    ] {
        let (_held, path) = file("halves", bytes);
        assert_eq!(read(&path), whole(1));
    }
    for bytes in [gzip(""), zstd(""), skippable(), Vec::new()] {
        let (_held, path) = file("empty", bytes);
        assert_eq!(read(&path), whole(0));
    }
}

#[test]
fn of_a_compressed_log_that_was_cut_off_or_damaged_what_stands_before_is_counted() {
    let (one, two) = (lines(0..2000), lines(2000..4000));
    for (name, pack) in [("cut.gz", gzip as fn(&str) -> Vec<u8>), ("cut.zst", zstd)] {
        let (first, second) = (pack(&one), pack(&two));
        let at = one.len();
        // Just behind the first member's data, nothing of the second one can be unpacked yet.
        for more in [1, 3] {
            let (_held, path) = file(name, [&first[..], &second[..more]].concat());
            let (events, _, code, err) = read(&path);
            assert_eq!((events, code), (2000, 1), "{name} {more}");
            let expected = format!(
                "error: {path}: cannot be read behind byte {at}: it was cut off\n  what stands before is counted; what stands behind is not\nhelp: where it was cut off or is damaged, look for another copy of this log\n"
            );
            assert_eq!(err, expected);
        }
        for keep in [first.len() / 2, first.len() - 5] {
            let (_held, path) = file(name, &first[..keep]);
            let ran = run(&[&path, "--format=json"]);
            let found = document(&ran);
            assert_eq!(ran.code, 1);
            let message = found["error"]["message"].as_str().unwrap();
            assert!(message.ends_with(": it was cut off"), "{message}");
            assert_eq!(
                found["error"]["state"],
                "what stands before is counted; what stands behind is not"
            );
            assert!(found["events"].as_u64().unwrap() <= 2000);
            // The line in which it breaks off says nothing of who writes to the log.
            assert_eq!(found["unreadable"]["lines"], 0, "{name} {keep}");
        }
        // Damaged in the second one; what is behind a damaged block cannot be read.
        let mut bytes = [&first[..], &second[..]].concat();
        let middle = first.len() + second.len() / 2;
        for byte in &mut bytes[middle..middle + 40] {
            *byte ^= 0x5a;
        }
        let (_held, path) = file(name, bytes);
        let (events, _, code, err) = read(&path);
        assert!(
            (2000..4000).contains(&events) && code == 1,
            "{name}: {events}, {code}"
        );
        assert!(err.contains(": it is damaged: "), "{err}");
        // No word of the decoder's insides.
        assert!(!err.contains("Error") && !err.contains('{'), "{err}");
        // Something else behind it.
        let (_held, path) = file(name, [&first[..], b"and some rubbish behind it"].concat());
        let (events, _, code, err) = read(&path);
        assert_eq!((events, code), (2000, 1), "{name}");
        assert!(err.contains(": it is damaged: "), "{err}");
    }
}

#[test]
fn a_log_behind_a_damaged_one_is_read_all_the_same() {
    let bytes = gzip(&lines(0..2000));
    let (_a, cut) = file("cut.gz", &bytes[..bytes.len() - 4]);
    let (_b, next) = file("next.log", lines(2000..2010));
    let ran = run(&[&cut, &next, "--format=json"]);
    assert_eq!(
        (ran.code, document(&ran)["events"].as_u64()),
        (1, Some(2010))
    );
}

#[test]
fn a_window_that_is_too_large_is_told_with_the_command_that_helps() {
    // Headers alone, that ask for 8 MiB, 128 MiB and 2 GiB: what the exponent is, from 10 on.
    for (exponent, mebibytes, program) in [
        (13, 8, "zstdcat"),
        (17, 128, "zstdcat"),
        (21, 2048, "zstdcat --long=31"),
    ] {
        let header = [
            0x28,
            0xb5,
            0x2f,
            0xfd,
            0x00,
            exponent << 3,
            0x01,
            0x00,
            0x00,
        ];
        let why =
            format!("zstd's window of {mebibytes} MiB is larger than the 2 MiB that are held");
        let (_held, path) = file("long.zst", header);
        let ran = run(&[&path]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        let help = format!("help: unpack it: {program} {path} | tighten audit -\n");
        assert_eq!(ran.err, format!("error: {path}: {why}\n{help}"));
        // In a later frame: what stands before is counted.
        let (_held, path) = file("later.zst", [&zstd(&lines(0..50))[..], &header].concat());
        let (events, _, code, err) = read(&path);
        assert_eq!((events, code), (50, 1));
        let at = lines(0..50).len();
        let help = format!("help: unpack it: {program} {path} | tighten audit -\n");
        let state = "  what stands before is counted; what stands behind is not\n";
        assert_eq!(
            err,
            format!("error: {path}: cannot be read behind byte {at}: {why}\n{state}{help}")
        );
    }
    // The largest that is held.
    let (_held, path) = file(
        "most.zst",
        [0x28, 0xb5, 0x2f, 0xfd, 0x00, 11 << 3, 0x01, 0x00, 0x00],
    );
    assert_eq!(read(&path), whole(0));
}

#[test]
fn what_is_packed_by_others_is_refused_with_the_command_that_helps() {
    for (name, start, program, packer) in [
        ("a.xz", &b"\xfd7zXZ\0 and more"[..], "xzcat", "xz"),
        ("a.bz2", b"BZh91AY&SY", "bzcat", "bzip2"),
        ("a.lz4", b"\x04\x22\x4d\x18 and more", "lz4cat", "lz4"),
    ] {
        let (_held, path) = file(name, start);
        let ran = run(&[&path]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        let said = format!("error: {path}: is compressed with {packer}, which is not read\n");
        assert_eq!(
            ran.err,
            format!("{said}help: unpack it: {program} {path} | tighten audit -\n")
        );
        let ran = feed(&["-"], start);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        assert!(
            ran.err.ends_with(&format!(
                "help: unpack it: ... | {program} | tighten audit -\n"
            )),
            "{}",
            ran.err
        );
    }
    let (_held, path) = file("it's old.xz", b"\xfd7zXZ\0");
    let ran = run(&[&path]);
    let quoted = path.replace("it's", "it'\\''s");
    assert!(
        ran.err.ends_with(&format!(
            "help: unpack it: xzcat '{quoted}' | tighten audit -\n"
        )),
        "{}",
        ran.err
    );
}
