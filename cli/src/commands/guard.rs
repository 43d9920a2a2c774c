//! `guard`: ends what this server may no longer hold, beside the agent.

use std::path::PathBuf;

use tetrarch_runtime::guard;

use crate::args::Exit;
use crate::error::CliError;

const LONG: &str = "\
End what this server of a guarded group may no longer hold: take its address off, kill its virtual servers.

The agent starts it by itself. It is a process of its own, so that it works when the agent stands still or was killed, \
and it ends by itself a while after the agent has gone, when all that the agent held has come to its end.";

/// End what this server may no longer hold; the agent starts it.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(crate) struct Args {
    /// The folder in which the agent writes what it holds
    #[arg(long, value_name = "DIR", default_value = "/run/tetrarch")]
    run: PathBuf,
}

/// Runs until nothing is left to be ended.
pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    super::agent::log_to_stderr();
    guard::run(args.run.clone()).map_err(|source| CliError::Guard { source })?;
    Ok(Exit::Fine)
}
