//! The documents of a stream, one after the other, each with its place in the text.
//!
//! A stream may be far larger than a document: what `helm template` or `kubectl get --all-namespaces`
//! prints. So only one tree is in memory at a time, unless the caller keeps more.

use std::ops::Range;

use granit_parser::Event;

use super::parse::{Builder, MAX_BYTES, Read, events};
use super::refusal::{Refusal, too_large};
use super::tree::{Comment, Document, Node};

/// Largest stream that is read, in bytes. Each of its documents has the budget of a text of its own:
/// [`MAX_BYTES`], [`super::MAX_NODES`], [`super::MAX_DEPTH`].
pub const MAX_STREAM_BYTES: usize = 32 << 20;

/// One document of a stream. All bytes and lines are those of the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its root. A document in which there is nothing but comments has a null that is not written.
    pub root: Node,
    /// Its bytes: from its `---`, or without one from the start of the text or behind the `...` of the
    /// document before, up to the next document or its own `...`. As a text of their own they are this
    /// document.
    pub span: Range<usize>,
    /// The line on which its bytes start, counted from 1.
    pub line: usize,
    /// The comments in its bytes, in their order.
    pub comments: Vec<Comment>,
}

impl Part {
    /// True when there is no value in it, as Helm writes one for a template that renders to nothing.
    pub fn is_empty(&self) -> bool {
        self.root.is_null() && self.root.span.is_empty()
    }
}

/// The documents of a stream in their order, numbered from 0 as they come.
///
/// What decides is the reader of YAML: `---` inside a block of text is none of its markers. Each
/// `---` starts a document, also one that holds nothing; comments before the first one are none. Ends
/// with the first error.
pub struct Parts<'text> {
    text: &'text str,
    events: Box<dyn Iterator<Item = Result<Read<'text>, Refusal>> + 'text>,
    builder: Builder<'text>,
    current: Option<Pending>,
    /// Where the next document's bytes start, unless its marker says it: at the start of the text and
    /// behind `...`.
    resume: Option<usize>,
    /// A byte and its line, up to which lines have been counted.
    counted: (usize, usize),
    done: bool,
}

/// A document whose end has not been seen.
struct Pending {
    start: usize,
    /// Where its `...` stands.
    end: Option<usize>,
}

/// Reads a stream of documents.
///
/// # Errors
/// When it is larger than [`MAX_STREAM_BYTES`]. The iterator gives an error for a document that is not
/// YAML or exceeds its budget.
pub fn parse_stream(text: &str) -> Result<Parts<'_>, Refusal> {
    Ok(Parts {
        text,
        events: Box::new(events(text)),
        builder: Builder::new(text, MAX_STREAM_BYTES)?,
        current: None,
        resume: Some(0),
        counted: (0, 1),
        done: false,
    })
}

impl Iterator for Parts<'_> {
    type Item = Result<Part, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.advance() {
                Ok(None) => {}
                Ok(Some(part)) => return Some(Ok(part)),
                Err(refusal) => {
                    self.done = true;
                    return Some(Err(refusal));
                }
            }
        }
        None
    }
}

impl Parts<'_> {
    /// Takes one event; the document that is complete with it.
    fn advance(&mut self) -> Result<Option<Part>, Refusal> {
        let Some(read) = self.events.next().transpose()? else {
            self.done = true;
            return self.finish(self.text.len());
        };
        match read.event {
            Event::DocumentStart(..) => {
                let finished = self.finish(read.bytes.start)?;
                let start = self.resume.take().unwrap_or(read.bytes.start);
                self.current = Some(Pending { start, end: None });
                Ok(finished)
            }
            Event::DocumentEnd => {
                let explicit = self.slice(read.bytes.clone()) == "...";
                if explicit && let Some(current) = &mut self.current {
                    current.end = Some(read.bytes.start);
                    let rest = self.slice(read.bytes.end..self.text.len());
                    let line = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
                    self.resume = Some(read.bytes.end + line);
                }
                Ok(None)
            }
            _ => {
                self.builder.count(read.line)?;
                self.builder.take(read)?;
                Ok(None)
            }
        }
    }

    /// The document up to this byte, or up to its own end.
    fn finish(&mut self, next: usize) -> Result<Option<Part>, Refusal> {
        let Some(current) = self.current.take() else {
            return Ok(None);
        };
        let span = current.start..current.end.unwrap_or(next);
        let line = self.line(span.start);
        if span.len() > MAX_BYTES {
            return Err(too_large(line, MAX_BYTES));
        }
        let Document { root, comments, .. } = self.builder.next_document();
        let (mut own, mut later) = (Vec::new(), Vec::new());
        for comment in comments {
            if comment.span.start >= span.end {
                later.push(comment);
            } else if comment.span.start >= span.start {
                own.push(comment);
            }
        }
        self.builder.document.comments = later;
        Ok(root.map(|root| Part {
            root,
            span,
            line,
            comments: own,
        }))
    }

    /// The line of this byte, which is none before the last one that was asked for.
    fn line(&mut self, at: usize) -> usize {
        let (from, line) = self.counted;
        let more = self.slice(from..at).bytes().filter(|byte| *byte == b'\n');
        let line = line + more.count();
        self.counted = (at, line);
        line
    }

    fn slice(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }
}
