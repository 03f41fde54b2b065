//! Logs that clients, crashes or attackers have made strange: none makes `tighten audit` fail, hang or
//! send to a terminal what a client said.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use serde_json::{Value, json};
use support::logged::{IDENTITIES, audit, broken, document, event, file, lines, run};
use support::watched::{Watched, watched};

/// Runs it on one file, in time.
fn on(path: &str, arguments: &[&str]) -> Watched {
    let ran = watched(audit(&[path]).args(arguments));
    assert!(!ran.late, "{ran:?}");
    ran
}

/// What it counts of these bytes: events, and why lines are none.
fn counted(bytes: &[u8]) -> (u64, Value) {
    let (_held, path) = file("audit.log", bytes);
    let found = document(&run(&[&path, "--format=json"]));
    let thorough = document(&run(&[&path, "--format=json", "--thorough"]));
    assert_eq!(thorough, found);
    (
        found["events"].as_u64().unwrap(),
        found["unreadable"]["reasons"].clone(),
    )
}

#[test]
fn no_field_of_an_event_reaches_the_terminal_as_it_is() {
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\r\n\t\u{0}\u{8}\u{7f}\u{2028}\u{feff}";
    let mut everywhere = event(0);
    everywhere["verb"] = json!(evil);
    everywhere["auditID"] = json!(evil);
    everywhere["sourceIPs"] = json!([evil]);
    everywhere["userAgent"] = json!(evil);
    everywhere["requestURI"] = json!(evil);
    everywhere["user"]["groups"] = json!([evil]);
    everywhere["user"]["extra"] = json!({
        "authentication.kubernetes.io/credential-id": [evil],
        "authentication.kubernetes.io/node-name": [evil],
    });
    everywhere["objectRef"] = json!({
        "resource": evil, "namespace": evil, "name": evil, "apiGroup": evil, "subresource": evil,
    });
    everywhere["annotations"] = json!({"authorization.k8s.io/reason": evil});
    let mut path = event(1);
    path["objectRef"] = Value::Null;
    path["requestURI"] = json!(format!("/{evil}"));
    path["impersonatedUser"] = json!({"username": evil});
    let mut other = event(2);
    other["user"]["username"] = json!(evil);
    other["impersonatedUser"] = json!({"username": IDENTITIES[0]});
    // Control characters have to be escaped in JSON; those of Unicode may stand as they are.
    let log = format!("{everywhere}\n{path}\n{other}\nno {evil} event\n");
    // No argument holds a NUL byte.
    let given = evil.replace('\0', "");
    let given = given.as_str();
    let (_held, log) = file("audit\u{1b}[2J\n.log", log);
    for arguments in [
        &[][..],
        &["-v"],
        &["--all-users", "-v"],
        &["--user", given],
        &["--group", given],
    ] {
        let ran = run(&[&[log.as_str(), "--color=never"], arguments].concat());
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        for text in [&ran.out, &ran.err] {
            let bad = text.chars().find(|c| {
                (c.is_control() && *c != '\n')
                    || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
            });
            assert_eq!(bad, None, "{arguments:?}: {text}");
        }
        // Nor does a line feed make a line of its own.
        assert!(
            !ran.out
                .lines()
                .any(|line| line.starts_with("\t") || line.starts_with(".log")),
            "{}",
            ran.out
        );
    }
    // In JSON it is what it is.
    let found = document(&run(&[&log, "--format=json"]));
    let agents = found["by"]["user_agent"].as_array().unwrap();
    assert!(
        agents.iter().any(|agent| agent["name"] == evil),
        "{agents:?}"
    );
}

#[test]
fn lines_of_ten_megabytes_are_read_like_others() {
    let body = "a".repeat(10_000_000);
    let whole = event(0).to_string();
    let (start, rest) = whole.split_at(1);
    // What is asked for stands before or behind what is long.
    for long in [
        format!(
            "{}{rest}",
            format_args!("{start}\"requestObject\":{{\"a\":\"{body}\"}},")
        ),
        format!(
            "{},\"requestObject\":\"{body}\"}}",
            whole.strip_suffix('}').unwrap()
        ),
        format!("{}{whole}", " ".repeat(10_000_000)),
    ] {
        let (_held, path) = file(
            "audit.log",
            format!("{}{long}\n{}", lines(1..2), lines(2..3)),
        );
        let ran = on(&path, &["--format=json"]);
        let found = document(&ran.ran);
        assert_eq!(
            (
                ran.ran.code,
                found["events"].as_u64(),
                found["lines"].as_u64()
            ),
            (0, Some(3), Some(3))
        );
    }
}

