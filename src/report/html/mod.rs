//! Reports as one page: no script, nothing from elsewhere, every value of the node escaped.

mod frame;
mod merged;
mod page;
mod plan;

pub use merged::merged as merged_page;
pub use page::{History, Page, page};
