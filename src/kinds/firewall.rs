//! The table of nftables that guards the ports which kube-proxy opens, where their addresses stay as they are.

use serde::Deserialize;

use super::network::{listening, open_ports, ranges};
use super::{Edit, Instance, Kind, Mend, fix_or_by_hand};
use crate::baseline::{Check, Fix, Written};
use crate::facts::{Facts, Firewall as Found, Table};
use crate::nftables::{self, DROP_IN, FILE, Ruleset, UNIT};
use crate::root::NodePath;

/// `firewall: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firewall {}

/// Loads the file, as a person would.
const LOAD: &str = "load it with: nft -f /etc/tighten/nftables.nft";

/// What the table is to be.
fn wanted(found: &Found, open: &[u16], check: &Check) -> Result<Ruleset, String> {
    let there = match &found.file {
        Ok(there) => there.as_ref(),
        Err(why) => {
            return Err(format!(
                "{FILE}: {why}; move it away, and name who may reach the ports with --allow-from"
            ));
        }
    };
    let allowed = match (found.allow_from.as_slice(), there) {
        ([], None) => {
            let hint = check.by_hand.as_deref().unwrap_or("--allow-from says it");
            return Err(format!("who may reach it is yours to say: {hint}"));
        }
        ([], Some(there)) => there.allowed(),
        (named, _) => named,
    };
    let guarded = there.into_iter().flat_map(Ruleset::ports);
    let ports = guarded.chain(open.iter().copied());
    Ok(Ruleset::new(ports, allowed.iter().copied()))
}

/// The files and what they are to hold.
fn files(found: &Found, ruleset: &Ruleset) -> Result<[(&'static str, String); 3], String> {
    let Some(nft) = &found.nft else {
        return Err("there is no nft on this node: install nftables, or guard the ports with what guards this node".into());
    };
    if !found.systemd {
        return Err("systemd does not boot this node, and nothing else is known to load the table at boot: guard the ports with what guards this node".into());
    }
    Ok([
        (FILE, ruleset.text()),
        (UNIT, nftables::unit(nft.as_str())),
        (DROP_IN, nftables::DROP_IN_TEXT.into()),
    ])
}

/// What a file holds now.
fn held(found: &Found, path: &str) -> Result<Option<String>, String> {
    if path == FILE {
        let there = found.file.as_ref().ok().and_then(Option::as_ref);
        return Ok(there.map(Ruleset::text));
    }
    let of = found
        .durable
        .iter()
        .find(|(known, _)| known.as_str() == path);
    match of.map(|(_, held)| held) {
        Some(Ok(text)) => Ok(text.clone()),
        Some(Err(error)) => Err(error.to_string()),
        None => Ok(None),
    }
}

/// The instances of a node on which these ports are open.
fn judged(check: &Check, found: &Found, open: &[u16]) -> Vec<Instance> {
    let at = |path: &str, instance: Instance| match NodePath::new(path) {
        Some(path) => instance.at(&path),
        None => instance,
    };
    let shown: Vec<String> = open.iter().map(u16::to_string).collect();
    let shown = match shown.as_slice() {
        [one] => format!("port {one}"),
        more => format!("ports {}", more.join(" and ")),
    };
    let fails = |path: &str, observed: String, mend: Mend| {
        at(path, Instance::judged(false, observed, || mend))
    };
    let unguarded = || format!("no table guards {shown}");
    let ruleset = match wanted(found, open, check) {
        Ok(ruleset) => ruleset,
        Err(why) => return vec![fails(FILE, unguarded(), Mend::ByHand(why))],
    };
    let files = match files(found, &ruleset) {
        Ok(files) => files,
        Err(why) => return vec![fails(FILE, unguarded(), Mend::ByHand(why))],
    };
    let mut instances = Vec::new();
    for (path, text) in files {
        let there = match held(found, path) {
            Ok(there) => there,
            Err(why) => {
                instances.push(at(path, Instance::unknown(why)));
                continue;
            }
        };
        if there.as_ref() == Some(&text) {
            continue;
        }
        let observed = match (path, &there) {
            (FILE, None) => unguarded(),
            (FILE, Some(_)) => format!(
                "the table does not let in {} alone to {shown}",
                ranges(ruleset.allowed())
            ),
            (_, None) => "nothing loads the table at boot".into(),
            (_, Some(_)) => "it is not as tighten writes it".into(),
        };
        let mend =
            NodePath::new(path).map_or(Mend::None, |path| Mend::Edit(path, Edit::Whole { text }));
        instances.push(fails(path, observed, fix_or_by_hand(check, |_| mend)));
    }
    if instances.is_empty() {
        instances.push(at(FILE, loaded(found, &ruleset)));
    }
    instances
}

/// With all files as they are to be: whether the kernel has what they say.
fn loaded(found: &Found, ruleset: &Ruleset) -> Instance {
    let fails = |observed: &str| {
        Instance::judged(false, observed, || {
            Mend::ByHand(format!("{observed}; {LOAD}"))
        })
    };
    match &found.table {
        Table::Loaded(loaded) if loaded == ruleset => {
            let who = ranges(loaded.allowed());
            Instance::judged(true, format!("the table lets in {who}"), || Mend::None)
        }
        Table::Loaded(_) | Table::Other(_) => fails("another table is loaded than the file says"),
        Table::Absent => fails("the table is not loaded"),
        Table::Unknown(why) => Instance::unknown(why),
        Table::NotAsked => Instance::unknown("what is loaded was not looked at"),
    }
}

impl Kind for Firewall {
    fn expected(&self) -> String {
        "the table inet tighten before each open port of metrics and health".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let judge = || {
            let (network, listeners) = listening(facts)?;
            let open: Vec<u16> = open_ports(facts, listeners)?.into_iter().collect();
            if open.is_empty() {
                let observed = "metrics and health listen on loopback alone";
                return Ok(vec![Instance::judged(true, observed, || Mend::None)]);
            }
            Ok(judged(check, &network.firewall, &open))
        };
        let found: Result<Vec<Instance>, Box<Instance>> = judge();
        found.unwrap_or_else(|instance| vec![*instance])
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        match fix.value {
            Some(Written::Bool(true)) => Ok(()),
            _ => Err("a fix of firewall is value: true".into()),
        }
    }
}
