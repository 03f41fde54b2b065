//! What apply and rollback do first: settle what an earlier run left, and make sure that somebody can
//! be asked.

use std::io::IsTerminal;

use super::context::Context;
use crate::effects;
use crate::failure::Failure;
use crate::root::NodePath;
use crate::transaction::{
    Began, Interrupt, Locked, Recovered, Resolution, Settlement, recover, stays,
};

/// How apply and rollback go on once it is known what they would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// Somebody is asked.
    Ask,
    /// Nobody is asked.
    Yes,
    /// Nothing is done.
    Not,
}

impl Go {
    /// From `--yes` and `--dry-run`, which exclude each other.
    pub fn of(yes: bool, dry_run: bool) -> Go {
        match (yes, dry_run) {
            (_, true) => Go::Not,
            (true, _) => Go::Yes,
            _ => Go::Ask,
        }
    }

    /// True when somebody is asked.
    pub fn asks(self) -> bool {
        self == Go::Ask
    }
}

/// Who is asked has to answer.
///
/// # Errors
/// When there is no terminal to ask on.
pub fn ask_or_yes(command: &str, go: Go) -> Result<(), Failure> {
    if !go.asks() || (std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "{command} asks before it changes anything, and there is no terminal"
    ))
    .state("nothing was written")
    .help(format!("add --yes: tighten {command} --yes")))
}

/// Settles an interrupted transaction before the node is looked at, when there is any state at all.
///
/// # Errors
/// When the state is locked, or recovery could not put everything back.
pub fn earlier(context: &Context) -> Result<(), Failure> {
    match context.existing_state()? {
        Some(state) => {
            // A second signal would only leave more to settle.
            let interrupt = Interrupt::hold()?;
            let left = with(&state.lock()?, context)?;
            tell_left(&left, context);
            interrupt
                .check()
                .map_err(|failure| failure.state("nothing was written"))
        }
        None => Ok(()),
    }
}

/// Settles under a lock that is already held. What comes back is why something that a prune had left
/// is still there: no reason to stop.
///
/// # Errors
/// When recovery could not put everything back.
pub fn with(state: &Locked, context: &Context) -> Result<Vec<Failure>, Failure> {
    let recovered = all(state, context, Resolution::Stop)?;
    let told = told(&recovered);
    if !told.is_empty() {
        context.tell(&told);
    }
    Ok(recovered.swept.left)
}

/// Settles what there is, and starts anew what may run with the files of an interrupted transaction.
///
/// # Errors
/// When not everything could be put back, or what was started anew did not come back.
pub fn all(
    state: &Locked,
    context: &Context,
    resolution: Resolution,
) -> Result<Recovered, Failure> {
    let mut left = Vec::new();
    let look = || context.facts();
    let mut follow = |began: &Began| {
        let progress = context.progress();
        effects::again(
            &context.effects,
            &context.root,
            began,
            &look,
            progress,
            &mut left,
        )
    };
    let recovered = recover(state, &context.root, resolution, &mut follow)?;
    for what in left {
        context.tell(&format!("Left to you: {what}.\n"));
    }
    Ok(recovered)
}

/// Says what could not be removed of what a prune had left.
pub fn tell_left(left: &[Failure], context: &Context) {
    for failure in left {
        context.tell(&warning(&context.hinted(failure.clone())));
    }
}

/// A failure that stops nothing.
pub fn warning(failure: &Failure) -> String {
    let text = failure.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    format!("warning: {text}\n")
}

/// So many files as the subject of a sentence.
pub fn files_are(files: usize) -> String {
    match files {
        1 => "1 file is".into(),
        number => format!("{number} files are"),
    }
}

fn put_back(files: &[NodePath], kept: &[NodePath], filled: &[NodePath]) -> String {
    let mut text = match kept {
        [] => format!(
            "was interrupted; {} as before",
            files_are(files.len() - filled.len().min(files.len()))
        ),
        kept => format!(
            "was interrupted; of its {} files these were kept as they are: {}",
            files.len(),
            kept.iter()
                .map(|path| path.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    if !filled.is_empty() {
        text.push_str(&format!("; {}", stays(filled)));
    }
    text
}

/// What recovery did, a line for each transaction that it settled.
pub fn told(recovered: &Recovered) -> String {
    let mut text = String::new();
    for (id, settlement) in &recovered.settled {
        let what = match settlement {
            Settlement::Discarded => "had changed nothing; its traces are removed".to_string(),
            Settlement::PutBack {
                files,
                kept,
                filled,
                came_back,
            } => {
                let mut text = put_back(files, kept, filled);
                if let Some(what) = came_back {
                    text.push_str(&format!(", and {what}"));
                }
                text
            }
            Settlement::Kept => "had committed; its changes stay".to_string(),
            Settlement::AlreadyPutBack => "had put everything back".to_string(),
        };
        text.push_str(&format!("Recovered: transaction {id} {what}.\n"));
    }
    text.push_str(&match recovered.swept.removed {
        0 => String::new(),
        1 => "Recovered: 1 transaction that a prune had left is removed.\n".into(),
        number => {
            format!("Recovered: {number} transactions that a prune had left are removed.\n")
        }
    });
    text
}
