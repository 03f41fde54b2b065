//! A call by Ansible: the commands that answer it, and their documents as one reply.
//!
//! Each command is this very program, run once more: what a play does is what a person does who types
//! the command, and the reply is written whatever becomes of it.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::own::{self, Ended};
use super::returned::{brief, count, findings, list, part, said, warn_without_root, warnings};
use super::taken_back::Committed;
use crate::ansible::{Call, Given, Options, Reply, State, given, of_changes};
use crate::failure::{Exit, Failure};
use crate::report;
use crate::report::style::{err, out};
use crate::transaction::Interrupt;

/// Answers the call that the file holds; a file that holds none is wrong usage.
pub fn answer(path: &Path) -> ExitCode {
    let reply = match given(path) {
        Given::Other(why) => {
            let failure = Failure::usage(format!(
                "{} is neither a command nor a file of arguments from Ansible: {why}",
                path.display()
            ))
            .help("tighten --help lists the commands");
            err(&format!("{}\n", report::printable(&failure.to_string())));
            return Exit::Usage.into();
        }
        Given::Broken(why) => Reply::refused(
            format!("{}: {why}; nothing was done", path.display()),
            Exit::Usage as i32,
        ),
        Given::Call(call) => {
            say_if_it_panics();
            carry_out(&call)
        }
    };
    print(&reply);
    if reply.failed {
        Exit::Refused
    } else {
        Exit::Done
    }
    .into()
}

fn print(reply: &Reply) {
    // A reply is made of texts and numbers, which always can be written.
    let text = serde_json::to_string(reply)
        .unwrap_or_else(|_| r#"{"failed":true,"changed":true,"msg":"no reply","rc":4}"#.into());
    out(&format!("{text}\n"));
}

/// A fault of our own is answered like any other failure; where it is, and nothing that it is about.
fn say_if_it_panics() {
    std::panic::set_hook(Box::new(|fault| {
        let place = fault
            .location()
            .map_or(String::new(), |at| format!(" at {at}"));
        let mut reply = Reply::refused(
            format!("tighten met a fault of its own{place}; tighten history says what was done"),
            Exit::Incomplete as i32,
        );
        reply.changed = true;
        print(&reply);
    }));
}

fn carry_out(call: &Call) -> Reply {
    let home = std::env::var("HOME").ok();
    let options = match Options::of(call, home) {
        Ok(options) => options,
        Err(why) => return Reply::refused(why, Exit::Usage as i32),
    };
    let mut reply = commands(call, &options).unwrap_or_else(|failure| {
        let mut reply = Reply::refused(Reply::sentence(&failure), failure.exit as i32);
        // What was cut off in the middle may have changed something.
        reply.changed = failure.exit == Exit::Incomplete && !call.check_mode;
        reply
    });
    reply.with("invocation", options.invocation.clone());
    reply
}

fn commands(call: &Call, options: &Options) -> Result<Reply, Failure> {
    let runner = Runner {
        options,
        interrupt: Interrupt::hold_to_the_end()?,
        check_mode: call.check_mode,
    };
    match options.state {
        State::Present => runner.present(),
        State::Planned => runner.planned(),
        State::Scanned => runner.scanned(),
        State::RolledBack => runner.rolled_back(),
    }
}

struct Runner<'a> {
    options: &'a Options,
    interrupt: Interrupt,
    check_mode: bool,
}

