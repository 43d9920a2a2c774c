//! How much sooner a cut that has healed is over when servers see their rivals, and trouble is found
//! when servers report it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use tetrarch_core::{ServerId, Span};
use tetrarch_sim::run::run;
use tetrarch_sim::scenario::{FaultAction, Metric, Scenario};
use tetrarch_sim::simulation::Simulation;

fn scenario(name: &str) -> Scenario {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/");
    Scenario::load(format!("{folder}{name}.toml")).unwrap()
}

/// How long after the healing some address still has two holders.
fn doubled_for(scenario: &Scenario) -> Span {
    let is_healing = |action: &FaultAction| matches!(action, FaultAction::Heal);
    let mut faults = scenario.faults.iter();
    let healed = faults.find(|fault| is_healing(&fault.action)).unwrap().at;
    let mut simulation = Simulation::new(scenario, ()).unwrap();
    simulation.run_until(healed);
    let mut last = healed;
    while simulation.advance(scenario.end()) {
        let all = ServerId::all(scenario.group.len());
        if all
            .map(|function| simulation.holders(function).len())
            .any(|holders| holders > 1)
        {
            last = simulation.now();
        }
    }
    last.since(healed)
}

/// The bound: a look for rivals, the exchange of structures, an examination, and the removal of an
/// address, each with the next look in case a message crosses another.
#[test]
fn after_a_cut_one_holder_is_left_within_seconds() {
    for name in ["halves", "one-cut-off"] {
        let blind = doubled_for(&scenario(&format!("paper-limits/{name}")));
        let seeing = doubled_for(&scenario(&format!("sightings/{name}")));
        println!("{name}: {blind} without sightings, {seeing} with them");
        assert!(seeing < Span::from_secs(3), "{name}: {seeing}");
        assert!(seeing < blind, "{name}: {seeing}, {blind} without sightings");
    }
}

/// The metric of web in a scenario.
fn time(name: &str, metric: Metric) -> Span {
    let run = run(&scenario(name)).unwrap();
    assert_eq!((run.unmet, run.violations), (vec![], vec![]), "{name}");
    run.measured[1].get(metric).unwrap()
}

#[test]
fn who_reports_trouble_is_repaired_sooner() {
    for name in ["s1t", "s2t"] {
        let asked = time(&format!("paper/{name}"), Metric::Disconnection);
        let told = time(&format!("sightings/{name}"), Metric::Disconnection);
        println!("{name}: disconnection of {asked}, {told} with reports");
        assert!(told + Span::from_secs(4) < asked, "{name}: {told}, {asked}");
    }
}

#[test]
fn a_fence_saves_the_wait_for_the_lease_and_for_a_return() {
    for metric in [Metric::Function, Metric::Target] {
        let waited = time("guarded/long-lease", metric);
        let fenced = time("guarded/fenced", metric);
        let failed = time("guarded/fence-fails", metric);
        println!("{metric:?}: {waited}, {fenced} fenced, {failed} with a broken device");
        assert!(fenced < waited, "{metric:?}: {fenced}, {waited} without");
        assert!(failed >= waited && failed < waited + Span::from_secs(3));
    }
}
