//! One run of each scenario, with its own parameters.

use std::path::Path;

use serde::Serialize;
use tetrarch_core::{Span, Time};
use tetrarch_report::file::write_atomic;
use tetrarch_report::{Format, Table, Value};
use tetrarch_sim::measure::Measured;

use super::for_people;
use crate::args::Exit;
use crate::error::CliError;
use crate::nominal::{Loaded, Nominal};
use crate::output::Output;

/// What is printed of one scenario's run.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    file: &'a str,
    name: &'a str,
    servers: Vec<Times>,
    expectations: usize,
    unmet: Vec<String>,
    broken: Vec<String>,
    /// How many invariants are broken as the scenario demands.
    broken_as_demanded: usize,
    events: u64,
}

/// The times of one server that was in trouble, in seconds.
#[derive(Debug, Serialize)]
struct Times {
    server: String,
    struck_at_s: f64,
    detected_at_s: Option<f64>,
    function_s: Option<f64>,
    target_s: Option<f64>,
    disconnection_s: Option<f64>,
}

/// Runs the scenarios one after the other and prints what came of them.
pub(super) fn run(
    scenarios: Vec<Loaded>,
    trace: Option<&Path>,
    record: Option<&Path>,
    output: &Output,
) -> Result<Exit, CliError> {
    let runs = scenarios
        .into_iter()
        .map(|loaded| match record {
            Some(folder) => Nominal::record(loaded, folder),
            None => Nominal::run(loaded),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let exit = Exit::fine_if(runs.iter().all(|run| run.problems().next().is_none()));
    if let (Some(path), [run]) = (trace, runs.as_slice()) {
        if path == Path::new("-") {
            output.result(&run.trace())?;
            // Standard output holds the trace; what is wrong must be seen all the same.
            complain(&runs, output);
            return Ok(exit);
        }
        write_atomic(path, run.trace().as_bytes())?;
    }
    let summaries: Vec<Summary<'_>> = runs.iter().map(summary).collect();
    match output.format() {
        Format::Table => output.result(&text(&summaries, output)?)?,
        Format::Json => output.json(&summaries)?,
        Format::Csv => {
            output.table(&table(&summaries)?)?;
            complain(&runs, output);
        }
    }
    Ok(exit)
}

fn complain(runs: &[Nominal], output: &Output) {
    for line in runs.iter().flat_map(Nominal::problems) {
        output.complain(&line);
    }
}

fn summary(nominal: &Nominal) -> Summary<'_> {
    let (scenario, run) = (nominal.scenario(), nominal.result());
    let seconds = |span: Option<Span>| span.map(|span| span.as_secs_f64());
    let times = |(server, measured): (&'_ String, &Measured)| {
        Some(Times {
            server: server.clone(),
            struck_at_s: measured.struck?.as_secs_f64(),
            detected_at_s: measured.detected.map(Time::as_secs_f64),
            function_s: seconds(measured.function),
            target_s: seconds(measured.target),
            disconnection_s: seconds(measured.disconnection),
        })
    };
    Summary {
        file: nominal.file(),
        name: &scenario.name,
        servers: scenario
            .group
            .iter()
            .zip(&run.measured)
            .filter_map(times)
            .collect(),
        expectations: scenario.expects.len(),
        unmet: nominal.unmet().collect(),
        broken: nominal.broken().collect(),
        broken_as_demanded: run.demanded.len(),
        events: run.inputs,
    }
}

fn text(summaries: &[Summary<'_>], output: &Output) -> Result<String, CliError> {
    let mut text = String::new();
    if summaries.iter().any(|summary| !summary.servers.is_empty()) {
        text = for_people(table(summaries)?, summaries.len(), output)?;
        text.push('\n');
    }
    for summary in summaries {
        for line in summary.unmet.iter().chain(&summary.broken) {
            text.push_str(&format!("{line}\n"));
        }
        let met = summary.expectations - summary.unmet.len();
        let invariants = match (summary.broken.len(), summary.broken_as_demanded) {
            (0, 0) => "no invariant broken".to_owned(),
            (0, n) => format!("invariants broken as demanded: {n}, no other"),
            (n, _) => format!("invariants BROKEN: {n}"),
        };
        text.push_str(&format!(
            "{}: {met} of {} expectations met, {invariants}\n",
            summary.file, summary.expectations
        ));
    }
    Ok(text)
}

fn table(summaries: &[Summary<'_>]) -> Result<Table, CliError> {
    let mut table = Table::new(&[
        "file",
        "server",
        "struck_at_s",
        "detected_at_s",
        "function_s",
        "target_s",
        "disconnection_s",
    ])?;
    for summary in summaries {
        for times in &summary.servers {
            table.push(vec![
                summary.file.into(),
                times.server.as_str().into(),
                Value::Seconds(times.struck_at_s),
                times.detected_at_s.into(),
                times.function_s.into(),
                times.target_s.into(),
                times.disconnection_s.into(),
            ])?;
        }
    }
    Ok(table)
}
