//! Names that are counted, in constant memory.
//!
//! Each worker keeps names of its own and counts them. New ones are made known to the others block by block, in the
//! order of the log, so that which are told apart does not depend on who was faster; how often each was counted is
//! added up in the end, since it lies far from the other workers.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Most names that are told apart of one kind; the others are counted together.
pub const MOST: usize = 2048;
/// Most bytes of the names of one kind that are told apart.
const MOST_BYTES: usize = 160 << 10;
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
    /// All names, one behind the other.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<u32>,
    // Seeded anew in each run, so that clients cannot choose names that collide.
    hasher: DefaultHashBuilder,
}

impl Numbered {
    fn len(&self) -> usize {
        self.ends.len()
    }

    /// The name with this number.
    #[inline]
    fn name(&self, number: u16) -> Option<&[u8]> {
        name(&self.bytes, &self.ends, number)
    }

    /// The number of a name that is known.
    fn known(&self, name: &[u8]) -> Option<u16> {
        let same = |number: &u16| self.name(*number) == Some(name);
        self.numbers.find(self.hasher.hash_one(name), same).copied()
    }

    /// The number of a name that is not known yet.
    fn add(&mut self, new: &[u8]) -> u16 {
        let number = u16::try_from(self.ends.len()).unwrap_or(OTHERS);
        self.bytes.extend_from_slice(new);
        // Some hundred kilobytes are held at most.
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(0));
        let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
        let rehash = |number: &u16| hasher.hash_one(name(bytes, ends, *number).unwrap_or_default());
        self.numbers
            .insert_unique(hasher.hash_one(new), number, rehash);
        number
    }

    fn forget(&mut self) {
        self.numbers.clear();
        self.bytes.clear();
        self.ends.clear();
    }
}

/// The name with this number, of names of which it is known where each ends.
#[inline]
fn name<'a>(bytes: &'a [u8], ends: &[u32], number: u16) -> Option<&'a [u8]> {
    let number = usize::from(number);
    let end = *ends.get(number)? as usize;
    let start = number.checked_sub(1).and_then(|before| ends.get(before));
    bytes.get(start.map_or(0, |start| *start as usize)..end)
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
        if self.known.name(lately) == Some(name) {
            return lately;
        }
        let number = self.known.known(name).unwrap_or_else(|| self.add(name));
        if let Some(lately) = self.lately.get_mut(slot) {
            *lately = number;
        }
        number
    }

    fn add(&mut self, name: &[u8]) -> u16 {
        let number = self.known.add(name);
        self.common.push(None);
        self.counts.push(Count::default());
        self.fresh.push(number);
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
            let known = self.common.get_mut(usize::from(number));
            if let (Some(known), Some(name)) = (known, self.known.name(number)) {
                *known = Some(common.number(name));
            }
        }
    }

    /// The common number behind a number of this worker's.
    pub fn common(&self, number: u16) -> u16 {
        let known = self.common.get(usize::from(number)).copied().flatten();
        known.unwrap_or(OTHERS)
    }

    /// How many names are held, and how many bytes they have.
    pub fn held(&self) -> (usize, usize) {
        (self.known.len(), self.known.bytes.len())
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
        if let Some(number) = self.known.known(name) {
            return number;
        }
        if self.known.len() >= MOST || self.known.bytes.len() + name.len() > MOST_BYTES {
            return OTHERS;
        }
        self.counts.push(Count::default());
        self.known.add(name)
    }

    /// Adds to the name with this number.
    pub fn add(&mut self, number: u16, count: Count) {
        let held = self.counts.get_mut(usize::from(number));
        *held.unwrap_or(&mut self.others) += count;
    }

    /// The names with their counts, the most frequent first; and the count of those not told apart.
    pub fn ranked(&self) -> (Vec<(Name<'_>, Count)>, Count) {
        let named = |(number, count): (u16, &Count)| Some((Name(self.known.name(number)?), *count));
        let mut all: Vec<_> = (0..).zip(&self.counts).filter_map(named).collect();
        all.sort_by_key(|(name, count)| (Reverse((count.requests, count.events)), *name));
        (all, self.others)
    }
}

/// A name that was counted, or the beginning of a long one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// As it is shown.
    pub fn text(self) -> Cow<'a, str> {
        let text = String::from_utf8_lossy(self.0);
        if self.0.len() == LONGEST {
            return format!("{text}...").into();
        }
        text
    }
}
