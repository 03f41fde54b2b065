//! What was read of the lines before, of which much stands in the next one again.

use super::clients::{Clients, Kept};
use super::json::{Seen, Text};
use super::time::Near;
use super::values::Values;

/// What was read of the lines before.
#[derive(Default)]
pub struct Before<'a> {
    pub(super) remembered: Remembered,
    pub(super) sources: Seen<'a, Text<'a>>,
    pub(super) user_agent: Seen<'a, Text<'a>>,
    pub(super) time: Near,
}

/// What of it outlasts the lines.
#[derive(Default)]
pub struct Remembered {
    /// Clients.
    pub clients: Clients,
    /// Annotations at the ends of lines.
    pub(super) annotations: Values,
}

impl Remembered {
    /// Nothing yet, and the room that one of so many workers has.
    pub fn with_room(workers: usize) -> Remembered {
        Remembered {
            clients: Clients::with_room(workers),
            annotations: Values::default(),
        }
    }
}

impl Before<'_> {
    /// Nothing but what was remembered.
    pub fn of(remembered: Remembered) -> Self {
        Before {
            remembered,
            ..Before::default()
        }
    }

    /// What is kept of the client of the last line, when it is one that is known.
    #[inline]
    pub fn client(&mut self) -> Option<&mut Kept> {
        self.remembered.clients.at_hand()
    }

    /// What outlasts the lines.
    pub fn remembered(self) -> Remembered {
        self.remembered
    }
}
