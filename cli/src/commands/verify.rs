//! `verify`: every run of a group with a bounded number of faults.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use tetrarch_core::Safety;
use tetrarch_report::file::write_atomic;
use tetrarch_report::{Format, Table};
use tetrarch_verify::{Bounds, Finding, Kind, Preset, Progress, Round, check, scenario_of};

use crate::args::Exit;
use crate::error::CliError;
use crate::files::make_folder;
use crate::output::Output;

const LONG: &str = "\
Look at every run of a group with up to so many faults, with the real protocol.

A fault strikes at every instant at which anything happens, and what is due at one instant happens in every order. \
In every state an address must have one holder, a virtual server one host, no healthy server may be restarted and no \
wait be without an end; once no fault is left and the links are whole, the group must come to rest. Each kind of \
property that does not hold is shown by the shortest run that was met. docs/verify.md says what is not covered.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch verify
      a ring of 3, one fault of a server
  tetrarch verify --ring 4 --faults 2
      two such faults in a ring of 4: some minutes
  tetrarch verify --faults 1,cut --out found
      what a cut link does, with scenario files
  tetrarch verify --faults 2,crash,loss --timing paper --time-limit 600

Kinds of faults:
  of servers    crash restart service stuck (the default), pause
  of messages   loss duplicate late
  of jobs       fail hang slow
  of links      cut partition
  all           all of these

Exit codes:
  0  all runs within the bounds were looked at, and every property holds
  1  a property does not hold
  2  wrong usage, or the time was over before all runs were looked at";

/// Check every run of a group with a bounded number of faults.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// How many servers the group has, 2 to 8
    #[arg(long, value_name = "N", default_value_t = 3)]
    ring: usize,
    /// How many faults strike at most, and of which kinds
    #[arg(long, value_name = "K[,KIND...]", default_value = "1", value_parser = faults)]
    faults: Faults,
    /// Give up after this many seconds
    #[arg(long, value_name = "S", default_value_t = 600)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=31_536_000))]
    time_limit: u32,
    /// How many threads search [default: one on each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Whole seconds in the order of the paper's times, or the paper's own times, which need far more states
    #[arg(long, value_enum, default_value_t)]
    timing: Timing,
    /// Which safety setting the group has
    #[arg(long, value_enum, default_value_t)]
    safety: SafetyChoice,
    /// Write what was found as scenario files into this folder, where the simulator knows the faults
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The value of `--safety`.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum SafetyChoice {
    /// The paper's protocol
    #[default]
    Paper,
    /// The same under leases
    Guarded,
}

impl From<SafetyChoice> for Safety {
    fn from(choice: SafetyChoice) -> Self {
        match choice {
            SafetyChoice::Paper => Self::Paper,
            SafetyChoice::Guarded => Self::Guarded,
        }
    }
}

/// The value of `--timing`.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Timing {
    /// Whole seconds
    #[default]
    Whole,
    /// The paper's own times
    Paper,
}

impl From<Timing> for Preset {
    fn from(timing: Timing) -> Self {
        match timing {
            Timing::Whole => Self::Whole,
            Timing::Paper => Self::Paper,
        }
    }
}

/// The value of `--faults`.
#[derive(Clone, Debug)]
struct Faults {
    count: u8,
    kinds: Vec<Kind>,
}

const SERVERS: &[Kind] = &[Kind::Crash, Kind::Restart, Kind::Service, Kind::Stuck];

fn faults(text: &str) -> Result<Faults, String> {
    let mut words = text.split(',');
    let count = words.next().unwrap_or_default();
    let count = count.parse().ok().filter(|count| *count <= 8);
    let count =
        count.ok_or("expected a number from 0 to 8, then perhaps kinds, as in 2,crash,loss")?;
    let mut kinds = Vec::new();
    for word in words {
        match word {
            "all" => kinds.extend(Kind::ALL),
            word => kinds.push(word.parse::<Kind>().map_err(|error| error.to_string())?),
        }
    }
    if kinds.is_empty() {
        kinds.extend(SERVERS);
    }
    Ok(Faults { count, kinds })
}