impl Runner<'_> {
    /// Runs one command with the options for every command.
    fn run(&self, command: &[&str]) -> Result<Ended, Failure> {
        let mut arguments = self.options.global.clone();
        arguments.extend(["--format=json".into(), "--quiet".into()]);
        arguments.extend(command.iter().map(ToString::to_string));
        own::run(&arguments, &self.interrupt)
    }

    /// The flags of a command that changes the node, or would.
    fn changing(&self) -> Vec<&str> {
        let go = if self.check_mode {
            "--dry-run"
        } else {
            "--yes"
        };
        let mut flags = vec![go];
        flags.extend(self.options.waiting.iter().map(String::as_str));
        if !self.options.effects {
            flags.push("--no-effects");
        }
        flags
    }

    fn present(&self) -> Result<Reply, Failure> {
        let mut command = vec!["apply"];
        command.extend(self.changing());
        if let Some(plan) = &self.options.plan {
            command.extend(["--", plan]);
        }
        let ended = self.run(&command)?;
        let mut reply = changed(&ended, "apply");
        reply.with_diff(&of_changes(part(&ended.document, "changes")));
        self.add_findings(&mut reply);
        Ok(reply)
    }

    fn planned(&self) -> Result<Reply, Failure> {
        let save = self.options.plan.as_deref().filter(|_| !self.check_mode);
        let before = save.map(contents);
        let mut command = vec!["plan"];
        let out = save.map(|path| format!("--out={path}"));
        command.extend(out.as_deref());
        let ended = self.run(&command)?;
        let mut reply = base(&ended);
        let changes = part(&ended.document, "changes");
        reply.changed = !reply.failed && before != save.map(contents);
        if !reply.failed {
            let saved = save.map_or(String::new(), |path| format!("; saved to {path}"));
            let count = count(changes, "change", "changes");
            reply.msg = report::printable(&format!("{count} would be made{saved}"));
        }
        reply.with_diff(&of_changes(changes));
        let effects = part(&ended.document, "effects").as_array();
        let effect = |effect: &Value| {
            json!({
                "kind": part(effect, "kind"),
                "target": part(effect, "target"),
                "outcome": "planned",
                "detail": part(effect, "because"),
            })
        };
        let effects: Vec<Value> = effects.into_iter().flatten().map(effect).collect();
        reply.with("changes", brief(changes, "planned"));
        reply.with("effects", effects);
        reply.with("manual", list(part(&ended.document, "manual")));
        warn_without_root(&mut reply, part(&ended.document, "manual"));
        reply.with("waived", list(part(&ended.document, "waived")));
        reply.with("transaction", Value::Null);
        warnings(&mut reply, &ended);
        self.add_findings(&mut reply);
        Ok(reply)
    }

    fn scanned(&self) -> Result<Reply, Failure> {
        let fail_on = format!("--fail-on={}", self.options.fail_on);
        let ended = self.run(&["scan", &fail_on])?;
        let mut reply = base(&ended);
        let told = &ended.document;
        if part(told, "verdicts").is_array() {
            let summary = part(told, "summary");
            reply.msg = format!(
                "{} passed, {} failed, {} could not be judged",
                part(summary, "pass"),
                part(summary, "fail"),
                part(summary, "unknown")
            );
            if reply.failed {
                let floor = self.options.fail_on;
                reply
                    .msg
                    .push_str(&format!("; findings of severity {floor} or above remain"));
            }
            reply.with("summary", summary.clone());
            reply.with("kube_proxy", part(part(told, "node"), "kube_proxy").clone());
            reply.with("findings", findings(told));
        }
        warnings(&mut reply, &ended);
        Ok(reply)
    }

    fn rolled_back(&self) -> Result<Reply, Failure> {
        let id = match self.to_take_back()? {
            Wanted::Apply(id) => id,
            Wanted::Nothing(reply) => return Ok(*reply),
        };
        let mut command = vec!["rollback"];
        command.extend(self.changing());
        if self.options.force {
            command.push("--force");
        }
        command.extend(["--", &id]);
        let ended = self.run(&command)?;
        let mut reply = changed(&ended, "rollback");
        reply.with("rollback_of", part(&ended.document, "rollback_of").clone());
        reply.with_diff(&of_changes(part(&ended.document, "files")));
        Ok(reply)
    }

    /// The transaction that is named, or the newest apply that committed. Once it is taken back there is
    /// nothing to do, where the command without a name would take back the rollback: a task that runs
    /// twice must not do that.
    fn to_take_back(&self) -> Result<Wanted, Failure> {
        let ended = self.run(&["history"])?;
        let mut reply = base(&ended);
        if reply.failed {
            return Ok(Wanted::Nothing(Box::new(reply)));
        }
        let committed = Committed::of(&ended.document);
        let id = match &self.options.transaction {
            Some(named) => Some(named.clone()),
            None => committed.newest_apply(),
        };
        if let Some(id) = id
            && !committed.is_undone(&id)
        {
            return Ok(Wanted::Apply(id));
        }
        reply.msg = match &self.options.transaction {
            Some(named) => {
                report::printable(&format!("nothing to do: {named} is taken back already"))
            }
            None => "nothing to do: no apply committed here that is not taken back already".into(),
        };
        reply.with("transaction", Value::Null);
        reply.with_diff(&[]);
        Ok(Wanted::Nothing(Box::new(reply)))
    }

    /// What the node fails now. It is told beside what was done, and where it cannot be told that is no
    /// reason to fail.
    fn add_findings(&self, reply: &mut Reply) {
        if reply.failed {
            return;
        }
        match self.run(&["scan", "--fail-on=none"]) {
            Ok(ended) if part(&ended.document, "verdicts").is_array() => {
                reply.with("findings", findings(&ended.document));
            }
            Ok(ended) => reply.warn(&format!("what remains cannot be told: {}", said(&ended))),
            Err(failure) => reply.warn(&format!("what remains cannot be told: {failure}")),
        }
    }
}

enum Wanted {
    /// The transaction that is to be taken back.
    Apply(String),
    /// There is nothing to take back, or it cannot be told.
    Nothing(Box<Reply>),
}

/// What every reply has: whether the command did its work, and what it says of a failure.
fn base(ended: &Ended) -> Reply {
    let failed = ended.code != 0;
    Reply {
        failed,
        msg: if failed { said(ended) } else { String::new() },
        rc: ended.code,
        ..Reply::default()
    }
}

/// The reply of a command that changes the node, or would.
fn changed(ended: &Ended, command: &str) -> Reply {
    let mut reply = base(ended);
    let told = &ended.document;
    let outcome = part(told, "outcome").as_str().unwrap_or("refused");
    // Not everything came back: what is changed is changed.
    reply.changed = matches!(outcome, "applied" | "planned" | "incomplete");
    let transaction = part(told, "transaction").as_str();
    if !reply.failed {
        let count = count(part(told, "changes"), "change", "changes");
        reply.msg = match (outcome, command, transaction) {
            ("planned", "apply", _) => format!("{count} would be made"),
            ("planned", ..) => format!("{count} would be taken back"),
            ("applied", "apply", Some(id)) => format!("{count} in transaction {id}"),
            ("applied", _, Some(id)) => format!("{count} taken back, in transaction {id}"),
            _ => "nothing to do".into(),
        };
    }
    reply.with("transaction", transaction);
    reply.with("changes", brief(part(told, "changes"), outcome));
    reply.with("effects", list(part(told, "effects")));
    if command == "apply" {
        reply.with("manual", list(part(told, "manual")));
        warn_without_root(&mut reply, part(told, "manual"));
        reply.with("waived", list(part(told, "waived")));
    }
    warnings(&mut reply, ended);
    reply
}

/// A file of this machine, to be compared; what cannot be read is as if it was not there.
fn contents(path: &str) -> Option<Vec<u8>> {
    std::fs::read(path).ok()
}
