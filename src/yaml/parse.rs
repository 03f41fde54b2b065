//! From text to the tree, within a budget: the files of a node are hostile input.

use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle, Tag};

use super::refusal::{Refusal, budget, refusal, too_large};
use super::tree::{Comment, Document, Node, Style, Value};

/// Largest text that is read, in bytes. A Kubernetes object cannot be larger than etcd's 1.5 MiB.
pub const MAX_BYTES: usize = 4 << 20;
/// Most nodes in a tree.
pub const MAX_NODES: usize = 200_000;
/// Deepest nesting of collections.
pub const MAX_DEPTH: usize = 64;

/// Longest tag, in bytes: a directive of 1 KiB could otherwise be multiplied by every node.
const MAX_TAG: usize = 256;
/// Most comments in a row: the parser keeps them until it knows what follows.
const MAX_COMMENTS: usize = 10_000;

/// Parses the whole text. The tree is the first document's; later ones are counted and must parse.
///
/// # Errors
/// When any part of the text is not YAML, or when it exceeds the budget.
pub fn parse(text: &str) -> Result<Document, Refusal> {
    Builder::new(text, MAX_BYTES)?.run(false)
}

/// Parses the first document and looks no further, as kube-proxy does with its configuration.
///
/// # Errors
/// When the first document is not YAML, or when it exceeds the budget.
pub fn parse_first(text: &str) -> Result<Document, Refusal> {
    Builder::new(text, MAX_BYTES)?.run(true)
}

/// A collection that is still open.
enum Open {
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>, Option<Node>),
}

struct Frame {
    open: Open,
    flow: bool,
    start: usize,
    line: usize,
    anchor: usize,
    tag: Option<String>,
}

/// What the parser reports, and where: its bytes and its line.
pub(super) struct Read<'text> {
    pub event: Event<'text>,
    pub bytes: Range<usize>,
    pub line: usize,
}

/// The parser's events, in their order, up to its first error.
pub(super) fn events(text: &str) -> impl Iterator<Item = Result<Read<'_>, Refusal>> {
    Parser::new_from_str_with_options(text, options()).map(|event| {
        let (event, span) = event.map_err(|error| refusal(&error))?;
        Ok(Read {
            event,
            bytes: span.byte_range().unwrap_or_default(),
            line: span.start.line(),
        })
    })
}

/// Makes the tree of one document at a time.
pub(super) struct Builder<'text> {
    text: &'text str,
    stack: Vec<Frame>,
    nodes: usize,
    /// The highest number that an anchor has had, and that of the documents before.
    anchors: usize,
    earlier_anchors: usize,
    pub(super) document: Document,
}

impl<'text> Builder<'text> {
    pub(super) fn new(text: &'text str, most: usize) -> Result<Self, Refusal> {
        if text.len() > most {
            return Err(too_large(1, most));
        }
        Ok(Builder {
            text,
            stack: Vec::new(),
            nodes: 0,
            anchors: 0,
            earlier_anchors: 0,
            document: Document::default(),
        })
    }

    fn run(mut self, first_only: bool) -> Result<Document, Refusal> {
        for event in events(self.text) {
            let event = event?;
            self.count(event.line)?;
            match event.event {
                Event::DocumentStart(..) => self.document.documents += 1,
                Event::DocumentEnd if first_only => return Ok(self.document),
                _ => self.take(event)?,
            }
        }
        Ok(self.document)
    }

