//! A group that runs allocates nothing, and neither does the next one in its memory.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use tetrarch_core::Span;
use tetrarch_sim::scenario::Scenario;
use tetrarch_sim::simulation::Simulation;

#[test]
fn a_group_runs_and_starts_again_without_allocating() {
    let scenario = Scenario::load("../scenarios/paper/pair-s2t-n2t.toml").unwrap();
    let mut simulation = Simulation::new(&scenario, ()).unwrap();
    // The first run brings everything to its size, outages and reads of the file server included.
    simulation.run_until(scenario.end());
    let first = simulation.inputs();
    let quiet = allocation_counter::measure(|| {
        simulation.run_until(scenario.end() + Span::from_secs(3600));
    });
    assert!(simulation.inputs() > first + 5000);
    assert_eq!(quiet.count_total, 0);

    let again = allocation_counter::measure(|| {
        simulation.reset(1);
        simulation.run_until(scenario.end());
    });
    assert_eq!(simulation.inputs(), first);
    assert_eq!(again.count_total, 0);
}
