//! `config`: a server's settings, checked.

use std::path::PathBuf;

use clap::Subcommand;
use tetrarch_runtime::site::{SITE_FILE, Site};

use crate::args::Exit;
use crate::error::CliError;
use crate::output::Output;

/// Check the settings of a server.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check a file of settings; what is wrong is named with file, line and column
    Check {
        /// The settings
        #[arg(default_value = SITE_FILE)]
        file: PathBuf,
    },
}

/// Checks.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let ConfigCommand::Check { file } = &args.command;
    let site = Site::load(file)?;
    output.remark(&format!(
        "{}: right, for {} in a ring of {}",
        file.display(),
        site.host(),
        site.ring.len()
    ));
    Ok(Exit::Fine)
}
