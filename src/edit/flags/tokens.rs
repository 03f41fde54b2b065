//! The words of a command as they are written in an `ExecStart=`.

/// Longest command that is taken, in bytes: longer than any that a person wrote.
const MAX_COMMAND: usize = 64 << 10;

/// One word as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// With its quotes, and what stands before the program.
    pub raw: String,
    /// What it means.
    pub word: Word,
}

/// What systemd makes of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// This text.
    Written(String),
    /// The words of a variable: `$NAME`.
    Variable(String),
    /// One word with variables in it: `--v=${LEVEL}`.
    Filled(String),
}

impl Token {
    /// A word that needs no quotes.
    pub fn written(text: String) -> Token {
        Token {
            raw: text.clone(),
            word: Word::Written(text),
        }
    }
}

/// The signs before the program: `-`, `@`, `+`, `!`.
pub fn marks(exec: &str) -> &str {
    let end = exec.find(|letter| !"-:+!@|".contains(letter));
    exec.get(..end.unwrap_or(exec.len())).unwrap_or_default()
}

/// Reads the value of an `ExecStart=`, lines joined.
///
/// # Errors
/// What in it is not read with certainty.
pub fn tokens(exec: &str) -> Result<Vec<Token>, String> {
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
