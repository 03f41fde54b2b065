//! What people and programs read.

mod activity;
mod document;
mod escape;
mod hint;
mod html;
mod junit;
pub mod merge;
mod oscal;
mod place;
mod printable;
mod prometheus;
mod sarif;
pub mod scanned;
pub mod style;
mod text_audit_policy;
mod text_explain;
mod text_history;
mod text_plan;
mod text_prune;
mod text_scan;
mod text_waivers;

pub use activity::{
    Activity, LogFile, Summary, activity_event, activity_heading, activity_line, activity_text,
};
pub use document::{document, error, error_document, node, plan as plan_body};
pub use hint::{quoted, with_flags, with_flags_in};
pub use html::{History, Page, merged_page, page};
pub use junit::junit;
pub use oscal::oscal;
pub use printable::{one_line, printable};
pub use prometheus::prometheus;
pub use sarif::sarif;
pub use text_audit_policy::{decision, unknown_key};
pub use text_explain::{explain, explain_all, explain_rule, explain_rules};
pub use text_history::{line as history_line, transaction};
pub use text_plan::{change_block, plan};
use text_prune::grouped;
pub use text_prune::{pruned, removed, why_kept};
pub use text_scan::{facts, header, scan, totals};
pub use text_waivers::{Remarks, grounds};
