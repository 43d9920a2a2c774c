//! Many runs of each scenario with jitter on its parameters.

use serde::Serialize;
use tetrarch_core::Span;
use tetrarch_report::{Format, Table, Value};
use tetrarch_sim::repeat::{Failures, Repeated, repeat};

use super::{Many, for_people};
use crate::args::Exit;
use crate::error::CliError;
use crate::nominal::Loaded;
use crate::output::Output;

/// What is printed of one scenario's runs; all times in seconds.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    file: &'a str,
    runs: u32,
    seed: u64,
    times: Vec<Times<'a>>,
    events: u64,
    runs_with_unmet_expectations: u32,
    runs_with_broken_invariants: u32,
}

#[derive(Debug, Serialize)]
struct Times<'a> {
    server: &'a str,
    metric: &'static str,
    runs_with_it: u32,
    runs_without_it: u32,
    mean_s: Option<f64>,
    ci95_s: Option<f64>,
    deviation_s: Option<f64>,
    min_s: Option<f64>,
    p5_s: Option<f64>,
    p50_s: Option<f64>,
    p95_s: Option<f64>,
    p99_s: Option<f64>,
    max_s: Option<f64>,
}

/// Repeats the scenarios and prints what the runs gave.
pub(super) fn run(
    scenarios: &[Loaded],
    runs: u32,
    many: Many,
    output: &Output,
) -> Result<Exit, CliError> {
    let mut summaries = Vec::new();
    let mut notes = Vec::new();
    for loaded in scenarios {
        let seed = many.seed.unwrap_or(loaded.scenario.seed);
        output.remark(&format!("{}: seed {seed}", loaded.file));
        let bar = output.progress(u64::from(runs), "runs");
        let repeated = repeat(&loaded.scenario, runs, seed, many.threads, |done| {
            bar.set_position(u64::from(done));
        })?;
        bar.finish_and_clear();
        notes.push(failures(&loaded.file, &repeated));
        summaries.push(summary(loaded, &repeated));
    }
    match output.format() {
        Format::Json => output.json(&summaries)?,
        Format::Csv => output.table(&table(&summaries)?)?,
        Format::Table => {
            let text = for_people(table(&summaries)?, summaries.len(), output)?;
            output.result(&format!("{text}\n{}", notes.concat()))?;
        }
    }
    // Expectations are about the nominal run: jitter alone may miss them. Invariants hold always.
    let broken = |summary: &Summary<'_>| summary.runs_with_broken_invariants > 0;
    Ok(Exit::fine_if(!summaries.iter().any(broken)))
}

fn failures(file: &str, repeated: &Repeated) -> String {
    let of = |what: &str, failures: Failures| {
        let first = failures
            .first
            .map_or_else(String::new, |first| format!(", first in run {first}"));
        format!(
            "{file}: {what} in {} of {} runs{first}\n",
            failures.runs, repeated.runs
        )
    };
    of("expectations of the nominal run not met", repeated.unmet)
        + &of("invariants broken", repeated.violations)
}

fn summary<'a>(loaded: &'a Loaded, repeated: &Repeated) -> Summary<'a> {
    let group = &loaded.scenario.group;
    let times = repeated.times.iter().map(|times| {
        let found = times.statistics;
        let seconds = |span: Option<Span>| span.map(|span| span.as_secs_f64());
        Times {
            server: group.get(times.server.index()).map_or("?", String::as_str),
            metric: times.metric.name(),
            runs_with_it: times.present,
            runs_without_it: times.absent,
            mean_s: seconds(found.map(|found| found.mean)),
            ci95_s: seconds(found.and_then(|found| found.margin)),
            deviation_s: seconds(found.and_then(|found| found.deviation)),
            min_s: seconds(found.map(|found| found.min)),
            p5_s: seconds(found.map(|found| found.p5)),
            p50_s: seconds(found.map(|found| found.p50)),
            p95_s: seconds(found.map(|found| found.p95)),
            p99_s: seconds(found.map(|found| found.p99)),
            max_s: seconds(found.map(|found| found.max)),
        }
    });
    Summary {
        file: &loaded.file,
        runs: repeated.runs,
        seed: repeated.seed,
        times: times.collect(),
        events: repeated.inputs,
        runs_with_unmet_expectations: repeated.unmet.runs,
        runs_with_broken_invariants: repeated.violations.runs,
    }
}

fn table(summaries: &[Summary<'_>]) -> Result<Table, CliError> {
    let mut table = Table::new(&[
        "file", "server", "metric", "runs", "mean_s", "ci95_s", "min_s", "p5_s", "p50_s", "p95_s",
        "p99_s", "max_s",
    ])?;
    for summary in summaries {
        for times in &summary.times {
            let mut row: Vec<Value> = vec![
                summary.file.into(),
                times.server.into(),
                times.metric.into(),
                Value::Count(u64::from(times.runs_with_it)),
            ];
            let seconds = [
                times.mean_s,
                times.ci95_s,
                times.min_s,
                times.p5_s,
                times.p50_s,
                times.p95_s,
                times.p99_s,
                times.max_s,
            ];
            row.extend(seconds.into_iter().map(Value::from));
            table.push(row)?;
        }
    }
    Ok(table)
}