    /// Takes the event into the tree.
    pub(super) fn take(&mut self, Read { event, bytes, line }: Read<'_>) -> Result<(), Refusal> {
        match event {
            Event::Comment(text, _) => self.document.comments.push(Comment {
                text: text.into_owned(),
                span: bytes,
            }),
            Event::Alias(anchor) => {
                let value = Value::Alias(self.own(anchor));
                self.put(Node {
                    value,
                    span: bytes,
                    line,
                    anchor: 0,
                    tag: None,
                });
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(text.into_owned(), style, bytes, line);
                let anchor = self.own(anchor);
                self.put(Node {
                    anchor,
                    tag: spelled_out(tag.as_deref(), line)?,
                    ..node
                });
            }
            Event::SequenceStart(style, anchor, tag) => {
                let list = Open::Sequence(Vec::new());
                self.open(list, style, (bytes.start, line), (anchor, tag.as_deref()))?;
            }
            Event::MappingStart(style, anchor, tag) => {
                let mapping = Open::Mapping(Vec::new(), None);
                let start = (bytes.start, line);
                self.open(mapping, style, start, (anchor, tag.as_deref()))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(bytes.end),
            _ => {}
        }
        Ok(())
    }

    /// What was made of the document that ends, and a fresh start for the next one. An anchor counts in
    /// its own document alone.
    pub(super) fn next_document(&mut self) -> Document {
        (self.nodes, self.earlier_anchors) = (0, self.anchors);
        std::mem::take(&mut self.document)
    }

    /// The number of an anchor, counted from 1 in its document.
    fn own(&mut self, anchor: usize) -> usize {
        self.anchors = self.anchors.max(anchor);
        anchor.saturating_sub(self.earlier_anchors)
    }

    pub(super) fn count(&mut self, line: usize) -> Result<(), Refusal> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(budget(line, format!("more than {MAX_NODES} values")));
        }
        Ok(())
    }

    fn scalar(&self, text: String, style: ScalarStyle, bytes: Range<usize>, line: usize) -> Node {
        let mut span = bytes;
        let mut text = text;
        let style = match style {
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
            _ => Style::Plain,
        };
        // The parser reports a value that is not written as "~" with an empty span in front of the
        // indicator that calls for it.
        if style == Style::Plain && span.is_empty() {
            text.clear();
            let at = self.behind_indicator(span.start);
            span = at..at;
        }
        if style == Style::Block {
            span.end = self.end_of_block(&span);
        }
        // libyaml gives a block that ends with the file no line end that the file does not have.
        let at_end = style == Style::Block && span.end >= self.text.len();
        let last_line = || self.text.rsplit('\n').next().unwrap_or_default();
        if at_end && !last_line().trim().is_empty() {
            text.truncate(text.trim_end_matches('\n').len());
        }
        Node {
            value: Value::Scalar(text, style),
            span,
            line,
            anchor: 0,
            tag: None,
        }
    }

    /// Where a block of text ends: the parser has already passed the blanks before what follows it.
    fn end_of_block(&self, reported: &Range<usize>) -> usize {
        let block = self.text.get(reported.clone()).unwrap_or_default();
        let content = block.trim_end_matches(' ');
        if content.ends_with('\n') {
            reported.start + content.len()
        } else {
            reported.end
        }
    }

    /// Where a value that is not written would start: right behind its indicator. The parser points
    /// at the indicator or behind the blanks that follow it.
    fn behind_indicator(&self, reported: usize) -> usize {
        let is_indicator = |byte: Option<&u8>| matches!(byte, Some(b':' | b'-' | b'?'));
        if is_indicator(self.text.as_bytes().get(reported)) {
            return reported + 1;
        }
        let content = self.written_before(reported);
        if is_indicator(content.as_bytes().last()) {
            content.len()
        } else {
            reported
        }
    }

    /// The text up to here, without the blanks and the comment that lie directly before.
    fn written_before(&self, at: usize) -> &'text str {
        let comments = &self.document.comments;
        let earlier = comments.partition_point(|comment| comment.span.start < at);
        let comment = earlier.checked_sub(1).and_then(|last| comments.get(last));
        let before = self.text.get(..at).unwrap_or_default();
        let trimmed = before.trim_end_matches([' ', '\t', '\r', '\n']);
        let end = match comment {
            Some(comment) if comment.span.end >= trimmed.len() => comment.span.start,
            _ => trimmed.len(),
        };
        let content = self.text.get(..end).unwrap_or_default();
        content.trim_end_matches([' ', '\t'])
    }

    fn open(
        &mut self,
        open: Open,
        style: StructureStyle,
        (start, line): (usize, usize),
        (anchor, tag): (usize, Option<&Tag>),
    ) -> Result<(), Refusal> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(budget(line, format!("nested deeper than {MAX_DEPTH}")));
        }
        let anchor = self.own(anchor);
        self.stack.push(Frame {
            open,
            flow: style == StructureStyle::Flow,
            start,
            line,
            anchor,
            tag: spelled_out(tag, line)?,
        });
        Ok(())
    }

    fn close(&mut self, end: usize) {
        let Some(frame) = self.stack.pop() else {
            return;
        };
        let start = self.first_byte(&frame);
        let value = match frame.open {
            Open::Sequence(items) => Value::Sequence(items, frame.flow),
            Open::Mapping(entries, _) => Value::Mapping(entries, frame.flow),
        };
        self.put(Node {
            value,
            span: start..end.max(start),
            line: frame.line,
            anchor: frame.anchor,
            tag: frame.tag,
        });
    }

    /// Where a collection starts. The parser reports a sequence that is indented no deeper than its
    /// key (`key:`, below it `- item`) as if it started behind its first dash.
    fn first_byte(&self, frame: &Frame) -> usize {
        let Open::Sequence(items) = &frame.open else {
            return frame.start;
        };
        let dashed = self.text.as_bytes().get(frame.start) == Some(&b'-');
        let own_dash = dashed
            && items
                .first()
                .is_some_and(|first| first.span.start > frame.start);
        if frame.flow || own_dash {
            return frame.start;
        }
        let before_dash = self.written_before(frame.start).strip_suffix('-');
        before_dash.map_or(frame.start, str::len)
    }

    fn put(&mut self, node: Node) {
        match self.stack.last_mut().map(|frame| &mut frame.open) {
            None => {
                if self.document.root.is_none() {
                    self.document.root = Some(node);
                }
            }
            Some(Open::Sequence(items)) => items.push(node),
            Some(Open::Mapping(entries, key)) => match key.take() {
                None => *key = Some(node),
                Some(name) => entries.push((name, node)),
            },
        }
    }
}

/// A tag with its handle replaced by what a directive made of it, which can be much longer.
fn spelled_out(tag: Option<&Tag>, line: usize) -> Result<Option<String>, Refusal> {
    let Some(tag) = tag else {
        return Ok(None);
    };
    let (handle, suffix) = (tag.handle(), tag.suffix());
    if handle.len() + suffix.len() > MAX_TAG {
        return Err(budget(line, format!("a tag longer than {MAX_TAG} bytes")));
    }
    Ok(Some(format!("{handle}{suffix}")))
}

/// How the text is read.
fn options() -> Options {
    let mut options = Options::default();
    // A block of text that ends with the file and not with a line end has none either, as for
    // kube-proxy's reader.
    options.block_scalar_eof_without_line_feed = true;
    // The default of 96 would refuse a well-explained configuration.
    options.max_buffered_comment_events = MAX_COMMENTS;
    options
}
