//! Requests of which more events may come, in constant memory.

use std::hash::{BuildHasher, Hasher};

use hashbrown::DefaultHashBuilder;

use super::json::Text;
use super::table::{Numbered, Table};
use super::tally::KINDS;

/// Most requests that are held open. A cluster of five thousand nodes has some twenty thousand watches of
/// kube-proxy.
const MOST: usize = 22 << 10;

/// A request that was begun and not ended yet: what it is counted under when its end does not come.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// The number of its name, of each kind.
    pub names: [u16; KINDS],
    /// The minute in which it arrived, counted from 1970: the year 9999 has room.
    pub minute: u32,
}

/// The requests that were begun, by the numbers of their audit ids.
#[derive(Default)]
pub struct Open {
    begun: Table<Held>,
    /// More were open at once than are held.
    pub overflowed: bool,
}

/// A request that was begun.
struct Held {
    /// Its number, in two parts: as one it would take more room.
    id: [u32; 2],
    begun: Begun,
}

/// Makes a number of an audit id, or of what else a log holds. Seeded anew in each run, since clients may choose it:
/// two have the same number once in 2^64 times.
#[derive(Clone, Default)]
pub struct Ids(DefaultHashBuilder);

impl Ids {
    /// The number.
    #[inline]
    pub fn number(&self, audit_id: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(audit_id);
        hasher.finish()
    }

    /// The number of several texts.
    pub fn number_of<const N: usize>(&self, texts: [Text; N]) -> u64 {
        let mut hasher = self.0.build_hasher();
        for text in texts {
            match text.plain() {
                Some(bytes) => hasher.write(bytes),
                None => hasher.write(&text.bytes()),
            }
            // No text holds it, so that none goes on in the next one.
            hasher.write_u8(u8::MAX);
        }
        hasher.finish()
    }
}

impl Numbered for Held {
    fn number(&self) -> u64 {
        let [low, high] = self.id.map(u64::from);
        high << 32 | low
    }
}

impl Open {
    /// A request has begun, or gone on. Gives it back when it cannot be held, so that it is counted now.
    pub fn begin(&mut self, id: u64, begun: Begun) -> Option<Begun> {
        if let Some(held) = self.begun.get_mut(id) {
            held.begun = begun;
            return None;
        }
        if self.begun.count() >= MOST {
            self.overflowed = true;
            return Some(begun);
        }
        let id = [id as u32, (id >> 32) as u32];
        self.begun.add(Held { id, begun });
        None
    }

    /// A request has ended.
    pub fn end(&mut self, id: u64) {
        self.begun.remove(id);
    }

    /// Those whose end did not come.
    pub fn left(&self) -> impl Iterator<Item = Begun> + '_ {
        self.begun.iter().map(|held| held.begun)
    }

    /// How many those are.
    pub fn count(&self) -> usize {
        self.begun.count()
    }
}
