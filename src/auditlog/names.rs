//! Names that are counted, in constant memory.
//!
//! Each worker keeps names of its own and counts them. New ones are made known to the others block by block, in the
//! order of the log, so that which are told apart does not depend on who was faster; how often each was counted is
//! added up in the end, since it lies far from the other workers.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Most names that are told apart of one kind; the others are counted together.
pub const MOST: usize = 2048;
/// Most names that a worker holds of one kind before it forgets them.
const HELD: usize = 512;
/// Longest name that is held, in bytes; of a longer one the beginning stands for all that begin so.
pub const LONGEST: usize = 128;
/// The common number of names that are not told apart.
pub const OTHERS: u16 = u16::MAX;

/// How often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Events.
    pub events: u64,
    /// Requests, each of which may have several events.
    pub requests: u64,
}

impl Count {
    /// What takes it back.
    pub fn negated(self) -> Count {
        Count {
            events: self.events.wrapping_neg(),
            requests: self.requests.wrapping_neg(),
        }
    }
}

impl std::ops::AddAssign for Count {
    /// Wraps around, so that what is taken back may come before what it takes back.
    fn add_assign(&mut self, other: Count) {
        self.events = self.events.wrapping_add(other.events);
        self.requests = self.requests.wrapping_add(other.requests);
    }
}

/// Names, each with a number from 0 on.
#[derive(Default)]
struct Numbered {
    numbers: HashTable<u16>,
    names: Vec<Box<[u8]>>,
    // Seeded anew in each run, so that clients cannot choose names that collide.
    hasher: DefaultHashBuilder,
}

impl Numbered {
    /// The name's number, a new one when it has none yet.
    #[inline]
    fn of(&mut self, name: &[u8]) -> (u16, bool) {
        let hash = self.hasher.hash_one(name);
        let same = |number: &u16| {
            self.names
                .get(usize::from(*number))
                .is_some_and(|held| **held == *name)
        };
        if let Some(number) = self.numbers.find(hash, same) {
            return (*number, false);
        }
        // No more than `MOST` names are ever held, which a u16 counts.
        let number = u16::try_from(self.names.len()).unwrap_or(OTHERS);
        self.names.push(name.into());
        let (names, hasher) = (&self.names, &self.hasher);
        let rehash = |number: &u16| {
            let name = names.get(usize::from(*number)).map(|name| &**name);
            hasher.hash_one(name.unwrap_or_default())
        };
        self.numbers.insert_unique(hash, number, rehash);
        (number, true)
    }

    fn knows(&self, name: &[u8]) -> bool {
        let hash = self.hasher.hash_one(name);
        let same = |number: &u16| {
            self.names
                .get(usize::from(*number))
                .is_some_and(|held| **held == *name)
        };
        self.numbers.find(hash, same).is_some()
    }

    fn forget(&mut self) {
        self.numbers.clear();
        self.names.clear();
    }
}

/// So many names are found without a hash: some more than there are nodes in most clusters.
const LATELY: usize = 512;

/// Where a name is among those that were counted lately: its length, its middle and its end say so, since many begin
/// or end alike.
#[inline]
fn slot(name: &[u8]) -> usize {
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let half = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes).into());
    let said = if name.len() >= 8 {
        let middle = name.get(name.len() / 2 - 4..);
        let middle = word(middle.and_then(<[u8]>::first_chunk));
        word(name.last_chunk()) ^ middle.rotate_left(29)
    } else if name.len() >= 4 {
        half(name.first_chunk()) << 32 | half(name.last_chunk())
    } else {
        let bytes = name.iter();
        bytes.fold(0, |said, byte| said << 8 | u64::from(*byte))
    };
    // The highest bits of this product depend on all that are multiplied.
    let mixed = (said ^ name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 48).unwrap_or(0) % LATELY
}

