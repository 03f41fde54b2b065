//! `tighten audit --follow`: what is shown and said meanwhile, how it ends, and what it costs.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::followed::{Followed, append, appending, by, event, events, log};
use support::{snapshot, tighten};

const AGENT: &str = "kube-proxy/v1.36.2";
const PROXY: &str = "system:kube-proxy";

/// The events are older than kube-proxy is ever silent.
const OLD: &[&str] = &["--skip", "silence"];

#[test]
fn an_event_is_a_line_in_columns_and_the_summary_comes_last() {
    let (_directory, log) = log();
    let mut followed = Followed::start(&log, OLD);
    append(&log, &events(10..11));
    append(&log, &(by("bob", "curl/8", "secrets", 11) + "\n"));
    let odd = by(PROXY, AGENT, "nodes", 12)
        .replace("\"code\":200", "\"code\":403")
        .replace(
            "\"resource\":\"nodes\"",
            r#""resource":"nodes","name":"a\u001b[2Jb\nc""#,
        );
    append(&log, &(odd + "\n"));
    followed.line(3);
    let ended = followed.stop();
    assert_eq!(ended.code, Some(0), "{:#?}", ended.err);
    assert_eq!(
        ended.out[..4],
        [
            "TIME                         STAGE             VERB    CODE  SOURCE           OBJECT                                    USER AGENT",
            "2026-11-23T16:00:10.000002Z  ResponseComplete  list    200   10.0.0.7         services                                  kube-proxy/v1.36.2",
            "2026-11-23T16:00:12.000002Z  ResponseComplete  list    403   10.0.0.7         nodes a\\u{1b}[2Jb\\nc                      kube-proxy/v1.36.2",
            "",
        ]
    );
    assert_eq!(
        ended.out.last().unwrap(),
        "Audit: 2 requests of kube-proxy, nothing unusual."
    );
    assert_eq!(ended.err.len(), 0);
}

#[test]
fn the_user_is_shown_where_it_is_not_known_beforehand() {
    let (_directory, log) = log();
    let mut followed = Followed::start(&log, &["--all-users"]);
    append(&log, &(by("bob", "curl/8", "pods", 11) + "\n"));
    assert_eq!(
        followed.line(2),
        "2026-11-23T16:00:11.000002Z  ResponseComplete  list    200   10.0.0.7         pods                                      curl/8  bob"
    );
}

#[test]
fn each_document_is_a_line_and_the_summary_the_last() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &[]);
    append(&log, &events(10..12));
    followed.line(2);
    let ended = followed.stop();
    let documents: Vec<Value> = ended
        .out
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(documents.len(), 3);
    assert!(
        documents
            .iter()
            .all(|one| one["schema"] == "tighten.audit/v1")
    );
    assert_eq!(documents[0]["event"]["audit_id"], "00000010");
    assert_eq!(documents[0]["event"]["resource"], "services");
    assert_eq!(documents[1]["event"]["time"], "2026-11-23T16:00:11.000002Z");
    assert_eq!(documents[2]["event"], Value::Null);
    assert_eq!(documents[2]["requests"], 2);
}

