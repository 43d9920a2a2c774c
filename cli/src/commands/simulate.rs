//! `simulate`: scenarios, once, many times with jitter, or for many groups.

mod fleet;
mod nominal;
mod repeated;

use std::num::NonZeroU64;
use std::path::PathBuf;

use tetrarch_core::Span;
use tetrarch_report::{Format, Table};

use crate::args::{Exit, duration};
use crate::error::CliError;
use crate::nominal::{Loaded, load};
use crate::output::Output;

const LONG: &str = "\
Simulate scenarios.

The nominal run has no dice in its parameters: it prints the times of the servers in trouble, each expectation of the \
scenario that is not met and each invariant that is broken, and ends with exit code 1 if there is any of these.

--runs repeats the scenario with jitter: every physical parameter is drawn anew for each run, from a normal \
distribution about its value, cut at three standard deviations (2 % for those of Table 1, 10 % for inferred and assumed \
ones). Printed are mean, half the width of its 95 % confidence interval, and percentiles; exit code 1 tells of a \
broken invariant. --groups simulates many independent groups and prints what their clients missed. Both give the \
same numbers for any number of threads.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch simulate scenarios/paper/s2t.toml
      times and expectations
  tetrarch simulate scenarios/paper/*.toml --format json
      several, for a program
  tetrarch simulate scenarios/paper/s2t.toml --trace -
      everything, line by line
  tetrarch simulate scenarios/paper/s2t.toml --record out
      what each node was told, for `replay`
  tetrarch simulate scenarios/paper/s2t.toml --duration 1h
      a longer run
  tetrarch simulate scenarios/paper/s2t.toml --runs 1000 --seed 7
  tetrarch simulate scenarios/paper/s2t.toml --groups 250000 --threads 2";

/// Simulate scenarios: times, expectations and invariants.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Scenario files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Repeat with jitter on the parameters, so many times
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: Option<u32>,
    /// Simulate so many independent groups
    #[arg(long, value_name = "N", conflicts_with = "runs")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    groups: Option<u64>,
    /// Where all dice start from [default: the scenario's seed]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// How many threads [default: one on each core]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Write the trace of one scenario to this file, or with `-` to standard output instead of the times
    #[arg(long, value_name = "FILE", conflicts_with_all = ["runs", "groups"])]
    trace: Option<PathBuf>,
    /// Write a record of each life of each node of one scenario into this folder, as `SERVER-N.rec`
    #[arg(long, value_name = "DIR", conflicts_with_all = ["runs", "groups"])]
    record: Option<PathBuf>,
    /// Run for this long instead of the scenario's duration, such as `90s`, `5200ms` or `1h`
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    duration: Option<Span>,
}

/// What many runs share.
#[derive(Clone, Copy, Debug)]
struct Many {
    seed: Option<u64>,
    threads: Option<usize>,
}

/// Runs the scenarios.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    if args.trace.is_some() && args.files.len() > 1 {
        let usage = "--trace writes the trace of one scenario; expected one FILE";
        return Err(CliError::Usage(usage.to_owned()));
    }
    if args.record.is_some() && args.files.len() > 1 {
        let usage = "--record writes the records of one scenario; expected one FILE";
        return Err(CliError::Usage(usage.to_owned()));
    }
    // All files are read before the first is run: a wrong one is told of before anything is printed.
    let mut scenarios = args
        .files
        .iter()
        .map(|path| load(path, args.duration))
        .collect::<Result<Vec<Loaded>, _>>()?;
    let many = Many {
        seed: args.seed,
        threads: args.threads.map(usize::from),
    };
    match (args.runs, args.groups.and_then(NonZeroU64::new)) {
        (Some(runs), _) => repeated::run(&scenarios, runs, many, output),
        (None, Some(groups)) => fleet::run(&scenarios, groups, many, output),
        (None, None) => {
            for loaded in &mut scenarios {
                loaded.scenario.seed = args.seed.unwrap_or(loaded.scenario.seed);
            }
            let record = args.record.as_deref();
            nominal::run(scenarios, args.trace.as_deref(), record, output)
        }
    }
}

/// The table of some scenarios as text. Of one alone the file is left out: it stands below, and its name in every
/// row would make the table too wide for most terminals.
fn for_people(table: Table, scenarios: usize, output: &Output) -> Result<String, CliError> {
    let table = if scenarios == 1 {
        table.without("file")
    } else {
        table
    };
    Ok(table.render(Format::Table, output.style())?)
}
