//! The manual page and the completions of shells, made from the options.

use crate::cli::Options;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io;

/// The completions of a shell.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Options::command(), env!("CARGO_PKG_NAME"), &mut script);
    script
}

/// The manual page, with a section for each command instead of a page of its own.
pub(crate) fn page() -> io::Result<Vec<u8>> {
    let mut command = Options::command();
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone()).title("TYPEWALL").manual("User Commands");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    // The generated synopsis names every option, and explains none.
    let [options, commands] =
        ["[OPTIONS]", "COMMAND"].map(|rest| [bold("typewall"), roman(format!(" {rest}"))]);
    let mut synopsis = Roff::new();
    synopsis
        .control("SH", ["SYNOPSIS"])
        .text(options)
        .control("br", [])
        .text(commands)
        .to_writer(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    Roff::new().control("SH", ["COMMANDS"]).to_writer(&mut page)?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        page.extend(section(subcommand)?);
    }
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// What a command does, and its options.
fn section(command: &Command) -> io::Result<Vec<u8>> {
    let mut usage = command.clone().render_usage().to_string();
    usage = usage.trim_start_matches("Usage: ").to_owned();
    let mut section = Vec::new();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    Roff::new().control("SS", [usage.as_str()]).text([roman(about)]).to_writer(&mut section)?;
    let man = Man::new(command.clone());
    let mut options = Vec::new();
    man.render_options_section(&mut options)?;
    // Its heading would end the section of the commands.
    let options = String::from_utf8_lossy(&options).replace(".SH OPTIONS\n", "");
    section.extend(options.as_bytes());
    Ok(section)
}
