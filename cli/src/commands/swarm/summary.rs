//! What all seeds together came to.

use tetrarch_core::Span;
use tetrarch_sim::check::Invariant;
use tetrarch_sim::swarm::{BOUND_TEXT, SeedReport};

use super::Args;
use super::cpu::Took;

const YEAR_S: f64 = 365.25 * 86_400.0;

/// The summary for people. It depends on the seeds alone.
pub(super) fn text(args: &Args, reports: &[SeedReport]) -> String {
    let last = args.first + args.seeds - 1;
    let servers: usize = reports.iter().map(|report| report.servers).sum();
    let faults: usize = reports.iter().map(|report| report.faults).sum();
    let (whole, broken): (Vec<&SeedReport>, Vec<&SeedReport>) =
        reports.iter().partition(|report| report.is_bound());
    let stuck = reports
        .iter()
        .filter(|report| report.progress_after.is_none());
    let mut text = format!(
        "tetrarch {}, safety setting {}, seeds {} to {last}: {servers} servers, {faults} faults and ends of \
         faults, {:.2} simulated server-years\n",
        env!("CARGO_PKG_VERSION"),
        args.safety.name(),
        args.first,
        server_years(reports),
    );
    text += &format!(
        "invariants must hold:                {} seeds, {}\n",
        whole.len(),
        counts(&whole)
    );
    text += &format!(
        "known limits of paper, broken links: {} seeds, {}\n",
        broken.len(),
        counts(&broken)
    );
    text += &format!(
        "progress after the repair:           {} of {} seeds\n",
        reports.len() - stuck.count(),
        reports.len()
    );
    if let Some((report, after)) = slowest(reports) {
        let share = 100.0 * after.as_secs_f64() / report.bound.as_secs_f64();
        text += &format!(
            "slowest progress:                    {share:.0} % of its bound: {after} of {} in seed {}\n",
            report.bound, report.seed
        );
    }
    text += &format!("bound: {BOUND_TEXT}\n");
    text
}

/// How many seeds broke what.
fn counts(reports: &[&SeedReport]) -> String {
    let counts: Vec<String> = Invariant::ALL
        .iter()
        .enumerate()
        .filter_map(|(place, invariant)| {
            let seeds = reports.iter().filter(|report| report.broken[place] > 0);
            match seeds.count() {
                0 => None,
                n => Some(format!("{} in {n}", invariant.breach())),
            }
        })
        .collect();
    if counts.is_empty() {
        "no invariant broken".to_owned()
    } else {
        counts.join(", ")
    }
}

/// The seed that took the largest share of its bound.
fn slowest(reports: &[SeedReport]) -> Option<(&SeedReport, Span)> {
    let share = |report: &SeedReport, after: Span| {
        u128::from(after.as_nanos()) * 1_000_000 / u128::from(report.bound.as_nanos().max(1))
    };
    reports
        .iter()
        .filter_map(|report| Some((report, report.progress_after?)))
        .max_by_key(|(report, after)| (share(report, *after), std::cmp::Reverse(report.seed)))
}

fn server_years(reports: &[SeedReport]) -> f64 {
    let seconds: f64 = reports
        .iter()
        .map(|report| report.servers as f64 * report.simulated.as_secs_f64())
        .sum();
    seconds / YEAR_S
}

/// How fast it went.
pub(super) fn speed(reports: &[SeedReport], took: Took) -> String {
    let (years, wall_s) = (server_years(reports), took.wall_s.max(1e-9));
    let events: u64 = reports.iter().map(|report| report.inputs).sum();
    let cpu = took
        .cpu_s
        .filter(|cpu_s| *cpu_s > 0.0)
        .map_or_else(String::new, |cpu_s| {
            format!(
                ", {:.1} simulated server-years per CPU-minute",
                years / cpu_s * 60.0
            )
        });
    format!(
        "{wall_s:.3} s: {:.2} million events/s{cpu}",
        events as f64 / wall_s / 1e6
    )
}
