//! Splitting command lines that are written as text, without ever running a shell.

use std::collections::BTreeMap;

use super::shell::shell;

/// Variables that a command line may use.
pub type Variables = BTreeMap<String, String>;

/// Longest command that variables may make, in bytes; the kernel starts none that is longer.
const MAX_COMMAND: usize = 2 << 20;

pub(super) fn short_enough(size: usize) -> Result<(), String> {
    if size <= MAX_COMMAND {
        return Ok(());
    }
    Err("more than a command line can hold".into())
}

/// The arguments that a command gives to a program: behind the program's own name, behind `hyperkube`,
/// or inside `sh -c "..."`. `None` for a command that does not run it: a word alone, as in
/// `systemctl restart kube-proxy` or `tar /var/lib/kube-proxy`, is no proof that it does.
pub fn arguments(command: &[String], variables: &Variables, program: &str) -> Option<Found> {
    let found = |words: &[String], problem: Option<String>| {
        let (before, behind) = words.split_at_checked(behind(words, program)?)?;
        Some(Found {
            words: behind.to_vec(),
            problem,
            container: one_of(before, CONTAINERS),
            changes_user: one_of(before, CHANGE_USER),
        })
    };
    if let Some(found) = found(command, None) {
        return Some(found);
    }
    let script = command.iter().skip_while(|word| !is_script(word)).nth(1)?;
    match shell(script, variables) {
        Ok(commands) => commands.iter().find_map(|words| found(words, None)),
        Err(problem) => {
            // Only as far as its lines: a `|` may stand within the substitution that is not read.
            let joined = script.replace("\\\n", " ");
            joined.lines().find_map(|line| {
                let words: Vec<String> = line.split_whitespace().map(String::from).collect();
                found(&words, Some(problem.clone()))
            })
        }
    }
}

/// A program's arguments in a command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Without the program's name.
    pub words: Vec<String>,
    /// Why they could not be read to their end.
    pub problem: Option<String>,
    /// What stands before it and gives it another file system: `docker`, `chroot`.
    pub container: Option<&'static str>,
    /// What stands before it and starts it as another user: `setpriv`, `runuser`.
    pub changes_user: Option<&'static str>,
}

/// Programs that start another one as another user.
const CHANGE_USER: &[&str] = &[
    "setpriv",
    "runuser",
    "sudo",
    "su",
    "gosu",
    "su-exec",
    "chpst",
    "setuidgid",
    "capsh",
];

/// Programs that start another one in a file system of its own.
const CONTAINERS: &[&str] = &[
    "docker",
    "podman",
    "nerdctl",
    "ctr",
    "crictl",
    "runc",
    "crun",
    "rkt",
    "chroot",
    "nsenter",
    "unshare",
    "bwrap",
    "systemd-nspawn",
];

/// Programs that start the one that they name, in the node's own files and as the same user.
const STARTERS: &[&str] = &[
    "busybox",
    "catatonit",
    "chrt",
    "command",
    "dumb-init",
    "env",
    "faketime",
    "flock",
    "go-runner",
    "ionice",
    "ip",
    "nice",
    "nohup",
    "numactl",
    "prlimit",
    "setarch",
    "setsid",
    "stdbuf",
    "strace",
    "systemd-cat",
    "systemd-inhibit",
    "systemd-run",
    "taskset",
    "time",
    "timeout",
    "tini",
];

/// Programs that handle the file of another program and do not start it.
const HANDLERS: &[&str] = &[
    "[",
    "chattr",
    "chcon",
    "chgrp",
    "chmod",
    "chown",
    "cp",
    "echo",
    "install",
    "ln",
    "logger",
    "ls",
    "mv",
    "printf",
    "rm",
    "rsync",
    "setcap",
    "sha256sum",
    "stat",
    "tar",
    "test",
    "touch",
];

/// Flags of go-runner, which starts components of Kubernetes, that take no value.
const SWITCHES: &[&str] = &["--also-stdout", "--redirect-stderr"];

/// The first of these programs that a command names.
fn one_of(words: &[String], programs: &[&'static str]) -> Option<&'static str> {
    words.iter().find_map(|word| {
        let name = word.rsplit('/').next()?;
        programs.iter().copied().find(|known| *known == name)
    })
}

/// A shell's `-c`, also `-ec` and the like: the next word is a script, and those behind it are its own.
pub fn is_script(word: &str) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.ends_with('c') && word.len() < 5
}

/// Where the arguments of a program begin in a command that starts it by itself, without a script.
pub fn behind(words: &[String], program: &str) -> Option<usize> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    (0..words.len()).find_map(|at| {
        let mut name = word(at).rsplit('/').next().unwrap_or_default();
        // An image whose entry point is the program: registry/kube-proxy:v1.36.2.
        let contained = words
            .get(..at)
            .is_some_and(|before| one_of(before, CONTAINERS).is_some());
        let image = contained && !word(at).starts_with('/') && name.contains([':', '@']);
        if image {
            name = name.split([':', '@']).next().unwrap_or_default();
        }
        let next = word(at + 1);
        if name == "hyperkube" && (next == program || program.strip_prefix("kube-") == Some(next)) {
            return Some(at + 2);
        }
        if name != program || word(at).starts_with('-') {
            return None;
        }
        let Some(before) = at.checked_sub(1).map(word) else {
            return Some(1);
        };
        if is_script(before) {
            return None;
        }
        let is_value = before.starts_with("--")
            && before.len() > 2
            && !before.contains('=')
            && !SWITCHES.contains(&before);
        let named = words.get(..at).unwrap_or_default();
        let starter =
            contained || one_of(named, STARTERS).is_some() || one_of(named, CHANGE_USER).is_some();
        let started = matches!(before, "env" | "--")
            || (before == "exec" && !contained)
            || (next.starts_with('-')
                && (starter || begins(before) || is_wrapped(named, word(at))));
        (started && (image || !is_value)).then_some(at + 1)
    })
}

