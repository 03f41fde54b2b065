//! The bytes that every line of those holds who are asked for, and where they stand.

use fearless_simd::Level;
use memchr::memchr_iter;
use memchr::memmem::Finder;

use super::json::level;
use super::spots::{Pair, Spots, is_fast};

/// What is searched for: any of several texts.
#[derive(Clone, Debug)]
pub struct Search {
    needles: Vec<Finder<'static>>,
    /// Of the only one of them, where one pass finds it and the ends of lines faster than two.
    pair: Option<Pair>,
    level: Level,
}

impl Search {
    /// What to search for when each line holds one of these texts in a string of JSON. None when no search finds
    /// them.
    pub fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Option<Search> {
        let runs: Vec<Vec<&str>> = texts.map(plain_runs).collect();
        let (first, others) = runs.split_first()?;
        let shared = |piece: &&str| others.iter().all(|runs| holds(runs, piece));
        let common = pieces(first).into_iter().find(shared);
        let needles = match common {
            Some(common) => vec![common],
            None => {
                let each = runs.iter();
                let longest = each.map(|runs| runs.iter().max_by_key(|run| run.len()).copied());
                longest.collect::<Option<Vec<&str>>>()?
            }
        };
        if needles.iter().any(|needle| needle.len() < SHORTEST) {
            return None;
        }
        let level = level();
        let pair = match needles.as_slice() {
            [needle] if is_fast(level) => Pair::of(needle.as_bytes()),
            _ => None,
        };
        let finder = |needle: &&str| Finder::new(needle.as_bytes()).into_owned();
        Some(Search {
            needles: needles.iter().map(finder).collect(),
            pair,
            level,
        })
    }

    /// Whether anything is found.
    pub fn finds(&self, bytes: &[u8]) -> bool {
        let mut needles = self.needles.iter();
        needles.any(|needle| needle.find(bytes).is_some())
    }

    /// Where lines end in these bytes, and where something is found: in each line that holds something at least once.
    pub fn spot(&self, bytes: &[u8], into: &mut Spots) {
        into.ends.clear();
        into.hits.clear();
        if let (Some(pair), [needle]) = (&self.pair, self.needles.as_slice()) {
            pair.spot(self.level, bytes, into);
            let needle = needle.needle();
            let is_there = |at: &usize| {
                let start = bytes.get(*at..);
                start.is_some_and(|start| start.starts_with(needle))
            };
            into.hits.retain(is_there);
            return;
        }
        into.ends.extend(memchr_iter(b'\n', bytes));
        for needle in &self.needles {
            let mut ends = into.ends.iter();
            let mut from = 0;
            while let Some(found) = bytes.get(from..).and_then(|rest| needle.find(rest)) {
                into.hits.push(from + found);
                // One in a line is enough.
                let behind = ends.find(|end| **end > from + found);
                from = behind.map_or(bytes.len(), |end| end + 1);
            }
        }
        if self.needles.len() > 1 {
            into.hits.sort_unstable();
        }
    }
}

/// The shortest run of letters that is worth a search, in bytes.
const SHORTEST: usize = 3;

/// The parts of a text that no encoder of JSON writes as an escape.
fn plain_runs(text: &str) -> Vec<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '@');
    text.split(|c| !plain(c))
        .filter(|run| !run.is_empty())
        .collect()
}

/// All pieces of the runs that one search could serve several texts with, the longest first.
fn pieces<'a>(runs: &[&'a str]) -> Vec<&'a str> {
    // Longer names than users have are cut, since this is quadratic.
    let runs = runs.iter().filter_map(|run| run.get(..run.len().min(128)));
    let of_run = |run: &'a str| {
        let from = move |start| (start + 1..=run.len()).filter_map(move |end| run.get(start..end));
        (0..run.len()).flat_map(from)
    };
    let mut all: Vec<&str> = runs
        .flat_map(of_run)
        .filter(|piece| piece.len() > 4)
        .collect();
    all.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    all
}

fn holds(runs: &[&str], piece: &str) -> bool {
    runs.iter().any(|run| run.contains(piece))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auditlog::json::levels;

    fn search(texts: &[&str]) -> Option<Search> {
        Search::of(texts.iter().copied())
    }

    fn needles(texts: &[&str]) -> Option<Vec<String>> {
        let text = |finder: &Finder| String::from_utf8_lossy(finder.needle()).into_owned();
        Some(search(texts)?.needles.iter().map(text).collect())
    }

    #[test]
    fn one_search_serves_both_identities() {
        let texts = [
            "system:kube-proxy",
            "system:serviceaccount:kube-system:kube-proxy",
            "kube-proxy/",
        ];
        assert_eq!(needles(&texts).unwrap(), ["kube-proxy"]);
    }

    #[test]
    fn what_an_encoder_may_escape_is_not_searched_for() {
        assert_eq!(needles(&["müller & söhne/admin"]).unwrap(), ["admin"]);
        assert_eq!(needles(&["äöü&"]), None);
        assert_eq!(needles(&["it"]), None);
    }

    #[test]
    fn users_that_share_nothing_are_searched_for_one_by_one() {
        assert_eq!(needles(&["alice", "robert"]).unwrap(), ["alice", "robert"]);
    }

    /// Lines of all lengths up to some hundreds of bytes, made of a few letters, so that texts and their parts stand
    /// everywhere.
    fn bytes(letters: &[u8], number: usize) -> Vec<u8> {
        let mut state = 7u32 + u32::try_from(number).unwrap();
        let mut next = |below: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % below
        };
        let mut bytes = Vec::new();
        for _ in 0..40 {
            for _ in 0..next(6) {
                let letter = letters[next(letters.len())];
                bytes.extend(std::iter::repeat_n(letter, 1 + next(3) * next(30)));
                bytes.extend_from_slice([&b"kube-proxy"[..], b"alice", b""][next(3)]);
            }
            bytes.push(b'\n');
        }
        bytes
    }

    #[test]
    fn all_lines_are_found_that_hold_it() {
        for number in 0..300 {
            let bytes = bytes(b"kubeproxyalic-", number);
            for texts in [
                &["kube-proxy"][..],
                &["alice", "kube-proxy"],
                &["xyx", "k-k"],
            ] {
                let search = search(texts).unwrap();
                let apart = Search {
                    pair: None,
                    ..search.clone()
                };
                let one_pass = levels().into_iter().map(|level| Search {
                    pair: Pair::of(texts[0].as_bytes()).filter(|_| texts.len() == 1),
                    level,
                    ..search.clone()
                });
                for search in one_pass.chain([apart]) {
                    let mut found = Spots::default();
                    search.spot(&bytes, &mut found);
                    let mut start = 0;
                    let mut ends = Vec::new();
                    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                        let line_text = String::from_utf8_lossy(line);
                        let holds = texts.iter().any(|text| line_text.contains(text));
                        let hits = |at: &&usize| (start..start + line.len()).contains(*at);
                        assert_eq!(found.hits.iter().any(|at| hits(&at)), holds, "{line_text}");
                        start += line.len();
                        ends.push(start - 1);
                    }
                    assert_eq!(found.ends, ends);
                    assert!(found.hits.is_sorted());
                }
            }
        }
    }
}
