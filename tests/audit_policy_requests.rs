//! `tighten audit-policy --requests`: lines of JSON in, lines of JSON out.

// A test that cannot go on should stop there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::process::Stdio;

use serde_json::{Value, json};
use support::audit::{answers, ask, feed, node};
use support::{Node, Ran};

#[test]
fn answers_lines_in_their_order_and_passes_over_what_a_recording_answered() {
    let ran = feed(
        &node(),
        concat!(
            r#"{"User":"x","Groups":["ops"],"Verb":"get","APIGroup":"","Resource":"pods","Subresource":"","Namespace":"","Name":"","level":"None","omitStages":[]}"#,
            "\n\n",
            r#"{"User":"x","Groups":null,"Verb":"get","Path":"/healthz"}"#,
            "\r\n",
            r#"{"User":"x","Verb":"get","Path":"/version"}"#,
        ),
    );
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(
        answers(&ran),
        [
            json!({"level": "Metadata", "omitStages": ["Panic"], "rule": 2, "line": 18}),
            json!({"level": "None", "omitStages": ["Panic"], "rule": 0, "line": 6}),
            json!({"level": "None", "omitStages": ["Panic"], "rule": null, "line": null}),
        ]
    );
}

#[test]
fn answers_every_recorded_request_of_a_policy_through_a_file() {
    let vectors = include_str!("vectors/audit-policy.jsonl");
    let node = Node::empty();
    let requests = node.outside().join("requests.jsonl");
    // Each run starts a process; the test of the vectors does them all.
    for line in vectors.lines().step_by(40) {
        let vector: Value = serde_json::from_str(line).unwrap();
        node.write("/p.yaml", vector["policy"].as_str().unwrap());
        let recorded = vector["requests"].as_array().cloned().unwrap_or_default();
        let lines: Vec<String> = recorded.iter().map(Value::to_string).collect();
        std::fs::write(&requests, lines.join("\n")).unwrap();
        let ran = ask(&node, &["--requests", requests.to_str().unwrap()]);
        let answered = answers(&ran);
        if vector["valid"] == false {
            assert_eq!((ran.code, answered.len()), (1, 1));
            assert!(answered[0]["error"]["message"].is_string(), "{ran:?}");
            continue;
        }
        assert_eq!((ran.code, answered.len()), (0, recorded.len()), "{ran:?}");
        for (answer, recorded) in answered.iter().zip(&recorded) {
            assert_eq!(answer["level"], recorded["level"], "{recorded}");
        }
    }
}

#[test]
fn a_malformed_line_is_named_after_the_answers_before_it() {
    for (bad, why) in [
        ("{", "EOF while parsing an object (column 1)"),
        (
            r#"{"User":"x","Verb":"get","Resource":"pods","Namspace":"y"}"#,
            "unknown field `Namspace`, expected one of `User`, `Groups`, `Verb`, `APIGroup`, `Resource`, `Subresource`, `Namespace`, `Name`, `Path`, `level`, `omitStages` (column 53)",
        ),
        (
            r#"{"User":"x","Verb":"get"}"#,
            "it has neither Resource nor Path",
        ),
    ] {
        let good = r#"{"User":"x","Verb":"get","Path":"/"}"#;
        let ran = feed(&node(), &format!("{good}\n{bad}\n{good}\n"));
        assert_eq!(ran.code, 1);
        let help = "a request is a line of JSON with User, Groups, Verb, and either Path or Resource with APIGroup, Subresource, Namespace and Name";
        let message = format!("line 2 of stdin: no request: {why}");
        assert_eq!(ran.err, format!("error: {message}\nhelp: {help}\n"));
        let answered = answers(&ran);
        assert_eq!(answered.len(), 2);
        assert_eq!(answered[0]["level"], "None");
        assert_eq!(
            answered[1],
            json!({"error": {"message": message, "state": null, "help": help}})
        );
    }
}

#[test]
fn a_line_without_end_is_refused_before_it_fills_the_memory() {
    let ran = feed(&node(), &"x".repeat((1 << 20) + 1));
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.err,
        "error: line 1 of stdin: the line is longer than 1 MiB\n"
    );
}

#[test]
fn a_requests_file_that_is_none_is_refused() {
    let node = node();
    let directory = node.outside().to_str().unwrap();
    let ran = ask(&node, &["--requests", directory]);
    let message = format!("{directory}: is a directory, not a regular file");
    let help = "name a file with requests, or - for stdin";
    assert_eq!(
        (ran.code, ran.err.clone()),
        (1, format!("error: {message}\nhelp: {help}\n"))
    );
    assert_eq!(answers(&ran)[0]["error"]["message"], message);
}

#[test]
fn a_reader_that_went_away_is_no_error_and_a_full_disk_is_one() {
    let node = node();
    let requests = node.outside().join("requests.jsonl");
    let line = r#"{"User":"x","Verb":"get","Path":"/"}"#;
    std::fs::write(&requests, format!("{line}\n").repeat(5_000)).unwrap();
    let ask = |stdout: Stdio| -> Ran {
        let mut command = node.command();
        command.args(["audit-policy", "/p.yaml", "--requests"]);
        let output = command.arg(&requests).stdout(stdout).output();
        output.unwrap().into()
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = ask(writer.into());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let ran = ask(full.unwrap().into());
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.err,
        "error: the output could not be written to its end\n"
    );
}
