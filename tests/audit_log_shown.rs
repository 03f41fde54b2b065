//! How `tighten audit` shows what it counted: on a terminal, narrow or wide, and into a pipe.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::os::fd::OwnedFd;
use std::process::Stdio;

use serde_json::json;
use support::logged::{audit, document, event, feed, file, lines, recorded, run};
use support::skipped;

#[test]
fn a_plot_shows_the_requests_of_each_minute() {
    // One in the first minute, none in the second, eight in the third.
    let (_held, path) = file("audit.log", lines(0..1) + &lines(120..128));
    let ran = run(&[&path]);
    let expected =
        "  requests per minute, at most 8, from 2026-11-23T00:00Z to 2026-11-23T00:03Z\n    ▁ █\n";
    assert!(ran.out.contains(expected), "{}", ran.out);
    let found = document(&run(&[&path, "--format=json"]));
    let over_time =
        json!({"start": "2026-11-23T00:00:00.000000Z", "minutes": 1, "requests": [1, 0, 8]});
    assert_eq!(found["over_time"], over_time);
}

#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is_one() {
    let log = recorded();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = audit(&[log.to_str().unwrap(), "--all-users", "-v"]);
    let ran: support::Ran = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap()
        .into();
    assert_eq!((ran.code, ran.err.as_str()), (2, ""));
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = audit(&[log.to_str().unwrap()]);
    let ran: support::Ran = command
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap()
        .into();
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.err,
        "error: the output could not be written to its end\n"
    );
}

/// Runs on a terminal of so many columns; what it drew, and how it ended.
fn on_terminal(columns: u16, no_color: bool, arguments: &[&str]) -> (String, i32) {
    let size = nix::pty::Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let pty = nix::pty::openpty(&size, None).unwrap();
    let mut command = audit(arguments);
    command.env("TERM", "xterm-256color");
    if no_color {
        command.env("NO_COLOR", "1");
    }
    let slave: OwnedFd = pty.slave;
    command.stdout(slave.try_clone().unwrap()).stderr(slave);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut drawn = Vec::new();
    let mut master = std::fs::File::from(pty.master);
    // The kernel says EIO when the last slave is closed.
    let _ = std::io::Read::read_to_end(&mut master, &mut drawn);
    let code = child.wait().unwrap().code().unwrap();
    (
        String::from_utf8(drawn).unwrap().replace("\r\n", "\n"),
        code,
    )
}

#[test]
fn a_terminal_gets_colours_and_a_plot_that_fits_and_a_short_log_no_bar() {
    let minutes: String = (0..600)
        .map(|minute| lines(minute * 60..minute * 60 + 1))
        .collect();
    let (_held, path) = file("audit.log", minutes);
    for columns in [40, 80, 200] {
        let (drawn, code) = on_terminal(columns, true, &[&path]);
        assert_eq!(code, 0);
        assert!(!drawn.contains('\x1b'), "{drawn}");
        let plot = drawn.lines().find(|line| line.contains('█')).unwrap();
        let width = plot.chars().count();
        assert!(
            width <= usize::from(columns) && width > usize::from(columns) / 2,
            "{columns}: {plot}"
        );
        assert!(!drawn.contains('%'), "{drawn}");
    }
    let (drawn, _) = on_terminal(80, false, &[&path]);
    assert!(drawn.starts_with("\x1b[1mkube-proxy\x1b[0m · "), "{drawn}");
    let ran = feed(&["-", "--color=always"], lines(0..1).as_bytes());
    assert!(
        ran.out
            .starts_with("\x1b[1mkube-proxy\x1b[0m · - · 1 line, "),
        "{}",
        ran.out
    );
}

#[test]
fn one_long_name_does_not_spread_the_rows_of_the_others() {
    let mut long = event(1);
    long["userAgent"] = json!("x".repeat(120));
    let (_held, path) = file("audit.log", lines(0..1) + &format!("{long}\n"));
    let ran = run(&[&path]);
    let expected = format!(
        "  {:<64}    requests      events\n  {:<64}  {:>10}  {:>10}\n  {}  {:>10}  {:>10}\n",
        "user agent",
        "kube-proxy/v1.36.2",
        1,
        1,
        "x".repeat(120),
        1,
        1
    );
    assert!(ran.out.contains(&expected), "{}", ran.out);
}

#[test]
fn a_long_log_gets_a_bar_on_a_terminal_that_leaves_nothing_behind() {
    let (_held, path) = file("audit.log", lines(0..30_000).repeat(4));
    let started = std::time::Instant::now();
    let plain = run(&[&path, "--all-users"]);
    assert_eq!(plain.err, "");
    if started.elapsed() < std::time::Duration::from_millis(900) {
        return skipped("this machine reads the log before a bar is worth it");
    }
    let (drawn, code) = on_terminal(100, true, &[&path, "--all-users"]);
    assert_eq!(code, plain.code);
    let (bar, summary) = drawn.split_once("everybody \u{b7} ").unwrap();
    assert!(
        bar.contains(" % ") && bar.contains("iB/s, ") && bar.contains(" left"),
        "{bar:?}"
    );
    // The line is cleared, the cursor is where it was and never hidden.
    assert!(
        bar.ends_with("\r\u{1b}[2K") && !bar.contains("\u{1b}[?25l"),
        "{bar:?}"
    );
    assert!(
        !summary.contains('\u{1b}') && !summary.contains('%'),
        "{summary}"
    );
    let (drawn, _) = on_terminal(100, true, &[&path, "--all-users", "-q"]);
    assert!(!drawn.contains('%') && !drawn.contains('\u{1b}'), "{drawn}");
}
