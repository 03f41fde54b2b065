//! What was asked before and broke no rule: a kube-proxy asks the same few things again and again.

use crate::auditlog::event::Event;
use crate::auditlog::json::Text;

/// Most that are held.
const MOST: usize = 16;
/// Longest sum of its texts as they are written, in bytes.
const LONGEST: usize = 256;

/// All that rules look at of what is asked of a resource.
fn texts<'a>(event: &Event<'a>) -> [Text<'a>; 5] {
    [
        event.resource,
        event.verb,
        event.group,
        event.subresource,
        event.namespace,
    ]
}

/// What was asked of resources and broke no rule.
#[derive(Default)]
pub struct Asks {
    held: Vec<[Box<[u8]>; 5]>,
}

impl Asks {
    /// Whether it is held.
    pub fn hold(&self, event: &Event) -> bool {
        let said = texts(event);
        let same = |held: &[Box<[u8]>; 5]| said.iter().zip(held).all(|(text, held)| text.is(held));
        self.held.iter().any(same)
    }

    /// Holds it, as long as there is room. What is no resource is told apart by its path, and is not held.
    pub fn add(&mut self, event: &Event) {
        let said = texts(event);
        let length: usize = said.iter().map(|text| text.written().len()).sum();
        if !event.resource.is_empty() && self.held.len() < MOST && length <= LONGEST {
            self.held.push(said.map(|text| text.bytes().into()));
        }
    }
}
