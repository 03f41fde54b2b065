//! MicroK8s: kube-proxy runs inside kubelite, with the flags of a file.
//!
//! Source: MicroK8s, the patch that adds cmd/kubelite, and its process listings.

use super::place::ArgsFile;
use crate::discover::flags::{self, Flag};
use crate::facts::{Origin, OriginKind};
use crate::root::{LookError, NodePath, Root};

/// The directory of the revision that runs, by its constant name.
pub const DATA: &str = "/var/snap/microk8s/current";
/// The service that runs kubelite.
pub const SERVICE: &str = "snap.microk8s.daemon-kubelite.service";

/// The file of flags.
#[derive(Clone, Debug)]
pub struct Read {
    /// Where flags last.
    pub file: ArgsFile,
    /// The flags, each with its line.
    pub flags: Vec<Flag>,
    /// Why they are not known.
    pub problem: Option<String>,
}

/// Reads the file of flags; `None` when there is none.
pub fn read(root: &Root) -> Option<Read> {
    read_flags(root, "kube-proxy")
}

/// The flags of a component that kubelite runs; `None` when there is no file for it.
pub fn read_flags(root: &Root, component: &str) -> Option<Read> {
    let path = NodePath::new(&format!("{DATA}/args/{component}"))?;
    let variables = vec![
        ("SNAP_DATA".to_string(), DATA.to_string()),
        ("SNAP_COMMON".into(), "/var/snap/microk8s/common".into()),
        ("SNAP".into(), "/snap/microk8s/current".into()),
    ];
    let bytes = match root.open(&path) {
        Ok((_, opened)) => opened.read(),
        Err(LookError::Missing | LookError::NotDirectory) => return None,
        Err(error) => Err(error),
    };
    let (flags, problem) = match bytes.map(String::from_utf8) {
        Ok(Ok(text)) => flags_of(&text, &path, &variables),
        Ok(Err(_)) => (Vec::new(), Some(format!("{path} is not UTF-8"))),
        Err(error) => (Vec::new(), Some(format!("{path} {error}"))),
    };
    Some(Read {
        file: ArgsFile {
            path,
            service: SERVICE.into(),
            variables,
        },
        flags,
        problem,
    })
}

/// The flags of a file of arguments as kubelite reads it: a line that begins with `#` is a comment, quotes
/// are dropped wherever they stand, blanks separate arguments, and variables are filled in.
pub fn flags_of(
    text: &str,
    path: &NodePath,
    variables: &[(String, String)],
) -> (Vec<Flag>, Option<String>) {
    let mut found = Vec::new();
    let mut problem = None;
    // A flag may have its value on the next line, so all words are read as one list.
    let mut words: Vec<(String, usize)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bare: String = line.chars().filter(|c| !matches!(c, '"' | '\'')).collect();
        for word in bare.split(' ') {
            let (word, unknown) = expanded(word, variables);
            if let Some(name) = unknown {
                problem = Some(format!("{path}:{} uses the variable {name}", index + 1));
            }
            words.push((word, index + 1));
        }
    }
    let mut rest = words.as_slice();
    while let Some(((word, line), behind)) = rest.split_first() {
        let origin = Origin::at(OriginKind::Flag, path, Some(*line));
        let next = behind.first().map(|(next, _)| next.clone());
        let pair: Vec<String> = std::iter::once(word.clone()).chain(next).collect();
        // Read with its neighbour, a flag shows whether it takes it for its value.
        let alone = flags::parse(std::slice::from_ref(word), &origin);
        let both = flags::parse(&pair, &origin);
        // kube-proxy starts with no word that is neither a flag nor its value.
        let one = !word.contains(char::is_whitespace);
        if (alone.is_empty() || !one) && !word.is_empty() && word != "--" {
            problem.get_or_insert_with(|| format!("{path}:{line} holds a word that is no flag"));
        }
        let takes = both.len() == 1 && both != alone;
        found.extend(if takes { both } else { alone });
        rest = if takes {
            behind.get(1..).unwrap_or_default()
        } else {
            behind
        };
        if word == "--" {
            break;
        }
    }
    (found, problem)
}

/// Fills in `$NAME` and `${NAME}` as Go's os.ExpandEnv does; the name of a variable that is not known.
fn expanded(word: &str, variables: &[(String, String)]) -> (String, Option<String>) {
    let mut out = String::new();
    let mut unknown = None;
    let mut rest = word;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, after) = match behind.strip_prefix('{') {
            Some(inner) => inner.split_once('}').unwrap_or((inner, "")),
            None => {
                let end = behind.find(|c| !is_name(c)).unwrap_or(behind.len());
                behind.split_at_checked(end).unwrap_or((behind, ""))
            }
        };
        match variables.iter().find(|(known, _)| known == name) {
            Some((_, value)) => out.push_str(value),
            None => unknown = Some(name.to_string()),
        }
        rest = after;
    }
    out.push_str(rest);
    (out, unknown)
}
