//! Questions on the terminal. The default is always to leave; Ctrl-C changes nothing.

use dialoguer::console::Term;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Confirm, MultiSelect, Select};

use super::context::Context;
use crate::failure::Failure;
use crate::plan::{Change, Plan};
use crate::report;
use crate::report::style::err;

/// What the operator wants.
pub enum Answer {
    /// Everything in the plan.
    All,
    /// These changes, by their place in the plan.
    Some(Vec<usize>),
    /// Nothing.
    Leave,
}

const LEAVE: &str = "Leave; change nothing";
const ALL: &str = "Apply all";
const CHOOSE: &str = "Choose changes one by one";
const SHOW: &str = "Show a change: its diff and why";

/// Asks what to do with a plan. A saved plan is applied whole or not at all.
///
/// # Errors
/// When the terminal cannot be used.
pub fn ask(plan: &Plan, context: &Context, whole: bool) -> Result<Answer, Failure> {
    let items: &[&str] = if whole {
        &[LEAVE, ALL, SHOW]
    } else {
        &[LEAVE, ALL, CHOOSE, SHOW]
    };
    loop {
        let picked = guarded(|theme| {
            Select::with_theme(theme)
                .with_prompt("What now?")
                .items(items)
                .default(0)
                .interact_on_opt(&Term::stderr())
        })?;
        match picked.flatten().and_then(|index| items.get(index)).copied() {
            Some(ALL) => return Ok(Answer::All),
            Some(CHOOSE) => match choose(plan)? {
                Some(chosen) if !chosen.is_empty() => return Ok(Answer::Some(chosen)),
                _ => {}
            },
            Some(SHOW) => show(plan, context)?,
            _ => return Ok(Answer::Leave),
        }
    }
}

/// Asks a yes-or-no question, default no.
///
/// # Errors
/// When the terminal cannot be used.
pub fn yes(question: &str) -> Result<bool, Failure> {
    let answer = guarded(|theme| {
        Confirm::with_theme(theme)
            .with_prompt(question)
            .default(false)
            .interact_on_opt(&Term::stderr())
    })?;
    Ok(answer.flatten().unwrap_or(false))
}

fn choose(plan: &Plan) -> Result<Option<Vec<usize>>, Failure> {
    let items: Vec<String> = plan.changes.iter().map(title).collect();
    let chosen = guarded(|theme| {
        MultiSelect::with_theme(theme)
            .with_prompt("Space picks, Enter applies what is picked, Esc goes back")
            .items(&items)
            .interact_on_opt(&Term::stderr())
    })?;
    Ok(chosen.flatten())
}

fn show(plan: &Plan, context: &Context) -> Result<(), Failure> {
    let items: Vec<String> = plan.changes.iter().map(title).collect();
    let picked = guarded(|theme| {
        Select::with_theme(theme)
            .with_prompt("Which one? Esc goes back")
            .items(&items)
            .default(0)
            .interact_on_opt(&Term::stderr())
    })?;
    if let Some(change) = picked.flatten().and_then(|index| plan.changes.get(index)) {
        let check = context
            .baselines
            .iter()
            .flat_map(|baseline| &baseline.checks)
            .find(|check| check.id == change.check);
        err(&report::change_block(plan, change, context.style));
        if let Some(check) = check {
            err(&format!("\n{}\n", report::explain(check, context.style)));
        }
    }
    Ok(())
}

fn title(change: &Change) -> String {
    report::printable(&format!(
        "{}  {}  ({})",
        change.path, change.summary, change.check
    ))
}

/// Runs a question. `None` when the operator pressed Ctrl-C: then the cursor is shown again, and
/// nothing is changed.
fn guarded<T>(
    question: impl FnOnce(&dyn Theme) -> dialoguer::Result<T>,
) -> Result<Option<T>, Failure> {
    let plain = SimpleTheme;
    let colorful = ColorfulTheme::default();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let theme: &dyn Theme = if no_color { &plain } else { &colorful };
    // Raising SIGINT would kill the process with the cursor hidden: it is held back meanwhile.
    let interrupt = crate::transaction::Interrupt::hold_keyboard()?;
    let answer = question(theme);
    let stopped = interrupt.came();
    drop(interrupt);
    let _ = Term::stderr().show_cursor();
    match (answer, stopped) {
        (Ok(answer), None) => Ok(Some(answer)),
        (_, Some(_)) => Ok(None),
        (Err(dialoguer::Error::IO(error)), None)
            if error.kind() == std::io::ErrorKind::Interrupted =>
        {
            Ok(None)
        }
        (Err(dialoguer::Error::IO(error)), None) => Err(Failure::refused(format!(
            "the question could not be asked: {error}"
        ))
        .state("nothing was written")
        .help("add --yes to go on without asking")),
    }
}
