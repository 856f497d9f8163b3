//! Reads the options from the command line and from variables of the environment.

use crate::cli::Options;
use clap::builder::Resettable;
use clap::error::Error;
use clap::{Arg, Command, CommandFactory, FromArgMatches};
use std::env;

/// The options. A variable that is empty counts as one that is not set, so that a file of variables can take back what
/// another one sets: an empty `TYPEWALL_STORE` makes room for `TYPEWALL_REDIS`.
pub(crate) fn read_options() -> Result<Options, Error> {
    let mut command = without_empty_variables(Options::command());
    let mut matches = command.try_get_matches_from_mut(env::args_os())?;
    Options::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

fn without_empty_variables(command: Command) -> Command {
    command.mut_args(without_empty_variable).mut_subcommands(without_empty_variables)
}

fn without_empty_variable(option: Arg) -> Arg {
    let value = option.get_env().and_then(env::var_os);
    if value.is_some_and(|value| value.is_empty()) { option.env(Resettable::Reset) } else { option }
}