/// How often a log hears how far the check has come.
const TELL_EVERY: Duration = Duration::from_secs(10);

fn line(progress: &Progress) -> String {
    let secs = progress.took.as_secs_f64().max(0.001);
    format!(
        "faults {}: {} states, {} queued, depth {}, {:.0} states/s",
        progress.faults,
        progress.states,
        progress.queued,
        progress.depth,
        progress.states as f64 / secs
    )
}

/// Checks and tells.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let (timing, safety) = (args.timing.into(), args.safety.into());
    let bounds = Bounds::new(args.ring, timing, safety, &args.faults.kinds)?;
    if let Some(folder) = &args.out {
        make_folder(folder)?;
    }
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = args.threads.map_or_else(cores, usize::from);
    let time_max = Duration::from_secs(args.time_limit.into());
    let spinner = output.spinner();
    let mut told = Duration::ZERO;
    let rounds = check(&bounds, args.faults.count, time_max, threads, |progress| {
        let text = line(progress);
        // A log gets a line now and then, a terminal one that changes.
        if spinner.is_hidden() && progress.took.saturating_sub(told) >= TELL_EVERY {
            output.remark(&text);
            told = progress.took;
        }
        spinner.set_message(text);
    });
    spinner.finish_and_clear();
    let is_whole = rounds.len() == usize::from(args.faults.count) + 1
        && rounds.iter().all(|round| round.is_exhausted);
    match output.format() {
        Format::Table => output.result(&text(&bounds, args, &rounds, is_whole))?,
        Format::Csv => output.table(&table(&rounds)?)?,
        Format::Json => output.json(&rounds.iter().map(Row::from).collect::<Vec<_>>())?,
    }
    if let Some(folder) = &args.out {
        for finding in with_fewest_faults(&rounds) {
            match scenario_of(&bounds, finding) {
                Ok(text) => {
                    let file = folder.join(format!("{}.toml", finding.property));
                    write_atomic(&file, text.as_bytes())?;
                    output.remark(&format!("wrote {}", file.display()));
                }
                Err(why) => {
                    output.remark(&format!("{}: no scenario file: {why}", finding.property))
                }
            }
        }
    }
    if rounds.iter().any(|round| !round.findings.is_empty()) {
        Ok(Exit::Different)
    } else if is_whole {
        Ok(Exit::Fine)
    } else {
        Err(CliError::Usage(format!(
            "the time was over after {} s; a longer --time-limit or fewer kinds may help",
            args.time_limit
        )))
    }
}

/// For each property the finding with the fewest faults.
fn with_fewest_faults(rounds: &[Round]) -> Vec<&Finding> {
    let mut found: Vec<&Finding> = Vec::new();
    for finding in rounds.iter().flat_map(|round| &round.findings) {
        if found.iter().all(|known| known.property != finding.property) {
            found.push(finding);
        }
    }
    found
}

fn text(bounds: &Bounds, args: &Args, rounds: &[Round], is_whole: bool) -> String {
    let mut lines = vec![head(bounds, args)];
    lines.extend(rounds.iter().flat_map(round_lines));
    for finding in with_fewest_faults(rounds) {
        lines.push(format!("\n{} breaks like this:", finding.property));
        lines.extend(finding.lines.iter().map(|line| format!("  {line}")));
    }
    let is_broken = rounds.iter().any(|round| !round.findings.is_empty());
    lines.push(String::new());
    lines.push(
        match (is_broken, is_whole) {
            (true, _) => "not every property holds",
            (false, true) => "every property holds in every run within these bounds",
            (false, false) => "no property was seen broken, but not all was looked at",
        }
        .to_owned(),
    );
    lines.join("\n") + "\n"
}

