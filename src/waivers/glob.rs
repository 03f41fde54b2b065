//! Patterns for paths and hostnames: `*`, `**` and `?`, and nothing else.

use std::fmt;

/// Longest pattern, in bytes: as long as a path can be.
const MAX: usize = 4096;

/// A pattern that stands for a whole path or a whole hostname.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
    /// Hostnames are the same in upper and lower case.
    any_case: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// This character.
    One(char),
    /// `?`: any one character but `/`.
    Any,
    /// `*`: any number of characters without `/`.
    Within,
    /// `**`: any number of characters.
    Across,
}

impl Glob {
    /// A pattern for paths as the node sees them.
    ///
    /// # Errors
    /// Why no path can match it, or what in it is not understood.
    pub fn of_path(text: &str) -> Result<Glob, String> {
        if !text.starts_with('/') && !text.starts_with("**/") {
            return Err(format!(
                "a path starts with / (or with **/ where it may lie anywhere): {text:?}"
            ));
        }
        let never = |part: &str| matches!(part, "" | "." | "..");
        let rest = text.strip_prefix('/').unwrap_or(text);
        if rest.split('/').any(never) && text != "/" {
            return Err(format!(
                "a path has no empty part, no . and no .. in it, and no / at its end: {text:?}"
            ));
        }
        Glob::new(text, false)
    }

    /// A pattern for hostnames.
    ///
    /// # Errors
    /// Why no hostname can match it, or what in it is not understood.
    pub fn of_node(text: &str) -> Result<Glob, String> {
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || "/,".contains(c)) {
            return Err(format!(
                "one hostname, or a pattern for hostnames such as worker-*: {text:?}"
            ));
        }
        Glob::new(&text.to_lowercase(), true)
    }

    fn new(text: &str, any_case: bool) -> Result<Glob, String> {
        if text.len() > MAX {
            return Err(format!("longer than {MAX} bytes"));
        }
        // Read as they are they would match nothing, and the waiver would silently do nothing.
        if let Some(odd) = text.chars().find(|c| "[]{}\\".contains(*c)) {
            return Err(format!(
                "{odd} has no meaning here; * stands for a name or a part of one, ** for any number of names, ? for one character: {text:?}"
            ));
        }
        let mut parts = Vec::new();
        for character in text.chars() {
            match (character, parts.last()) {
                ('*', Some(Part::Across)) => {}
                ('*', Some(Part::Within)) => {
                    parts.pop();
                    parts.push(Part::Across);
                }
                ('*', _) => parts.push(Part::Within),
                ('?', _) => parts.push(Part::Any),
                (other, _) => parts.push(Part::One(other)),
            }
        }
        Ok(Glob {
            text: text.into(),
            parts,
            any_case,
        })
    }

    /// Whether the whole text matches. Takes time in proportion to both lengths, whatever the pattern.
    pub fn matches(&self, text: &str) -> bool {
        if self.any_case {
            self.matches_exactly(&text.to_lowercase())
        } else {
            self.matches_exactly(text)
        }
    }

    fn matches_exactly(&self, text: &str) -> bool {
        // All places in the pattern at which the text may have arrived, walked side by side.
        let mut here = vec![false; self.parts.len() + 1];
        if let Some(start) = here.first_mut() {
            *start = true;
        }
        self.skip_stars(&mut here);
        for character in text.chars() {
            let mut next = vec![false; here.len()];
            for (at, part) in self.parts.iter().enumerate() {
                if here.get(at) != Some(&true) {
                    continue;
                }
                let (stays, goes) = match part {
                    Part::One(wanted) => (false, *wanted == character),
                    Part::Any => (false, character != '/'),
                    Part::Within => (character != '/', false),
                    Part::Across => (true, false),
                };
                for (to, reached) in [(at, stays), (at + 1, goes)] {
                    if let Some(place) = next.get_mut(to) {
                        *place |= reached;
                    }
                }
            }
            self.skip_stars(&mut next);
            here = next;
            if here.iter().all(|reached| !reached) {
                return false;
            }
        }
        here.last() == Some(&true)
    }

    /// A star may stand for nothing.
    fn skip_stars(&self, here: &mut [bool]) {
        for (at, part) in self.parts.iter().enumerate() {
            let star = matches!(part, Part::Within | Part::Across);
            if star
                && here.get(at) == Some(&true)
                && let Some(behind) = here.get_mut(at + 1)
            {
                *behind = true;
            }
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}
