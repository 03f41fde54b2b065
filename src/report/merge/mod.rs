//! The scans of many nodes beside each other, worst first. Pure.

mod document;
mod read;
mod text;

use std::cmp::Reverse;
use std::collections::BTreeMap;

pub use document::document as merged_document;
pub use read::read as read_scan;
pub use text::{text as merged_text, totals as merged_totals};

use super::place;
use super::scanned::{Counts, Scan, Scanned};
use crate::baseline::Severity;
use crate::kinds::Verdict;

/// A scan, and the file that it was read from.
pub struct Read {
    /// As it was named.
    pub file: String,
    /// The file's name without its ending, which names a node that does not name itself.
    pub stem: String,
    /// What it holds.
    pub scan: Scan,
}

/// The scans of many nodes.
pub struct Merged {
    /// Worst first; those that were not scanned before all.
    pub nodes: Vec<MergedNode>,
    /// Worst first.
    pub checks: Vec<MergedCheck>,
    /// What was left out, and what to keep in mind.
    pub notes: Vec<String>,
}

/// One node.
pub struct MergedNode {
    /// Its hostname; of a node that does not name itself, its file's.
    pub name: String,
    /// Where its scan was read from.
    pub file: String,
    /// Its scan.
    pub scan: Scan,
}

/// One check on all nodes.
pub struct MergedCheck {
    /// Its id.
    pub check: String,
    /// What holds when it passes.
    pub title: String,
    /// The highest that a node gives it.
    pub severity: Severity,
    /// Number of nodes by verdict.
    pub counts: Counts,
    /// What is there where it fails or could not be judged, the commonest first.
    pub groups: Vec<Group>,
}

/// The nodes on which a check found the same.
pub struct Group {
    /// The verdict.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// The nodes, by their place in the list of nodes.
    pub nodes: Vec<usize>,
}

/// How bad a node is: findings by severity, what could not be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Badness {
    /// Findings of high severity.
    pub high: usize,
    /// Findings of medium severity.
    pub medium: usize,
    /// Findings of low severity.
    pub low: usize,
    /// What could not be judged.
    pub unknown: usize,
}

impl Badness {
    fn of(scanned: &Scanned) -> Badness {
        let mut bad = Badness::default();
        for judged in &scanned.verdicts {
            match (judged.verdict, judged.severity) {
                (Verdict::Fail, Severity::High) => bad.high += 1,
                (Verdict::Fail, Severity::Medium) => bad.medium += 1,
                (Verdict::Fail, Severity::Low) => bad.low += 1,
                (Verdict::Unknown, _) => bad.unknown += 1,
                _ => {}
            }
        }
        bad
    }

    /// Findings of any severity.
    pub fn findings(self) -> usize {
        self.high + self.medium + self.low
    }
}

impl MergedNode {
    /// How bad it is; `None` for a node that was not scanned, of which nothing is known.
    pub fn badness(&self) -> Option<Badness> {
        match &self.scan {
            Scan::Scanned(scanned) => Some(Badness::of(scanned)),
            Scan::NotScanned(_) => None,
        }
    }

    /// Its verdicts by check.
    pub fn verdicts(&self) -> BTreeMap<&str, Verdict> {
        match &self.scan {
            Scan::Scanned(scanned) => {
                let all = scanned.verdicts.iter();
                all.map(|judged| (judged.check.as_str(), judged.verdict))
                    .collect()
            }
            Scan::NotScanned(_) => BTreeMap::new(),
        }
    }
}

impl Merged {
    /// Puts the scans beside each other. Of two scans of one node the newer counts, of two at the same time
    /// the one that was named later.
    pub fn of(read: Vec<Read>) -> Merged {
        let mut notes = Vec::new();
        let mut nodes = newest(read, &mut notes);
        nodes.sort_by_cached_key(|node| {
            let bad = node.badness();
            (
                bad.is_some(),
                Reverse(bad),
                node.name.clone(),
                node.file.clone(),
            )
        });
        let versions: BTreeMap<&str, usize> =
            nodes.iter().fold(BTreeMap::new(), |mut all, node| {
                *all.entry(node.scan.tool().version.as_str()).or_default() += 1;
                all
            });
        if versions.len() > 1 {
            let each = versions
                .iter()
                .map(|(version, number)| format!("{version} ({number})"));
            let each: Vec<String> = each.collect();
            notes.push(format!(
                "The scans were made by different versions of tighten: {}.",
                each.join(", ")
            ));
        }
        let checks = checks(&nodes);
        Merged {
            nodes,
            checks,
            notes,
        }
    }

