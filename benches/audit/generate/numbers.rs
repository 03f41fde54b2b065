//! Numbers without a pattern, the same on every machine, and what is made of them.

/// Splitmix64 (Steele, Lea and Flood 2014).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// An audit id.
    pub fn id(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

/// A number made of another.
pub fn mixed(mut number: u64) -> u64 {
    number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The lowest hex digits of a number.
pub fn hex(into: &mut Vec<u8>, number: u128, digits: u32) {
    let digit = |at: u32| HEX[(number >> (4 * at)) as usize & 15];
    into.extend((0..digits).rev().map(digit));
}

/// As Go's uuid.New writes it.
pub fn uuid(into: &mut Vec<u8>, number: u128) {
    let number = number & !(0xf << 76) & !(3 << 62) | 4 << 76 | 2 << 62;
    for (at, (shift, digits)) in [(96, 8), (80, 4), (64, 4), (48, 4), (0, 12)]
        .into_iter()
        .enumerate()
    {
        if at > 0 {
            into.push(b'-');
        }
        hex(into, number >> shift, digits);
    }
}

/// A uuid made of a number.
pub fn uuid_of(number: u64) -> String {
    let mut text = Vec::new();
    uuid(
        &mut text,
        u128::from(mixed(number)) << 64 | u128::from(mixed(!number)),
    );
    String::from_utf8(text).unwrap()
}

/// As the API server makes the ends of names: no vowels, and nothing that looks like another.
pub fn letters(number: u64, length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut number = mixed(number);
    let mut letter = |_| {
        let at = number % LETTERS.len() as u64;
        number /= LETTERS.len() as u64;
        char::from(LETTERS[at as usize])
    };
    (0..length).map(&mut letter).collect()
}

pub fn decimal(into: &mut Vec<u8>, number: u64, digits: usize) {
    let mut room = [b'0'; 20];
    let (mut at, mut left) = (room.len(), number);
    while left > 0 || room.len() - at < digits.max(1) {
        at -= 1;
        room[at] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    into.extend_from_slice(&room[at..]);
}

/// `2026-11-23T06:00:00.000000Z`
pub fn time(into: &mut Vec<u8>, micros: u64) {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    // Years that begin in March end with the day that some have and some have not; 0000-03-01 lies 719,468
    // days before 1970.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = (year + era * 400 + month / 10, (month + 2) % 12 + 1);
    let of_day = seconds % 86_400;
    let parts = [
        (b'-', year, 4),
        (b'-', month, 2),
        (b'T', day, 2),
        (b':', of_day / 3600, 2),
        (b':', of_day / 60 % 60, 2),
        (b'.', of_day % 60, 2),
        (b'Z', micros, 6),
    ];
    for (behind, number, digits) in parts {
        decimal(into, number, digits);
        into.push(behind);
    }
}
