//! Splitting the text of a shell's `-c` into commands, without running one.

use super::words::{Variables, is_name};

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
