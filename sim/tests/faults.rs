//! What the faults of time do to a group: servers that stand still, clocks that drift.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use tetrarch_core::Safety;
use tetrarch_sim::check::Invariant;
use tetrarch_sim::run::{Run, run};
use tetrarch_sim::scenario::Scenario;

/// A group of four with these faults for ten minutes.
fn run_of(safety: Safety, faults: &str) -> Run {
    let head = "name = \"n\"\npurpose = \"p\"\ngroup = [\"s1\", \"s2\", \"s3\", \"s4\"]\n\
                duration = \"600s\"\n";
    let text = format!("{head}safety = \"{}\"\n{faults}", safety.name());
    run(&Scenario::parse(&text, "s.toml", Path::new(".")).unwrap()).unwrap()
}

fn fault(at_s: u64, name: &str, keys: &str) -> String {
    format!("[[fault]]\nat = \"{at_s}s\"\nfault = \"{name}\"\n{keys}\n")
}

/// `s2` stands still in this way from 20 s to 200 s.
fn standing_still(kind: &str, end: &str) -> String {
    let server = "server = \"s2\"";
    fault(20, kind, server) + &fault(200, end, server)
}

fn two_holders(run: &Run) -> usize {
    let of = |invariant| {
        move |found: &&_| tetrarch_sim::check::Violation::clone(found).invariant == invariant
    };
    run.violations
        .iter()
        .filter(of(Invariant::OneHolder))
        .count()
}

/// Everybody at home again at the end.
const WELL: &str = "[[expect]]\nserved = \"s2\"\nby = \"s2\"\n\
                    [[expect]]\nmembers = [\"s1\", \"s2\", \"s3\", \"s4\"]\n";

#[test]
fn a_machine_that_stands_still_and_goes_on_is_taken_over_and_comes_back() {
    let faults = standing_still("pause", "resume") + WELL;
    let guarded = run_of(Safety::Guarded, &faults);
    assert_eq!(guarded.violations, []);
    assert_eq!(guarded.unmet, []);
    // Away from clients while it stood still, but not all the time: another server took over.
    let outage = guarded.outages[1][0];
    let length = outage.to.unwrap() - outage.from;
    assert!(length > tetrarch_core::Span::from_secs(5), "{length}");
    assert!(length < tetrarch_core::Span::from_secs(60), "{length}");
    let paper = run_of(Safety::Paper, &faults);
    assert!(two_holders(&paper) > 0, "it went on with its address");
}

#[test]
fn programs_that_stand_still_lose_what_they_held_all_the_same() {
    let faults = standing_still("agent-pause", "agent-resume") + WELL;
    let guarded = run_of(Safety::Guarded, &faults);
    assert_eq!(guarded.violations, []);
    assert_eq!(guarded.unmet, []);
    assert!(!guarded.outages[1].is_empty(), "its lease has ended");
    let paper = run_of(Safety::Paper, &faults);
    assert_eq!(paper.outages[1], [], "its services went on");
}

/// `s2` cannot be heard by anybody from 20 s on, with the clock of it fast or slow by so much.
fn cut_off_with_drift(ppm: i32) -> Run {
    let others = "sides = [[\"s2\"], [\"s1\", \"s3\", \"s4\"]]";
    let mut faults = fault(1, "clock-drift", &format!("server = \"s2\"\nppm = {ppm}"));
    for voter in ["s1", "s3", "s4"] {
        faults += &fault(
            1,
            "clock-drift",
            &format!("server = \"{voter}\"\nppm = {}", -ppm),
        );
    }
    faults += &fault(20, "partition", others);
    run_of(Safety::Guarded, &faults)
}

#[test]
fn clocks_within_the_margin_never_give_an_address_two_holders() {
    for ppm in [-50_000, -200, 200, 50_000] {
        assert_eq!(two_holders(&cut_off_with_drift(ppm)), 0, "{ppm}");
    }
}

#[test]
fn clocks_far_beyond_the_margin_do() {
    // So the tests of clocks within it would notice a margin that is too small.
    assert!(two_holders(&cut_off_with_drift(-500_000)) > 0);
}

#[test]
fn a_virtual_server_that_cannot_be_resumed_is_started() {
    let faults =
        fault(1, "resume-fails", "server = \"s2\"") + &fault(20, "destroy", "server = \"s2\"");
    let run = run_of(Safety::Paper, &faults);
    let length = run.outages[1][0].to.unwrap() - run.outages[1][0].from;
    // A start takes 27.4 s, a resumption 5.2 s.
    assert!(length > tetrarch_core::Span::from_secs(27), "{length}");
    assert!(length < tetrarch_core::Span::from_secs(60), "{length}");
}
