//! Writes a document down in one of many manners.

use proptest::prelude::*;

use crate::model::{self, Model, PLAIN};

/// The manner in which a document is written.
#[derive(Clone, Debug)]
pub struct Look {
    pub crlf: bool,
    pub bom: bool,
    pub final_newline: bool,
    pub marker: bool,
    /// For flow documents: JSON rather than YAML.
    pub json: bool,
    pub step: usize,
    /// Decides about comments, blank lines and the like, one byte per decision.
    pub noise: Vec<u8>,
}

pub struct Rendered {
    pub text: String,
}

pub fn look() -> impl Strategy<Value = Look> {
    let often = || prop::bool::weighted(0.8);
    (
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.1),
        often(),
        prop::bool::weighted(0.15),
        any::<bool>(),
        prop::sample::select(&[1_usize, 2, 2, 2, 3, 4][..]),
        prop::collection::vec(any::<u8>(), 0..40),
    )
        .prop_map(
            |(crlf, bom, final_newline, marker, json, step, noise)| Look {
                crlf,
                bom,
                final_newline,
                marker,
                json,
                step,
                noise,
            },
        )
}

/// The comments of a text, told by what only the comments of these tests say.
pub fn notes(text: &str) -> Vec<&str> {
    let lines = text.lines();
    lines
        .filter_map(|line| line.split_once("# note ").map(|(_, note)| note))
        .collect()
}

/// The text of a document. `look.json` is only kept when the document is one of flow style.
pub fn document(document: &Model, look: &Look) -> Rendered {
    let mut writer = Writer {
        out: String::new(),
        noise: look.noise.clone(),
        at: 0,
        comments: 0,
        step: look.step,
        after_block: false,
    };
    let mut text = match document {
        Model::FlowMap(_) if look.json => {
            let meaning = document.meaning();
            match writer.decide(3) {
                0 => meaning.to_string(),
                1 => tabbed(&serde_json::to_string_pretty(&meaning).unwrap()),
                _ => serde_json::to_string_pretty(&meaning).unwrap(),
            }
        }
        _ => {
            if look.marker {
                writer.out.push_str("# note head\n---\n");
            }
            match document {
                Model::Map(entries) => writer.mapping(entries, 0),
                other => {
                    writer.flow(other, 0);
                    writer.end_line();
                }
            }
            if writer.decide(4) == 0 {
                writer.out.push_str("# note tail: [\n");
            }
            writer.out
        }
    };
    if look.final_newline && !text.ends_with('\n') {
        text.push('\n');
    }
    // A block of text that ends with the file would mean something else without its last newline.
    if !look.final_newline && !ends_in_block(document) {
        while text.ends_with('\n') {
            text.pop();
        }
    }
    if look.crlf {
        text = text.replace('\n', "\r\n");
    }
    if look.bom {
        text.insert(0, '\u{feff}');
    }
    Rendered { text }
}

