//! Names that are counted, in constant memory.
//!
//! Each worker keeps names of its own with counts for the block at hand; they are added to the common ones
//! block by block, in the order of the log, so that the outcome does not depend on who was faster.

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

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.events += other.events;
        self.requests += other.requests;
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

/// A worker's names of one kind, and how often they stand in the block at hand.
pub struct Local {
    known: Numbered,
    /// The common number of each, as far as it was asked for.
    common: Vec<Option<u16>>,
    counts: Vec<Count>,
    touched: Vec<u16>,
    /// Names that were counted lately, each where its end says, which is sooner found than its hash.
    lately: [u16; LATELY],
}

impl Default for Local {
    fn default() -> Local {
        Local {
            known: Numbered::default(),
            common: Vec::new(),
            counts: Vec::new(),
            touched: Vec::new(),
            lately: [0; LATELY],
        }
    }
}

impl Local {
    /// Counts a name and tells its number here.
    #[inline]
    pub fn count(&mut self, name: &[u8], count: Count) -> u16 {
        let name = name.get(..LONGEST).unwrap_or(name);
        let slot = slot(name);
        let lately = self.lately.get(slot).copied().unwrap_or(0);
        let held = self.known.names.get(usize::from(lately));
        let number = if held.is_some_and(|held| **held == *name) {
            lately
        } else {
            let (number, new) = self.known.of(name);
            if new {
                self.common.push(None);
                self.counts.push(Count::default());
            }
            if let Some(lately) = self.lately.get_mut(slot) {
                *lately = number;
            }
            number
        };
        self.count_number(number, count);
        number
    }

    /// Counts the name with this number.
    #[inline]
    pub fn count_number(&mut self, number: u16, count: Count) {
        if let Some(held) = self.counts.get_mut(usize::from(number)) {
            if *held == Count::default() {
                self.touched.push(number);
            }
            *held += count;
        }
    }

    /// Adds the counts of the block to the common ones and starts anew. The numbers stay good until the
    /// next block is counted.
    pub fn add_to(&mut self, common: &mut Common) {
        for number in self.touched.drain(..) {
            let at = usize::from(number);
            let Some(count) = self.counts.get_mut(at).map(std::mem::take) else {
                continue;
            };
            let known = self.common.get_mut(at);
            let name = self.known.names.get(at);
            if let (Some(known), Some(name)) = (known, name) {
                let target = *known.get_or_insert_with(|| common.number(name));
                common.add(target, count);
            }
        }
    }

    /// The common number behind a number of this worker's.
    pub fn common(&self, number: u16) -> u16 {
        let known = self.common.get(usize::from(number)).copied().flatten();
        known.unwrap_or(OTHERS)
    }

    /// Makes room before a block, when too many names are held; tells whether it forgot them.
    pub fn make_room(&mut self) -> bool {
        let full = self.known.names.len() > HELD;
        if full {
            self.known.forget();
            self.common.clear();
            self.counts.clear();
            self.touched.clear();
        }
        full
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
