//! A table that takes no more room than what it holds.

use hashbrown::HashTable;

/// So many tables are one, since a table that grows is there twice meanwhile.
const PARTS: usize = 14;

/// What is held by a number that is as good as random, such as [`super::open::Ids`] makes.
pub trait Numbered {
    /// The number.
    fn number(&self) -> u64;
}

impl Numbered for u64 {
    fn number(&self) -> u64 {
        *self
    }
}

/// Things by their numbers. They may come and go: where much was removed, hashbrown's own tables would grow.
pub struct Table<T> {
    parts: [HashTable<T>; PARTS],
    count: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table {
            parts: std::array::from_fn(|_| HashTable::new()),
            count: 0,
        }
    }
}

impl<T: Numbered> Table<T> {
    /// How many are held.
    pub fn count(&self) -> usize {
        self.count
    }

    /// All, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.parts.iter().flatten()
    }

    /// The part of a number. Within it, the lowest and the highest bits say where it is held.
    fn part(&mut self, number: u64) -> Option<&mut HashTable<T>> {
        self.parts.get_mut((number >> 32) as usize % PARTS)
    }

    /// The one with this number.
    pub fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        // There is a part for each remainder.
        self.part(number)?
            .find_mut(number, |held| held.number() == number)
    }

    /// Adds one with a number that none has yet.
    pub fn add(&mut self, new: T) {
        let number = new.number();
        let Some(part) = self.part(number) else {
            return;
        };
        if part.len() == part.capacity() {
            // What was removed takes places until all that is left moves.
            let mut room = HashTable::with_capacity(part.len() + 1);
            for held in part.drain() {
                room.insert_unique(held.number(), held, T::number);
            }
            *part = room;
        }
        part.insert_unique(number, new, T::number);
        self.count += 1;
    }

    /// Removes the one with this number.
    pub fn remove(&mut self, number: u64) {
        if self.count == 0 {
            return;
        }
        let part = self.part(number);
        let held =
            part.and_then(|part| part.find_entry(number, |held| held.number() == number).ok());
        if let Some(held) = held {
            held.remove();
            self.count -= 1;
        }
    }

    /// Keeps some.
    pub fn retain(&mut self, mut keeps: impl FnMut(&T) -> bool) {
        for part in &mut self.parts {
            part.retain(|held| keeps(held));
        }
        self.count = self.parts.iter().map(HashTable::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auditlog::open::Ids;

    #[test]
    fn what_comes_and_goes_takes_no_more_room_than_what_is_held() {
        let (ids, held) = (Ids::default(), 22_528_u32);
        let id = |number: u32| ids.number(&number.to_le_bytes());
        let mut table = Table::default();
        let places = |table: &Table<u64>| {
            let places = table.parts.iter().map(HashTable::num_buckets);
            places.sum::<usize>()
        };
        for number in 0..held {
            table.add(id(number));
        }
        let full = places(&table);
        assert!(full <= 16 * 2048, "{full}");
        for number in held..200_000 {
            table.remove(id(number - held));
            table.add(id(number));
        }
        assert_eq!(table.count(), held as usize);
        assert!(
            places(&table) <= full + 2048,
            "{} of {full}",
            places(&table)
        );
        for number in 0..200_000 {
            let is_held = table.get_mut(id(number)).is_some();
            assert_eq!(is_held, number >= 200_000 - held, "{number}");
        }
        table.retain(|number| number % 2 == 0);
        assert_eq!(table.count(), table.iter().count());
        assert!(table.iter().all(|number| number % 2 == 0));
    }
}