    /// Number of nodes that were scanned.
    pub fn scanned(&self) -> usize {
        self.nodes
            .iter()
            .filter(|node| node.badness().is_some())
            .count()
    }

    /// Number of nodes with findings.
    pub fn with_findings(&self) -> usize {
        let bad = |node: &&MergedNode| node.badness().is_some_and(|bad| bad.findings() > 0);
        self.nodes.iter().filter(bad).count()
    }
}

/// One scan for each node, under a name that no other has.
fn newest(read: Vec<Read>, notes: &mut Vec<String>) -> Vec<MergedNode> {
    let mut named: BTreeMap<String, Read> = BTreeMap::new();
    let mut nodes = Vec::new();
    for one in read {
        let Some(name) = one.scan.name().map(String::from) else {
            nodes.push(MergedNode {
                name: one.stem,
                file: one.file,
                scan: one.scan,
            });
            continue;
        };
        let Some(other) = named.remove(&name) else {
            named.insert(name, one);
            continue;
        };
        let (newer, older) = if one.scan.at() >= other.scan.at() {
            (one, other)
        } else {
            (other, one)
        };
        let when = |read: &Read| {
            let at = read
                .scan
                .at()
                .map_or("at a time that is not told".into(), |at| at.to_string());
            format!("{} ({at})", read.file)
        };
        notes.push(format!(
            "{name} is there twice: {} counts, {} does not.",
            when(&newer),
            when(&older)
        ));
        named.insert(name, newer);
    }
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for node in &nodes {
        *taken.entry(node.name.clone()).or_default() += 1;
    }
    for node in &mut nodes {
        let shared = taken.get(&node.name).is_some_and(|number| *number > 1);
        if shared || named.contains_key(&node.name) {
            node.name = format!("{} ({})", node.name, node.file);
        }
    }
    let named = named.into_iter().map(|(name, read)| MergedNode {
        name,
        file: read.file,
        scan: read.scan,
    });
    nodes.extend(named);
    nodes
}

fn checks(nodes: &[MergedNode]) -> Vec<MergedCheck> {
    let mut checks: BTreeMap<&str, MergedCheck> = BTreeMap::new();
    let mut groups: BTreeMap<(&str, Reverse<Verdict>, String), Vec<usize>> = BTreeMap::new();
    let mut verdicts: BTreeMap<&str, Vec<Verdict>> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let Scan::Scanned(scanned) = &node.scan else {
            continue;
        };
        for judged in &scanned.verdicts {
            let id = judged.check.as_str();
            verdicts.entry(id).or_default().push(judged.verdict);
            let check = checks.entry(id).or_insert_with(|| MergedCheck {
                check: id.into(),
                title: judged.title.clone(),
                severity: judged.severity,
                counts: Counts::default(),
                groups: Vec::new(),
            });
            check.severity = check.severity.max(judged.severity);
            let mut found: Vec<String> = place::telling(judged)
                .map(|seen| place::evidence(judged, seen))
                .collect();
            found.sort_unstable();
            found.dedup();
            if matches!(
                judged.verdict,
                Verdict::Fail | Verdict::Unknown | Verdict::Waived
            ) {
                let key = (id, Reverse(judged.verdict), found.join("\n"));
                groups.entry(key).or_default().push(index);
            }
        }
    }
    for ((id, Reverse(verdict), found), nodes) in groups {
        if let Some(check) = checks.get_mut(id) {
            check.groups.push(Group {
                verdict,
                found,
                nodes,
            });
        }
    }
    for (id, verdicts) in verdicts {
        if let Some(check) = checks.get_mut(id) {
            check.counts = Counts::of(verdicts.into_iter());
        }
    }
    let mut checks: Vec<MergedCheck> = checks.into_values().collect();
    for check in &mut checks {
        check
            .groups
            .sort_by_key(|group| (Reverse(group.verdict), Reverse(group.nodes.len())));
    }
    checks.sort_by(|one, other| {
        let key = |check: &MergedCheck| {
            let counts = &check.counts;
            Reverse((
                counts.fail > 0,
                check.severity,
                counts.fail,
                counts.unknown,
                counts.waived,
            ))
        };
        key(one)
            .cmp(&key(other))
            .then_with(|| one.check.cmp(&other.check))
    });
    checks
}
