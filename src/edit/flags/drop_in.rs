//! The drop-in that gives a systemd service its command with other flags.
//!
//! An empty `ExecStart=` takes the unit's own command away (systemd.service(5)); the whole command
//! follows, because a drop-in cannot add to it.

use super::exec::Command;

/// What the file begins with.
fn head(unit: &str) -> String {
    format!(
        "# Made by tighten: the command of {unit} with flags that harden it.\n\
         # Without this file the command counts that it takes the place of.\n\
         [Service]\n\
         ExecStart=\n\
         ExecStart="
    )
}

/// The whole file.
pub fn text(unit: &str, command: &Command) -> String {
    format!("{}{}\n", head(unit), command.lines())
}

/// The command in a drop-in that tighten made for this unit.
///
/// # Errors
/// When it is another file, or was changed since.
pub fn read(bytes: &[u8], unit: &str, program: &str) -> Result<Command, String> {
    let foreign = || {
        "it was not made by tighten, or was changed since: set the flag there yourself".to_string()
    };
    let text = std::str::from_utf8(bytes).map_err(|_| foreign())?;
    let command = text.strip_prefix(&head(unit)).ok_or_else(foreign)?;
    let command =
        Command::read(&command.trim_end().replace(" \\\n", " "), program).map_err(|_| foreign())?;
    if self::text(unit, &command) != text {
        return Err(foreign());
    }
    Ok(command)
}
