//! What is not among the requests that the baseline lists.

use serde::Deserialize;

use super::{Broke, Case, Watch};
use crate::auditlog::event::Event;
use crate::auditpolicy::{Resource, Target};
use crate::unusual::Known;
use crate::unusual::pattern::reads;
use crate::unusual::told::asked;

/// `outside-requests: {paths: [/version, /api/*]}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutsideRequests {
    /// Paths of no resource that may be read; a star at the end stands for any rest.
    #[serde(default)]
    paths: Vec<String>,
}

impl OutsideRequests {
    pub(super) fn sound(&self) -> Result<(), String> {
        let path = |path: &String| {
            let plain = path.strip_suffix('*').unwrap_or(path);
            plain.starts_with('/') && !plain.contains(['*', '?'])
        };
        match self.paths.iter().find(|held| !path(held)) {
            Some(bad) => Err(format!(
                "{bad:?} is no path: it begins with a slash, has no query, and a star at its end alone"
            )),
            None => Ok(()),
        }
    }

    pub(super) fn watch(&self, known: &Known) -> Watched {
        let mut requests: Vec<(String, Resource)> = Vec::new();
        for request in &known.requests {
            let Target::Resource(resource) = &request.target else {
                continue;
            };
            let resource = Resource {
                name: String::new(),
                ..resource.clone()
            };
            let one = (request.verb.clone(), resource);
            // Each identity asks the same.
            if !requests.contains(&one) {
                requests.push(one);
            }
        }
        let paths = self.paths.clone();
        Watched { paths, requests }
    }
}

/// The rule at work.
pub struct Watched {
    paths: Vec<String>,
    requests: Vec<(String, Resource)>,
}

impl Watched {
    fn lists(&self, event: &Event) -> bool {
        if event.resource.is_empty() {
            let uri = event.uri.bytes();
            let path = uri.split(|byte| *byte == b'?').next().unwrap_or_default();
            let covers = |held: &String| match held.strip_suffix('*') {
                Some(start) => path.starts_with(start.as_bytes()),
                None => path == held.as_bytes(),
            };
            return reads(event) && self.paths.iter().any(covers);
        }
        // A name is another one on each node, and a namespace counts where the list has one.
        self.requests.iter().any(|(verb, held)| {
            event.verb.is(verb.as_bytes())
                && event.resource.is(held.resource.as_bytes())
                && event.group.is(held.group.as_bytes())
                && event.subresource.is(held.subresource.as_bytes())
                && (held.namespace.is_empty() || event.namespace.is(held.namespace.as_bytes()))
        })
    }
}

impl Watch for Watched {
    fn see(&mut self, case: &Case) -> Option<Broke> {
        if !case.is_as_kube_proxy() || self.lists(case.event) {
            return None;
        }
        Broke::by(asked(case.event))
    }
}
