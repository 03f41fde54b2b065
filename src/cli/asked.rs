//! What `tighten audit-policy` is asked.

use std::path::PathBuf;

use clap::Args;

use crate::auditpolicy::Resource;

/// The request that an audit policy is asked about.
#[derive(Clone, Debug, Args)]
pub struct AskedRequest {
    /// The user's name, such as system:kube-proxy
    #[arg(long, value_name = "U", required_unless_present = "requests")]
    pub user: Option<String>,
    /// A group of the user (repeatable), such as system:authenticated
    #[arg(long, value_name = "G")]
    pub group: Vec<String>,
    /// get, list, watch, create, ...; of a path the HTTP method in lower case
    #[arg(
        long,
        value_name = "V",
        value_parser = lower_case,
        required_unless_present = "requests"
    )]
    pub verb: Option<String>,
    /// A resource with its API group and subresource, such as pods/log or deployments.apps/scale
    #[arg(
        long,
        value_name = "R[.group][/sub]",
        value_parser = resource,
        required_unless_present_any = ["path", "requests"]
    )]
    pub resource: Option<Resource>,
    /// The namespace; without it the request is for the whole cluster
    #[arg(long, value_name = "N", conflicts_with = "path")]
    pub namespace: Option<String>,
    /// The object's name
    #[arg(long, value_name = "X", conflicts_with = "path")]
    pub name: Option<String>,
    /// A path that is no resource, such as /metrics
    #[arg(long, value_parser = url_path, conflicts_with = "resource")]
    pub path: Option<String>,
    /// Requests as lines of JSON, from a file of this machine or - for stdin; a line of JSON answers each
    ///
    /// Keys: User, Groups, Verb, and either Path or Resource with APIGroup, Subresource, Namespace and
    /// Name. Empty lines are passed over.
    #[arg(
        long,
        value_name = "FILE|-",
        conflicts_with_all = ["user", "group", "verb", "resource", "namespace", "name", "path"]
    )]
    pub requests: Option<PathBuf>,
}

/// A word as the API server has it. A policy is compared letter by letter, so that GET would be answered
/// with a rule that decides on nothing that is ever asked.
fn lower_case(text: &str) -> Result<String, String> {
    let lower = text.to_lowercase();
    if lower != text {
        return Err(format!("the API server has it in lower case: {lower}"));
    }
    Ok(lower)
}

fn resource(text: &str) -> Result<Resource, String> {
    Resource::parse(&lower_case(text)?)
}

/// A path as the API server sees it: it starts at the root and has no query.
fn url_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err("a path starts with /".into());
    }
    if text.contains('?') {
        return Err("the query behind the ? is no part of the path".into());
    }
    Ok(text.into())
}