/// True for what may stand before the first word of a command of a shell.
fn begins(word: &str) -> bool {
    let assigns = word.split_once('=').is_some_and(|(name, _)| is_name(name));
    assigns
        || word.ends_with(';')
        || matches!(
            word,
            "&&" | "||" | "|" | "&" | "!" | "(" | "{" | "then" | "else" | "do" | "if"
        )
}

/// True behind somebody's own program that may start it: a script, or one that is given its full path, as
/// in `/entry /usr/local/bin/kube-proxy --v=2`. A name alone proves nothing: `journalctl -u kube-proxy -f`.
fn is_wrapped(before: &[String], program: &str) -> bool {
    let script = before.iter().any(|word| word.ends_with(".sh"));
    script || (program.starts_with('/') && one_of(before, HANDLERS).is_none())
}

/// Splits a line into words as systemd does for `ExecStart=`: quotes, C-like escapes, `${X}` inside
/// a word, `$X` as a word of its own that is split at white space, `$$` and `%%` for the signs themselves.
/// Without variables a dollar sign is a plain one.
///
/// # Errors
/// For an unclosed quote, for an escape that is not read here (`\x41`), and for a specifier (`%H`) whose
/// value only systemd knows.
pub fn systemd(
    line: &str,
    variables: Option<&Variables>,
    unit: &str,
) -> Result<Vec<String>, String> {
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            // Between single quotes systemd reads them too, and `quoted` does not.
            (Some('\''), '\\') => return Err(ESCAPE.into()),
            (_, '\\') => {
                let known = matches!(letters.next(), Some('\\' | '"' | 'n' | 't'));
                if !known {
                    return Err(ESCAPE.into());
                }
            }
            _ => {}
        }
    }
    let mut words = Vec::new();
    let mut size = 0;
    for word in quoted(line)? {
        // Before the variables, in whose values a % is a plain sign.
        let word = specifiers(&word, unit)?;
        let Some(variables) = variables else {
            words.push(word);
            continue;
        };
        let value = |name: &str| variables.get(name).map_or("", String::as_str);
        if let Some(name) = word.strip_prefix('$').filter(|name| is_name(name)) {
            size += value(name).len();
            short_enough(size)?;
            words.extend(quoted(value(name))?);
        } else {
            let filled = filled(&word, ('{', '}'), |name| Some(value(name)))?;
            size += filled.len();
            short_enough(size)?;
            words.push(filled);
        }
    }
    Ok(words)
}

const ESCAPE: &str = "an escape sequence that is not read here";

/// Splits at white space outside quotes and takes the quotes off.
///
/// # Errors
/// For an unclosed quote.
pub fn quoted(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            (None | Some('"'), '\\') => {
                let escaped = match letters.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some(other) => other,
                    None => '\\',
                };
                word.get_or_insert_default().push(escaped);
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err("an unclosed quote".into());
    }
    words.extend(word);
    Ok(words)
}

pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Fills in `${X}` or `$(X)`, by the brackets; `$$` is a dollar sign. What `value` does not know stays.
///
/// # Errors
/// When the result is longer than a command can be.
pub fn filled<'a>(
    word: &str,
    (open, close): (char, char),
    value: impl Fn(&str) -> Option<&'a str>,
) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        let end =
            |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && !"_.-".contains(c));
        let named = behind
            .strip_prefix(open)
            .and_then(|text| text.split_at_checked(end(text)?))
            .and_then(|(name, after)| Some((value(name)?, after.strip_prefix(close)?)));
        match named {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push('$');
                rest = behind.strip_prefix('$').unwrap_or(behind);
            }
        }
        short_enough(out.len())?;
    }
    out.push_str(rest);
    Ok(out)
}

/// Fills in the specifiers that tell of the unit's name (systemd.unit(5)).
///
/// # Errors
/// For one whose value only systemd knows.
pub fn specifiers(word: &str, unit: &str) -> Result<String, String> {
    let name = unit.rsplit_once('.').map_or(unit, |(name, _)| name);
    let (prefix, instance) = name.split_once('@').unwrap_or((name, ""));
    let mut out = String::new();
    let mut letters = word.chars();
    while let Some(letter) = letters.next() {
        match (letter == '%').then(|| letters.next()) {
            None => out.push(letter),
            Some(None | Some('%')) => out.push('%'),
            Some(Some('n')) => out.push_str(unit),
            Some(Some('N')) => out.push_str(name),
            Some(Some('p')) => out.push_str(prefix),
            Some(Some('i')) => out.push_str(instance),
            Some(Some(other)) => {
                return Err(format!(
                    "the specifier %{other}, which only systemd can fill in"
                ));
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
