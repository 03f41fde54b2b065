//! A request to the API server, as an audit policy sees it.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A request that was authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The user's name.
    pub user: String,
    /// The user's groups.
    pub groups: Vec<String>,
    /// The verb: of a path, the HTTP method in lower case.
    pub verb: String,
    /// What is asked for.
    pub target: Target,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A resource of the API.
    Resource(Resource),
    /// Anything else, by its path: `/metrics`.
    Path(String),
}

/// A resource of the API, or objects of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource: `pods`.
    pub resource: String,
    /// The subresource: `log`; may be empty.
    pub subresource: String,
    /// The namespace; empty for what has none.
    pub namespace: String,
    /// The object's name; may be empty.
    pub name: String,
}

/// The keys that a line of requests may have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Line {
    user: String,
    // A Go program writes null for no groups.
    groups: Option<Vec<String>>,
    verb: String,
    #[serde(rename = "APIGroup", default)]
    group: String,
    #[serde(default)]
    resource: String,
    #[serde(default)]
    subresource: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    path: String,
    // Answers that stand beside a request, as in a recording, are not asked for.
    #[serde(rename = "level", default)]
    _level: IgnoredAny,
    #[serde(rename = "omitStages", default)]
    _omit_stages: IgnoredAny,
}

impl Request {
    /// Reads one request from a line of JSON with the keys User, Groups, Verb, and either Path or
    /// Resource with APIGroup, Subresource, Namespace and Name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_json(text: &str) -> Result<Request, String> {
        let line: Line = serde_json::from_str(text).map_err(|error| {
            let (said, column) = (error.to_string(), error.column());
            // Its own line number would be taken for the file's.
            let why = said
                .rsplit_once(" at line ")
                .map_or(said.as_str(), |(why, _)| why);
            format!("{why} (column {column})")
        })?;
        let resource = Resource {
            group: line.group,
            resource: line.resource,
            subresource: line.subresource,
            namespace: line.namespace,
            name: line.name,
        };
        let target = if line.path.is_empty() {
            if resource.resource.is_empty() {
                return Err("it has neither Resource nor Path".into());
            }
            Target::Resource(resource)
        } else if resource == Resource::default() {
            Target::Path(line.path)
        } else {
            return Err("Path cannot stand beside a resource".into());
        };
        Ok(Request {
            user: line.user,
            groups: line.groups.unwrap_or_default(),
            verb: line.verb,
            target,
        })
    }
}

impl Resource {
    /// Reads `R[.group][/sub]`: `pods`, `pods/log`, `deployments.apps/scale`.
    ///
    /// # Errors
    /// When a part is empty, or there is a slash too many.
    pub fn parse(text: &str) -> Result<Resource, String> {
        let (full, subresource) = match text.split_once('/') {
            Some((_, "")) => return Err("no subresource behind the slash".into()),
            Some((_, rest)) if rest.contains('/') => {
                return Err("a resource has one subresource at most".into());
            }
            Some((full, rest)) => (full, rest),
            None => (text, ""),
        };
        let (resource, group) = match full.split_once('.') {
            Some((_, "")) => return Err("no group behind the dot".into()),
            Some((resource, group)) => (resource, group),
            None => (full, ""),
        };
        if resource.is_empty() {
            return Err("no resource".into());
        }
        Ok(Resource {
            group: group.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            ..Resource::default()
        })
    }
}
