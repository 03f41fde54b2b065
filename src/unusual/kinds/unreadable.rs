//! Lines that are no events.

use serde::Deserialize;

/// `unreadable: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unreadable {}
