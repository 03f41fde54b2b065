//! One event in one line, as `kubectl get -w` shows objects.

use super::super::printable;
use super::super::style::Style;
use crate::auditlog::block::Placed;
use crate::auditlog::counted::resource;
use crate::auditlog::event::Event;

/// Columns of a terminal on which all fields stand whole.
const WIDE: usize = 140;
/// Columns for the user's name behind them.
const USER: usize = 40;
/// Columns without which a field that matters less is left out.
const NARROW: usize = 72;

/// How much of a line there is room for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    /// A file, a pipe, a wide terminal.
    All,
    /// The time of day, short stages, an address or a user, and an object that ends where the terminal does.
    Some,
    /// And no stage, no address.
    Little,
}

impl Room {
    fn of(style: Style, with_user: bool) -> Room {
        let wide = if with_user { WIDE + USER } else { WIDE };
        match style.width {
            None => Room::All,
            Some(width) if width >= wide => Room::All,
            Some(NARROW..) => Room::Some,
            Some(_) => Room::Little,
        }
    }
}

/// The columns' names. Their widths are fixed: no line waits for the others.
pub fn heading(with_user: bool, style: Style) -> String {
    let names = ["TIME", "STAGE", "VERB", "CODE", "SOURCE", "OBJECT"].map(str::to_string);
    let last = ["USER AGENT", "USER"].map(str::to_string);
    format!(
        "{}\n",
        style.dim(&row(names, last, with_user, style).concat())
    )
}

/// One event.
pub fn line(placed: &Placed, with_user: bool, style: Style) -> String {
    let event = &placed.event;
    let short = Room::of(style, with_user) != Room::All;
    let time = match event.time().map(|time| time.to_string()) {
        None => "-".into(),
        // 2026-11-23T16:14:35.011937Z
        Some(time) if short => time.get(11..23).unwrap_or(&time).to_string(),
        Some(time) => time,
    };
    let stage = event.stage.name();
    let stage = stage
        .strip_prefix("Response")
        .or_else(|| stage.strip_prefix("Request"))
        .filter(|_| short)
        .unwrap_or(stage);
    let code = match event.code {
        0 => "-".into(),
        code => code.to_string(),
    };
    let fields = [
        time,
        stage.to_string(),
        shown(&event.verb.text(), 16),
        code,
        shown(&event.source.text(), 45),
        object(event),
    ];
    let last = [
        shown(&event.user_agent.text(), 40),
        shown(&event.user.text(), 80),
    ];
    let [before, code, behind] = row(fields, last, with_user, style);
    let code = if event.code >= 400 {
        style.bad(&code)
    } else {
        code
    };
    format!("{before}{code}{behind}\n")
}

/// What stands before the code, the code, and what stands behind it. On a terminal no line is longer than
/// its columns.
fn row(
    [time, stage, verb, code, source, object]: [String; 6],
    [agent, user]: [String; 2],
    with_user: bool,
    style: Style,
) -> [String; 3] {
    let room = Room::of(style, with_user);
    let before = match room {
        Room::All => format!("{time:<27}  {stage:<16}  {verb:<6}  "),
        Room::Some => format!("{time:<12}  {stage:<8}  {verb:<6}  "),
        Room::Little => format!("{time:<12}  {verb:<6}  "),
    };
    let code = format!("{code:<4}");
    let behind = match (room, with_user) {
        (Room::All, true) => format!("  {source:<15}  {object:<40}  {agent}  {user}"),
        (Room::All, false) => format!("  {source:<15}  {object:<40}  {agent}"),
        // Whose it is matters more than what the client calls itself.
        (Room::Some, true) => format!("  {user:<18}  {object}"),
        (Room::Some, false) => format!("  {source:<15}  {object}"),
        (Room::Little, true) => format!("  {user:<8}  {object}"),
        (Room::Little, false) => format!("  {object}"),
    };
    let mut left = style.width.unwrap_or(usize::MAX);
    [before, code, behind].map(|part| {
        let text: String = part.chars().take(left).collect();
        left -= text.chars().count();
        text
    })
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
