//! What a container of kube-proxy's pod starts, as far as its words tell.

use super::pod_mounts::{Mount, over};
use super::workload::{text, texts};
use crate::discover::words::{Variables, behind, is_script};
use crate::discover::{flags, pod, shell};
use crate::root::NodePath;
use crate::yaml::Node;

const PROGRAM: &str = "kube-proxy";

/// Programs that start nothing but the one that they name. Any other may do anything before.
const FIRST: &[&str] = &[PROGRAM, "hyperkube", "go-runner", "tini", "dumb-init"];

/// The words that start a container. What is no text is left out.
fn words(container: &Node) -> Vec<String> {
    let lists = ["command", "args"].map(|key| container.get(key));
    let words = lists.into_iter().flat_map(texts);
    words.map(String::from).collect()
}

/// The script among the words, where a shell starts what runs.
fn script(words: &[String]) -> Option<&str> {
    let at = words.iter().position(|word| is_script(word))?;
    let direct = behind(words, PROGRAM).is_some_and(|behind| behind <= at);
    let script = words.get(at + 1).filter(|_| !direct)?;
    Some(script.as_str())
}

/// The last part of a path.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Whether kube-proxy is all that these words start.
fn starts_alone(words: &[String]) -> bool {
    let first = words.first().map_or("", |word| name(word));
    let Some(script) = script(words) else {
        return FIRST.contains(&first);
    };
    let commands = shell::shell(script, &Variables::new());
    let Ok([command]) = commands.as_deref() else {
        return false;
    };
    let mut command = command.iter().skip_while(|word| *word == "exec");
    let started = command.next().map_or("", |word| name(word));
    first.ends_with("sh") && FIRST.contains(&started)
}

/// True for a container that only does what kube-proxy needs a privileged one for, and ends: it starts
/// kube-proxy and nothing else, with `--init-only`, and is not started again. Who hides another program behind
/// these words can hide it in the image as well.
pub fn is_init_only(container: &Node, spec: &Node, file: &NodePath) -> bool {
    if text(container, "restartPolicy") == Some("Always") || !starts_alone(&words(container)) {
        return false;
    }
    let Some(started) = pod::in_container(container, spec, file, PROGRAM) else {
        return false;
    };
    let given = flags::parse(&started.arguments, &started.origin);
    let value = flags::last(&given, "init-only").map(|flag| flag.value.as_deref());
    let on = |value: &str| matches!(value, "true" | "True" | "TRUE" | "t" | "T" | "1");
    started.problem.is_none() && value.is_some_and(|value| value.is_none_or(on))
}

/// Whether a flag behind all words of a container would be kube-proxy's.
///
/// # Errors
/// Why it would not.
pub fn takes_flag(container: &Node) -> Result<(), &'static str> {
    let words = words(container);
    let at = match behind(&words, PROGRAM) {
        Some(at) if script(&words).is_none() => at,
        _ if words.iter().any(|word| is_script(word)) => return Err("a shell starts it"),
        _ => return Err("where its words begin is not known"),
    };
    let mut own = words.iter().skip(at);
    match own.any(|word| word == "--") {
        true => Err("-- ends its flags"),
        false => Ok(()),
    }
}

/// Whether what starts kube-proxy writes no file, such as its log, but into mounts.
///
/// # Errors
/// What it writes, or that this is not known.
pub fn writes_mounts_alone(container: &Node, mounts: &[Mount]) -> Result<(), String> {
    let words = words(container);
    let files = match script(&words) {
        None => logs(words.get(..behind(&words, PROGRAM).unwrap_or(0))),
        Some(script) => {
            match shell::shell(script, &Variables::new()).as_deref() {
                Ok([_]) => {}
                _ => return Err("what else its script writes is not known".into()),
            }
            let words: Vec<String> = script.split_whitespace().map(String::from).collect();
            let mut files = logs(words.get(..behind(&words, PROGRAM).unwrap_or(0)));
            files.extend(targets(script));
            files
        }
    };
    let covered = |file: &&String| over(mounts, file).is_some_and(|mount| mount.writable);
    match files.iter().find(|file| !covered(file)) {
        Some(file) => Err(format!(
            "what starts it writes {file}, which is in no writable mount: mount it first"
        )),
        None => Ok(()),
    }
}

/// The files that a starter, such as go-runner, is told to write the log into.
fn logs(before: Option<&[String]>) -> Vec<String> {
    let before = before.unwrap_or_default().iter();
    let values = before.clone().skip(1).map(Some).chain([None]);
    let logs = before.zip(values).filter_map(|(word, next)| {
        let flag = word.strip_prefix('-')?.trim_start_matches('-');
        match flag.split_once('=') {
            Some(("log-file" | "log_file", file)) => Some(file.to_owned()),
            None if matches!(flag, "log-file" | "log_file") => next.cloned(),
            _ => None,
        }
    });
    logs.collect()
}

/// The files that redirections of a script name. A sign between quotes counts as well: then a person looks.
fn targets(script: &str) -> Vec<String> {
    let behind = script.split('>').skip(1);
    let targets = behind.filter_map(|rest| {
        let rest = rest.trim_start_matches(['&', '|']).trim_start();
        let target = rest.split([' ', '\t', '\n', ';', '&', '|', '<']).next()?;
        let target = target.trim_matches(['"', '\'']);
        let is_handle = target == "-" || target.bytes().all(|byte| byte.is_ascii_digit());
        (!is_handle && !target.starts_with("/dev/")).then(|| target.to_owned())
    });
    targets.collect()
}
