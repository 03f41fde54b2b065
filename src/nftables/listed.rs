//! The table as `nft -j list table inet tighten` prints it (libnftables-json(5)).

use serde_json::Value;

use super::{PRIORITY, Ruleset, SETS, TABLE};
use crate::ip_network::IpNetwork;

/// What is loaded, when that is what [`Ruleset::text`] loads; whoever added a rule, or took one away, has
/// another table.
///
/// # Errors
/// In words, what is other.
pub fn listed(json: &str) -> Result<Ruleset, String> {
    // A program may warn before it answers.
    let json = json.find('{').and_then(|at| json.get(at..));
    let document: Value = serde_json::from_str(json.unwrap_or_default())
        .map_err(|_| "nft's list of the table cannot be read")?;
    let entries = document.get("nftables").and_then(Value::as_array);
    let mut read = Read::default();
    for entry in entries.into_iter().flatten() {
        read.entry(entry)
            .ok_or("the table that is loaded is not as tighten writes it")?;
    }
    read.ruleset()
        .ok_or_else(|| "the table that is loaded is not as tighten writes it".into())
}

#[derive(Default)]
struct Read {
    allowed: Vec<IpNetwork>,
    ports: Vec<u16>,
    sets: usize,
    chains: usize,
    /// The rules, in words.
    rules: Vec<String>,
}

impl Read {
    /// Takes one object of the list. `None` for what is not ours.
    fn entry(&mut self, entry: &Value) -> Option<()> {
        let (kind, body) = entry.as_object()?.iter().next()?;
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        match kind.as_str() {
            "metainfo" => Some(()),
            "table" => ([text("family")?, text("name")?] == TABLE && body.get("flags").is_none())
                .then_some(()),
            "set" => self.set(body),
            "chain" => {
                self.chains += 1;
                let hooked = [text("type")?, text("hook")?, text("policy")?, text("name")?];
                let is_ours = hooked == ["filter", "input", "accept", "input"]
                    && body.get("prio").and_then(Value::as_i64) == Some(PRIORITY);
                is_ours.then_some(())
            }
            "rule" => {
                let rule = rule(body.get("expr")?.as_array()?)?;
                if let Some(port) = rule.strip_suffix(" drop") {
                    self.ports
                        .push(port.strip_prefix("tcp dport ")?.parse().ok()?);
                }
                self.rules.push(rule);
                Some(())
            }
            _ => None,
        }
    }

    fn set(&mut self, body: &Value) -> Option<()> {
        self.sets += 1;
        let (name, kind) = (body.get("name")?.as_str()?, body.get("type")?.as_str()?);
        let (.., ipv4) = *SETS
            .iter()
            .find(|(set, of, _)| (*set, *of) == (name, kind))?;
        for element in body
            .get("elem")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let text = match element.get("prefix") {
                Some(prefix) => {
                    let address = prefix.get("addr")?.as_str()?;
                    format!("{address}/{}", prefix.get("len")?.as_u64()?)
                }
                None => element.as_str()?.to_string(),
            };
            let range: IpNetwork = text.parse().ok()?;
            (range.is_ipv4() == ipv4).then_some(())?;
            self.allowed.push(range);
        }
        Some(())
    }

    /// What these would be written as, when they are all of it and in their order.
    fn ruleset(self) -> Option<Ruleset> {
        let ruleset = Ruleset::new(self.ports, self.allowed);
        let text = ruleset.text();
        let written = text.lines().map(str::trim);
        let written: Vec<&str> = written
            .filter(|line| line.ends_with(" accept") || line.ends_with(" drop"))
            .collect();
        let whole = (self.sets, self.chains) == (SETS.len(), 1) && self.rules == written;
        whole.then_some(ruleset)
    }
}

/// A rule's expressions as nft would read them, as far as they are of ours.
fn rule(expressions: &[Value]) -> Option<String> {
    let mut words = Vec::new();
    for expression in expressions {
        let (kind, body) = expression.as_object()?.iter().next()?;
        words.push(match kind.as_str() {
            "accept" | "drop" => kind.clone(),
            "match" if body.get("op")?.as_str()? == "==" => matched(body)?,
            _ => return None,
        });
    }
    Some(words.join(" "))
}

fn matched(body: &Value) -> Option<String> {
    let (left, right) = (body.get("left")?, body.get("right")?);
    if left.pointer("/meta/key").and_then(Value::as_str) == Some("iif") {
        return Some(format!("iif \"{}\"", right.as_str()?));
    }
    let payload = left.get("payload")?;
    let protocol = payload.get("protocol")?.as_str()?;
    let field = payload.get("field")?.as_str()?;
    let right = match right {
        Value::Number(number) => number.to_string(),
        other => other.as_str()?.to_string(),
    };
    Some(format!("{protocol} {field} {right}"))
}
