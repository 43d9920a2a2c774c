//! `agent`: the management side of this server, as a service.

use std::path::PathBuf;

use tetrarch_runtime::agent::{self, FromSettings};
use tetrarch_runtime::recorder::GATHER_MAX;
use tetrarch_runtime::site::{SITE_FILE, Site};
use tracing_subscriber::EnvFilter;

use crate::args::Exit;
use crate::error::CliError;

const LONG: &str = "\
Run the agent of this server.

It runs the management programs while the flag file is there, with management data copied from the shared area. It \
logs to standard error; the environment variable TETRARCH_LOG says how much, for example `debug`. SIGHUP lets it \
read its keys anew. SIGTERM ends it and leaves addresses and virtual servers as they are; to stop managing, use \
`tetrarch manage stop`.";

/// Run the agent of this server.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(crate) struct Args {
    /// The server's settings
    #[arg(long, value_name = "FILE", default_value = SITE_FILE)]
    site: PathBuf,
}

/// Runs until a signal ends it.
pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let site = Site::load(&args.site)?;
    log_to_stderr();
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |what| {
        tell(what);
        // A panic ends this process. What led to it is on its way to the record; the guard goes on meanwhile.
        std::thread::sleep(2 * GATHER_MAX);
    }));
    let program = std::env::current_exe().map_err(|source| CliError::Guard { source })?;
    agent::run(site, FromSettings { program })?;
    Ok(Exit::Fine)
}

/// Lets the log go to standard error.
pub(crate) fn log_to_stderr() {
    let level = EnvFilter::try_from_env("TETRARCH_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // journald adds the time itself.
    tracing_subscriber::fmt()
        .with_env_filter(level)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .init();
}
