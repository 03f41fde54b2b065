//! `tighten recover`: settle an interrupted transaction.

use serde_json::json;

use super::context::Context;
use super::{print_json, settle};
use crate::cli::Format;
use crate::failure::{Exit, Failure};
use crate::report;
use crate::transaction::{Interrupt, Recovered, Resolution, Settlement};

/// Settles what there is to settle.
pub fn recover(context: &Context, force: bool, accept_current: bool) -> Result<Exit, Failure> {
    let resolution = match (force, accept_current) {
        (true, _) => Resolution::Force,
        (_, true) => Resolution::AcceptCurrent,
        _ => Resolution::Stop,
    };
    // A second signal would only leave more to settle.
    let _interrupt = Interrupt::hold_to_the_end()?;
    let recovered = match context.existing_state()? {
        Some(state) => {
            let state = state.lock()?;
            settle::all(&state, context, resolution)?
        }
        None => Recovered::default(),
    };
    settle::tell_left(&recovered.swept.left, context);
    match context.format {
        Format::Json => print_json(&report::document("recover", body(&recovered))),
        Format::Text => {
            let text = settle::told(&recovered);
            context.say(&report::printable(if text.is_empty() {
                "Recovered: nothing to settle.\n"
            } else {
                &text
            }));
        }
    }
    Ok(Exit::Done)
}

fn body(recovered: &Recovered) -> serde_json::Value {
    let settled: Vec<_> = recovered
        .settled
        .iter()
        .map(|(id, settlement)| {
            let (outcome, files, kept) = match settlement {
                Settlement::Discarded => ("discarded", [].as_slice(), Vec::new()),
                Settlement::PutBack {
                    files,
                    kept,
                    filled,
                    ..
                } => {
                    let stay = kept.iter().chain(filled).collect();
                    ("rolled-back", files.as_slice(), stay)
                }
                Settlement::Kept => ("kept", [].as_slice(), Vec::new()),
                Settlement::AlreadyPutBack => ("rolled-back", [].as_slice(), Vec::new()),
            };
            json!({"transaction": id.as_str(), "outcome": outcome, "files": files, "kept": kept})
        })
        .collect();
    json!({"settled": settled, "swept": recovered.swept.removed, "error": null})
}
