//! `tighten facts`: what was found, and where it comes from.

use serde_json::json;

use super::context::Context;
use super::print_json;
use crate::cli::Format;
use crate::facts::{self, Facts, Role};
use crate::failure::{Exit, Failure};
use crate::report;

/// Prints the facts. What could not be read is told on stderr; without a configuration that can be
/// read at all the command could not do its work.
pub fn facts(context: &Context) -> Result<Exit, Failure> {
    let facts = context.facts_or_config()?;
    let list = facts::list(&facts);
    for remark in facts.remarks().filter(|_| !context.quiet) {
        context.tell(&format!("warning: {remark}\n"));
    }
    // Of manifests, the configuration is that of the first pod.
    let manifests = facts.objects.as_ref().filter(|objects| objects.alone);
    let view = manifests.and_then(|objects| objects.views.first());
    let own = view.map_or(&facts, |view| &view.facts);
    let unreadable = unreadable(own);
    let refused = refused(own);
    match context.format {
        Format::Json => {
            let error = unreadable.as_ref().map(|failure| &failure.message);
            let config = json!({
                "path": own.target(Role::ProxyConfig).map(|target| &target.path),
                "accepted": own.config.as_ref().map(|reading| reading.accepted),
                "lenient": own.config.as_ref().map(|reading| reading.lenient),
                "error": refused.as_ref().or(error),
            });
            print_json(&report::document(
                "facts",
                json!({
                    "node": report::node(&context.root, Some(&facts)),
                    "config": config,
                    "facts": list,
                }),
            ));
        }
        Format::Text => context.say(&report::facts(&facts, &list, context.style)),
    }
    for warning in [bad_kubeconfig(own), refused].into_iter().flatten() {
        context.tell(&format!("warning: {warning}\n"));
    }
    if let Some(failure) = unreadable {
        context.tell(&format!("{failure}\n"));
        return Ok(failure.exit);
    }
    Ok(Exit::Done)
}

/// Why there is no configuration to read values from.
fn unreadable(facts: &Facts) -> Option<Failure> {
    let target = facts
        .target(Role::ProxyConfig)
        .filter(|_| facts.config.is_none())?;
    let why = match &target.seen {
        Err(error) => error.to_string(),
        Ok(seen) => seen.unread().to_string(),
    };
    let failure = Failure::refused(format!("{} {why}", target.path));
    Some(failure.help("name the right file with --config FILE"))
}

/// Why kube-proxy would refuse the configuration, with its place.
fn refused(facts: &Facts) -> Option<String> {
    let problem = facts.config.as_ref()?.error.as_ref()?;
    let target = facts.target(Role::ProxyConfig);
    let path = target.map_or("the flags", |target| target.path.as_str());
    Some(place(path, problem.line, &problem.message))
}

/// Why the kubeconfig could not be read, with its place.
fn bad_kubeconfig(facts: &Facts) -> Option<String> {
    let problem = facts.kubeconfig.as_ref()?.as_ref().err()?;
    let target = facts.target(Role::ProxyKubeconfig);
    let path = target.map_or("the kubeconfig", |target| target.path.as_str());
    Some(place(path, problem.line, &problem.message))
}

fn place(path: &str, line: Option<usize>, why: &str) -> String {
    match line {
        Some(line) => format!("{path}:{line}: {why}"),
        None => format!("{path}: {why}"),
    }
}
