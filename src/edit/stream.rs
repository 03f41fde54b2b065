//! Edits of one file, one after the other: the whole of it is read before the first and behind the last.
//!
//! Between them only the document that changes is read, so that many objects in one file cost no more than
//! the same objects in files of their own.

use std::ops::Range;

use crate::yaml::MAX_STREAM_BYTES;

use super::source::as_text;
use super::within::{Expected, Known, altered, known, prove_stream};
use super::{Alteration, Refused, Within};

/// A file whose documents are edited.
pub struct Stream<'a> {
    before: &'a str,
    known: Vec<Known>,
    text: String,
    documents: Vec<Held>,
}

/// Where a document stands now.
struct Held {
    span: Range<usize>,
    changed: bool,
}

impl<'a> Stream<'a> {
    /// Reads all of it.
    ///
    /// # Errors
    /// When it is no text, too large, or cannot be read to its end.
    pub fn read(bytes: &'a [u8]) -> Result<Stream<'a>, Refused> {
        let before = as_text(bytes, MAX_STREAM_BYTES)?;
        let known = known(before)?;
        let held = |known: &Known| Held {
            span: known.span.clone(),
            changed: false,
        };
        Ok(Stream {
            before,
            text: before.to_owned(),
            documents: known.iter().map(held).collect(),
            known,
        })
    }

    /// The document with the alterations, all of them or none, which are proved within it. It is not put
    /// into the stream by that.
    ///
    /// # Errors
    /// As [`super::alter`], with the lines of the file; and when there is no such document, or when readers
    /// of the stream see it in different bytes.
    pub fn altered(&self, within: &Within, alterations: &[Alteration]) -> Result<String, Refused> {
        let document = within.document;
        let Some(held) = self.documents.get(document) else {
            let reason = format!("there is no document {document} in it");
            return Err(Refused::new(reason));
        };
        let below = |refused: Refused| refused.below(self.lines_before(held.span.start));
        altered(self.own(document), within, alterations).map_err(below)
    }

    /// The bytes of a document; none of one that is not there.
    pub fn own(&self, document: usize) -> &str {
        let span = self.documents.get(document).map(|held| held.span.clone());
        span.and_then(|span| self.text.get(span))
            .unwrap_or_default()
    }

    /// Puts these bytes in the place of a document.
    pub fn put(&mut self, document: usize, own: &str) {
        let Some(held) = self.documents.get_mut(document) else {
            return;
        };
        let was = held.span.clone();
        held.span.end = was.start + own.len();
        held.changed = true;
        self.text.replace_range(was.clone(), own);
        for later in self.documents.iter_mut().skip(document + 1) {
            later.span.start = later.span.start - was.len() + own.len();
            later.span.end = later.span.end - was.len() + own.len();
        }
    }

    /// A document with the ones before and behind it, and how many lines stand before them.
    pub fn around(&self, document: usize) -> (usize, &str) {
        let start = |document: usize| self.documents.get(document).map(|held| held.span.start);
        let first = document.checked_sub(1).and_then(start).unwrap_or(0);
        let last = start(document + 2).unwrap_or(self.text.len());
        let text = self.text.get(first..last).unwrap_or_default();
        (self.lines_before(first), text)
    }

    /// All of it as it is now.
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// All of it as it is now.
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// Refuses it as it is now unless each document that was changed is read from it as it was proved, and
    /// each other one is what it was.
    ///
    /// # Errors
    /// When that is not so.
    pub fn prove(&self) -> Result<(), Refused> {
        let documents = self.known.iter().zip(&self.documents).enumerate();
        let expected = documents.map(|(index, (known, held))| {
            let was = self.before.get(known.span.clone()).unwrap_or_default();
            match held.changed {
                true => Expected::Proved(self.own(index)),
                false => Expected::Kept(was, known),
            }
        });
        // What stands between the documents was never touched.
        prove_stream(expected, &self.text)
    }

    fn lines_before(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.matches('\n').count()
    }
}
