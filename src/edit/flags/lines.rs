//! A file that holds nothing but flags, as MicroK8s keeps one for each program.
//!
//! kubelite reads it line by line: a line that begins with `#` is a comment, quotes are dropped wherever
//! they stand, and blanks separate words (`discover::platform::microk8s`).

use std::ops::Range;

use super::{At, Set};
use crate::discover::flags::{self, Given};

/// A word, and its place where that can be written.
struct Token {
    text: String,
    span: Option<Range<usize>>,
}

/// The words of the file.
fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim();
        let at = start + (whole.len() - whole.trim_start().len());
        start += whole.len();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let quoted = line.contains(['"', '\'']);
        let bare = line.replace(['"', '\''], "");
        let alone = !bare.contains(' ');
        let mut offset = 0;
        for word in bare.split(' ') {
            let span = match (quoted, alone) {
                (true, true) => Some(at..at + line.len()),
                (true, false) => None,
                (false, _) => Some(at + offset..at + offset + word.len()),
            };
            offset += word.len() + 1;
            found.push(Token {
                text: word.to_string(),
                span,
            });
        }
    }
    found
}

fn given(tokens: &[Token], name: &str) -> Result<Vec<Given>, String> {
    let words: Vec<String> = tokens.iter().map(|token| token.text.clone()).collect();
    if words.iter().any(|word| word == "--") {
        return Err("it holds a --, behind which nothing is a flag".into());
    }
    let given = flags::given(&words).into_iter();
    Ok(given.filter(|given| given.name == name).collect())
}

/// The word that is to be written anew.
fn last<'t>(tokens: &'t [Token], given: &[Given]) -> Option<&'t Token> {
    tokens.get(given.last()?.words.end.checked_sub(1)?)
}

/// How a flag is to be set.
///
/// # Errors
/// Why it cannot be.
pub fn place(bytes: &[u8], name: &str, list: bool) -> Result<At, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let tokens = tokens(text);
    let given = given(&tokens, name)?;
    let written = last(&tokens, &given).is_some_and(|token| token.span.is_some());
    At::of(name, list, given.len(), written)
}

/// Sets a flag; every other byte stays.
///
/// # Errors
/// When it does not stand where it was found, or the value would need quotes.
pub fn set(bytes: &[u8], set: &Set) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let flag = set.spelled()?;
    if set.at == At::Behind {
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let whole = text.is_empty() || text.ends_with('\n');
        let added = match whole {
            true => format!("{text}{flag}{end}"),
            false => format!("{text}{end}{flag}"),
        };
        return Ok(added.into_bytes());
    }
    let tokens = tokens(text);
    let given = given(&tokens, &set.name)?;
    let found = last(&tokens, &given).and_then(|token| Some((token, token.span.clone()?)));
    let Some((token, span)) = found else {
        return Err(format!("--{} is not given any more", set.name));
    };
    let alone = given.last().is_some_and(|given| given.words.len() == 1);
    let spelled = match alone {
        true => {
            let name = token.text.split('=').next().unwrap_or_default();
            format!("{name}={}", set.value)
        }
        false => set.value.clone(),
    };
    let mut text = text.to_string();
    text.replace_range(span, &spelled);
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, name: &str, value: &str) -> String {
        let at = place(text.as_bytes(), name, false).unwrap();
        let wanted = Set {
            name: name.into(),
            value: value.into(),
            at,
        };
        String::from_utf8(set(text.as_bytes(), &wanted).unwrap()).unwrap()
    }

    #[test]
    fn every_other_byte_stays() {
        for (before, after) in [
            ("--profiling=true\n", "--profiling=false\n"),
            (
                "# a\r\n  --profiling \r\n--v=2\r\n",
                "# a\r\n  --profiling=false \r\n--v=2\r\n",
            ),
            ("--v=2\r\n", "--v=2\r\n--profiling=false\r\n"),
            ("--v=\"2\"", "--v=\"2\"\n--profiling=false"),
            ("", "--profiling=false\n"),
            (
                "#--profiling=true\n",
                "#--profiling=true\n--profiling=false\n",
            ),
            ("--profiling=\"true\"\n", "--profiling=false\n"),
            (
                "--v=2 --profiling=1 --x=${A}\n",
                "--v=2 --profiling=false --x=${A}\n",
            ),
            (
                "--profiling=0\n--profiling=1\n",
                "--profiling=0\n--profiling=false\n",
            ),
            (
                "--x='a b' --profiling\n",
                "--x='a b' --profiling\n--profiling=false\n",
            ),
        ] {
            assert_eq!(changed(before, "profiling", "false"), after);
        }
        assert_eq!(
            changed("--bind-address\n0.0.0.0\n--v=2", "bind-address", "::1"),
            "--bind-address\n::1\n--v=2"
        );
        assert!(place(b"--v=1\n--\n", "profiling", false).is_err());
        assert!(place(b"--v=1\n--v=2\n", "v", true).is_err());
        assert!(place(b"--v=\xff\n", "v", true).is_err());
    }
}
