//! Whose events are asked for.

use super::event::Event;
use super::json::Text;
use super::search::Search;

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

    /// What to search a log for: each line of theirs holds one of the texts. None when no search finds them.
    pub fn search(&self) -> Option<Search> {
        if self.everybody {
            return None;
        }
        let texts = self.users.iter().chain(&self.groups).chain(&self.agents);
        Search::of(texts.map(String::as_str))
    }
}
