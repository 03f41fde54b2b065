//! Files of variables, as systemd reads an `EnvironmentFile=`.

use super::words::is_name;

/// What the next letter belongs to (systemd's parse_env_file).
#[derive(Clone, Copy, PartialEq)]
enum At {
    Line,
    Comment,
    Name,
    Before,
    Value,
    Single,
    Double,
}

/// The variables that a file sets, in its order; the last of a name counts.
///
/// A value may be in quotes, alone or in parts, and go on over several lines; a backslash keeps the next
/// letter as it is, and at the end of a line joins it with the next one.
pub fn environment_file(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut name, mut value) = (String::new(), String::new());
    // So much of the value stays when white space at its end is taken off.
    let mut whole = 0;
    let mut at = At::Line;
    let mut letters = text.chars();
    loop {
        let letter = letters.next();
        let ends = matches!(letter, None | Some('\n' | '\r'));
        if letter.is_none() || ends && matches!(at, At::Line | At::Name | At::Before | At::Value) {
            if !matches!(at, At::Line | At::Comment | At::Name) && is_name(name.trim()) {
                value.truncate(whole);
                found.push((name.trim().to_string(), std::mem::take(&mut value)));
            }
            name.clear();
            value.clear();
            (whole, at) = (0, At::Line);
        }
        let Some(letter) = letter else {
            return found;
        };
        match (at, letter) {
            (At::Line, '#' | ';') => at = At::Comment,
            (At::Line, _) if letter.is_whitespace() => {}
            (At::Line, _) => {
                name.push(letter);
                at = At::Name;
            }
            (At::Comment, '\\') => {
                letters.next();
            }
            (At::Comment, _) if ends => at = At::Line,
            (At::Comment, _) => {}
            (At::Name, '=') => at = At::Before,
            (At::Name, _) => name.push(letter),
            (At::Before, '\'') => at = At::Single,
            (At::Before, '"') => at = At::Double,
            (At::Before, _) if letter.is_whitespace() => {}
            (At::Before | At::Value, '\\') => {
                at = At::Value;
                if let Some(next) = letters.next().filter(|next| !matches!(next, '\n' | '\r')) {
                    value.push(next);
                    whole = value.len();
                }
            }
            (At::Before | At::Value, _) => {
                at = At::Value;
                value.push(letter);
                if !letter.is_whitespace() {
                    whole = value.len();
                }
            }
            (At::Single, '\'') | (At::Double, '"') => at = At::Before,
            (At::Double, '\\') => {
                match letters.next() {
                    Some(next @ ('"' | '\\' | '`' | '$')) => value.push(next),
                    Some('\n') | None => {}
                    Some(next) => value.extend(['\\', next]),
                }
                whole = value.len();
            }
            (At::Single | At::Double, _) => {
                value.push(letter);
                whole = value.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::environment_file;

    fn read(text: &str) -> Vec<String> {
        let found = environment_file(text).into_iter();
        found
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    #[test]
    fn an_environment_file_is_read_line_by_line() {
        assert_eq!(
            read("# no\nA=\"x y\"\n B = 1 \n;\nC='z'\nbroken\nD=\r\nE=1"),
            ["A=x y", "B=1", "C=z", "D=", "E=1"]
        );
    }

    #[test]
    fn values_go_on_and_are_quoted_in_parts() {
        assert_eq!(
            read(
                "A=\"x\\\"y\\z\" 'b\\' c \nB=a\"b\"\\ c\\\n d\nC='1\n2'\n# no \\\nD=1\n=x\n1=x\nE=\"open\n"
            ),
            ["A=x\"y\\zb\\c", "B=a\"b\" c d", "C=1\n2", "E=open\n"]
        );
    }
}
