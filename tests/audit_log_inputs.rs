//! What `tighten audit` reads: files, pipes, what is compressed; and what it says of what cannot be read.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::fs;
use std::io::Write as _;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use support::logged::{audit, broken, document, event, feed, file, gzip, lines, run, zstd};
use support::{Ran, skipped};

/// A frame that holds no data of the log.
fn skippable() -> Vec<u8> {
    [&[0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"hello"].concat()
}

/// Reads one file, and tells the events, the lines, the exit code and what stood on stderr.
fn read(path: &str) -> (u64, u64, i32, String) {
    let ran = run(&[path, "--format=json"]);
    let found = document(&ran);
    let number = |key: &str| found[key].as_u64().unwrap();
    (number("events"), number("lines"), ran.code, ran.err)
}

fn whole(events: u64) -> (u64, u64, i32, String) {
    (events, events, 0, String::new())
}

#[test]
fn several_files_are_one_log_in_the_order_in_which_they_are_named() {
    let (_a, one) = file("b.log", lines(0..3));
    let (_b, two) = file("a.log", "no event\n".to_string() + &lines(3..5));
    let (_c, packed) = file("c.log.gz", gzip(&lines(5..9)));
    let ran = run(&[&one, &two, &packed, "--format=json"]);
    let found = document(&ran);
    assert_eq!((ran.code, broken(&found)), (2, vec!["unreadable-lines"]));
    assert_eq!(
        (found["events"].as_u64(), found["lines"].as_u64()),
        (Some(9), Some(10))
    );
    let paths: Vec<&Value> = found["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| &file["path"])
        .collect();
    assert_eq!(json!(paths), json!([one, two, packed]));
    assert_eq!(
        found["unreadable"]["first"],
        json!([{"file": two, "line": 1, "offset": 0, "reason": "not JSON"}])
    );
    let ran = run(&[&one, &two, &packed]);
    let expected = format!("kube-proxy · 3 logs, {one} to {packed} · 10 lines, ");
    assert!(ran.out.starts_with(&expected), "{}", ran.out);
    // A request whose watch begins in one file and ends in the next one is one request.
    let mut begun = event(20);
    begun["stage"] = json!("ResponseStarted");
    let (_d, begun) = file("begun.log", format!("{begun}\n"));
    let (_e, ended) = file("ended.log", lines(20..21));
    let found = document(&run(&[&begun, &ended, "--format=json"]));
    assert_eq!(
        (found["events"].as_u64(), found["requests"].as_u64()),
        (Some(2), Some(1))
    );
}

#[test]
fn pipes_are_read_as_files_are() {
    let text = lines(0..1000);
    for bytes in [text.clone().into_bytes(), gzip(&text), zstd(&text)] {
        for name in ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
            let ran = feed(&[name, "--format=json"], &bytes);
            let found = document(&ran);
            assert_eq!(
                (ran.code, found["events"].as_u64()),
                (0, Some(1000)),
                "{name}"
            );
            assert_eq!(found["files"], json!([{"path": name, "bytes": null}]));
        }
    }
    let (_held, path) = file("audit.log", &text);
    let mut command = audit(&["-", "--format=json"]);
    command.stdin(fs::File::open(&path).unwrap());
    let found = document(&command.output().unwrap().into());
    assert_eq!(found["events"], 1000);
}

#[test]
fn a_named_pipe_and_one_that_the_shell_passes_on_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let writer = {
        let path = path.clone();
        std::thread::spawn(move || {
            // Byte by byte at first: what tells the compression must not depend on how it comes.
            let mut pipe = fs::File::options().write(true).open(path).unwrap();
            let bytes = gzip(&lines(0..100));
            for byte in &bytes[..10] {
                pipe.write_all(&[*byte]).unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
            pipe.write_all(&bytes[10..]).unwrap();
        })
    };
    assert_eq!(read(path.to_str().unwrap()), whole(100));
    writer.join().unwrap();

    let (reader, mut writer) = std::io::pipe().unwrap();
    // As a shell's <(..) does it: the child inherits the handle.
    let handle = nix::unistd::dup(&reader).unwrap();
    writer.write_all(lines(0..10).as_bytes()).unwrap();
    drop(writer);
    let ran = run(&[&format!("/dev/fd/{}", handle.as_raw_fd()), "--format=json"]);
    assert_eq!(document(&ran)["events"], 10, "{ran:?}");
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

#[test]
fn what_is_no_log_is_refused_before_anything_is_read() {
    let (held, log) = file("audit.log", lines(0..3));
    let directory = held.path().to_str().unwrap();
    let missing = format!("{directory}/missing");
    for (path, why) in [
        (
            directory,
            "is a directory, not a log\nhelp: name a file or a pipe\n",
        ),
        (
            missing.as_str(),
            "does not exist\nhelp: name the API server's audit log\n",
        ),
    ] {
        let ran = run(&[&log, path]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        assert_eq!(ran.err, format!("error: {path}: {why}"));
        let ran = run(&[path, "--format=json"]);
        let error = &document(&ran)["error"];
        assert_eq!(
            (ran.code, error["message"].as_str()),
            (
                1,
                Some(format!("{path}: {}", why.split('\n').next().unwrap()).as_str())
            )
        );
    }
    assert_eq!(read("/dev/null"), whole(0));
}

#[test]
fn who_may_not_read_the_log_is_told() {
    if !nix::unistd::geteuid().is_root() {
        return skipped("only root can become somebody else");
    }
    let (held, path) = file("audit.log", lines(0..3));
    fs::set_permissions(held.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let binary = held.path().join("tighten");
    fs::copy(env!("CARGO_BIN_EXE_tighten"), &binary).unwrap();
    let mut command = std::process::Command::new(binary);
    std::os::unix::process::CommandExt::uid(&mut command, 65534);
    let ran: Ran = command.args(["audit", &path]).output().unwrap().into();
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    let help = "help: run tighten as root, or name a copy that you may read\n";
    assert_eq!(ran.err, format!("error: {path}: permission denied\n{help}"));
}

#[test]
fn a_log_that_shrinks_while_it_is_read_is_told() {
    // The file is truncated when its second half is asked for: what was begun is counted.
    let text = lines(0..60_000);
    let (_held, path) = file("audit.log", text.repeat(6));
    let child = audit(&[&path, "--all-users", "--format=json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It opens the log and reads on; how far it gets is chance, but it needs seconds.
    let opened = || {
        let handles = fs::read_dir(format!("/proc/{}/fd", child.id()))
            .into_iter()
            .flatten();
        handles
            .flatten()
            .any(|one| fs::read_link(one.path()).is_ok_and(|at| at == Path::new(&path)))
    };
    while !opened() {
        std::thread::sleep(Duration::from_millis(1));
    }
    // By then it knows the size.
    std::thread::sleep(Duration::from_millis(10));
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(1000)
        .unwrap();
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains(": it became shorter while it was read\n"),
        "{}",
        ran.err
    );
    let found = document(&ran);
    assert!(
        found["error"]["message"]
            .as_str()
            .unwrap()
            .ends_with("it became shorter while it was read")
    );
}
