//! A command as systemd's `ExecStart=` writes it, word by word, so that one flag of it can be set.
//!
//! Only what means the same to every systemd is taken: no backslashes, no specifiers, quotes around whole
//! words, variables as whole words or in braces. Anything else is refused.

use std::ops::Range;

use super::{At, Set};
use crate::discover::flags::{self, Given};
use crate::discover::words::{self, Variables};

/// Longest command that is taken, in bytes: longer than any that a person wrote.
const MAX_COMMAND: usize = 64 << 10;
/// What stands for a variable's words where their value is not known; no word of a command holds it.
const UNKNOWN: &str = "\u{1}";

/// One word as it is written.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    raw: String,
    word: Word,
}

/// What systemd makes of it.
#[derive(Clone, Debug, PartialEq)]
enum Word {
    /// This text.
    Written(String),
    /// The words of a variable: `$NAME`.
    Variable(String),
    /// One word with variables in it: `--v=${LEVEL}`.
    Filled(String),
}

/// A command, and where the program's arguments begin in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    tokens: Vec<Token>,
    /// The first of the program's arguments.
    start: usize,
    /// The second word is no argument, but what the program is called (`@`).
    names_itself: bool,
}

impl Command {
    /// Reads the value of an `ExecStart=`, lines joined.
    ///
    /// # Errors
    /// What in it is not read with certainty, as the object of "it holds".
    pub fn read(exec: &str, program: &str) -> Result<Command, String> {
        let tokens = tokens(exec)?;
        let names_itself = marks(exec).contains('@');
        let words: Vec<String> = tokens
            .iter()
            .enumerate()
            .filter(|(at, _)| !(names_itself && *at == 1))
            .map(|(_, token)| match &token.word {
                Word::Written(text) => text.clone(),
                Word::Variable(_) | Word::Filled(_) => UNKNOWN.into(),
            })
            .collect();
        let Some(start) = words::behind(&words, program) else {
            return Err(format!("no command that starts {program} by itself"));
        };
        Ok(Command {
            tokens,
            start: start + usize::from(names_itself),
            names_itself,
        })
    }

    /// The words of the command with its variables filled in, as systemd would start it.
    ///
    /// # Errors
    /// For a variable whose value systemd may split otherwise than it is done here.
    pub fn words(&self, variables: &Variables) -> Result<Vec<String>, String> {
        let spread = self.spread(variables)?.into_iter();
        Ok(spread
            .filter(|(_, at)| !(self.names_itself && *at == 1))
            .map(|(word, _)| word)
            .collect())
    }

    /// Each word, and the token that it comes from.
    fn spread(&self, variables: &Variables) -> Result<Vec<(String, usize)>, String> {
        let mut out = Vec::new();
        let value = |name: &str| match variables.get(name).map(String::as_str) {
            Some(value) if value.contains(['\\', '"', '\'']) => Err(format!(
                "the variable {name}, in whose value there are quotes"
            )),
            value => Ok(value.unwrap_or_default()),
        };
        for (at, token) in self.tokens.iter().enumerate() {
            match &token.word {
                Word::Written(text) => out.push((text.clone(), at)),
                Word::Variable(name) => {
                    let words = value(name)?.split_whitespace();
                    out.extend(words.map(|word| (word.to_string(), at)));
                }
                Word::Filled(text) => {
                    let names = text.split("${").skip(1);
                    for name in names.filter_map(|rest| rest.split('}').next()) {
                        value(name)?;
                    }
                    let of = |name: &str| Some(variables.get(name).map_or("", String::as_str));
                    out.push((words::filled(text, ('{', '}'), of)?, at));
                }
            }
        }
        Ok(out)
    }