/// What a terminal of so many columns shows of three events.
fn on_terminal(columns: u16, arguments: &[&str]) -> Vec<String> {
    let (_directory, log) = log();
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let pair = openpty(&size, None).unwrap();
    let mut terminal = File::from(pair.master);
    let mut child = tighten()
        .args(["audit", "--since", "2026-11-23T16:00:09Z", "--follow"])
        .arg(&log)
        .args(arguments)
        .stdout(Stdio::from(pair.slave))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let long = "endpointslices.discovery.k8s.io/a-subresource";
    append(&log, &(by(PROXY, AGENT, long, 10) + "\n"));
    append(
        &log,
        &(by(PROXY, AGENT, "nodes", 11)
            .replace("10.0.0.7", "2001:db8:1234:5678:9abc:def0:1234:5678")
            + "\n"),
    );
    let mut shown = String::new();
    while shown.matches('\n').count() < 4 {
        let mut bytes = [0; 4096];
        let read = terminal.read(&mut bytes).unwrap();
        shown.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    shown.lines().take(4).map(str::to_string).collect()
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in [200_u16, 140, 139, 100, 80, 72, 71, 50, 40] {
        for arguments in [
            &["--color", "never"][..],
            &["--color", "never", "--all-users"],
        ] {
            let shown = on_terminal(columns, arguments);
            for line in shown {
                assert!(
                    line.chars().count() <= usize::from(columns),
                    "{columns}: {line}"
                );
            }
        }
    }
    assert_eq!(
        on_terminal(80, &["--color", "never"]),
        [
            "TIME          STAGE     VERB    CODE  SOURCE           OBJECT",
            "16:00:09.000  Complete  list    200   10.0.0.7         services",
            "16:00:10.000  Complete  list    200   10.0.0.7         endpointslices.discovery.",
            "16:00:11.000  Complete  list    200   2001:db8:1234:5678:9abc:def0:1234:5678  no",
        ]
    );
    assert_eq!(
        on_terminal(160, &["--color", "never", "--all-users"])[..2],
        [
            "TIME          STAGE     VERB    CODE  USER                OBJECT",
            "16:00:09.000  Complete  list    200   system:kube-proxy   services",
        ]
    );
}

#[test]
fn each_signal_ends_it_with_the_summary() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let (_directory, log) = log();
        let mut followed = Followed::json(&log, OLD);
        append(&log, &events(10..12));
        followed.line(2);
        followed.signal(signal);
        let ended = followed.ends();
        assert_eq!((ended.code, ended.out.len()), (Some(0), 3));
        assert_eq!(ended.summary()["events"], 2);
    }
}

#[test]
fn what_nohup_starts_outlives_its_terminal() {
    let (_directory, log) = log();
    let out = log.with_file_name("out");
    let mut child = Command::new("nohup")
        .arg(env!("CARGO_BIN_EXE_tighten"))
        .args(["audit", "--format", "json", "--follow"])
        .arg(&log)
        .args(OLD)
        .stdin(Stdio::null())
        .stdout(File::create(&out).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let signal = |signal| kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    let lines = |count| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while fs::read_to_string(&out).unwrap().lines().count() < count {
            assert!(Instant::now() < deadline);
            append(&log, &events(10..11));
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    lines(1);
    signal(Signal::SIGHUP);
    std::thread::sleep(Duration::from_millis(500));
    let before = fs::read_to_string(&out).unwrap().lines().count();
    lines(before + 1);
    signal(Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_log_that_never_came_ends_as_cleanly() {
    let directory = tempfile::tempdir().unwrap();
    let followed = Followed::json(&directory.path().join("audit.log"), &[]);
    let ended = followed.stop();
    assert_eq!(ended.code, Some(0), "{:#?}", ended.err);
    assert_eq!(ended.summary()["events"], 0);
}

#[test]
fn what_is_unusual_is_said_at_once_and_decides_about_the_exit_code() {
    for (arguments, code) in [
        (OLD, 2),
        (&["--fail-on", "high"], 2),
        (&["--fail-on", "none"], 0),
        (
            &["--skip", "silence,credential-asked,foreign-user-agent"],
            2,
        ),
        (
            &[
                "--skip",
                "silence,credential-asked,foreign-user-agent,outside-its-requests",
            ],
            0,
        ),
    ] {
        let (_directory, log) = log();
        let mut followed = Followed::start(&log, arguments);
        append(&log, &(by(PROXY, "curl/8", "secrets", 10) + "\n"));
        followed.line(2);
        if arguments == OLD {
            followed.hear("unusual: credential-asked (high): ");
            followed.hear("unusual: foreign-user-agent (medium): ");
            // Once, and not at each event.
            append(&log, &(by(PROXY, "curl/8", "secrets", 11) + "\n"));
            followed.line(3);
        }
        let ended = followed.stop();
        assert_eq!(ended.code, Some(code), "{arguments:?}");
        if arguments == OLD {
            assert_eq!(ended.err.len(), 2, "{:#?}", ended.err);
        }
    }
}

#[test]
fn what_is_unusual_below_fail_on_changes_no_exit_code() {
    let (_directory, log) = log();
    let mut followed = Followed::start(&log, &["--fail-on", "high"]);
    append(&log, &(by(PROXY, "curl/8", "services", 10) + "\n"));
    followed.hear("unusual: foreign-user-agent (medium): ");
    assert_eq!(followed.stop().code, Some(0));
}

/// Starts it with a reader of its output that goes away after a line, and waits until it has ended.
fn ends_without_reader(log: &Path, arguments: &[&str]) {
    let mut child = tighten()
        .args(["audit", "--follow", "--color", "never"])
        .arg(log)
        .args(arguments)
        .args(OLD)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut byte = [0];
    out.read_exact(&mut byte).unwrap();
    drop(out);
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(0));
            return;
        }
        if started.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_also_when_nothing_more_comes() {
    let (_directory, log) = log();
    ends_without_reader(&log, &[]);
}

#[test]
fn a_reader_that_goes_away_ends_it_while_the_log_grows_faster_than_it_is_read() {
    let (_directory, log) = log();
    let block = events(0..1000);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = appending(&log);
            while !stop.load(Ordering::Relaxed) {
                writer.write_all(block.as_bytes()).unwrap();
            }
        });
        let ended = std::panic::catch_unwind(|| {
            ends_without_reader(&log, &["--since", "2026-11-23"]);
        });
        stop.store(true, Ordering::Relaxed);
        ended.unwrap();
    });
}

