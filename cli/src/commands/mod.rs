//! The commands, one file each: arguments in, calls of the libraries, text out.

mod agent;
mod check;
mod completions;
mod config;
mod data;
mod drill;
mod events;
mod explain;
mod guard;
mod init;
mod man;
mod manage;
mod order;
mod replay;
mod reproduce;
mod scenarios;
mod simulate;
mod status;
mod swarm;
mod timing;
mod verify;

use clap::Subcommand;

pub(crate) use explain::{scenario_timelines, timelines};

use crate::args::Exit;
use crate::error::CliError;
use crate::output::Output;

/// What to do, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Reproduce(reproduce::Args),
    Simulate(simulate::Args),
    Explain(explain::Args),
    Replay(replay::Args),
    Check(check::Args),
    Swarm(swarm::Args),
    Verify(verify::Args),
    Timing(timing::Args),
    Data(data::Args),
    Scenarios(scenarios::Args),
    Completions(completions::Args),
    Man(man::Args),
    Init(init::Args),
    Config(config::Args),
    Agent(agent::Args),
    Guard(guard::Args),
    Status(status::Args),
    Events(events::Args),
    Manage(manage::Args),
    Order(order::Args),
    Drill(drill::Args),
}

/// Runs a command.
pub(crate) fn run(command: &Command, output: &Output) -> Result<Exit, CliError> {
    match command {
        Command::Reproduce(args) => reproduce::run(args, output),
        Command::Simulate(args) => simulate::run(args, output),
        Command::Explain(args) => explain::run(args, output),
        Command::Replay(args) => replay::run(args, output),
        Command::Check(args) => check::run(args, output),
        Command::Swarm(args) => swarm::run(args, output),
        Command::Verify(args) => verify::run(args, output),
        Command::Timing(args) => timing::run(args, output),
        Command::Data(args) => data::run(args, output),
        Command::Scenarios(args) => scenarios::run(args, output),
        Command::Completions(args) => completions::run(args, output),
        Command::Man(args) => man::run(args, output),
        Command::Init(args) => init::run(args, output),
        Command::Config(args) => config::run(args, output),
        Command::Agent(args) => agent::run(args),
        Command::Guard(args) => guard::run(args),
        Command::Status(args) => status::run(args, output),
        Command::Events(args) => events::run(args, output),
        Command::Manage(args) => manage::run(args, output),
        Command::Order(args) => order::run(args, output),
        Command::Drill(args) => drill::run(args, output),
    }
}
