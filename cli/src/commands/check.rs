//! `check`: did anything move since `results/` was committed?

use std::fs;
use std::path::PathBuf;

use tetrarch_report::check::{Check, Tolerance, github_annotations, junit};
use tetrarch_report::file::write_atomic;
use tetrarch_report::{Format, Table, Value};
use tetrarch_sim::reproduce::Table as Experiments;

use crate::args::Exit;
use crate::error::CliError;
use crate::files::make_folder;
use crate::golden::{Golden, limit_goldens, scenario_goldens, table_goldens, timeline_goldens};
use crate::output::Output;

const LONG: &str = "\
Run everything that results/ holds again and compare.

Compared are the cells of fig6.csv, fig7.csv and pairs.csv, the logs of their experiments (*.events), the pictures, \
and the trace of every scenario (traces/). The expectations of every scenario must be met and no invariant may be \
broken. Each cell that moved is named with its old and new value and the first event of its experiment that is not \
what it was. Nominal runs are deterministic, so nothing at all may move unless a tolerance is given.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch check
      exit code 1 if anything moved
  tetrarch check --tolerance 0.1
      times may move by 0.1 s, events keep their order
  tetrarch check --junit check.xml --github
      for a CI service
  tetrarch check --update
      accept what moved, and show it; then commit results/";

/// Run everything that results/ holds again, and name what moved.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Let times move by this many seconds either way [default: not at all]
    #[arg(long, value_name = "SECONDS", value_parser = tolerance)]
    tolerance: Option<f64>,
    /// Rewrite the files that differ, and show what differed
    #[arg(long, conflicts_with = "tolerance")]
    update: bool,
    /// Write the outcome as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also print annotations for the log of a GitHub workflow
    #[arg(long)]
    github: bool,
    /// The folder of the committed results
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
    /// The folder of the scenarios
    #[arg(long, value_name = "DIR", default_value = "scenarios")]
    scenarios: PathBuf,
}

/// Compares, tells and perhaps rewrites.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let tolerance = args.tolerance.map_or(Tolerance::Exact, Tolerance::Seconds);
    if !args.update {
        // A wrong folder is wrong usage; it is not that every file in it is missing.
        fs::read_dir(&args.results).map_err(CliError::path(&args.results, "read this folder"))?;
    }
    let mut goldens = Vec::new();
    for table in [Experiments::Fig6, Experiments::Fig7, Experiments::Pairs] {
        goldens.extend(table_goldens(table, &args.results, tolerance)?);
    }
    goldens.extend(timeline_goldens(&args.results, tolerance)?);
    goldens.extend(limit_goldens(&args.scenarios, &args.results, tolerance)?);
    let scenarios = scenario_goldens(&args.scenarios, &args.results, tolerance)?;
    goldens.extend(scenarios.goldens);
    if args.update {
        for golden in &goldens {
            update(golden)?;
        }
    }
    let mut checks = scenarios.checks;
    let unmet = failures(&checks);
    checks.extend(goldens.into_iter().map(|golden| golden.check));
    if let Some(path) = &args.junit {
        write_atomic(path, junit("tetrarch check", &checks)?.as_bytes())?;
    }
    print(&checks, output)?;
    let differing = failures(&checks);
    if args.update {
        output.remark(&format!("{} brought up to date", differing - unmet));
    }
    if args.github {
        output.result(&github_annotations(&checks))?;
    }
    // What was rewritten is settled; an expectation that is not met cannot be settled by rewriting.
    Ok(Exit::fine_if(unmet == 0 && (args.update || differing == 0)))
}

fn update(golden: &Golden) -> Result<(), CliError> {
    if golden.check.failure.is_none() && golden.path.is_file() {
        return Ok(());
    }
    match &golden.bytes {
        None => {
            fs::remove_file(&golden.path).map_err(CliError::path(&golden.path, "remove this file"))
        }
        Some(bytes) => {
            if let Some(folder) = golden.path.parent() {
                make_folder(folder)?;
            }
            Ok(write_atomic(&golden.path, bytes)?)
        }
    }
}

fn failures<'a>(checks: impl IntoIterator<Item = &'a Check>) -> usize {
    checks
        .into_iter()
        .filter(|check| check.failure.is_some())
        .count()
}

fn print(checks: &[Check], output: &Output) -> Result<(), CliError> {
    if output.format() != Format::Table {
        return output.table(&table(checks)?);
    }
    let mut text = String::new();
    let mut count = 0;
    for check in checks {
        let Some(failure) = &check.failure else {
            continue;
        };
        count += 1;
        text.push_str(&format!("{} ({})\n", check.name, check.file));
        for line in failure.lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text.push_str(&format!(
        "{} checked, {count} not as they were\n",
        checks.len()
    ));
    output.result(&text)
}

fn table(checks: &[Check]) -> Result<Table, CliError> {
    let mut table = Table::new(&["name", "file", "line", "failure"])?;
    for check in checks {
        let line = check.line.and_then(|line| u64::try_from(line).ok());
        table.push(vec![
            check.name.as_str().into(),
            check.file.as_str().into(),
            line.map_or(Value::Missing, Value::Count),
            check.failure.as_deref().map_or(Value::Missing, Value::from),
        ])?;
    }
    Ok(table)
}

fn tolerance(text: &str) -> Result<f64, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "expected a number of seconds such as 0.1".to_owned())?;
    if (0.0..=1e9).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("expected a number of seconds from 0 to 1e9".to_owned())
    }
}
