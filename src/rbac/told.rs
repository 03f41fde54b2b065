//! Requests in words.

use crate::auditpolicy::{Request, Target};

/// Requests one after the other, each once, and how many more there are than `most`.
pub fn requests_told(requests: &[&Request], most: usize) -> String {
    let mut told: Vec<String> = Vec::new();
    for request in requests {
        let one = request_told(request);
        if !told.contains(&one) {
            told.push(one);
        }
    }
    let more = match told.len().saturating_sub(most) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    told.truncate(most);
    format!("{}{more}", told.join(", "))
}

/// A request as kubectl names it: `list services`, `create events.events.k8s.io in default`.
pub fn request_told(request: &Request) -> String {
    match &request.target {
        Target::Path(path) => format!("{} {path}", request.verb),
        Target::Resource(asked) => {
            let mut text = format!("{} {}", request.verb, asked.resource);
            if !asked.group.is_empty() {
                text.push('.');
                text.push_str(&asked.group);
            }
            if !asked.subresource.is_empty() {
                text.push('/');
                text.push_str(&asked.subresource);
            }
            if !asked.namespace.is_empty() {
                text.push_str(" in ");
                text.push_str(&asked.namespace);
            }
            text
        }
    }
}
