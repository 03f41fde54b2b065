//! `tighten man`: one page for the program and all its commands.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::Cli;
use crate::failure::{Exit, Failure};
use crate::report::style::out;

/// Prints the page.
pub fn man() -> Result<Exit, Failure> {
    let page = page()
        .map_err(|error| Failure::refused(format!("the manual page cannot be made: {error}")))?;
    out(&page);
    Ok(Exit::Done)
}

fn page() -> io::Result<String> {
    let program = Man::new(Cli::command());
    let mut page = Vec::new();
    program.render_title(&mut page)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    page.push_str(&section(|to| program.render_name_section(to))?);
    page.push_str(&section(|to| program.render_synopsis_section(to))?);
    page.push_str(".SH COMMANDS\n");
    // Not the built command's own: those repeat the options for every command in each.
    for command in Cli::command().get_subcommands() {
        let mut below = command.get_subcommands().peekable();
        if below.peek().is_none() {
            page.push_str(&one(command, "")?);
        }
        for inner in below {
            page.push_str(&one(inner, &format!("{} ", command.get_name()))?);
        }
    }
    page.push_str(&section(|to| program.render_options_section(to))?);
    let notes = section(|to| program.render_extra_section(to))?;
    page.push_str(&notes.replacen(".SH EXTRA", ".SH NOTES", 1));
    Ok(page)
}

/// A command: how it is called, what it does, its own options. `above` is the command that it belongs to.
fn one(command: &Command, above: &str) -> io::Result<String> {
    let name = format!("{above}{}", command.get_name());
    let has_own = command.get_arguments().next().is_some();
    let manual = Man::new(
        command
            .clone()
            .bin_name(format!("tighten {name}"))
            .disable_help_flag(true),
    );
    let mut text = format!(".SS {name}\n");
    text.push_str(&body(&section(|to| manual.render_synopsis_section(to))?));
    text.push_str(".PP\n");
    text.push_str(&body(&section(|to| manual.render_description_section(to))?));
    if has_own {
        text.push_str(&body(&section(|to| manual.render_options_section(to))?));
    }
    Ok(text)
}

/// A section as the library renders it, without the macros that each rendering starts with.
fn section(render: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<String> {
    let mut text = Vec::new();
    render(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    Ok(kept(&text, |line| {
        !line.starts_with(".ie ") && !line.starts_with(".el ")
    }))
}

/// A section without its heading.
fn body(section: &str) -> String {
    kept(section, |line| !line.starts_with(".SH "))
}

fn kept(text: &str, keep: impl Fn(&str) -> bool) -> String {
    text.lines()
        .filter(|line| keep(line))
        .fold(String::new(), |kept, line| kept + line + "\n")
}
