//! `manage`: the flag files of the executers, of one server or of all.

use std::path::PathBuf;

use clap::ValueEnum;
use tetrarch_report::Table;
use tetrarch_runtime::agent::control::{Answer, Ask};
use tetrarch_runtime::site::SITE_FILE;

use crate::agent_socket::ask;
use crate::args::Exit;
use crate::error::CliError;
use crate::output::Output;

const AFTER_HELP: &str = "\
Examples:
  tetrarch manage start --all   the servers of the group manage each other from now on
  tetrarch manage stop --all    and no longer
  tetrarch manage stop          this server neither manages nor is restarted

Exit codes:
  0  done on every server that was meant
  1  not done on at least one, which is named
  2  there is no agent, or it may not be asked";

/// Start or stop the management programs, by creating or removing flag files.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    #[arg(value_enum)]
    what: What,
    /// On all servers of the group, not on this one alone
    #[arg(long)]
    all: bool,
    /// The server's settings
    #[arg(long, value_name = "FILE", default_value = SITE_FILE)]
    site: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Create the flag file
    Start,
    /// Remove the flag file
    Stop,
}

/// Sets the flags and tells what became of each.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let question = Ask::Flag {
        present: args.what == What::Start,
        all: args.all,
    };
    let mut table = Table::new(&["server", "done"])?;
    let mut is_done = true;
    for answer in ask(&args.site, question)? {
        if let Answer::Flag { server, done } = answer? {
            let word = if done { "yes" } else { "no" };
            table.push(vec![server.as_str().into(), word.into()])?;
            is_done &= done;
        }
    }
    output.table(&table)?;
    Ok(Exit::fine_if(is_done))
}
