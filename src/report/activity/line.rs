//! One event in one line, as `kubectl get -w` shows objects.

use super::super::printable;
use super::super::style::Style;
use crate::auditlog::block::Placed;
use crate::auditlog::event::Event;
use crate::auditlog::tally::resource;

/// The columns' names. Their widths are fixed: no line waits for the others.
pub fn heading(with_user: bool, style: Style) -> String {
    let user = if with_user { "  USER" } else { "" };
    let heading = format!(
        "{:<27}  {:<16}  {:<6}  {:<4}  {:<15}  {:<40}  USER AGENT{user}",
        "TIME", "STAGE", "VERB", "CODE", "SOURCE", "OBJECT"
    );
    format!("{}\n", style.dim(&heading))
}

/// One event.
pub fn line(placed: &Placed, with_user: bool, style: Style) -> String {
    let event = &placed.event;
    let time = event
        .time()
        .map_or_else(|| "-".into(), |time| time.to_string());
    let code = match event.code {
        0 => format!("{:<4}", "-"),
        code @ 400.. => style.bad(&format!("{code:<4}")),
        code => format!("{code:<4}"),
    };
    let user = if with_user {
        format!("  {}", shown(&event.user.text(), 80))
    } else {
        String::new()
    };
    format!(
        "{time:<27}  {:<16}  {:<6}  {code}  {:<15}  {:<40}  {}{user}\n",
        event.stage.name(),
        shown(&event.verb.text(), 16),
        shown(&event.source.text(), 45),
        object(event),
        shown(&event.user_agent.text(), 40),
    )
}

/// `services`, `pods/log kube-system/kube-proxy-x2x4z`
fn object(event: &Event) -> String {
    let mut bytes = Vec::new();
    resource(event, &mut bytes);
    let resource = shown(&String::from_utf8_lossy(&bytes), 80);
    let (namespace, name) = (event.namespace.text(), event.name.text());
    let place = match (namespace.is_empty(), name.is_empty()) {
        (true, true) => return resource,
        (true, false) => shown(&name, 80),
        (false, true) => format!("{}/", shown(&namespace, 63)),
        (false, false) => format!("{}/{}", shown(&namespace, 63), shown(&name, 80)),
    };
    format!("{resource} {place}")
}

/// A text of the log on one line of a terminal, of a length that leaves room for others.
fn shown(text: &str, most: usize) -> String {
    let text = printable(text).replace('\n', "\\n");
    match text.char_indices().nth(most) {
        None => text,
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
    }
}
