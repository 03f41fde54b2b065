//! A cursor over one line of JSON: strings as they stand, and a way past what nobody asks for.
//!
//! It takes what Go's encoding/json takes, but that it does not look at whether text is UTF-8: Go
//! replaces what is not, and so does what shows it.

mod cursor;
mod damage;
mod field;
mod levels;
mod marks;
mod number;
mod part;
mod scan;
mod seen;
mod skip;
mod string;
mod structure;
mod text;

pub use cursor::Cursor;
pub use damage::Damage;
pub use field::Field;
pub use number::is_of_word;
pub use part::Part;
#[cfg(test)]
pub use scan::levels;
pub use scan::{has_control, least, level, plain_run};
pub use seen::Seen;
pub use text::Text;
