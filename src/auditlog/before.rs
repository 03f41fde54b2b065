//! What was read of the lines before, of which much stands in the next one again.

use super::clients::{Clients, Kept};
use super::json::{Seen, Text};
use super::time::Near;

/// What was read of the lines before.
#[derive(Default)]
pub struct Before<'a> {
    pub(super) clients: Clients,
    pub(super) sources: Seen<'a, Text<'a>>,
    pub(super) user_agent: Seen<'a, Text<'a>>,
    pub(super) annotations: Seen<'a, ()>,
    pub(super) time: Near,
}

impl Before<'_> {
    /// Nothing but clients that are known.
    pub fn of(clients: Clients) -> Self {
        Before {
            clients,
            ..Before::default()
        }
    }

    /// What is kept of the client of the last line, when it is one that is known.
    #[inline]
    pub fn client(&mut self) -> Option<&mut Kept> {
        self.clients.at_hand()
    }

    /// The clients that are known, which outlast the lines.
    pub fn clients(self) -> Clients {
        self.clients
    }
}
