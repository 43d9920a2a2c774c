//! How much sooner a cut that has healed is over when servers see their rivals, and trouble is found
//! when servers report it.

#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::print_stdout, reason = "the figures that the documents quote")]

use tetrarch_core::{ServerId, Span};
use tetrarch_sim::run::run;
use tetrarch_sim::scenario::{FaultAction, Metric, Scenario};
use tetrarch_sim::simulation::Simulation;

fn scenario(name: &str) -> Scenario {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/");
    Scenario::load(format!("{folder}{name}.toml")).unwrap()
}

/// For how long addresses have two holders after the healing, all functions together.
fn doubled_for(scenario: &Scenario) -> Span {
    let is_healing = |action: &FaultAction| matches!(action, FaultAction::Heal);
    let mut faults = scenario.faults.iter();
    let healed = faults.find(|fault| is_healing(&fault.action)).unwrap().at;
    let mut simulation = Simulation::new(scenario, ()).unwrap();
    simulation.run_until(healed);
    let (mut total, mut since) = (Span::ZERO, healed);
    let mut doubled = 0;
    loop {
        let all = ServerId::all(scenario.group.len());
        let now = all.filter(|function| simulation.holders(*function).len() > 1);
        let now = now.count();
        if now != doubled {
            total += simulation.now().since(since).times(doubled as u64);
            (doubled, since) = (now, simulation.now());
        }
        if !simulation.advance(scenario.end()) {
            return total;
        }
    }
}

#[test]
fn after_a_cut_addresses_have_two_holders_for_a_shorter_time() {
    for name in ["halves", "one-cut-off"] {
        let blind = doubled_for(&scenario(&format!("paper-limits/{name}")));
        let seeing = doubled_for(&scenario(&format!("sightings/{name}")));
        println!("{name}: {blind} without sightings, {seeing} with them");
        assert!(
            seeing < blind,
            "{name}: {seeing}, {blind} without sightings"
        );
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
