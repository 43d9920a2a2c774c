//! The commands, one file each: arguments in, calls of the libraries, text out.

mod completions;
mod explain;
mod man;
mod reproduce;
mod scenarios;

use clap::Subcommand;

use crate::args::Exit;
use crate::error::CliError;
use crate::output::Output;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Reproduce(reproduce::Args),
    Explain(explain::Args),
    Scenarios(scenarios::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs a command.
pub(crate) fn run(command: &Command, output: &Output) -> Result<Exit, CliError> {
    match command {
        Command::Reproduce(args) => reproduce::run(args, output),
        Command::Explain(args) => explain::run(args, output),
        Command::Scenarios(args) => scenarios::run(args, output),
        Command::Completions(args) => completions::run(args, output),
        Command::Man(args) => man::run(args, output),
    }
}
