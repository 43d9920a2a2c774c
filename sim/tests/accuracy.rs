//! How near the simulated times of the paper's experiments come to the published ones.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod experiments;

use experiments::{FIG6, FIG7, Published, simulated_s};
use tetrarch_sim::parameters::Parameters;
use tetrarch_sim::reproduce::{Table, simulate};
use tetrarch_sim::scenario::{Metric, Trouble};

/// Each time within the larger of two tolerances, and all of them within a mean.
fn assert_near(table: Table, published: &[Published], within_s: f64, share: f64, mean_s: f64) {
    let all = simulate(table, &Parameters::paper()).unwrap();
    let mut total = 0.0;
    for cell in published {
        let found = simulated_s(&all, *cell)
            .unwrap_or_else(|| panic!("{table:?} {cell:?}: nothing was simulated"));
        let error = (found - cell.3).abs();
        let allowed = within_s.max(cell.3 * share);
        assert!(
            error <= allowed,
            "{table:?} {cell:?}: simulated {found:.3} s, allowed {allowed:.3} s off"
        );
        total += error;
    }
    let mean = total / published.len() as f64;
    assert!(
        mean <= mean_s,
        "{table:?}: mean absolute error {mean:.3} s, allowed {mean_s} s"
    );
}

#[test]
fn each_time_of_figure_6_is_within_0_3_s_or_half_a_percent() {
    assert_near(Table::Fig6, &FIG6, 0.3, 0.005, 0.15);
}

#[test]
fn each_time_of_figure_7_is_within_1_s_or_two_percent() {
    assert_near(Table::Fig7, &FIG7, 1.0, 0.02, 0.5);
}

#[test]
fn a_service_restart_that_helps_needs_no_virtual_server() {
    let all = simulate(Table::Fig6, &Parameters::paper()).unwrap();
    let function = (Trouble::S1t, "web", Metric::Function, 0.0);
    assert_eq!(simulated_s(&all, function), None);
}

#[test]
fn all_nine_pairs_of_figure_7_are_simulated_and_every_time_is_there() {
    let all = simulate(Table::Fig7, &Parameters::paper()).unwrap();
    assert_eq!(all.len(), 9 * 2 * 3);
    assert!(all.iter().all(|one| one.span.is_some()), "{all:?}");
}

#[test]
fn no_more_than_five_parameters_are_inferred() {
    use tetrarch_sim::parameters::{Source, TABLE};
    let inferred = TABLE.iter().filter(|row| row.source == Source::Inferred);
    assert!(inferred.count() <= 5);
}

#[test]
fn a_hand_back_interrupts_the_service_for_a_hand_off_and_a_message() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/paper");
    for file in ["s2t.toml", "n1t.toml", "n2t.toml"] {
        let scenario = tetrarch_sim::scenario::Scenario::load(folder.join(file)).unwrap();
        let run = tetrarch_sim::run::run(&scenario).unwrap();
        let [_, hand_back] = run.outages[1][..] else {
            panic!(
                "{file}: one outage by trouble, one by the hand-back: {:?}",
                run.outages[1]
            );
        };
        let lasted = hand_back.to.unwrap() - hand_back.from;
        assert_eq!(lasted.as_nanos(), 200_100_000, "{file}");
    }
}
