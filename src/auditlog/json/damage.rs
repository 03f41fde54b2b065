//! Why a line is no event.

use std::fmt;

/// Why a line is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Damage {
    /// It is no JSON.
    NotJson,
    /// It ends in the middle, as after a crash or on a full disk.
    Cut,
    /// More levels than are followed.
    Deep,
    /// JSON, but no audit event.
    NotEvent,
    /// A field has another type than the API server writes.
    Misfit,
    /// A field that is needed is larger than is held.
    Large,
}

impl Damage {
    /// All.
    pub const ALL: [Damage; 6] = [
        Damage::NotJson,
        Damage::Cut,
        Damage::Deep,
        Damage::NotEvent,
        Damage::Misfit,
        Damage::Large,
    ];
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Damage::NotJson => "not JSON",
            Damage::Cut => "cut off in the middle",
            Damage::Deep => "nested more than 1,024 levels deep",
            Damage::NotEvent => "JSON, but no audit event",
            Damage::Misfit => "a field of another type than the API server writes",
            Damage::Large => "a field that is too large to be held",
        })
    }
}
