//! The nets must catch fish: mistakes planted in the core, each found by a check that is silent
//! without it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use tetrarch_core::{Bug, Safety, Span};
use tetrarch_sim::check::Invariant;
use tetrarch_sim::swarm::{Failure, Settings, Timings, draw, judge, judge_planted};
use tetrarch_verify::{Bounds, Kind, Preset, Property, check};

/// What looks for a mistake, and what it shall find.
#[derive(Clone, Copy, Debug)]
enum Net {
    /// Every run of the paper's protocol in a ring of so many servers, under so many faults of these
    /// kinds.
    Verify(usize, u8, &'static [Kind], Property),
    /// One of the swarm's seeds under these rules.
    Swarm(Safety, u64, Failure),
}

use Failure::NoProgress;
use Kind::{Crash, Restart, Service};
use Net::{Swarm, Verify};
use Property::{NoEndlessWait, NoNeedlessRestart, OneHolder, OneImage};
use Safety::{Guarded, Paper};

const HOLDER: Failure = Failure::Broken(Invariant::OneHolder);
const STORM: Failure = Failure::Broken(Invariant::NoStorm);

/// Every mistake with the cheapest net that is known to catch it. `docs/verify.md` shows the table.
const CATCHES: &[(Bug, Net)] = &[
    (Bug::ActsOnMissedSync, Verify(3, 1, &[Crash], OneHolder)),
    (Bug::NobodyDefers, Swarm(Paper, 46, STORM)),
    (Bug::WorksInSilence, Verify(3, 1, &[Crash], OneImage)),
    (Bug::TrustsOldTrouble, Swarm(Paper, 120, HOLDER)),
    (
        Bug::KeepsOldTrouble,
        Verify(3, 2, &[Crash, Restart], OneHolder),
    ),
    (Bug::AbandonsRunning, Swarm(Paper, 55, NoProgress)),
    (Bug::GivesBackEarly, Verify(2, 1, &[Restart], OneHolder)),
    (Bug::IgnoresHolders, Verify(2, 1, &[Restart], OneHolder)),
    (Bug::TakesUnasked, Verify(2, 1, &[Restart], OneHolder)),
    (Bug::HidesStructure, Swarm(Paper, 15, HOLDER)),
    (Bug::KeepsOlderStructure, Swarm(Guarded, 2, STORM)),
    (
        Bug::DisbelievesRepair,
        Verify(2, 1, &[Service], NoNeedlessRestart),
    ),
    (Bug::ResumesTwice, Verify(3, 1, &[Crash], OneImage)),
    (Bug::WaitsForEver, Verify(2, 1, &[Restart], NoEndlessWait)),
    (Bug::StopsAndLeaves, Swarm(Paper, 2, NoProgress)),
    (Bug::VotesTwice, Swarm(Guarded, 2, HOLDER)),
    (Bug::CountsOneLess, Swarm(Guarded, 4, HOLDER)),
    (Bug::AssignsUnleased, Swarm(Guarded, 4, NoProgress)),
    (Bug::HoldsForEver, Swarm(Guarded, 4, NoProgress)),
    (Bug::MissesLeaseEnd, Swarm(Guarded, 2, NoProgress)),
    (Bug::GivesUpEarly, Swarm(Guarded, 4, HOLDER)),
];

/// It is enough that the first fault strikes the first server.
fn bounds(ring: usize, kinds: &[Kind]) -> Bounds {
    Bounds::new(ring, Preset::Whole, Safety::Paper, kinds).unwrap()
}

/// The properties that are broken within these bounds.
fn broken(bounds: &Bounds, faults: u8) -> Vec<Property> {
    let rounds = check(bounds, faults, Duration::from_secs(300), 2, |_| {});
    assert!(rounds.iter().all(|round| round.is_exhausted));
    let findings = rounds.iter().flat_map(|round| &round.findings);
    findings.map(|finding| finding.property).collect()
}

/// What a seed of the swarm breaks, with or without a mistake.
fn failures(rules: Safety, seed: u64, bug: Option<Bug>) -> Vec<Failure> {
    let settings = Settings {
        rules: Some(rules),
        safety: Span::from_secs(400),
        fault_every: Span::from_secs(100),
        timings: Timings::Paper,
        bound_percent: 100,
    };
    let drawn = draw(&settings, seed).unwrap();
    let report = match bug {
        Some(bug) => judge_planted(seed, &drawn, bug),
        None => judge(seed, &drawn),
    };
    report.unwrap().failures().collect()
}

#[test]
fn every_planted_mistake_is_caught_and_nothing_without_one() {
    for (bug, net) in CATCHES {
        match *net {
            Verify(ring, faults, kinds, property) => {
                let bounds = bounds(ring, kinds);
                assert_eq!(broken(&bounds, faults), [], "without {bug:?}");
                let found = broken(&bounds.with_core_bug(*bug), faults);
                assert!(found.contains(&property), "{bug:?} only breaks {found:?}");
            }
            Swarm(rules, seed, failure) => {
                assert_eq!(failures(rules, seed, None), [], "without {bug:?}");
                let found = failures(rules, seed, Some(*bug));
                assert!(found.contains(&failure), "{bug:?} only breaks {found:?}");
            }
        }
    }
}

#[test]
fn no_mistake_is_without_a_net() {
    let caught: Vec<Bug> = CATCHES.iter().map(|(bug, _)| *bug).collect();
    assert_eq!(caught, Bug::ALL);
}

#[test]
fn the_document_has_the_table() {
    let text = include_str!("../../docs/verify.md");
    for (bug, net) in CATCHES {
        let row = match net {
            Verify(ring, faults, kinds, property) => {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                let kinds = kinds.join(",");
                format!(
                    "| `{bug:?}` | `verify --ring {ring} --faults {faults},{kinds}` | `{property}` |"
                )
            }
            Swarm(rules, seed, failure) => {
                let rules = rules.name();
                let failure = match failure {
                    Failure::Broken(invariant) => invariant.name().to_owned(),
                    NoProgress => "progress".to_owned(),
                };
                format!("| `{bug:?}` | swarm, {rules}, seed {seed} | `{failure}` |")
            }
        };
        assert!(text.contains(&row), "{row}");
    }
}