fn head(bounds: &Bounds, args: &Args) -> String {
    let kinds: Vec<&str> = bounds.kinds().iter().map(|kind| kind.name()).collect();
    let list = |spans: &[tetrarch_core::Span]| {
        let spans: Vec<String> = spans.iter().map(|span| span.to_string()).collect();
        spans.join(", ")
    };
    format!(
        "ring of {}, safety {}, timing {}, up to {} of these faults: {}\n\
         cuts, partitions and pauses last {}; what is late is late by {}\n",
        bounds.ring(),
        Safety::from(args.safety).name(),
        Preset::from(args.timing).name(),
        args.faults.count,
        kinds.join(", "),
        list(bounds.spells()),
        list(bounds.delays()),
    )
}

fn round_lines(round: &Round) -> Vec<String> {
    let end = if round.is_exhausted {
        "exhausted".to_owned()
    } else {
        format!(
            "NOT exhausted, {} states were still queued; progress was not judged",
            round.unexplored
        )
    };
    let mut lines = vec![format!(
        "faults {}: {} states, {} steps, longest run {} steps, {:.1} s: {end}",
        round.faults,
        round.states,
        round.steps,
        round.depth,
        round.took.as_secs_f64(),
    )];
    if round.dark > 0 {
        let dark = round.dark;
        lines.push(format!(
            "  in {dark} states no server has power, and nothing is demanded"
        ));
    }
    if round.chance_of_omission() > 1e-9 {
        let chance = round.chance_of_omission();
        lines.push(format!(
            "  chance that two states shared a fingerprint: {chance:.0e}"
        ));
    }
    lines.extend(round.findings.iter().map(|finding| {
        let subject = finding.subject.map(|subject| subject.to_string());
        let about = subject.unwrap_or_else(|| "the group".to_owned());
        format!(
            "  BROKEN: {} ({about}), {} times",
            finding.property, finding.states
        )
    }));
    lines
}

fn table(rounds: &[Round]) -> Result<Table, CliError> {
    let columns = [
        "faults",
        "states",
        "steps",
        "depth",
        "seconds",
        "exhausted",
        "broken",
    ];
    let mut table = Table::new(&columns)?;
    for round in rounds {
        let row = Row::from(round);
        let broken: Vec<&str> = row.broken.iter().map(|broken| broken.property).collect();
        table.push(vec![
            row.faults.to_string().as_str().into(),
            row.states.to_string().as_str().into(),
            row.steps.to_string().as_str().into(),
            row.depth.to_string().as_str().into(),
            format!("{:.1}", row.seconds).as_str().into(),
            row.exhausted.to_string().as_str().into(),
            broken.join(" ").as_str().into(),
        ])?;
    }
    Ok(table)
}

/// A round for programs.
#[derive(Serialize)]
struct Row {
    faults: u8,
    states: u64,
    steps: u64,
    depth: u32,
    seconds: f64,
    exhausted: bool,
    unexplored: u64,
    broken: Vec<Broken>,
}

/// A finding for programs.
#[derive(Serialize)]
struct Broken {
    property: &'static str,
    times: u64,
    run: Vec<String>,
}

impl From<&Round> for Row {
    fn from(round: &Round) -> Self {
        let broken = round.findings.iter().map(|finding| Broken {
            property: finding.property.name(),
            times: finding.states,
            run: finding.lines.iter().map(|line| line.to_string()).collect(),
        });
        Self {
            faults: round.faults,
            states: round.states,
            steps: round.steps,
            depth: round.depth,
            seconds: round.took.as_secs_f64(),
            exhausted: round.is_exhausted,
            unexplored: round.unexplored,
            broken: broken.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_a_number_and_kinds() {
        assert_eq!(faults("2").unwrap().kinds, SERVERS);
        let read = faults("1,cut,loss").unwrap();
        assert_eq!((read.count, read.kinds), (1, vec![Kind::Cut, Kind::Loss]));
        assert_eq!(faults("1,all").unwrap().kinds, Kind::ALL);
        for wrong in ["", "9", "x", "1,", "1,fire", "-1", "1 ,cut"] {
            assert!(faults(wrong).is_err(), "{wrong:?}");
        }
    }
}
