//! Splitting command lines that are written as text, without ever running a shell.

use std::collections::BTreeMap;

/// Variables that a command line may use.
pub type Variables = BTreeMap<String, String>;

/// The arguments that a command gives to a program: behind the program's own name, behind `hyperkube`,
/// or inside `sh -c "..."`. `None` for a command that does not run it: a word alone, as in
/// `systemctl restart kube-proxy` or `tar /var/lib/kube-proxy`, is no proof that it does.
pub fn arguments(command: &[String], variables: &Variables, program: &str) -> Option<Found> {
    if let Some(start) = behind(command, program) {
        return Some(Found {
            words: command.iter().skip(start).cloned().collect(),
            problem: None,
        });
    }
    // `-c`, also `-ec` and the like.
    let is_script = |word: &String| word.starts_with('-') && word.ends_with('c') && word.len() < 5;
    let script = command.iter().skip_while(|word| !is_script(word)).nth(1)?;
    match shell(script, variables) {
        Ok(commands) => commands.into_iter().find_map(|mut words| {
            let start = behind(&words, program)?;
            Some(Found {
                words: words.split_off(start),
                problem: None,
            })
        }),
        Err(problem) => {
            let mut words: Vec<String> = script.split_whitespace().map(String::from).collect();
            let start = behind(&words, program)?;
            Some(Found {
                words: words.split_off(start),
                problem: Some(problem),
            })
        }
    }
}

/// A program's arguments in a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Without the program's name.
    pub words: Vec<String>,
    /// Why they could not be read to their end.
    pub problem: Option<String>,
}

/// Where the arguments of a program begin.
fn behind(words: &[String], program: &str) -> Option<usize> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    (0..words.len()).find_map(|at| {
        let name = word(at).rsplit('/').next().unwrap_or_default();
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
        let is_value = before.starts_with("--") && before.len() > 2 && !before.contains('=');
        let started = matches!(before, "exec" | "env" | "--") || next.starts_with('-');
        (started && !is_value).then_some(at + 1)
    })
}

/// Splits a line into words as systemd does for `ExecStart=`: quotes, C-like escapes, `${X}` inside
/// a word, `$X` as a word of its own that is split at white space, `$$` and `%%` for the signs themselves.
///
/// # Errors
/// For an unclosed quote, and for a specifier (`%i`) whose value only systemd knows.
pub fn systemd(line: &str, variables: &Variables) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    for word in quoted(line)? {
        if let Some(name) = word.strip_prefix('$').filter(|name| is_name(name)) {
            words.extend(quoted(variables.get(name).map_or("", String::as_str))?);
        } else {
            words.push(specifiers(&braces(&word, variables))?);
        }
    }
    Ok(words)
}

/// Splits the text behind `sh -c` as a shell would into its commands, and each into words: quotes,
/// variables from the given ones, redirections left out.
///
/// # Errors
/// For an unclosed quote, for substitutions, and for a variable that is not among the given ones:
/// only the shell knows what they become.
pub fn shell(line: &str, variables: &Variables) -> Result<Vec<Vec<String>>, String> {
    let mut reader = Shell::default();
    let mut quote: Option<char> = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some('\''), _) => reader.push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                reader.word.get_or_insert_default();
            }
            (_, '`') => {
                return Err("a command substitution, whose result only a shell knows".into());
            }
            (_, '\\') => reader.push(letters.next().unwrap_or('\\')),
            (_, '$') => {
                let rest: String = letters.clone().collect();
                let (name, length) = variable(&rest)?;
                letters.nth(length - 1);
                let value = variables
                    .get(name)
                    .ok_or_else(|| format!("the variable {name}, whose value is not known"))?;
                for part in value.chars() {
                    match part {
                        part if quote.is_none() && part.is_whitespace() => reader.end_word(),
                        part => reader.push(part),
                    }
                }
            }
            (Some(_), _) => reader.push(letter),
            (None, '&') if letters.peek() == Some(&'>') => {}
            (None, '\n' | ';' | '&' | '|') => reader.end_command(),
            (None, '<' | '>') => {
                reader.redirect();
                while letters
                    .next_if(|next| matches!(next, '<' | '>' | '&'))
                    .is_some()
                {}
            }
            (None, _) if letter.is_whitespace() => reader.end_word(),
            (None, _) => reader.push(letter),
        }
    }
    if quote.is_some() {
        return Err("an unclosed quote".into());
    }
    reader.end_command();
    Ok(reader.commands)
}