    /// How a flag is to be set, by what the command and its variables give now. A `list` flag adds up
    /// where it is repeated (pflag's slices); of others the last counts.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn place(&self, name: &str, list: bool, variables: &Variables) -> Result<At, String> {
        let spread = self.spread(variables)?;
        let arguments: Vec<&(String, usize)> =
            spread.iter().filter(|(_, at)| *at >= self.start).collect();
        let words: Vec<String> = arguments.iter().map(|(word, _)| word.clone()).collect();
        if words.iter().any(|word| word == "--") {
            return Err("a -- in the command, behind which nothing is a flag".into());
        }
        let given: Vec<Given> = flags::given(&words)
            .into_iter()
            .filter(|given| given.name == name)
            .collect();
        let written = |range: &Range<usize>| {
            let tokens = arguments.get(range.clone()).unwrap_or_default();
            tokens.iter().all(|(_, at)| {
                let token = self.tokens.get(*at);
                token.is_some_and(|token| matches!(token.word, Word::Written(_)))
            })
        };
        At::of(
            name,
            list,
            given.len(),
            given.last().is_some_and(|last| written(&last.words)),
        )
    }

    /// Sets a flag.
    ///
    /// # Errors
    /// When it does not stand where it was found, or the value would need quotes.
    pub fn set(&mut self, set: &Set) -> Result<(), String> {
        let flag = set.spelled()?;
        if set.at == At::Behind {
            return self.push(flag);
        }
        let arguments = self.tokens.get(self.start..).unwrap_or_default();
        let words: Vec<String> = arguments
            .iter()
            .map(|token| match &token.word {
                Word::Written(text) => text.clone(),
                Word::Variable(_) | Word::Filled(_) => UNKNOWN.into(),
            })
            .collect();
        let given = flags::given(&words);
        let given = given.iter().rev().find(|given| {
            let value = given.value.as_deref().unwrap_or_default();
            given.name == set.name && !value.contains(UNKNOWN)
        });
        let Some(given) = given else {
            return Err(format!("the command does not give --{} any more", set.name));
        };
        let (first, last) = (
            self.start + given.words.start,
            self.start + given.words.end - 1,
        );
        let spelled = match (first == last, words.get(given.words.start)) {
            (false, _) => set.value.clone(),
            (true, Some(word)) => {
                let name = word.split('=').next().unwrap_or_default();
                format!("{name}={}", set.value)
            }
            (true, None) => flag,
        };
        if let Some(token) = self.tokens.get_mut(last) {
            *token = Token::written(spelled);
        }
        Ok(())
    }

    fn push(&mut self, flag: String) -> Result<(), String> {
        self.tokens.push(Token::written(flag));
        Ok(())
    }

    /// The command as it is written, a line for each word.
    pub fn lines(&self) -> String {
        let raw: Vec<&str> = self.tokens.iter().map(|token| token.raw.as_str()).collect();
        raw.join(" \\\n  ")
    }

    /// True when a flag that is written in it may hold a secret.
    pub fn has_secret(&self) -> bool {
        let words: Vec<String> = self
            .tokens
            .iter()
            .map(|token| match &token.word {
                Word::Written(text) | Word::Filled(text) => text.clone(),
                Word::Variable(_) => UNKNOWN.into(),
            })
            .collect();
        let credentials = |word: &String| word.contains("://") && word.contains('@');
        flags::given(&words).iter().any(Given::is_secret) || words.iter().any(credentials)
    }
}

impl Token {
    fn written(text: String) -> Token {
        Token {
            raw: text.clone(),
            word: Word::Written(text),
        }
    }
}

/// The signs before the program: `-`, `@`, `+`, `!`.
fn marks(exec: &str) -> &str {
    let end = exec.find(|letter| !"-:+!@|".contains(letter));
    exec.get(..end.unwrap_or(exec.len())).unwrap_or_default()
}

fn tokens(exec: &str) -> Result<Vec<Token>, String> {
    if exec.len() > MAX_COMMAND {
        return Err("more than a command line needs".into());
    }
    if exec.contains('\\') {
        return Err("a backslash".into());
    }
    if !exec
        .chars()
        .all(|letter| matches!(letter, ' '..='~' | '\t'))
    {
        return Err("a letter that is no ASCII".into());
    }
    let marks = marks(exec);
    // The one switches variables off, the other starts a shell.
    if let Some(mark) = marks.chars().find(|mark| matches!(mark, ':' | '|')) {
        return Err(format!("the prefix {mark}"));
    }
    let mut tokens = Vec::new();
    let mut rest = exec;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return Ok(tokens);
        }
        let quote = rest
            .chars()
            .next()
            .filter(|first| matches!(first, '"' | '\''));
        let end = match quote {
            Some(quote) => {
                let inner = rest.get(1..).unwrap_or_default();
                inner.find(quote).ok_or("an unclosed quote")? + 2
            }
            None => rest.find([' ', '\t']).unwrap_or(rest.len()),
        };
        let (raw, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if !behind.is_empty() && !behind.starts_with([' ', '\t']) {
            return Err("a quote within a word".into());
        }
        rest = behind;
        let text = match quote {
            Some(quote) => raw.trim_matches(quote),
            None if raw.contains(['"', '\'']) => return Err("a quote within a word".into()),
            None if tokens.is_empty() => raw.strip_prefix(marks).unwrap_or(raw),
            None => raw,
        };
        // A line of its own may begin with neither: systemd takes it for a comment, or for the end of
        // this command.
        if raw.starts_with(['#', ';']) {
            return Err("a word that begins with # or ;".into());
        }
        tokens.push(Token {
            raw: raw.to_string(),
            word: word(text, quote.is_some())?,
        });
    }
}

