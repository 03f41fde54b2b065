//! Resources as rules name them.

use serde::Deserialize;

use crate::auditlog::event::Event;
use crate::auditlog::json::Text;
use crate::auditpolicy::Resource;

/// `secrets`, `tokenreviews.authentication.k8s.io`, `serviceaccounts/token`; `*/exec` of each resource,
/// `pods/*` with and without any subresource, `*.rbac.authorization.k8s.io` of a whole group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(Resource);

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Pattern, String> {
        let resource = Resource::parse(&text).map_err(|why| format!("resource {text:?}: {why}"))?;
        let stray = |part: &str| part.contains('*') && part != "*";
        if stray(&resource.resource) || stray(&resource.subresource) || resource.group.contains('*')
        {
            return Err(format!(
                "resource {text:?}: a star stands for a whole resource or subresource, as in */exec"
            ));
        }
        Ok(Pattern(resource))
    }
}

impl Pattern {
    /// Whether an event asks for it.
    pub fn covers(&self, event: &Event) -> bool {
        let Pattern(held) = self;
        let is = |text: Text, wanted: &str| wanted == "*" || text.is(wanted.as_bytes());
        // `*/exec` names no group, and is meant of each.
        let any_group = held.resource == "*" && held.group.is_empty();
        !event.resource.is_empty()
            && is(event.resource, &held.resource)
            && (any_group || event.group.is(held.group.as_bytes()))
            && is(event.subresource, &held.subresource)
    }
}

/// Whether one of them covers what an event asks for.
pub fn any_covers(patterns: &[Pattern], event: &Event) -> bool {
    patterns.iter().any(|pattern| pattern.covers(event))
}

/// A verb that changes nothing: those of resources, and the HTTP methods of paths. The API server gives no
/// verb to a method that it has none for, which it refuses.
pub fn reads(event: &Event) -> bool {
    const READING: [&[u8]; 6] = [b"get", b"list", b"watch", b"head", b"options", b""];
    READING.iter().any(|verb| event.verb.is(verb))
}
