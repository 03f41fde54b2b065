//! What `tighten audit` reads: files and pipes; and what it says of what cannot be read.

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
use support::logged::{
    audit, broken, document, event, feed, file, gzip, lines, read, run, whole, zstd,
};
use support::{Ran, skipped};

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