/// A worker's names of one kind, and how often it counted each.
pub struct Local {
    known: Numbered,
    /// The common number of each, as far as the others know it.
    common: Vec<Option<u16>>,
    counts: Vec<Count>,
    /// Those that the others do not know yet, in the order of the log.
    fresh: Vec<u16>,
    /// Names that were counted lately, each where its end says, which is sooner found than its hash.
    lately: [u16; LATELY],
}

impl Default for Local {
    fn default() -> Local {
        Local {
            known: Numbered::default(),
            common: Vec::new(),
            counts: Vec::new(),
            fresh: Vec::new(),
            lately: [0; LATELY],
        }
    }
}

impl Local {
    /// The number of a name here.
    #[inline]
    pub fn number(&mut self, name: &[u8]) -> u16 {
        let name = name.get(..LONGEST).unwrap_or(name);
        let slot = slot(name);
        let lately = self.lately.get(slot).copied().unwrap_or(0);
        let held = self.known.names.get(usize::from(lately));
        if held.is_some_and(|held| **held == *name) {
            return lately;
        }
        let (number, new) = self.known.of(name);
        if new {
            self.common.push(None);
            self.counts.push(Count::default());
            self.fresh.push(number);
        }
        if let Some(lately) = self.lately.get_mut(slot) {
            *lately = number;
        }
        number
    }

    /// Counts the name with this number.
    #[inline]
    pub fn count(&mut self, number: u16, count: Count) {
        if let Some(held) = self.counts.get_mut(usize::from(number)) {
            *held += count;
        }
    }

    /// Makes the new names known to the others.
    pub fn make_known(&mut self, common: &mut Common) {
        for number in self.fresh.drain(..) {
            let at = usize::from(number);
            if let (Some(known), Some(name)) = (self.common.get_mut(at), self.known.names.get(at)) {
                *known = Some(common.number(name));
            }
        }
    }

    /// The common number behind a number of this worker's.
    pub fn common(&self, number: u16) -> u16 {
        let known = self.common.get(usize::from(number)).copied().flatten();
        known.unwrap_or(OTHERS)
    }

    /// Whether more names are held than there should be.
    pub fn is_full(&self) -> bool {
        self.known.names.len() > HELD
    }

    /// Adds all counts to the common ones, and starts anew. What the others do not know was taken back.
    pub fn hand_in(&mut self, common: &mut Common) {
        for (known, count) in self.common.drain(..).zip(self.counts.drain(..)) {
            if let Some(known) = known {
                common.add(known, count);
            }
        }
        self.known.forget();
        self.fresh.clear();
    }
}

/// The names of one kind in the whole log.
#[derive(Default)]
pub struct Common {
    known: Numbered,
    counts: Vec<Count>,
    others: Count,
}

impl Common {
    fn number(&mut self, name: &[u8]) -> u16 {
        if self.known.names.len() >= MOST && !self.known.knows(name) {
            return OTHERS;
        }
        let (number, new) = self.known.of(name);
        if new {
            self.counts.push(Count::default());
        }
        number
    }

    /// Adds to the name with this number.
    pub fn add(&mut self, number: u16, count: Count) {
        let held = self.counts.get_mut(usize::from(number));
        *held.unwrap_or(&mut self.others) += count;
    }

    /// The names with their counts, the most frequent first; and the count of those not told apart.
    pub fn ranked(&self) -> (Vec<(String, Count)>, Count) {
        let text = |name: &[u8]| {
            let cut = name.len() == LONGEST;
            let text = String::from_utf8_lossy(name);
            if cut {
                format!("{text}...")
            } else {
                text.into_owned()
            }
        };
        let names = self.known.names.iter().map(|name| text(name));
        let mut all: Vec<(String, Count)> = names.zip(self.counts.iter().copied()).collect();
        all.sort_by(|(one, a), (other, b)| {
            (b.requests, b.events, one).cmp(&(a.requests, a.events, other))
        });
        (all, self.others)
    }
}