#[test]
fn what_is_no_event_is_counted_with_its_reason_and_the_rest_is_read() {
    let one = event(0).to_string();
    let two = event(1).to_string();
    let open = one.strip_suffix('}').unwrap();
    let cut = one.get(..one.len() - 10).unwrap();
    let deep = format!(
        "{},\"requestObject\":{}{}}}",
        open,
        "[".repeat(2000),
        "]".repeat(2000)
    );
    let fine = format!(
        "{},\"requestObject\":{}{}}}",
        open,
        "[".repeat(1000),
        "]".repeat(1000)
    );
    let cases: [(&str, Vec<u8>, u64, Value); 10] = [
        (
            "NUL bytes between lines",
            [&[0; 1000], &b"\n"[..], one.as_bytes(), b"\n"].concat(),
            1,
            json!({"not JSON": 1}),
        ),
        (
            "NUL bytes in a line",
            format!("{}\n{two}\n", one.replace("kube-proxy/", "kube\0proxy/")).into_bytes(),
            1,
            json!({"not JSON": 1}),
        ),
        (
            "CRLF",
            format!("{one}\r\n{two}\r\n").into_bytes(),
            2,
            json!({}),
        ),
        (
            "blank lines",
            format!("\n\n{one}\n  \n\r\n{two}\n\n").into_bytes(),
            2,
            json!({}),
        ),
        (
            "a byte order mark",
            format!("\u{feff}{one}\n{two}\n").into_bytes(),
            1,
            json!({"not JSON": 1}),
        ),
        (
            "text that is no UTF-8",
            [
                one.replace("v1.36.2", "X").as_bytes(),
                b"\n",
                &two.replace("v1.36.2", "@")
                    .bytes()
                    .map(|byte| if byte == b'@' { 0xff } else { byte })
                    .collect::<Vec<u8>>(),
                b"\n",
            ]
            .concat(),
            2,
            json!({}),
        ),
        (
            "deep nesting",
            format!("{deep}\n{fine}\n").into_bytes(),
            1,
            json!({"nested more than 1,024 levels deep": 1}),
        ),
        (
            "a line cut off in the middle",
            format!("{cut}\n{two}\n").into_bytes(),
            1,
            json!({"cut off in the middle": 1}),
        ),
        (
            "two events in one line",
            format!("{one}{two}\n{one}\n").into_bytes(),
            1,
            json!({"not JSON": 1}),
        ),
        (
            "other JSON",
            format!("[]\n1\n{{}}\nnull\n{one}\n").into_bytes(),
            1,
            json!({"JSON, but no audit event": 4}),
        ),
    ];
    for (what, bytes, events, reasons) in cases {
        assert_eq!(counted(&bytes), (events, reasons), "{what}");
    }
}

#[test]
fn times_may_be_of_any_year_and_none_is_made_up() {
    let at = |time: &str| {
        let mut event = event(0);
        event["auditID"] = json!(time);
        event["stageTimestamp"] = json!(time);
        event["requestReceivedTimestamp"] = json!(time);
        format!("{event}\n")
    };
    let text = at("1970-01-01T00:00:00Z")
        + &at("9999-12-31T23:59:59.999999Z")
        + &at("2026-11-23T16:14:48Z");
    let (_held, path) = file("audit.log", &text);
    let ran = on(&path, &["--format=json"]);
    let found = document(&ran.ran);
    assert_eq!(found["first_seen"], "1970-01-01T00:00:00.000000Z");
    assert_eq!(found["last_seen"], "9999-12-31T23:59:59.999999Z");
    let counts = found["over_time"]["requests"].as_array().unwrap();
    assert_eq!(
        counts
            .iter()
            .map(|count| count.as_u64().unwrap())
            .sum::<u64>(),
        3
    );
    assert_eq!(on(&path, &[]).ran.code, 0);
    let wrong = [
        "nonsense",
        "2026-02-30T00:00:00Z",
        "0000-00-00T00:00:00Z",
        "2026-11-23T25:00:00Z",
        "10000-01-01T00:00:00Z",
    ];
    let text: String = wrong.iter().map(|time| at(time)).collect();
    let reasons = json!({"a field of another type than the API server writes": wrong.len()});
    assert_eq!(counted(text.as_bytes()), (0, reasons));
}

