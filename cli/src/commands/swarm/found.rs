//! What is wrong with which seed, and the smallest scenario that shows it.

use tetrarch_report::file::write_atomic;
use tetrarch_sim::swarm::{Failure, SeedReport, Settings, SwarmError, draw, shrink};
use tetrarch_sim::units::span_text;

use super::Args;
use crate::error::CliError;
use crate::output::Output;

/// Failures of one kind that are shrunk; of more the seeds are told.
const SHRUNK_MAX: usize = 3;

/// Tells each failure, and shrinks the first ones of each kind.
pub(super) fn examine(
    args: &Args,
    settings: &Settings,
    reports: &[SeedReport],
    output: &Output,
) -> Result<String, CliError> {
    let mut text = String::new();
    let mut known: Vec<Failure> = Vec::new();
    for report in reports {
        for failure in report.failures() {
            text += &told("FAILURE", args, report, failure);
            known.push(failure);
            if known.iter().filter(|other| **other == failure).count() <= SHRUNK_MAX {
                text += &shrunk(args, settings, report.seed, failure, output)?;
            }
        }
    }
    let mut known: Vec<Failure> = Vec::new();
    for report in reports.iter().filter(|_| args.limits) {
        for limit in report.limits() {
            if !known.contains(&limit) {
                known.push(limit);
                text += &told("limit", args, report, limit);
                text += &shrunk(args, settings, report.seed, limit, output)?;
            }
        }
    }
    Ok(text)
}

fn told(word: &str, args: &Args, report: &SeedReport, failure: Failure) -> String {
    format!(
        "{word}: seed {} of tetrarch {}: {failure} ({} servers; {}); again: tetrarch swarm --first {} --seeds 1{}\n",
        report.seed,
        env!("CARGO_PKG_VERSION"),
        report.servers,
        report.mix,
        report.seed,
        options(args)
    )
}

/// The options that a seed's run depends on.
fn options(args: &Args) -> String {
    let timings = match args.timings {
        super::TimingsChoice::Random => "",
        super::TimingsChoice::Paper => " --timings paper",
    };
    let safety = match args.safety {
        super::SafetyChoice::Drawn => String::new(),
        given => format!(" --safety {}", given.name()),
    };
    let bound = match args.bound_percent {
        100 => String::new(),
        percent => format!(" --bound-percent {percent}"),
    };
    format!(
        " --time {} --fault-every {}{timings}{safety}{bound}",
        span_text(args.time),
        span_text(args.fault_every)
    )
}

fn shrunk(
    args: &Args,
    settings: &Settings,
    seed: u64,
    failure: Failure,
    output: &Output,
) -> Result<String, CliError> {
    output.remark(&format!("shrinking seed {seed}: {}", failure.name()));
    let plan = draw(settings, seed).map_err(SwarmError::from)?.plan;
    let Some(shrunk) = shrink(&plan, failure)? else {
        // A run depends on its plan alone, so this tells of a defect here and is not to be hidden.
        return Ok(format!(
            "  seed {seed} does not fail as a scenario file does\n"
        ));
    };
    let (small, scenario) = (&shrunk.plan, shrunk.scenario());
    let name = format!("seed-{seed}-{}.toml", failure.name());
    let size = format!(
        "{} servers, {} faults before the repair, {} in all",
        small.size,
        small.faults.len(),
        span_text(scenario.duration)
    );
    let toml = scenario.to_toml();
    Ok(match &args.out {
        Some(folder) => {
            let path = folder.join(&name);
            write_atomic(&path, toml.as_bytes())?;
            let path = path.display();
            format!("  shrunk to {path}: {size}\n  explained by: tetrarch explain {path}\n")
        }
        None => format!(
            "  shrunk: {size}\n  explained, when kept as {name}, by: tetrarch explain {name}\n\n{toml}\n"
        ),
    })
}