/// The name behind a `$`, and how many letters it takes.
fn variable(rest: &str) -> Result<(&str, usize), String> {
    let (name, around) = match rest.strip_prefix('{') {
        Some(inner) => (inner.split('}').next().unwrap_or_default(), 2),
        None => {
            let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
            (
                rest.split(|c: char| !letter(c)).next().unwrap_or_default(),
                0,
            )
        }
    };
    if is_name(name) {
        Ok((name, name.len() + around))
    } else {
        Err("a substitution, whose result only a shell knows".into())
    }
}

/// The commands of a script as far as it was read.
#[derive(Default)]
struct Shell {
    commands: Vec<Vec<String>>,
    command: Vec<String>,
    word: Option<String>,
    target: bool,
}

impl Shell {
    fn push(&mut self, letter: char) {
        self.word.get_or_insert_default().push(letter);
    }

    fn end_word(&mut self) {
        // The word behind a redirection names its file.
        if let Some(word) = self.word.take()
            && !std::mem::take(&mut self.target)
        {
            self.command.push(word);
        }
    }

    fn redirect(&mut self) {
        let is_handle = |word: &String| word.chars().all(|c| c.is_ascii_digit());
        if self.word.as_ref().is_some_and(is_handle) {
            self.word = None;
        }
        self.end_word();
        self.target = true;
    }

    fn end_command(&mut self) {
        self.end_word();
        self.target = false;
        if !self.command.is_empty() {
            self.commands.push(std::mem::take(&mut self.command));
        }
    }
}

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

/// Reads `KEY=value` lines as systemd reads an `EnvironmentFile=`.
pub fn environment_file(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\n", "");
    let mut found = Vec::new();
    for line in joined.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some((name, value)) = line.split_once('=')
            && is_name(name.trim())
        {
            found.push((name.trim().to_string(), unquote(value.trim())));
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn unquote(text: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(inner) = text
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
        {
            return inner.to_string();
        }
    }
    text.to_string()
}

fn braces(word: &str, variables: &Variables) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        let named = behind
            .strip_prefix('{')
            .and_then(|rest| rest.split_once('}'));
        match named {
            Some((name, after)) if is_name(name) => {
                out.push_str(variables.get(name).map_or("", String::as_str));
                rest = after;
            }
            _ => {
                out.push('$');
                rest = behind.strip_prefix('$').unwrap_or(behind);
            }
        }
    }
    out.push_str(rest);
    out
}

fn specifiers(word: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut letters = word.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '%') {
            (_, false) => out.push(letter),
            (_, true) => match letters.next() {
                Some('%') => out.push('%'),
                Some(other) => {
                    return Err(format!(
                        "the specifier %{other}, which only systemd can fill in"
                    ));
                }
                None => out.push('%'),
            },
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        [("ARGS", "--config=/a --v=2"), ("FILE", "/b c")]
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .into()
    }

    #[test]
    fn a_bare_variable_is_split_and_a_braced_one_is_not() {
        assert_eq!(
            systemd(
                "kube-proxy $ARGS --x=${FILE} \"a b\" 100%% $$X a$X",
                &variables()
            )
            .unwrap(),
            [
                "kube-proxy",
                "--config=/a",
                "--v=2",
                "--x=/b c",
                "a b",
                "100%",
                "$X",
                "a$X"
            ]
        );
        assert!(systemd("kube-proxy %i", &variables()).is_err());
        assert!(systemd("kube-proxy 'a", &variables()).is_err());
    }

    #[test]
    fn a_script_is_taken_apart_into_commands_without_their_redirections() {
        let script = "ulimit -n 9; cd /x && exec kube-proxy $ARGS 1>>/var/log/x '$A;b' --x=$FILE \"$FILE\" 2>&1 | tee y &>z";
        assert_eq!(
            shell(script, &variables()).unwrap(),
            [
                vec!["ulimit", "-n", "9"],
                vec!["cd", "/x"],
                vec![
                    "exec",
                    "kube-proxy",
                    "--config=/a",
                    "--v=2",
                    "$A;b",
                    "--x=/b",
                    "c",
                    "/b c"
                ],
                vec!["tee", "y"],
            ]
        );
        for unknown in ["a $(b)", "a `b`", "a $b", "a ${b:-c}", "a $1", "a \"b"] {
            assert!(shell(unknown, &variables()).is_err(), "{unknown}");
        }
        assert_eq!(shell("", &variables()).unwrap(), Vec::<Vec<String>>::new());
    }

    #[test]
    fn an_environment_file_is_read_line_by_line() {
        assert_eq!(
            environment_file("# no\nA=\"x y\"\n B = 1 \n;\nC='z'\nbroken\n"),
            [
                ("A".to_string(), "x y".to_string()),
                ("B".to_string(), "1".to_string()),
                ("C".to_string(), "z".to_string())
            ]
        );
    }
}
