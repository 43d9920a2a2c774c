//! `config`: a server's settings, checked.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Subcommand;
use tetrarch_runtime::peers::tls;
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
    // On another machine than the server's its keys are not there, and nothing is wrong with that.
    if let Ok(Some(end)) = tls::certificate_end(&site.tls)
        && let Some(warning) = end.warning(SystemTime::now())
    {
        output.remark(&format!("warning: {warning}"));
    }
    Ok(Exit::Fine)
}