fn word(text: &str, is_quoted: bool) -> Result<Word, String> {
    let bare = text.replace("%%", "");
    if let Some((_, rest)) = bare.split_once('%') {
        let letter = rest.chars().next().map_or(String::new(), String::from);
        return Err(format!(
            "the specifier %{letter}, which only systemd can fill in"
        ));
    }
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|letter: char| letter.is_ascii_digit())
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    if !text.contains('$') {
        return Ok(Word::Written(text.replace("%%", "%")));
    }
    if let Some(name) = text.strip_prefix('$').filter(|name| is_name(name))
        && !is_quoted
    {
        return Ok(Word::Variable(name.to_string()));
    }
    let braced = text.split('$').skip(1).all(|part| {
        let name = part.strip_prefix('{').and_then(|part| part.split_once('}'));
        name.is_some_and(|(name, _)| is_name(name))
    });
    if braced && !text.contains('%') {
        return Ok(Word::Filled(text.to_string()));
    }
    Err("a dollar sign that is no plain variable".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(exec: &str) -> Result<Command, String> {
        Command::read(exec, "kube-proxy")
    }

    fn variables() -> Variables {
        [("ARGS", "--v=2 --profiling"), ("QUOTED", "--a='b c'")]
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .into()
    }

    fn set(exec: &str, name: &str, value: &str, list: bool) -> Result<String, String> {
        let mut command = read(exec)?;
        let at = command.place(name, list, &variables())?;
        command.set(&Set {
            name: name.into(),
            value: value.into(),
            at,
        })?;
        Ok(command.lines().replace(" \\\n  ", " "))
    }

    #[test]
    fn a_flag_is_set_where_it_stands_or_behind_everything() {
        for (before, after) in [
            (
                "/k/kube-proxy --v=2",
                "/k/kube-proxy --v=2 --profiling=false",
            ),
            ("/k/kube-proxy", "/k/kube-proxy --profiling=false"),
            (
                "-/k/kube-proxy --profiling --v=2",
                "-/k/kube-proxy --profiling=false --v=2",
            ),
            (
                "/k/kube-proxy '--profiling=true'",
                "/k/kube-proxy --profiling=false",
            ),
            (
                "/k/kube-proxy $ARGS",
                "/k/kube-proxy $ARGS --profiling=false",
            ),
            (
                "/k/kube-proxy --profiling $ARGS",
                "/k/kube-proxy --profiling $ARGS --profiling=false",
            ),
            (
                "/k/kube-proxy $ARGS --profiling=true",
                "/k/kube-proxy $ARGS --profiling=false",
            ),
            (
                "@/k/kube-proxy kube-proxy --profiling=true",
                "@/k/kube-proxy kube-proxy --profiling=false",
            ),
            (
                "/usr/bin/nice -n 5 /k/kube-proxy --profiling=1 --v=${V}",
                "/usr/bin/nice -n 5 /k/kube-proxy --profiling=false --v=${V}",
            ),
        ] {
            assert_eq!(
                set(before, "profiling", "false", false).as_deref(),
                Ok(after)
            );
        }
        assert_eq!(
            set(
                "/k/kube-proxy --bind_address 0.0.0.0",
                "bind-address",
                "::1",
                false
            )
            .as_deref(),
            Ok("/k/kube-proxy --bind_address ::1")
        );
    }

    #[test]
    fn a_list_that_would_add_up_is_refused() {
        let list = |exec: &str| set(exec, "v", "3", true);
        assert_eq!(
            list("/k/kube-proxy --v=1").as_deref(),
            Ok("/k/kube-proxy --v=3")
        );
        assert!(list("/k/kube-proxy --v=1 --v=2").is_err());
        assert!(list("/k/kube-proxy $ARGS").is_err());
    }

    #[test]
    fn what_is_not_read_with_certainty_is_refused() {
        for exec in [
            "/k/kube-proxy --a\\x20b",
            "/k/kube-proxy --a=%i",
            "/k/kube-proxy --a=\"b c\"",
            "/k/kube-proxy \"--a=b",
            "/k/kube-proxy \"$ARGS\"",
            "/k/kube-proxy --a=$$b",
            "/k/kube-proxy --a=$b",
            "/k/kube-proxy ; /bin/true",
            "/k/kube-proxy #a",
            ":/k/kube-proxy $ARGS",
            "|kube-proxy $ARGS",
            "/bin/sh -c 'kube-proxy --v=2'",
            "$KUBE_PROXY --v=2",
            "/k/kube-proxy --a=ü",
        ] {
            assert!(read(exec).is_err(), "{exec}");
        }
        for exec in ["/k/kube-proxy -- $ARGS", "/k/kube-proxy $QUOTED"] {
            assert!(set(exec, "profiling", "false", false).is_err(), "{exec}");
        }
        assert!(set("/k/kube-proxy", "profiling", "a b", false).is_err());
    }

    #[test]
    fn a_secret_in_a_command_is_noticed() {
        assert!(read("/k/kube-proxy --token=x").unwrap().has_secret());
        assert!(
            read("/k/kube-proxy --master https://u:p@h")
                .unwrap()
                .has_secret()
        );
        assert!(
            !read("/k/kube-proxy --master=https://h $TOKEN")
                .unwrap()
                .has_secret()
        );
    }
}