#[test]
fn it_writes_nothing() {
    let (directory, log) = log();
    let mut followed = Followed::json(&log, OLD);
    append(&log, &events(10..12));
    followed.line(2);
    let before = snapshot(directory.path());
    let times = |path: &Path| {
        let meta = fs::metadata(path).unwrap();
        (meta.modified().unwrap(), meta.len())
    };
    let written = (times(&log), times(directory.path()));
    let ended = followed.stop();
    assert_eq!(ended.code, Some(0));
    assert_eq!(snapshot(directory.path()), before);
    assert_eq!((times(&log), times(directory.path())), written);
}

#[test]
fn memory_does_not_grow_with_the_log_and_waiting_costs_next_to_nothing() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &["--user", "nobody"]);
    let mut writer = appending(&log);
    let block = events(0..1000);
    let mut grow = |followed: &mut Followed, blocks: usize| {
        for _ in 0..blocks {
            writer.write_all(block.as_bytes()).unwrap();
        }
        append(&log, &(by("nobody", AGENT, "services", 1) + "\n"));
        let line = followed.line(1);
        assert!(line.contains("nobody"));
    };
    grow(&mut followed, 10);
    followed.settle();
    let small = followed.cost().1;
    grow(&mut followed, 100);
    std::thread::sleep(Duration::from_secs(3));
    followed.settle();
    let large = followed.cost().1;
    assert!(large < small + 1024, "{small} KiB, then {large} KiB");
    let before = followed.cost().0;
    std::thread::sleep(Duration::from_secs(3));
    let spent = followed.cost().0 - before;
    assert!(spent < Duration::from_millis(150), "{spent:?}");
    let ended = followed.stop();
    assert_eq!(ended.summary()["events"], 2);
    assert_eq!(ended.summary()["lines"], 110_002);
}

#[test]
fn an_event_is_shown_whole_whatever_follows_it_at_once() {
    let (_directory, log) = log();
    let mut followed = Followed::json(&log, &[]);
    append(&log, &(event(10) + "\r\n" + &event(11) + "\n" + &event(12)));
    followed.line(2);
    let ended = followed.stop();
    // The last one has no end, but is whole.
    assert_eq!(ended.numbers(), [10, 11, 12]);
    assert_eq!(ended.summary()["half_written"], false);
}

#[test]
fn one_log_is_followed_at_a_time_and_no_pipe() {
    for (arguments, said) in [
        (&["-"][..], "error: stdin cannot be followed"),
        (&["a", "b"], "error: one log can be followed at a time"),
    ] {
        let output = tighten()
            .args(["audit", "--follow"])
            .args(arguments)
            .output()
            .unwrap();
        let said_there = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64));
        assert!(said_there.starts_with(said), "{said_there}");
    }
}
