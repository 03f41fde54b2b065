//! A file that an object carries as a text: where it stands, line by line.

use super::Object;
use crate::edit::{Step, Within};
use crate::proxyconfig;
use crate::root::NodePath;
use crate::yaml::{self, Node, Style, Value};

/// Where a carried file stands.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    /// The manifest.
    pub file: NodePath,
    /// The document, and the way to the text in it.
    pub within: Within,
    /// For people: `config.conf of ConfigMap kube-system/kube-proxy`.
    pub title: String,
    /// Why it is not changed here.
    pub hold: Option<String>,
    /// The line of its key, counted from 1.
    line: usize,
    /// True where each of its lines is a line of the manifest, below its key.
    block: bool,
}

impl Spot {
    /// The text that an object has under a key of its `data`.
    pub fn of<'a>(object: &'a Object, key: &str) -> Option<(Spot, &'a str)> {
        let (name, node) = object.node.get("data")?.entry(key)?;
        let Value::Scalar(text, style) = &node.value else {
            return None;
        };
        let data = [Step::Key("data".into()), Step::Key(key.into())];
        let spot = Spot {
            file: object.file.clone(),
            within: Within {
                document: object.document,
                embedded: object.at.iter().cloned().chain(data).collect(),
            },
            title: format!("{key} of {}", object.title()),
            hold: object.hold.clone(),
            line: name.line,
            block: *style == Style::Block,
        };
        Some((spot, text))
    }

    /// The line of the manifest that holds a line of the text; without one, that of its key.
    pub fn line(&self, inside: Option<usize>) -> usize {
        match inside {
            Some(inside) if self.block => self.line + inside,
            _ => self.line,
        }
    }
}

/// The keys of an object's `data`.
pub(super) fn keys(object: &Object) -> Vec<&str> {
    let entries = object.node.get("data").map(Node::entries);
    let entries = entries.unwrap_or_default().iter();
    entries.filter_map(|(key, _)| key.text()).collect()
}

/// Why kube-proxy would refuse the configuration that a document of these manifests carries; `None` where it
/// would take it, and for a text that is none.
pub fn carried_configuration(bytes: &[u8], within: &Within) -> Option<String> {
    let text = carried(bytes, within)?;
    is_configuration(&text)
        .then(|| proxyconfig::refusal(text.as_bytes()))
        .flatten()
}

/// The text that a document carries.
fn carried(bytes: &[u8], within: &Within) -> Option<String> {
    let text = str::from_utf8(bytes).ok()?;
    let part = yaml::parse_stream(text).ok()?.nth(within.document)?.ok()?;
    let inner = within
        .embedded
        .iter()
        .try_fold(&part.root, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Index(index) => node.items().get(*index),
        });
    Some(inner?.text()?.to_string())
}

/// True for a text that is a configuration of kube-proxy, or would be one if it could be read.
pub(super) fn is_configuration(text: &str) -> bool {
    const KIND: &str = "KubeProxyConfiguration";
    text.contains(KIND)
        && match yaml::parse_first(text) {
            Ok(document) => {
                let root = document.root.as_ref();
                root.and_then(|root| root.get("kind")?.text()) == Some(KIND)
            }
            Err(_) => true,
        }
}
