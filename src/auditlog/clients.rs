//! Clients that were read before: who they are, from where they come, and what they call themselves.
//!
//! From the user to the user agent all events of a client are the same, byte by byte, and that is a third of a
//! line. To make a number of it takes much less time than to read it again. The number is seeded anew in each run:
//! that another text has the same happens once in 2^64 times, and nobody can choose one that does.

use memchr::memchr;

use super::caller::Caller;
use super::counted::OfClient;
use super::json::{Cursor, Damage, Part, Text};
use super::open::Ids;
use super::parts::{User, last};

/// Places for clients of all workers together, of which each has those that it met itself. A node has three clients
/// or more.
const PLACES: usize = 4096;
/// Most places of one worker.
const MOST: usize = 2048;
/// So many places may hold a client. With fewer some would drive each other out while others stay empty.
const WAYS: usize = 4;
/// Longest text of a client that is held, in bytes. What kube-proxy's token brings takes 700.
const LONGEST: usize = 4096;

/// Where in a user's text its name may begin to differ from others, in bytes.
const NAME: usize = 32;
/// So many bytes around the end of a user tell it from others.
const AROUND: usize = 80;

/// Odd numbers without a pattern, one for each word.
const FACTORS: [u64; 14] = {
    let mut factors = [0; 14];
    let mut rest: &mut [u64] = &mut factors;
    let mut factor = 0x9e37_79b9_7f4a_7c15_u64;
    while let [first, behind @ ..] = rest {
        factor = factor.wrapping_mul(0xd129_2a4f_68e7_9e6d);
        *first = factor;
        rest = behind;
    }
    factors
};

/// What follows the user.
#[derive(Clone, Copy)]
pub(super) struct Followed<'a> {
    /// The address at the other end of the connection.
    pub(super) source: Text<'a>,
    /// What the client calls itself.
    pub(super) user_agent: Text<'a>,
}

/// Clients that were read before.
#[derive(Default)]
pub struct Clients {
    /// None where none is to be held.
    sets: Vec<Set>,
    /// Where the client of the line at hand is held.
    at_hand: Option<(usize, usize)>,
    /// How often those were counted that had to make room for others.
    gone: Vec<OfClient>,
    texts: Ids,
}

/// The places that may hold a client.
#[derive(Default)]
struct Set {
    /// What most likely is another number where the text is another one.
    tags: [u32; WAYS],
    held: [Option<Held>; WAYS],
    /// Which place is given away next.
    turn: usize,
}

/// A client by its text, and where in it stands what it says.
struct Held {
    length: usize,
    /// The text's number. A copy to compare would be fetched from far away: between two events of a client
    /// megabytes are read.
    hash: u64,
    user: Part,
    groups: Part,
    extra: Part,
    source: Part,
    user_agent: Part,
    /// It was met since somebody else last wanted its place.
    met: bool,
    /// What is kept of it beside its text.
    kept: Kept,
}

/// What is kept of a client that is held.
#[derive(Default)]
pub struct Kept {
    /// From where it comes and with which credential.
    pub caller: Option<Caller>,
    /// How often it was counted.
    pub counted: Option<OfClient>,
}

/// Where a client may be held, and the tag by which it is found there.
#[derive(Clone, Copy)]
struct Key {
    /// Of 65,536 parts of the sets, which one.
    chosen: u16,
    tag: u32,
}

impl Clients {
    /// None yet, and the room for them that one of so many workers has.
    pub fn with_room(workers: usize) -> Clients {
        let places = (PLACES / workers.max(1)).min(MOST);
        Clients {
            sets: std::iter::repeat_with(Set::default)
                .take(places / WAYS)
                .collect(),
            at_hand: None,
            gone: Vec::new(),
            texts: Ids::default(),
        }
    }

    /// How often those were counted since this was last asked that had to make room for others.
    pub fn gone(&mut self) -> impl Iterator<Item = OfClient> {
        self.gone.drain(..)
    }

    /// How often all were counted since this was last asked.
    pub fn counted(&mut self) -> impl Iterator<Item = OfClient> {
        let held = self
            .sets
            .iter_mut()
            .flat_map(|set| set.held.iter_mut().flatten());
        let counted = held.filter_map(|held| held.kept.counted.take());
        self.gone.drain(..).chain(counted)
    }

    /// No client of the line at hand is known.
    #[inline]
    pub(super) fn forget_at_hand(&mut self) {
        self.at_hand = None;
    }

    /// What is kept of the client of the line at hand, when it is one that is held.
    #[inline]
    pub(super) fn at_hand(&mut self) -> Option<&mut Kept> {
        let (set, way) = self.at_hand?;
        let held = self.sets.get_mut(set)?.held.get_mut(way)?.as_mut()?;
        Some(&mut held.kept)
    }

    #[inline]
    fn set(&self, key: Key) -> usize {
        (usize::from(key.chosen) * self.sets.len()) >> 16
    }

