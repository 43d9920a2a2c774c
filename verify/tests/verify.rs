//! The checker exhausts small bounds, finds planted mistakes, and its counterexamples can be run.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use tetrarch_core::Safety;
use tetrarch_sim::run::run;
use tetrarch_sim::scenario::Scenario;
use tetrarch_verify::{Bounds, Bug, Kind, Preset, Property, Round, check, scenario_of};

const SERVERS: &[Kind] = &[Kind::Crash, Kind::Restart, Kind::Service, Kind::Stuck];

fn rounds(bounds: &Bounds, faults: u8) -> Vec<Round> {
    let rounds = check(bounds, faults, Duration::from_secs(300), 2, |_| {});
    assert_eq!(rounds.len(), usize::from(faults) + 1);
    assert!(rounds.iter().all(|round| round.is_exhausted), "{rounds:?}");
    rounds
}

fn broken(rounds: &[Round]) -> Vec<Property> {
    let mut found: Vec<Property> = rounds
        .iter()
        .flat_map(|round| round.findings.iter().map(|finding| finding.property))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn bounds(ring: usize, kinds: &[Kind]) -> Bounds {
    Bounds::new(ring, Preset::Whole, Safety::Paper, kinds).unwrap()
}

#[test]
fn one_fault_of_a_server_breaks_nothing_in_rings_of_two_and_three() {
    for ring in [2, 3] {
        let found = rounds(&bounds(ring, SERVERS), 1);
        assert_eq!(broken(&found), [], "ring of {ring}");
        assert!(found[1].states > 1000);
    }
}

#[test]
fn one_fault_of_a_message_a_job_or_a_stall_breaks_nothing() {
    let kinds = [
        Kind::Loss,
        Kind::Duplicate,
        Kind::Late,
        Kind::Fail,
        Kind::Hang,
        Kind::Slow,
        Kind::Pause,
    ];
    for ring in [2, 3] {
        assert_eq!(
            broken(&rounds(&bounds(ring, &kinds), 1)),
            [],
            "ring of {ring}"
        );
    }
}

#[test]
fn two_crashes_or_restarts_break_nothing_in_a_ring_of_three() {
    let found = rounds(&bounds(3, &[Kind::Crash, Kind::Restart]), 2);
    assert_eq!(broken(&found), []);
}

fn guarded(ring: usize, kinds: &[Kind]) -> Bounds {
    Bounds::new(ring, Preset::Whole, Safety::Guarded, kinds).unwrap()
}

#[test]
fn one_fault_breaks_nothing_in_guarded_rings_of_two_and_three() {
    let whole = rounds(&guarded(4, &[]), 0);
    assert!(
        whole[0].states > 100 && whole[0].states < 10_000,
        "a healthy group comes round to where it was: {whole:?}"
    );
    for ring in [2, 3] {
        let found = rounds(&guarded(ring, SERVERS), 1);
        assert_eq!(broken(&found), [], "ring of {ring}");
        assert!(found[1].states > 1000);
    }
    let cut = rounds(
        &guarded(2, &[Kind::Loss, Kind::Late, Kind::Duplicate, Kind::Cut]),
        1,
    );
    assert_eq!(broken(&cut), []);
}

#[test]
fn an_address_that_cannot_be_taken_off_goes_to_nobody_else() {
    let found = rounds(&guarded(3, &[Kind::Stuck, Kind::Fail]), 2);
    assert_eq!(broken(&found), []);
}

#[test]
fn guarded_programs_that_stood_still_lose_nothing_for_good() {
    assert_eq!(broken(&rounds(&guarded(2, &[Kind::Pause]), 1)), []);
}

#[test]
fn a_cut_breaks_the_papers_protocol_and_the_simulator_shows_the_same() {
    let bounds = bounds(2, &[Kind::Partition]);
    let found = rounds(&bounds, 1);
    assert_eq!(
        broken(&found),
        [Property::OneHolder, Property::NoNeedlessRestart]
    );
    for finding in &found[1].findings {
        let text = scenario_of(&bounds, finding).unwrap();
        let scenario = Scenario::parse(&text, "found", ".".as_ref()).unwrap();
        if finding.property == Property::OneHolder {
            let run = run(&scenario).unwrap();
            assert_eq!(run.unmet, [], "{text}");
        }
    }
}

#[test]
fn the_counts_do_not_depend_on_the_number_of_threads() {
    let bounds = bounds(3, &[Kind::Restart, Kind::Loss]);
    let of = |threads| {
        let rounds = check(&bounds, 1, Duration::from_secs(300), threads, |_| {});
        let counts = rounds
            .iter()
            .map(|round| (round.states, round.tails, round.steps));
        counts.collect::<Vec<_>>()
    };
    assert_eq!(of(1), of(4));
}

#[test]
fn a_check_that_runs_out_of_time_says_so() {
    let rounds = check(
        &bounds(4, Kind::ALL),
        2,
        Duration::from_millis(200),
        2,
        |_| {},
    );
    assert!(!rounds.last().unwrap().is_exhausted);
    assert!(rounds.len() < 3 || rounds[2].unexplored > 0);
}

#[test]
fn mixing_everything_finds_nothing_more() {
    use Kind::{Crash, Cut, Late, Loss, Restart};
    let checks: [(usize, u8, &[Kind]); 5] = [
        (2, 1, Kind::ALL),
        (2, 2, &[Crash, Restart]),
        (2, 2, &[Restart, Loss]),
        (3, 1, &[Crash, Restart, Late]),
        (3, 1, &[Cut]),
    ];
    for (ring, faults, kinds) in checks {
        let usual = rounds(&bounds(ring, kinds), faults);
        let mixed = rounds(&bounds(ring, kinds).mixing_all(), faults);
        assert_eq!(broken(&usual), broken(&mixed), "{ring}, {kinds:?}");
        let states = |rounds: &[Round]| rounds[usize::from(faults)].states;
        assert!(states(&usual) < states(&mixed), "{ring}, {kinds:?}");
    }
}

#[test]
fn planted_mistakes_are_found() {
    use Kind::{Crash, Hang, Restart, Service};
    let planted: [(Bug, usize, u8, &[Kind], Property); 5] = [
        (
            Bug::ReleaseDoesNothing,
            2,
            1,
            &[Restart],
            Property::OneHolder,
        ),
        (
            Bug::WelcomeHidesHolders,
            2,
            1,
            &[Restart],
            Property::OneHolder,
        ),
        (
            Bug::StaleExamination,
            2,
            1,
            &[Service],
            Property::NoNeedlessRestart,
        ),
        (
            Bug::StructureIsNotTold,
            3,
            2,
            &[Crash, Hang],
            Property::Progress,
        ),
        (Bug::ProgressIsNotTold, 3, 1, &[Crash], Property::OneImage),
    ];
    for (bug, ring, faults, kinds, property) in planted {
        let sound = broken(&rounds(&bounds(ring, kinds), faults));
        assert!(
            !sound.contains(&property),
            "{property} breaks without {bug:?}"
        );
        let found = broken(&rounds(&bounds(ring, kinds).with_bug(bug), faults));
        assert!(found.contains(&property), "{bug:?} only breaks {found:?}");
    }
}
