//! Whose events are asked for, and the bytes that every line of theirs holds.

use memchr::memmem::Finder;

use super::event::Event;
use super::json::Text;

/// Whose events are asked for.
#[derive(Clone, Debug, Default)]
pub struct Who {
    /// Users, by their exact names.
    pub users: Vec<String>,
    /// Groups, of which the user has one.
    pub groups: Vec<String>,
    /// What a client that could not be authenticated calls itself, by its beginning: such an event has no user.
    pub agents: Vec<String>,
    /// Everybody's.
    pub everybody: bool,
}

/// How an event has to do with those who are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// One of them asked.
    Theirs,
    /// Somebody else asked as one of them.
    Posed,
    /// Somebody asked who calls itself like them and could not be authenticated.
    Unknown,
}

impl Who {
    /// How an event has to do with them; none when it has not.
    pub fn standing(&self, event: &Event) -> Option<Standing> {
        let one_of = |text: Text| self.users.iter().any(|user| text.is(user.as_bytes()));
        if self.everybody
            || one_of(event.user)
            || self
                .groups
                .iter()
                .any(|group| event.has_group(group.as_bytes()))
        {
            return Some(Standing::Theirs);
        }
        if event.impersonated.is_some_and(one_of) {
            return Some(Standing::Posed);
        }
        let calls_itself = |agent: &String| event.user_agent.bytes().starts_with(agent.as_bytes());
        if event.code == 401 && event.user.is_empty() && self.agents.iter().any(calls_itself) {
            return Some(Standing::Unknown);
        }
        None
    }

    /// What to search a log for: each line of theirs holds one of these. None when no search finds them.
    pub fn search(&self) -> Option<Search> {
        if self.everybody {
            return None;
        }
        let texts = self.users.iter().chain(&self.groups).chain(&self.agents);
        let runs: Vec<Vec<&str>> = texts.map(|text| plain_runs(text)).collect();
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
        let finder = |needle: &&str| Finder::new(needle.as_bytes()).into_owned();
        Some(Search {
            finders: needles.iter().map(finder).collect(),
        })
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

/// What is searched for.
#[derive(Clone, Debug)]
pub struct Search {
    finders: Vec<Finder<'static>>,
}

impl Search {
    /// Where something is found, from the front to the back.
    pub fn hits<'a>(&'a self, bytes: &'a [u8]) -> Hits<'a> {
        let found = self.finders.iter().map(|finder| finder.find(bytes));
        Hits {
            found: found.collect(),
            search: self,
            bytes,
        }
    }

    /// Whether anything is found.
    pub fn finds(&self, bytes: &[u8]) -> bool {
        self.finders
            .iter()
            .any(|finder| finder.find(bytes).is_some())
    }
}

/// Where something is found.
pub struct Hits<'a> {
    search: &'a Search,
    bytes: &'a [u8],
    /// Of each that is searched for, so that a rare one is not searched for again at each of a frequent one.
    found: Vec<Option<usize>>,
}

impl Hits<'_> {
    /// The first from `from` on, which is not before where it was the last time.
    #[inline]
    pub fn next(&mut self, from: usize) -> Option<usize> {
        for (found, finder) in self.found.iter_mut().zip(&self.search.finders) {
            if found.is_some_and(|at| at < from) {
                let rest = self.bytes.get(from..).unwrap_or_default();
                *found = finder.find(rest).map(|at| from + at);
            }
        }
        self.found.iter().flatten().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles(who: &Who) -> Option<Vec<String>> {
        let search = who.search()?;
        let text = |finder: &Finder| String::from_utf8_lossy(finder.needle()).into_owned();
        Some(search.finders.iter().map(text).collect())
    }

    #[test]
    fn one_search_serves_both_identities() {
        let who = Who {
            users: vec![
                "system:kube-proxy".into(),
                "system:serviceaccount:kube-system:kube-proxy".into(),
            ],
            agents: vec!["kube-proxy/".into()],
            ..Who::default()
        };
        assert_eq!(needles(&who).unwrap(), ["kube-proxy"]);
    }

    #[test]
    fn what_an_encoder_may_escape_is_not_searched_for() {
        let of = |user: &str| Who {
            users: vec![user.into()],
            ..Who::default()
        };
        assert_eq!(needles(&of("müller & söhne/admin")).unwrap(), ["admin"]);
        assert_eq!(needles(&of("äöü&")), None);
        assert_eq!(needles(&of("it")), None);
    }

    #[test]
    fn users_that_share_nothing_are_searched_for_one_by_one() {
        let who = Who {
            users: vec!["alice".into(), "robert".into()],
            ..Who::default()
        };
        assert_eq!(needles(&who).unwrap(), ["alice", "robert"]);
    }

    #[test]
    fn all_hits_are_found_in_their_order() {
        let who = Who {
            users: vec!["alice".into(), "robert".into()],
            ..Who::default()
        };
        let search = who.search().unwrap();
        let mut hits = search.hits(b"robert alice robert robert");
        let all: Vec<Option<usize>> = [0, 1, 8, 14, 21].map(|from| hits.next(from)).into();
        assert_eq!(all, [Some(0), Some(7), Some(13), Some(20), None]);
    }
}
