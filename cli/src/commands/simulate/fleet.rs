//! Many independent groups of each scenario.

use std::num::NonZeroU64;
use std::time::Instant;

use tetrarch_report::{Table, Value};
use tetrarch_sim::fleet::{Fleet, fleet};

use super::Many;
use crate::args::Exit;
use crate::error::CliError;
use crate::nominal::Loaded;
use crate::output::Output;

/// Simulates a fleet of each scenario and prints what came of it.
pub(super) fn run(
    scenarios: &[Loaded],
    groups: NonZeroU64,
    many: Many,
    output: &Output,
) -> Result<Exit, CliError> {
    let mut table = Table::new(&[
        "file",
        "groups",
        "servers",
        "duration_s",
        "events",
        "outages",
        "unserved",
        "mean_outage_s",
        "longest_outage_s",
    ])?;
    for loaded in scenarios {
        let seed = many.seed.unwrap_or(loaded.scenario.seed);
        output.remark(&format!("{}: seed {seed}", loaded.file));
        let bar = output.progress(groups.get(), "groups");
        let begun = Instant::now();
        let fleet = fleet(&loaded.scenario, groups, seed, many.threads, |done| {
            bar.set_position(done);
        })?;
        let took_s = begun.elapsed().as_secs_f64();
        bar.finish_and_clear();
        // How fast this machine was is no result of the simulation: the same run gives another number.
        output.remark(&speed(&fleet, took_s));
        table.push(row(&loaded.file, &fleet))?;
    }
    output.table(&table)?;
    Ok(Exit::Fine)
}

fn row(file: &str, fleet: &Fleet) -> Vec<Value> {
    let totals = fleet.totals;
    let mean_s =
        (totals.outages > 0).then(|| totals.outage_ns as f64 / 1e9 / totals.outages as f64);
    vec![
        file.into(),
        Value::Count(fleet.groups),
        Value::Count(fleet.servers),
        Value::Seconds(fleet.duration.as_secs_f64()),
        Value::Count(totals.inputs),
        Value::Count(totals.outages),
        Value::Count(totals.unserved),
        mean_s.into(),
        Value::Seconds(totals.longest.as_secs_f64()),
    ]
}

fn speed(fleet: &Fleet, took_s: f64) -> String {
    let memory = peak_memory_mib().map_or_else(String::new, |mib| {
        format!(", peak memory of the process {mib:.1} MiB")
    });
    // A run too short for the clock is told as one of a nanosecond.
    let took_s = took_s.max(1e-9);
    format!(
        "{took_s:.3} s: {:.2} million events/s, {:.0} simulated server-hours/s{memory}",
        fleet.totals.inputs as f64 / took_s / 1e6,
        fleet.server_hours() / took_s
    )
}

/// The most memory that this process has had, where the system tells it.
fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}