fn tabbed(json: &str) -> String {
    let lines = json.lines().map(|line| {
        let content = line.trim_start();
        "\t".repeat((line.len() - content.len()) / 2) + content
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn ends_in_block(model: &Model) -> bool {
    match model {
        Model::Block(_) => true,
        Model::Map(entries) => entries
            .last()
            .is_some_and(|(_, value)| ends_in_block(value)),
        Model::Seq(items) => items.last().is_some_and(ends_in_block),
        _ => false,
    }
}

struct Writer {
    out: String,
    noise: Vec<u8>,
    at: usize,
    comments: usize,
    step: usize,
    after_block: bool,
}

impl Writer {
    /// A number below `choices`; the last one when there is no noise left.
    fn decide(&mut self, choices: u8) -> u8 {
        let byte = self.noise.get(self.at).copied();
        self.at += 1;
        byte.map_or(choices - 1, |byte| byte % choices)
    }

    fn blanks(&mut self, count: usize) {
        self.out.push_str(&" ".repeat(count));
    }

    fn comment(&mut self) {
        self.comments += 1;
        let number = self.comments;
        self.out
            .push_str(&format!("# note {number}: {{x}}, 'y' [ \"\u{e9}"));
    }

    fn end_line(&mut self) {
        self.after_block = false;
        match self.decide(8) {
            0 => {
                self.out.push_str("  ");
                self.comment();
            }
            1 if !self.out.ends_with('-') => self.out.push('\t'),
            2 => {
                self.out.push_str(" \t ");
                self.comment();
            }
            _ => {}
        }
        self.out.push('\n');
    }

    fn between_lines(&mut self, indent: usize) {
        let choice = self.decide(10);
        match choice {
            // Lines behind a block of text may be part of it.
            0 | 2 if std::mem::take(&mut self.after_block) => {}
            0 => self.out.push('\n'),
            1 => {
                self.blanks(indent);
                self.comment();
                self.out.push('\n');
            }
            2 => {
                self.out.push_str("\n  ");
                self.comment();
                self.out.push_str("\n\n");
            }
            _ => {}
        }
    }

    fn key(&mut self, position: usize, manner: u8) {
        let name = model::key(position, manner);
        match manner / 8 % 6 {
            0 => self.double(&name),
            1 => self.single(&name),
            _ if name.contains(": ") => self.single(&name),
            _ => self.out.push_str(&name),
        }
    }

    fn mapping(&mut self, entries: &[(u8, Model)], indent: usize) {
        for (position, (manner, value)) in entries.iter().enumerate() {
            // The first key of a list's item follows its dash.
            let after_dash = self.out.ends_with("- ");
            if !after_dash {
                self.between_lines(indent);
                self.blanks(indent);
            }
            self.key(position, *manner);
            if self.decide(12) == 0 {
                self.out.push(' ');
            }
            self.out.push(':');
            self.value(value, indent, false);
        }
    }

    /// What follows a `:` or a `-`, its line end included.
    fn value(&mut self, value: &Model, indent: usize, in_list: bool) {
        let deeper = indent + self.step;
        match value {
            Model::Map(entries) => {
                if in_list && self.decide(4) != 0 {
                    self.out.push(' ');
                    self.mapping(entries, indent + 2);
                } else {
                    self.end_line();
                    self.mapping(entries, deeper);
                }
            }
            Model::Seq(items) => {
                let indent = if !in_list && self.decide(2) == 0 {
                    indent
                } else {
                    deeper
                };
                self.end_line();
                for item in items {
                    self.between_lines(indent);
                    self.blanks(indent);
                    self.out.push('-');
                    self.value(item, indent, true);
                }
            }
            Model::Null(manner) if manner % 3 == 2 => self.end_line(),
            Model::Block(header) => {
                self.out
                    .push_str([" |\n", " |-\n", " |+\n"][usize::from(header % 3)]);
                self.blanks(deeper);
                self.out.push_str("one # no comment\n");
                self.blanks(deeper);
                self.out.push_str("  two: x\n");
                if header % 3 == 2 {
                    self.out.push('\n');
                }
                self.after_block = true;
            }
            other => {
                match self.decide(12) {
                    0 => self.out.push_str("   "),
                    1 if !in_list => self.out.push('\t'),
                    2 => {
                        self.end_line();
                        self.blanks(deeper);
                    }
                    _ => self.out.push(' '),
                }
                self.flow(other, deeper);
                self.end_line();
            }
        }
    }

    /// A value on one line, or in brackets over several.
    fn flow(&mut self, value: &Model, indent: usize) {
        match value {
            Model::Null(manner) => self.out.push_str(["~", "null"][usize::from(manner % 2)]),
            Model::Plain(index) => self.out.push_str(PLAIN[*index].0),
            Model::Single(text) => self.single(text),
            Model::Double(text) => self.double(text),
            Model::Folded => {
                self.out.push_str("over two\n");
                self.blanks(indent);
                self.out.push_str("lines");
            }
            Model::FlowSeq(items) => {
                let lines = self.decide(4) == 0;
                self.out.push('[');
                for (at, item) in items.iter().enumerate() {
                    self.before_entry(at, lines, indent);
                    self.flow(item, indent + 2);
                }
                self.close(lines, indent, ']');
            }
            Model::FlowMap(entries) => {
                let lines = self.decide(3) == 0;
                self.out.push('{');
                for (at, (manner, value)) in entries.iter().enumerate() {
                    self.before_entry(at, lines, indent);
                    self.key(at, *manner);
                    self.out.push_str(": ");
                    self.flow(value, indent + 2);
                }
                self.close(lines, indent, '}');
            }
            _ => unreachable!("a block value inside brackets"),
        }
    }

    fn before_entry(&mut self, at: usize, lines: bool, indent: usize) {
        if at > 0 {
            self.out.push(',');
        }
        if lines {
            self.end_line();
            self.blanks(indent + 2);
        } else if at > 0 && self.decide(4) != 0 || self.out.ends_with(',') {
            self.out.push(' ');
        }
    }

    fn close(&mut self, lines: bool, indent: usize, bracket: char) {
        if lines {
            self.end_line();
            self.blanks(indent);
        } else if self.decide(6) == 0 {
            self.out.push(' ');
        }
        self.out.push(bracket);
    }

    fn single(&mut self, text: &str) {
        self.out
            .push_str(&format!("'{}'", text.replace('\'', "''")));
    }

    fn double(&mut self, text: &str) {
        self.out.push_str(&serde_json::to_string(text).unwrap());
    }
}
