//! Reading the text behind `sh -c` as a shell would, without ever running one.

use super::words::{Variables, is_name, short_enough};

/// Splits the text behind `sh -c` as a shell would into its commands, and each into words: quotes,
/// variables from the given ones, redirections left out.
///
/// # Errors
/// For an unclosed quote, for substitutions, and for a variable that is not among the given ones:
/// only the shell knows what they become.
pub fn shell(line: &str, variables: &Variables) -> Result<Vec<Vec<String>>, String> {
    let mut reader = Shell::default();
    let mut quote: Option<char> = None;
    let mut letters = line.chars();
    let mut size = 0;
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
            // At the end of a line it joins that with the next one.
            (_, '\\') => match letters.next() {
                Some('\n') => {}
                Some(next) if quote.is_some() && !"$`\"\\".contains(next) => {
                    reader.push('\\');
                    reader.push(next);
                }
                next => reader.push(next.unwrap_or('\\')),
            },
            (_, '$') => {
                let (name, length) = variable(letters.as_str())?;
                letters.nth(length - 1);
                let value = variables
                    .get(name)
                    .ok_or_else(|| format!("the variable {name}, whose value is not known"))?;
                size += value.len();
                short_enough(size)?;
                for part in value.chars() {
                    match part {
                        part if quote.is_none() && part.is_whitespace() => reader.end_word(),
                        part => reader.push(part),
                    }
                }
            }
            (Some(_), _) => reader.push(letter),
            (None, '&') if letters.as_str().starts_with('>') => {}
            (None, '\n' | ';' | '&' | '|') => reader.end_command(),
            (None, '#') if reader.word.is_none() => {
                let comment = letters.as_str();
                letters = comment.trim_start_matches(|c| c != '\n').chars();
            }
            (None, '<' | '>') => {
                reader.redirect();
                let target = letters.as_str().trim_start_matches(['<', '>', '&']);
                letters = target.chars();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        [("ARGS", "--config=/a --v=2"), ("FILE", "/b c")]
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .into()
    }

    #[test]
    fn a_comment_is_no_command_and_a_joined_line_is_one() {
        let script = "# start kube-proxy --config=/old\nexec kube-proxy \\\n  --config \\\n  /a --v=2\\\n0 'b\\\n#' \"c\\d\\\"\\\n#\" e#f # --config=/b\n";
        assert_eq!(
            shell(script, &variables()).unwrap(),
            [[
                "exec",
                "kube-proxy",
                "--config",
                "/a",
                "--v=20",
                "b\\\n#",
                "c\\d\"#",
                "e#f"
            ]]
        );
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
}
