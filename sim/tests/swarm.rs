//! Random rings and random faults, in as many seeds as a test has time for.
//!
//! Few faults strike each group here, as they do in life. `tetrarch swarm` searches further.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use tetrarch_core::{Safety, Span};
use tetrarch_sim::swarm::{SeedReport, Settings, draw, swarm};

const SETTINGS: Settings = Settings {
    rules: Some(Safety::Paper),
    safety: Span::from_secs(400),
    fault_every: Span::from_secs(200),
    timings: tetrarch_sim::swarm::Timings::Paper,
    bound_percent: 100,
};

#[test]
fn few_faults_break_nothing_and_everything_comes_back() {
    let reports = swarm(&SETTINGS, 0, 600, None, |_| {}).unwrap();
    let failed: Vec<&SeedReport> = reports
        .iter()
        .filter(|report| report.failures().next().is_some())
        .collect();
    if let Some(report) = failed.first() {
        let scenario = draw(&SETTINGS, report.seed).unwrap().plan.scenario();
        panic!(
            "{} of {}: {report:?}\n{}",
            failed.len(),
            reports.len(),
            scenario.to_toml()
        );
    }
}

#[test]
fn the_seeds_cover_whole_and_broken_links_and_every_size() {
    let reports = swarm(&SETTINGS, 0, 600, None, |_| {}).unwrap();
    for size in 2..=8 {
        let of_size = || reports.iter().filter(|report| report.servers == size);
        assert!(of_size().any(|report| report.mix.has_whole_links()));
        assert!(of_size().any(|report| !report.mix.has_whole_links()));
    }
    let limits = reports.iter().filter(|r| r.limits().next().is_some());
    assert!(limits.count() > 0, "cut links break nothing any more");
}
