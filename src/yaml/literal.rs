//! A block of text line by line: which line of the file holds which line of its text.

use std::ops::Range;

use super::tree::{Node, Style, Value};

/// A literal block scalar (`|`) whose lines were found again in the file, each where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// The line of its indicator, counted from 1: line n of its text is line `header + n` of the file.
    pub header: usize,
    /// How many blanks stand in front of each of its lines.
    pub indentation: usize,
    /// Whether the indicator says how many these are, so that its first line may start with more.
    pub is_told: bool,
    /// Its lines up to the last one that is not empty: the bytes of the file, with the indentation and
    /// without the line end.
    pub lines: Vec<Range<usize>>,
}

impl Literal {
    /// Finds the lines of the value of this key.
    ///
    /// # Errors
    /// Why they cannot be told line by line.
    pub fn of(text: &str, key: &Node, value: &Node) -> Result<Literal, &'static str> {
        const HEADER: &str = "is a block of text whose indicator is not plain to see";
        let Value::Scalar(content, Style::Block) = &value.value else {
            return Err("is no block of text");
        };
        let rest = text.get(key.span.end..).unwrap_or_default();
        let (first, length) = line(rest);
        let indicator = first.trim_start_matches([' ', '\t']).strip_prefix(':');
        let indicator = indicator
            .unwrap_or_default()
            .trim_start_matches([' ', '\t']);
        if indicator.starts_with('>') {
            return Err("is a folded block of text (`>`), in which lines are joined");
        }
        let indicator = indicator.strip_prefix('|').ok_or(HEADER)?;
        let indicator = indicator.split([' ', '\t']).next().unwrap_or_default();
        let told = indicator.trim_matches(['-', '+']);
        let told: Option<usize> = match told {
            "" => None,
            digit => Some(digit.parse().map_err(|_| HEADER)?),
        };
        let body = key.span.end + length;
        let indentation = match told {
            Some(deeper) => column(text, key).ok_or(HEADER)? + deeper,
            None => detected(text.get(body..).unwrap_or_default()),
        };
        let lines = lines(text, body, indentation);
        let found: Vec<&str> = lines
            .iter()
            .map(|range| without(text.get(range.clone()).unwrap_or_default(), indentation))
            .collect();
        // Whatever was overlooked here would give another text than the reader of YAML does.
        if found.join("\n") != content.trim_end_matches('\n') {
            return Err("is a block of text whose lines are not plain to see");
        }
        Ok(Literal {
            header: key.line,
            indentation,
            is_told: told.is_some(),
            lines,
        })
    }
}

/// The first line, and how long it is with its line end.
fn line(text: &str) -> (&str, usize) {
    let whole = text.split_inclusive('\n').next().unwrap_or_default();
    let line = whole.strip_suffix('\n').unwrap_or(whole);
    (line.strip_suffix('\r').unwrap_or(line), whole.len())
}

/// The column of a key: the width of the blanks and dashes before it.
fn column(text: &str, key: &Node) -> Option<usize> {
    let before = text.get(..key.span.start)?;
    let before = before.rsplit('\n').next()?;
    let before = before.strip_prefix('\u{feff}').unwrap_or(before);
    let plain = before.bytes().all(|byte| matches!(byte, b' ' | b'-'));
    plain.then_some(before.len())
}

/// The indentation of the first line that is not empty.
fn detected(body: &str) -> usize {
    let mut lines = body
        .lines()
        .filter(|line| !line.trim_matches(' ').is_empty());
    let first = lines.next().unwrap_or_default();
    first.len() - first.trim_start_matches(' ').len()
}

/// The lines that belong to the block, up to the last one that is not empty.
fn lines(text: &str, body: usize, indentation: usize) -> Vec<Range<usize>> {
    let (mut found, mut last, mut at) = (Vec::new(), 0, body);
    // Without indentation there is nothing that would end it: it is empty.
    if indentation == 0 {
        return found;
    }
    loop {
        let (content, length) = line(text.get(at..).unwrap_or_default());
        let blanks = content.len() - content.trim_start_matches(' ').len();
        let empty = blanks == content.len() && blanks <= indentation;
        if length == 0 || !empty && blanks < indentation {
            break;
        }
        found.push(at..at + content.len());
        if !empty {
            last = found.len();
        }
        at += length;
    }
    found.truncate(last);
    found
}

/// The line without its indentation.
fn without(line: &str, indentation: usize) -> &str {
    line.get(indentation..).unwrap_or_default()
}
