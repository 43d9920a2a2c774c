//! `swarm`: random rings, timings and faults, seed after seed, under all checkers.

mod cpu;
mod found;
mod summary;

use std::path::PathBuf;

use clap::ValueEnum;
use tetrarch_core::{Safety, Span};
use tetrarch_report::{Format, Table, Value};
use tetrarch_sim::check::Invariant;
use tetrarch_sim::swarm::{SeedReport, Settings, Timings, swarm};

use crate::args::{Exit, duration};
use crate::error::CliError;
use crate::files::make_folder;
use crate::output::Output;

const LONG: &str = "\
Simulate random groups with random faults, and check every invariant after every event.

Each seed draws a ring of 2 to 8 servers, the protocol's settings, physical times with jitter, which kinds of faults \
there are (each seed switches some off), and when they strike: S1t, S2t, N1t, N2t, crash, destruction, outages of \
everything, machines or programs that stand still, drifting clocks, programs stopped, virtual servers that fail, a \
file server that is down, slow, dying or cut off, one-way and flapping cuts, partitions, lost, late and doubled \
messages. Operators give orders in half of all seeds. \
After the safety phase of --time all is repaired, and within a printed bound every function must be served by its \
own server, all servers must be members, and all views must be equal.

Each seed draws its safety setting too. The paper's protocol does not survive cut links or lost messages: two servers that do \
not hear of each other may both take a function over. So under \"paper\" invariants must hold in seeds whose links are \
whole; in the others what is broken is counted as a known limit and is no failure. Under \"guarded\" they must hold \
in every seed. Progress after the repair is demanded of all.

A failure prints its seed and the version, and is shrunk to a minimal scenario file that fails in the same way. The \
results are the same for any number of threads.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch swarm --seeds 1000
      a day of faults for each of a thousand groups
  tetrarch swarm --seeds 200 --time 7d --out found
      failures as scenario files in found/
  tetrarch swarm --first 17 --seeds 1 --format json
      one seed again
  tetrarch swarm --seeds 100 --limits --out limits
      shrink known limits of \"paper\" too
  tetrarch explain found/seed-17-no-progress.toml
      the story of a failure

Exit codes: 0 no failure, 1 a failure was found, 2 wrong usage.";

/// Search random groups and faults for broken promises.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// How many seeds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    seeds: u64,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    first: u64,
    /// How long faults strike, such as `90m` or `7d`; at most 100d
    #[arg(long, value_name = "T", value_parser = duration, default_value = "1d")]
    time: Span,
    /// Mean time between two faults in a group
    #[arg(long, value_name = "T", value_parser = duration, default_value = "10m")]
    fault_every: Span,
    /// Which settings of the protocol are drawn
    #[arg(long, value_enum, default_value_t)]
    timings: TimingsChoice,
    /// Which safety setting the groups have
    #[arg(long, value_enum, default_value_t)]
    safety: SafetyChoice,
    /// Demand progress within this share of the bound
    #[arg(long, value_name = "PERCENT", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    bound_percent: u32,
    /// Shrink an example of each known limit of the paper's protocol too
    #[arg(long)]
    limits: bool,
    /// How many threads [default: one on each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Write shrunk scenarios into this folder instead of printing them
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The value of `--timings`.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum TimingsChoice {
    /// Settings of the protocol within sane ranges
    #[default]
    Random,
    /// The paper's settings
    Paper,
}

/// The value of `--safety`.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum SafetyChoice {
    /// One of them for each seed
    #[default]
    Drawn,
    /// The paper's protocol
    Paper,
    /// The same under leases
    Guarded,
}

impl SafetyChoice {
    const fn name(self) -> &'static str {
        match self {
            Self::Drawn => "drawn",
            Self::Paper => "paper",
            Self::Guarded => "guarded",
        }
    }
}

/// Runs the seeds and tells what was found.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let settings = Settings {
        safety: args.time,
        fault_every: args.fault_every,
        timings: match args.timings {
            TimingsChoice::Random => Timings::Random,
            TimingsChoice::Paper => Timings::Paper,
        },
        rules: match args.safety {
            SafetyChoice::Drawn => None,
            SafetyChoice::Paper => Some(Safety::Paper),
            SafetyChoice::Guarded => Some(Safety::Guarded),
        },
        bound_percent: args.bound_percent,
    };
    settings.validate()?;
    if let Some(folder) = &args.out {
        // Before the work, so that a wrong name is not told of only after hours.
        make_folder(folder)?;
    }
    let bar = output.progress(args.seeds, "seeds");
    let clock = cpu::Clock::start();
    let threads = args.threads.map(usize::from);
    let reports = swarm(&settings, args.first, args.seeds, threads, |done| {
        bar.set_position(done);
    })?;
    let took = clock.stop();
    bar.finish_and_clear();
    let found = found::examine(args, &settings, &reports, output)?;
    match output.format() {
        Format::Table => {
            output.result(&summary::text(args, &reports))?;
            output.result(&found)?;
        }
        Format::Csv | Format::Json => {
            output.table(&table(&reports)?)?;
            // Standard output holds the table; what is wrong must be seen all the same.
            for line in found.lines() {
                output.complain(line);
            }
        }
    }
    // How fast this machine was is no result: the same run gives another number.
    output.remark(&summary::speed(&reports, took));
    let is_fine = reports
        .iter()
        .all(|report| report.failures().next().is_none());
    Ok(Exit::fine_if(is_fine))
}

/// One row for each seed.
fn table(reports: &[SeedReport]) -> Result<Table, CliError> {
    let mut columns = vec![
        "seed",
        "servers",
        "safety",
        "mix",
        "faults",
        "simulated_s",
        "events",
    ];
    columns.extend(Invariant::ALL.iter().map(|invariant| invariant.breach()));
    columns.extend(["progress_s", "bound_s", "failures"]);
    let mut table = Table::new(&columns)?;
    for report in reports {
        let mut row = vec![
            Value::Count(report.seed),
            Value::Count(report.servers as u64),
            report.rules.name().into(),
            report.mix.to_string().as_str().into(),
            Value::Count(report.faults as u64),
            Value::Seconds(report.simulated.as_secs_f64()),
            Value::Count(report.inputs),
        ];
        row.extend(report.broken.iter().map(|n| Value::Count(u64::from(*n))));
        let failures: Vec<&str> = report.failures().map(|failure| failure.name()).collect();
        row.extend([
            report.progress_after.map(|span| span.as_secs_f64()).into(),
            Value::Seconds(report.bound.as_secs_f64()),
            failures.join(" ").as_str().into(),
        ]);
        table.push(row)?;
    }
    Ok(table)
}
