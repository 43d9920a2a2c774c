//! `simulate`: scenarios.

mod nominal;

use std::path::PathBuf;

use tetrarch_core::Span;
use tetrarch_sim::units::parse_span;

use crate::args::Exit;
use crate::error::CliError;
use crate::nominal::load;
use crate::output::Output;

const LONG: &str = "\
Simulate scenarios.

A nominal run has no dice in its parameters: it prints the times of the servers in trouble, each expectation of the \
scenario that is not met and each invariant that is broken, and ends with exit code 1 if there is any of these.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch simulate scenarios/paper/s2t.toml               times and expectations
  tetrarch simulate scenarios/paper/*.toml --format json   several, for a program
  tetrarch simulate scenarios/paper/s2t.toml --trace -     everything that happens, line by line
  tetrarch simulate scenarios/paper/s2t.toml --duration 1h a longer run";

/// Simulate scenarios: times, expectations and invariants.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Scenario files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the trace of one scenario to this file, or with `-` to standard output instead of the times
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Run for this long instead of the scenario's duration, such as `90s`, `5200ms` or `1h`
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    duration: Option<Span>,
}

/// Runs the scenarios.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    if args.trace.is_some() && args.files.len() > 1 {
        let usage = "--trace writes the trace of one scenario; expected one FILE";
        return Err(CliError::Usage(usage.to_owned()));
    }
    // All files are read before the first is run: a wrong one is told of before anything is printed.
    let scenarios = args
        .files
        .iter()
        .map(|path| load(path, args.duration))
        .collect::<Result<Vec<_>, _>>()?;
    nominal::run(scenarios, args.trace.as_deref(), output)
}

fn duration(text: &str) -> Result<Span, String> {
    parse_span(text).map_err(|error| error.to_string())
}
