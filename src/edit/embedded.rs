//! A document inside a scalar of another one, as a ConfigMap holds kube-proxy's configuration.
//!
//! It is edited as a text of its own, with the proof of that text; then the scalar gets the result, and
//! that is proved at the level around it. Of a literal block only the lines change that differ.

use std::ops::Range;

use crate::yaml::{Literal, Style, Value};

use super::place::{self, Place};
use super::source::Source;
use super::splice::Splice;
use super::{Alteration, Operation, Refused, Scalar, Step, alter, apply, proof};

/// Does the alterations in the document that the scalar at the way holds.
///
/// # Errors
/// As [`alter`]; the lines are those of the text around it.
pub(super) fn alter_embedded(
    bytes: &[u8],
    way: &[Step],
    alterations: &[Alteration],
) -> Result<Vec<u8>, Refused> {
    let source = Source::read(bytes)?;
    let place = place::find(&source.root, way)?;
    let refuse = |what: &str| {
        let reason = format!("{} {what}", place.spelled);
        Err(Refused::at(place.node.line, reason))
    };
    if !place.missing.is_empty() {
        return refuse("is not there");
    }
    let Value::Scalar(held, style) = &place.node.value else {
        return refuse("is no text that could hold a document");
    };
    if *style == Style::Block {
        return in_literal(&source, &place, way, held, alterations);
    }
    let text = altered(held, alterations).map_err(|refused| {
        let reason = format!("in the text of {}: {refused}", place.spelled);
        Refused::at(place.node.line, reason)
    })?;
    apply(bytes, way, &Operation::Set(Scalar::Text(text)))
}

fn altered(held: &str, alterations: &[Alteration]) -> Result<String, Refused> {
    let result = alter(held.as_bytes(), alterations)?;
    String::from_utf8(result).map_err(|_| Refused::new("the result is not UTF-8"))
}

/// Edits the text of a literal block where it stands.
fn in_literal(
    source: &Source<'_>,
    place: &Place<'_>,
    way: &[Step],
    held: &str,
    alterations: &[Alteration],
) -> Result<Vec<u8>, Refused> {
    let refuse = |what: &str| Refused::at(place.node.line, format!("{} {what}", place.spelled));
    let Some(key) = place.parent.and_then(|parent| parent.key) else {
        return Err(refuse("is a block of text that has no key"));
    };
    let literal = Literal::of(source.text, key, place.node).map_err(refuse)?;
    let text = altered(held, alterations).map_err(|refused| refused.below(literal.header))?;
    // How many line ends stand at its end is said by the indicator, and that stays.
    let (before, after) = (held.trim_end_matches('\n'), text.trim_end_matches('\n'));
    if held.len() - before.len() != text.len() - after.len() {
        return Err(refuse(
            "would end with other line ends than its indicator says",
        ));
    }
    let splice = splice(source, &literal, before, after).ok_or_else(|| {
        refuse(
            "would lose all of its lines, or start with a blank that its indicator does not allow",
        )
    })?;
    let result = splice.into_text(source.text)?;
    proof::prove_text(source, &result, way, &text)?;
    Ok(result.text.into_bytes())
}

/// The lines that differ, indented as the block is.
fn splice(source: &Source<'_>, literal: &Literal, before: &str, after: &str) -> Option<Splice> {
    let old: Vec<&str> = before.split('\n').collect();
    let new: Vec<&str> = after.split('\n').collect();
    let starts_with_blank = new.iter().find(|line| !line.is_empty())?.starts_with(' ');
    if starts_with_blank && !literal.is_told {
        return None;
    }
    let same = |(one, other): &(&&str, &&str)| one == other;
    let head = old.iter().zip(&new).take_while(same).count();
    let rest = old.len().min(new.len()) - head;
    let tails = old.iter().rev().zip(new.iter().rev());
    let tail = tails.take(rest).take_while(same).count();
    let (gone, come) = (head..old.len() - tail, new.get(head..new.len() - tail)?);
    let indentation = " ".repeat(literal.indentation);
    let come: Vec<String> = come
        .iter()
        .map(|line| match *line {
            "" => String::new(),
            line => format!("{indentation}{line}"),
        })
        .collect();
    let text = come.join(source.line_end);
    let start = |index: usize| literal.lines.get(index).map(|line| line.start);
    let end = |index: usize| {
        let last = index.checked_sub(1)?;
        literal.lines.get(last).map(|line| line.end)
    };
    let (range, text): (Range<usize>, String) = match (come.is_empty(), start(gone.end)) {
        // Lines in place of lines: the end of the last one stays.
        (false, _) if !gone.is_empty() => (start(gone.start)?..end(gone.end)?, text),
        (false, Some(next)) => (next..next, text + source.line_end),
        (false, None) => {
            let end = end(gone.end)?;
            (end..end, format!("{}{text}", source.line_end))
        }
        (true, Some(next)) => (start(gone.start)?..next, text),
        (true, None) => (end(gone.start)?..end(gone.end)?, text),
    };
    Some(Splice { range, text })
}
