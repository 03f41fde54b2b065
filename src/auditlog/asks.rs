//! What is asked again and again, and how often.

use super::names::Count;

/// So many different things are held at once. Most of what a cluster asks are some hundred.
const PLACES: usize = 256;

/// What names of what is asked are counted under: its verb, its resource, its namespace and its answer.
pub const NAMES: usize = 4;

/// What was asked lately, each in a place of its own.
pub struct Asks {
    places: Vec<Option<Ask>>,
}

/// What was asked, and how often it was counted.
#[derive(Clone, Copy)]
pub struct Ask {
    /// The number of what was asked of a resource.
    asked: u64,
    /// The answer.
    code: u16,
    /// The numbers of its names.
    pub numbers: [u16; NAMES],
    /// How often.
    pub count: Count,
}

impl Default for Asks {
    fn default() -> Asks {
        Asks {
            places: vec![None; PLACES],
        }
    }
}

impl Asks {
    #[inline]
    fn place(&mut self, asked: u64, code: u16) -> Option<&mut Option<Ask>> {
        let place = (asked ^ u64::from(code)) % PLACES as u64;
        self.places.get_mut(usize::try_from(place).ok()?)
    }

    /// What was asked, when it is held.
    #[inline]
    pub fn find(&mut self, asked: u64, code: u16) -> Option<&mut Ask> {
        let held = self.place(asked, code)?.as_mut();
        held.filter(|held| held.asked == asked && held.code == code)
    }

    /// Holds what was asked; gives back what has to make room for it.
    pub fn hold(
        &mut self,
        (asked, code): (u64, u16),
        numbers: [u16; NAMES],
        count: Count,
    ) -> Option<Ask> {
        let ask = Ask {
            asked,
            code,
            numbers,
            count,
        };
        self.place(asked, code)?.replace(ask)
    }

    /// Forgets all that was asked.
    pub fn drain(&mut self) -> impl Iterator<Item = Ask> {
        self.places.iter_mut().filter_map(Option::take)
    }
}
