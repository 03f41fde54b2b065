//! A strict reader of XML and HTML, as far as the reports use them: it refuses what a lenient one would mend.

use std::collections::BTreeMap;

/// One piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// `<name a="b">`; of XML also `<name/>`, which is followed by its end.
    Open(String, BTreeMap<String, String>),
    /// `</name>`
    Close(String),
    /// What stands between, with its entities resolved.
    Text(String),
}

fn plain(letter: char) -> bool {
    !letter.is_control() || letter == '\n' || letter == '\t'
}

fn resolved(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let (entity, after) = behind.split_once(';').expect("an & begins an entity");
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            other => panic!("the entity {other:?}"),
        });
        rest = after;
    }
    out.push_str(rest);
    assert!(out.chars().all(plain), "a control character in {out:?}");
    assert!(!out.contains(['\u{fffe}', '\u{ffff}']), "{out:?}");
    out
}

/// The pieces of a document behind its first line.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        assert!(
            !before.contains("]]>") && !before.contains('>'),
            "{before:?}"
        );
        if !before.is_empty() {
            pieces.push(Piece::Text(resolved(before)));
        }
        let (tag, after) = behind.split_once('>').expect("a tag ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            pieces.push(Piece::Close(name.into()));
            continue;
        }
        let empty = tag.ends_with('/');
        let tag = tag.trim_end_matches('/');
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "<{tag}>"
        );
        let mut found = BTreeMap::new();
        while !attributes.trim().is_empty() {
            let attribute = attributes.trim_start();
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let (value, after) = match value.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').expect("a quoted value ends"),
                None => value.split_once(' ').unwrap_or((value, "")),
            };
            let key = key.to_string();
            assert!(
                key.chars().all(|c| c.is_ascii_alphabetic() || c == '-'),
                "<{tag}>"
            );
            assert!(
                found.insert(key, resolved(value)).is_none(),
                "twice in <{tag}>"
            );
            attributes = after;
        }
        pieces.push(Piece::Open(name.into(), found));
        if empty {
            pieces.push(Piece::Close(name.into()));
        }
    }
    assert_eq!(rest.trim(), "");
    // A style sheet is no text.
    pieces
}

/// An element of XML.
#[derive(Clone, Debug, Default)]
pub struct Element {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    pub children: Vec<Element>,
    pub text: String,
}

impl Element {
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub fn get(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).map_or("", String::as_str)
    }
}

/// The root of an XML document.
pub fn xml(text: &str) -> Element {
    let body = text
        .strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
        .expect("the declaration");
    let mut open = vec![Element::default()];
    for piece in pieces(body) {
        match piece {
            Piece::Open(name, attributes) => open.push(Element {
                name,
                attributes,
                ..Element::default()
            }),
            Piece::Text(text) => open.last_mut().unwrap().text.push_str(&text),
            Piece::Close(name) => {
                let done = open.pop().unwrap();
                assert_eq!(done.name, name);
                open.last_mut()
                    .expect("an end has a beginning")
                    .children
                    .push(done);
            }
        }
    }
    assert_eq!(open.len(), 1, "every element ends");
    let mut all = open.remove(0).children;
    assert_eq!(all.len(), 1, "one root");
    all.remove(0)
}

/// The text that a page shows and its links, of a page that runs nothing and loads nothing.
pub fn page(text: &str) -> (String, Vec<String>) {
    let (head, body) = text.split_once("</style>").expect("a style sheet");
    let (before, style) = head.split_once("<style>").unwrap();
    for loads in ["url(", "@import", "http:", "https:", "<"] {
        assert!(!style.contains(loads), "the style sheet loads something");
    }
    let before = before.strip_prefix("<!doctype html>\n").unwrap();
    let mut shown = String::new();
    let mut links = Vec::new();
    let mut ids = Vec::new();
    for piece in pieces(&format!("{before}<style></style>{body}")) {
        match piece {
            Piece::Text(text) => shown.push_str(&text),
            Piece::Close(_) => {}
            Piece::Open(name, attributes) => {
                let runs = [
                    "script", "iframe", "object", "embed", "img", "link", "form", "base",
                ];
                assert!(!runs.contains(&name.as_str()), "<{name}>");
                for (key, value) in attributes {
                    assert!(!key.starts_with("on") && key != "src", "{key}={value:?}");
                    match key.as_str() {
                        "href" => links.push(value.strip_prefix('#').expect("inside").to_string()),
                        "id" => ids.push(value),
                        _ => {}
                    }
                }
            }
        }
    }
    for link in &links {
        assert!(ids.contains(link), "a link to #{link}, and no such place");
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "every id is there once");
    (shown, links)
}