    /// Passes a client that is known.
    #[inline]
    fn find<'a>(&mut self, at: &mut Cursor<'a>, key: Key) -> Option<(User<'a>, Followed<'a>)> {
        let number = self.set(key);
        let set = self.sets.get_mut(number)?;
        let start = at.ahead();
        let mut places = set.tags.iter().zip(&mut set.held).enumerate();
        let (way, held, behind) = places.find_map(|(way, (tag, held))| {
            let held = held.as_mut().filter(|_| *tag == key.tag)?;
            let (text, behind) = start.split_at_checked(held.length)?;
            (self.texts.number(text) == held.hash).then_some((way, held, behind))
        })?;
        at.go_to(behind);
        held.met = true;
        self.at_hand = Some((number, way));
        let user = User {
            name: held.user.text_in(start),
            groups: held.groups.text_in(start).written(),
            extra: held.extra.text_in(start).written(),
        };
        let followed = Followed {
            source: held.source.text_in(start),
            user_agent: held.user_agent.text_in(start),
        };
        Some((user, followed))
    }

    /// How many were met since somebody else last wanted their places.
    #[cfg(test)]
    pub fn were_met(&self) -> usize {
        let held = self.sets.iter().flat_map(|set| set.held.iter().flatten());
        held.filter(|held| held.met).count()
    }

    /// Holds a client, unless one stands in the place whose turn it is that was met lately.
    fn keep(&mut self, key: Key, whole: &[u8], user: &User, followed: &Followed) {
        let number = self.set(key);
        let Some(set) = self.sets.get_mut(number) else {
            return;
        };
        let empty = set.held.iter().position(Option::is_none);
        let way = empty.unwrap_or(set.turn);
        set.turn = (way + 1) % WAYS;
        let (Some(tag), Some(place)) = (set.tags.get_mut(way), set.held.get_mut(way)) else {
            return;
        };
        if let Some(held) = place.as_mut().filter(|held| held.met) {
            held.met = false;
        } else if whole.len() <= LONGEST {
            let hash = self.texts.number(whole);
            let gone = std::mem::replace(place, Held::of(whole, hash, user, followed));
            self.gone.extend(gone.and_then(|gone| gone.kept.counted));
            *tag = key.tag;
        }
    }

    /// Reads a user, and where it is followed by them as the API server writes it, the addresses and the user
    /// agent. What does not stand there so is left to be read as fields of their own.
    ///
    /// # Errors
    /// Why it is no event.
    #[inline]
    pub(super) fn read<'a>(
        &mut self,
        at: &mut Cursor<'a>,
    ) -> Result<(User<'a>, Option<Followed<'a>>), Damage> {
        let start = at.ahead();
        let key = key(start);
        self.at_hand = None;
        if let Some((user, followed)) = self.find(at, key) {
            return Ok((user, Some(followed)));
        }
        let user = User::read(at)?;
        let mut ahead = *at;
        let Ok(Some(followed)) = follow(&mut ahead) else {
            return Ok((user, None));
        };
        *at = ahead;
        // A user that begins where the value does: what says where it ends is in the text, whatever stands behind.
        if !at.is_wary() {
            self.keep(key, at.since(start), &user, &followed);
        }
        Ok((user, Some(followed)))
    }
}

/// Reads the addresses and the user agent, where the API server wrote them.
fn follow<'a>(at: &mut Cursor<'a>) -> Result<Option<Followed<'a>>, Damage> {
    if !at.passes(b",\"sourceIPs\":") {
        return Ok(None);
    }
    let source = last(at)?;
    if !at.passes(b",\"userAgent\":\"") {
        return Ok(None);
    }
    let user_agent = at.string_rest()?;
    Ok(Some(Followed { source, user_agent }))
}

impl Held {
    fn of(whole: &[u8], hash: u64, user: &User, followed: &Followed) -> Option<Held> {
        Some(Held {
            user: Part::of(user.name, whole)?,
            groups: Part::of(Text::raw(user.groups), whole)?,
            extra: Part::of(Text::raw(user.extra), whole)?,
            source: Part::of(followed.source, whole)?,
            user_agent: Part::of(followed.user_agent, whole)?,
            length: whole.len(),
            hash,
            met: false,
            kept: Kept::default(),
        })
    }
}

/// The key of the client whose text begins here. Names of users differ behind their beginning; tokens and
/// addresses differ around the end of the user.
#[inline]
fn key(start: &[u8]) -> Key {
    let end = memchr(b'}', start).unwrap_or(0);
    let name = start.get(NAME..).and_then(<[u8]>::first_chunk);
    let around = start.get(end.saturating_sub(AROUND / 2)..);
    let around = around.and_then(<[u8]>::first_chunk);
    let name: &[u8; 32] = name.unwrap_or(&[0; 32]);
    let around: &[u8; AROUND] = around.unwrap_or(&[0; AROUND]);
    // Each word by a number of its own, so that the processor need not wait for the one before.
    let (name, around) = (name.as_chunks().0, around.as_chunks().0);
    let mix = |mixed: u64, (word, factor): (&[u8; 8], &u64)| {
        mixed.wrapping_add((u64::from_le_bytes(*word) ^ factor).wrapping_mul(*factor))
    };
    let words = name.iter().chain(around).zip(&FACTORS);
    let mixed = words.fold(end as u64, mix);
    let mixed = mixed ^ mixed >> 32;
    // The highest bits of a product depend on all that are multiplied.
    let [.., a, b, c, d] = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    Key {
        chosen: u16::from_le_bytes([c, d]),
        tag: u32::from_le_bytes([a, b, c, d]),
    }
}