#[test]
fn audit_ids_may_be_huge_or_the_same() {
    let mut huge = event(0);
    huge["auditID"] = json!("i".repeat(1_000_000));
    huge["verb"] = json!("delete");
    let (_held, path) = file("audit.log", format!("{huge}\n"));
    let ran = on(&path, &[]);
    assert_eq!(ran.ran.code, 2);
    assert!(ran.ran.out.len() < 10_000, "{} bytes", ran.ran.out.len());
    // The id of a request that has ended may come again: it is another request.
    let mut same = String::new();
    for second in 0..5 {
        let mut event = event(second);
        event["auditID"] = json!("same");
        same += &format!("{event}\n");
    }
    let (_held, path) = file("audit.log", same);
    let found = document(&run(&[&path, "--format=json"]));
    assert_eq!(
        (found["events"].as_u64(), found["requests"].as_u64()),
        (Some(5), Some(5))
    );
}

#[test]
fn a_half_written_last_line_is_told_and_is_nothing_unusual() {
    let text = lines(0..3);
    let whole = text.trim_end().len();
    for keep in [
        whole - 1,
        whole - 300,
        whole - event(2).to_string().len() + 1,
    ] {
        let (_held, path) = file("audit.log", &text.as_bytes()[..keep]);
        let found = document(&run(&[&path, "--format=json"]));
        assert_eq!(found["half_written"], true, "{keep}");
        assert_eq!(
            (
                found["events"].as_u64(),
                found["unreadable"]["lines"].as_u64()
            ),
            (Some(2), Some(0))
        );
    }
    // Without its line feed it is whole.
    let (_held, path) = file("audit.log", &text.as_bytes()[..whole]);
    let found = document(&run(&[&path, "--format=json"]));
    assert_eq!(
        (found["events"].as_u64(), &found["half_written"]),
        (Some(3), &json!(false))
    );
}

#[test]
fn a_log_in_the_legacy_format_gets_a_word_that_helps() {
    let legacy = "2026-11-23T16:14:48.169121Z AUDIT: id=\"613080b1\" stage=\"ResponseComplete\" ip=\"127.0.0.1\" method=\"list\" user=\"system:kube-proxy\" groups=\"\\\"system:authenticated\\\"\" as=\"<self>\" asgroups=\"<lookup>\" user-agent=\"kube-proxy/v1.36.2\" namespace=\"<none>\" uri=\"/api/v1/services\" response=\"200\"\n";
    let help = "the API server writes it in its legacy format, which is not read: start it with --audit-log-format=json";
    let (_held, path) = file("audit.log", legacy.repeat(5));
    let ran = run(&[&path]);
    let expected = format!(
        "5 lines could not be read: 5 not JSON\n  {path}:1 (byte 0): not JSON\n  {path}:2 (byte 283): not JSON\n  {path}:3 (byte 566): not JSON\n  and 2 more\n  {help}\n\n"
    );
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains(&expected), "{}", ran.out);
    let found = document(&run(&[&path, "--format=json"]));
    assert_eq!(found["unreadable"]["help"], help);
    // An event that speaks of it is none.
    let mut event = event(0);
    event["userAgent"] = json!("x AUDIT: id=\"1\"");
    let (_held, path) = file("audit.log", format!("{event}\nno event\n"));
    let found = document(&run(&[&path, "--format=json"]));
    assert_eq!(
        (
            &found["unreadable"]["help"],
            broken(&found).contains(&"unreadable-lines")
        ),
        (&Value::Null, true)
    );
}
