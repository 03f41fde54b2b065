//! Splitting command lines that are written as text, without ever running a shell.

use std::collections::BTreeMap;

/// Variables that a command line may use.
pub type Variables = BTreeMap<String, String>;

/// Splits a line into words as systemd does for `ExecStart=`: quotes, C-like escapes, `${X}` inside
/// a word, `$X` as a word of its own that is split at white space, `%%` for a percent sign.
///
/// # Errors
/// For an unclosed quote, and for a specifier (`%i`) whose value only systemd knows.
pub fn systemd(line: &str, variables: &Variables) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    for word in quoted(line)? {
        if let Some(name) = word.strip_prefix('$').filter(|name| is_name(name)) {
            let value = variables.get(name).map_or("", String::as_str);
            words.extend(value.split_whitespace().map(unquote));
        } else {
            words.push(specifiers(&braces(&word, variables))?);
        }
    }
    Ok(words)
}

/// Splits the text behind `sh -c` roughly as a shell would: quotes and white space, variables from
/// the given ones. Redirections, pipes and what follows them are cut off.
///
/// # Errors
/// For an unclosed quote and for substitutions, whose result only a shell knows.
pub fn shell(line: &str, variables: &Variables) -> Result<Vec<String>, String> {
    if line.contains("$(") || line.contains('`') {
        return Err("a command substitution, whose result only a shell knows".into());
    }
    let mut words = Vec::new();
    for word in quoted(line)? {
        let plain = word.trim_start_matches(|c: char| c.is_ascii_digit());
        if plain.starts_with(['>', '<', '|', ';', '&']) {
            break;
        }
        if let Some(name) = word.strip_prefix('$').filter(|name| is_name(name)) {
            let value = variables.get(name).map_or("", String::as_str);
            words.extend(value.split_whitespace().map(String::from));
        } else {
            words.push(braces(&word, variables));
        }
    }
    Ok(words)
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
    while let Some((before, behind)) = rest.split_once("${") {
        out.push_str(before);
        match behind.split_once('}') {
            Some((name, after)) if is_name(name) => {
                out.push_str(variables.get(name).map_or("", String::as_str));
                rest = after;
            }
            _ => {
                out.push_str("${");
                rest = behind;
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
            systemd("kube-proxy $ARGS --x=${FILE} \"a b\" 100%%", &variables()).unwrap(),
            [
                "kube-proxy",
                "--config=/a",
                "--v=2",
                "--x=/b c",
                "a b",
                "100%"
            ]
        );
        assert!(systemd("kube-proxy %i", &variables()).is_err());
        assert!(systemd("kube-proxy 'a", &variables()).is_err());
    }

    #[test]
    fn a_shell_line_ends_at_its_redirection() {
        assert_eq!(
            shell(
                "exec kube-proxy --config=/a 1>>/var/log/x 2>&1",
                &variables()
            )
            .unwrap(),
            ["exec", "kube-proxy", "--config=/a"]
        );
        assert!(shell("kube-proxy $(hostname)", &variables()).is_err());
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
