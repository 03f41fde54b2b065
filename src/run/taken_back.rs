//! Which transactions are taken back already, from the document of a history.

use serde_json::Value;

use super::returned::part;

/// The committed transactions of a node, newest first.
pub struct Committed<'a> {
    applies: Vec<&'a str>,
    undone: Vec<&'a str>,
}

impl<'a> Committed<'a> {
    /// A rollback that was taken back itself takes nothing back: what it had undone holds again.
    pub fn of(history: &'a Value) -> Committed<'a> {
        let mut found = Committed {
            applies: Vec::new(),
            undone: Vec::new(),
        };
        let all = part(history, "transactions").as_array();
        let committed = |one: &&Value| part(one, "state") == "committed";
        for one in all.into_iter().flatten().filter(committed) {
            let Some(id) = part(one, "id").as_str() else {
                continue;
            };
            match part(one, "rollback_of").as_str() {
                None => found.applies.push(id),
                Some(of) if !found.undone.contains(&id) => found.undone.push(of),
                Some(_) => {}
            }
        }
        found
    }

    /// The newest apply, taken back or not.
    pub fn newest_apply(&self) -> Option<String> {
        self.applies.first().map(|id| (*id).to_string())
    }

    /// Whether this one is taken back; the beginning of an id counts where it is unambiguous.
    pub fn is_undone(&self, named: &str) -> bool {
        let mut meant = self.applies.iter().filter(|id| id.starts_with(named));
        match (meant.next(), meant.next()) {
            (Some(only), None) => self.undone.contains(only),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rollback_counts_until_it_is_taken_back_itself() {
        let one = |id: &str, state: &str, of: Option<&str>| json!({"id": id, "state": state, "rollback_of": of});
        let history = json!({"transactions": [
            one("r4", "rolled-back", Some("a3")),
            one("a3", "committed", None),
            one("r2", "committed", Some("r1")),
            one("r1", "committed", Some("a1")),
            one("r0", "committed", Some("a0")),
            one("a1", "committed", None),
            one("a0", "committed", None),
        ]});
        let committed = Committed::of(&history);
        assert_eq!(committed.newest_apply().as_deref(), Some("a3"));
        assert!(!committed.is_undone("a3"));
        assert!(!committed.is_undone("a1"));
        assert!(committed.is_undone("a0"));
        assert!(!committed.is_undone("a"));
        assert!(!committed.is_undone("b"));
    }
}
