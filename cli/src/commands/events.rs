//! `events`: what the agent of this server notes, as it happens.

use std::path::PathBuf;

use tetrarch_report::Format;
use tetrarch_runtime::agent::control::{Answer, Ask};
use tetrarch_runtime::site::SITE_FILE;

use crate::agent_socket::ask;
use crate::args::Exit;
use crate::error::CliError;
use crate::output::Output;

/// Follow what the agent of this server notes, until it ends or you do.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server's settings
    #[arg(long, value_name = "FILE", default_value = SITE_FILE)]
    site: PathBuf,
}

/// Prints events, with `--format json` as one object a line.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    for answer in ask(&args.site, Ask::Events)? {
        let answer = answer?;
        let line = match (&answer, output.format()) {
            (_, Format::Json) => serde_json::to_string(&answer)
                .map_err(tetrarch_report::output::OutputError::from)?,
            (Answer::Event { at_s, event }, _) => format!("{at_s:>12.3}  {event}"),
            (other, _) => format!("{other:?}"),
        };
        output.result(&(line + "\n"))?;
    }
    Ok(Exit::Fine)
}
