//! `tighten audit-policy`: what a policy logs of a request. Reads one policy and nothing else of the node.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::context::open_root;
use super::print_json;
use crate::auditpolicy::{Decision, Policy, Request, Target};
use crate::cli::{AskedRequest, Format, Global, machine_path};
use crate::failure::{Exit, Failure};
use crate::report;
use crate::report::style::{Pieces, Style, err, out};
use crate::root::{NodePath, Root};

/// The command's name in its documents.
const NAME: &str = "audit-policy";
/// Longest line with a request, in bytes: users, groups and paths come from outside and have no limit
/// of their own.
const MAX_LINE: u64 = 1 << 20;

/// A policy and where it stands.
struct Loaded {
    path: NodePath,
    bytes: Vec<u8>,
    policy: Policy,
}

/// Decides the one request of the command line, or one after another.
pub fn audit_policy(file: &Path, asked: &AskedRequest, global: &Global) -> Result<Exit, Failure> {
    if let Some(requests) = &asked.requests {
        return match decide_all(file, requests, global) {
            Ok(()) => Ok(Exit::Done),
            Err(failure) if failure.exit == Exit::Usage => Err(failure),
            Err(failure) => {
                err(&format!("{}\n", report::printable(&failure.to_string())));
                // A reader of lines gets a line, whatever --format says.
                out(&format!("{}\n", report::error_document(NAME, &failure)));
                Ok(failure.exit)
            }
        };
    }
    let request = request(asked)?;
    let loaded = load(file, global)?;
    let decision = loaded.policy.level_of(&request);
    match global.format() {
        Format::Json => {
            let mut body = body(&decision);
            if let Some(fields) = body.as_object_mut() {
                let unknown =
                    loaded.policy.unknown.iter().map(
                        |key| json!({"path": key.path, "line": key.line, "doubled": key.doubled}),
                    );
                fields.insert("unknown".into(), unknown.collect());
            }
            print_json(&report::document(NAME, body));
        }
        Format::Text => out(&report::decision(
            &decision,
            &request.target,
            &loaded.policy,
            (&loaded.path, &loaded.bytes),
            Style::new(global.color),
            global.verbose,
        )),
    }
    Ok(Exit::Done)
}

fn body(decision: &Decision) -> Value {
    json!({
        "level": decision.level,
        "omitStages": decision.omit_stages,
        "rule": decision.rule,
        "line": decision.line,
    })
}

/// The request of the command line, of which the parser knows that it is whole.
fn request(asked: &AskedRequest) -> Result<Request, Failure> {
    let target = match (&asked.resource, &asked.path) {
        (Some(resource), _) => {
            let mut resource = resource.clone();
            resource.namespace = asked.namespace.clone().unwrap_or_default();
            resource.name = asked.name.clone().unwrap_or_default();
            Target::Resource(resource)
        }
        (None, Some(path)) => Target::Path(path.clone()),
        (None, None) => return Err(Failure::usage("neither --resource nor --path is given")),
    };
    let given = |value: &Option<String>, name: &str| {
        value
            .clone()
            .ok_or_else(|| Failure::usage(format!("{name} is not given")))
    };
    Ok(Request {
        user: given(&asked.user, "--user")?,
        groups: asked.group.clone(),
        verb: given(&asked.verb, "--verb")?,
        target,
    })
}

fn load(file: &Path, global: &Global) -> Result<Loaded, Failure> {
    let path = global.node_path(file).ok_or_else(|| {
        Failure::usage(format!("{} cannot be a path of the node", file.display()))
    })?;
    let root = open_root(global)?;
    let bytes = root
        .open(&path)
        .and_then(|(_, opened)| opened.read())
        .map_err(|error| Failure::refused(format!("{path}: {error}")).help("name the policy"))?;
    let policy = Policy::read(&bytes).map_err(|refused| {
        let place = match refused.line {
            Some(line) => format!("{path}:{line}"),
            None => path.to_string(),
        };
        let (message, help) = if refused.unjudged {
            ("it cannot be judged", "nothing is known of what it logs")
        } else {
            (
                "the API server would not start with it",
                "mend the policy, then try again",
            )
        };
        Failure::refused(format!("{place}: {message}: {}", refused.message)).help(help)
    })?;
    if !global.quiet {
        for key in &policy.unknown {
            let warning = report::unknown_key(&path, key);
            err(&format!("warning: {}\n", report::printable(&warning)));
        }
    }
    Ok(Loaded {
        path,
        bytes,
        policy,
    })
}

/// Answers line by line, so that neither side must hold them all.
fn decide_all(file: &Path, requests: &Path, global: &Global) -> Result<(), Failure> {
    let from_stdin = requests == Path::new("-");
    let policy = load(file, global)?.policy;
    let mut lines = Lines {
        source: if from_stdin {
            Box::new(io::stdin().lock())
        } else {
            open_requests(requests)?
        },
        name: if from_stdin {
            "stdin".into()
        } else {
            requests.display().to_string()
        },
        number: 0,
    };
    let mut answers = Pieces::default();
    let ended = loop {
        let request = match lines.next_request() {
            Ok(Some(request)) => request,
            Ok(None) => break Ok(()),
            Err(failure) => break Err(failure),
        };
        let answer = report::document(NAME, body(&policy.level_of(&request)));
        // Nobody reads any more, or the end of the run says that the output was lost.
        if writeln!(answers, "{answer}").is_err() {
            break Ok(());
        }
    };
    // What is before a malformed line is answered; the closed pipe is no error here either.
    let _ = answers.flush();
    ended
}

fn open_requests(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    let shown = path.display();
    let place = machine_path(path)
        .ok_or_else(|| Failure::usage(format!("{shown} cannot be a path of this machine")))?;
    let opened = Root::live().and_then(|root| root.open(&place)?.1.reader());
    let file = opened.map_err(|error| {
        Failure::refused(format!("{shown}: {error}"))
            .help("name a file with requests, or - for stdin")
    })?;
    Ok(Box::new(io::BufReader::new(file)))
}

/// Requests, a line of JSON each.
struct Lines {
    source: Box<dyn BufRead>,
    name: String,
    number: u64,
}

impl Lines {
    fn next_request(&mut self) -> Result<Option<Request>, Failure> {
        loop {
            self.number += 1;
            let place = format!("line {} of {}", self.number, self.name);
            let refused = |why: &str| Failure::refused(format!("{place}: {why}"));
            let mut line = Vec::new();
            let read = self.source.by_ref().take(MAX_LINE + 1);
            let read = { read }.read_until(b'\n', &mut line);
            read.map_err(|error| refused(&error.to_string()).because(error))?;
            if line.is_empty() {
                return Ok(None);
            }
            if line.len() as u64 > MAX_LINE {
                return Err(refused(&format!(
                    "the line is longer than {} MiB",
                    MAX_LINE >> 20
                )));
            }
            let text = std::str::from_utf8(&line)
                .map_err(|_| refused("the line is not UTF-8").help(KEYS))?
                .trim();
            if !text.is_empty() {
                let request = Request::from_json(text)
                    .map_err(|why| refused(&format!("no request: {why}")).help(KEYS))?;
                return Ok(Some(request));
            }
        }
    }
}

/// What a line is made of.
const KEYS: &str = "a request is a line of JSON with User, Groups, Verb, and either Path or Resource with APIGroup, Subresource, Namespace and Name";
