//! The keys that an object may have.

/// A key that an object may have, as it stands there: `"key":`.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub(super) key: &'static [u8],
    /// The beginning of the key as numbers, and which of their bits count: comparing them is faster than
    /// comparing texts whose length is not known.
    start: [u64; WORDS],
    counts: [u64; WORDS],
}

/// So many numbers of eight bytes a key is compared by.
const WORDS: usize = 4;

impl Field {
    /// Of `"key":`.
    pub const fn new(key: &'static [u8]) -> Field {
        let mut bytes = [0; WORDS * 8];
        let mut counts = [0; WORDS * 8];
        let mut rest = key;
        let (mut to, mut counted): (&mut [u8], &mut [u8]) = (&mut bytes, &mut counts);
        while let ([byte, others @ ..], [first, behind @ ..], [count, uncounted @ ..]) =
            (rest, to, counted)
        {
            (*first, *count) = (*byte, u8::MAX);
            (rest, to, counted) = (others, behind, uncounted);
        }
        Field {
            key,
            start: words(&bytes),
            counts: words(&counts),
        }
    }

    /// The key without quotes and colon.
    pub fn name(&self) -> &'static [u8] {
        let end = self.key.len().saturating_sub(2);
        self.key.get(1..end).unwrap_or_default()
    }

    /// Whether what begins with these numbers begins with the key.
    #[inline]
    pub(super) fn begins(&self, start: &[u64; WORDS], rest: &[u8]) -> bool {
        let [a, b, c, d] = start;
        let [first, second, third, fourth] = self.start;
        let [of_first, of_second, of_third, of_fourth] = self.counts;
        a & of_first == first
            && b & of_second == second
            && c & of_third == third
            && d & of_fourth == fourth
            && (self.key.len() <= WORDS * 8 || rest.starts_with(self.key))
    }
}

/// Bytes as numbers.
#[inline]
pub(super) const fn words(bytes: &[u8; WORDS * 8]) -> [u64; WORDS] {
    let (chunks, _) = bytes.as_chunks::<8>();
    let [a, b, c, d] = chunks else {
        return [0; WORDS];
    };
    [
        u64::from_le_bytes(*a),
        u64::from_le_bytes(*b),
        u64::from_le_bytes(*c),
        u64::from_le_bytes(*d),
    ]
}
