//! The nets must catch fish: mistakes planted in the core, each found by a check that is silent
//! without it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/quarrel.rs"]
mod quarrel;

use std::time::Duration;

use quarrel::Quarrel;
use tetrarch_core::{
    Action, Bug, Claim, Claims, Config, Input, Life, Members, Message, Node, Outbox, Outcome,
    Output, Safety, Sequence, ServerId, Sighting, Span, Structure, Time,
};
use tetrarch_sim::check::Invariant;
use tetrarch_sim::parameters::Parameters;
use tetrarch_sim::swarm::{Failure, Settings, Timings, draw, judge, judge_planted};
use tetrarch_verify::{Bounds, Kind, Preset, Property, check};

/// What looks for a mistake, and what it shall find.
#[derive(Clone, Copy, Debug)]
enum Net {
    /// Every run of the paper's protocol in a ring of so many servers, under so many faults of these
    /// kinds.
    Verify(usize, u8, &'static [Kind], Property),
    /// One node that is told a few things, and must not do what the mistake makes it do, or must do
    /// what it keeps it from; see `script`.
    Script(&'static str),
    /// One of the swarm's seeds under these rules.
    Swarm(Safety, u64, Failure),
    /// Guarded nodes that quarrel, by this seed.
    Quarrelling(u64),
}

use Failure::NoProgress;
use Kind::{Crash, Restart, Service};
use Net::{Quarrelling, Script, Swarm, Verify};
use Property::{NoEndlessWait, NoNeedlessRestart, OneHolder, OneImage};
use Safety::{Guarded, Paper};

const HOLDER: Failure = Failure::Broken(Invariant::OneHolder);
const STORM: Failure = Failure::Broken(Invariant::NoStorm);

/// Every mistake with the cheapest net that is known to catch it. `docs/verify.md` shows the table.
const CATCHES: &[(Bug, Net)] = &[
    (Bug::ActsOnMissedSync, Verify(3, 1, &[Crash], OneHolder)),
    (Bug::NobodyDefers, Swarm(Paper, 305, STORM)),
    (Bug::WorksInSilence, Verify(3, 1, &[Crash], OneImage)),
    (Bug::TrustsOldTrouble, Swarm(Paper, 127, HOLDER)),
    (
        Bug::KeepsOldTrouble,
        Verify(3, 2, &[Crash, Restart], OneHolder),
    ),
    (Bug::AbandonsRunning, Swarm(Paper, 181, NoProgress)),
    (Bug::GivesBackEarly, Verify(2, 1, &[Restart], OneHolder)),
    (Bug::IgnoresHolders, Verify(2, 1, &[Restart], OneHolder)),
    (Bug::TakesUnasked, Verify(2, 1, &[Restart], OneHolder)),
    (Bug::HidesStructure, Swarm(Paper, 41, HOLDER)),
    (Bug::KeepsOlderStructure, Swarm(Guarded, 3, STORM)),
    (
        Bug::DisbelievesRepair,
        Verify(2, 1, &[Service], NoNeedlessRestart),
    ),
    (Bug::ResumesTwice, Verify(3, 1, &[Crash], OneImage)),
    (Bug::WaitsForEver, Verify(2, 1, &[Restart], NoEndlessWait)),
    (Bug::StopsAndLeaves, Swarm(Paper, 97, HOLDER)),
    (Bug::VotesTwice, Swarm(Guarded, 2, HOLDER)),
    (Bug::VotesAtOnce, Quarrelling(31)),
    (Bug::CountsOneLess, Swarm(Guarded, 55, HOLDER)),
    (
        Bug::AssignsUnleased,
        Script("no address is put on without its lease"),
    ),
    (Bug::HoldsForEver, Swarm(Guarded, 4, NoProgress)),
    (Bug::MissesLeaseEnd, Swarm(Guarded, 14, NoProgress)),
    (Bug::GivesUpEarly, Swarm(Guarded, 21, HOLDER)),
    (Bug::TrustsFailures, Quarrelling(2)),
    (Bug::LeavesOutHeld, Quarrelling(450)),
    (Bug::CountsLeftOut, Quarrelling(419)),
    (Bug::TakesLate, Script("a late question frees no vote")),
    (
        Bug::NeverOverruled,
        Script("a real server's address is left to it"),
    ),
    (
        Bug::FencesAlone,
        Script("nobody is fenced on one server's word"),
    ),
    (
        Bug::FreesAnyLife,
        Script("a fence frees no votes of a later life"),
    ),
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

/// What two of the nodes that quarrel by this seed have at once, with or without a mistake.
fn shared(seed: u64, bug: Option<Bug>) -> Option<Claim> {
    let timing = Parameters::paper().timing();
    Quarrel::new(seed, timing, bug).run(Span::from_secs(600))
}

/// The server at `place` of a ring of four.
fn place(place: usize) -> ServerId {
    ServerId::new(place).unwrap()
}

/// What a node at the second place does that is told this, one after the other, a nanosecond apart, and
/// then left alone for `then`; no network that it examines answers within two seconds.
fn outputs(
    safety: Safety,
    bug: Option<Bug>,
    holding: bool,
    (serving, left): (Members, Span),
    told: &[(ServerId, Message)],
    seen: Option<Sighting>,
    then: Span,
) -> Vec<Output> {
    let timing = Parameters::paper().timing();
    let config = Config::new(place(1), 4, 3, timing).unwrap();
    let mut config = config.with_safety(safety).with_fenceable(Members::first(4));
    if let Some(bug) = bug {
        config = config.with_bug(bug);
    }
    let silent = Span::MAX;
    let start = Input::Start {
        holding,
        serving,
        silent,
        left,
    };
    let messages = told
        .iter()
        .map(|(from, message)| (*from, *message))
        .map(|(from, message)| Input::Message { from, message });
    let mut inputs: Vec<Input> = [start].into_iter().chain(messages).collect();
    inputs.extend(seen.map(Input::Seen));
    let (mut node, mut outbox) = (Node::new(config), Outbox::new());
    let mut now = Time::from_nanos(1);
    let end = now + then;
    let mut all = Vec::new();
    loop {
        let input = if inputs.is_empty() {
            match node.view().deadline() {
                Some(deadline) if deadline.at <= end => now = now.max(deadline.at),
                _ => return all,
            }
            Input::Deadline
        } else {
            let input = inputs.remove(0);
            now += match input {
                Input::Done { .. } => Span::from_secs(2),
                _ => Span::from_nanos(1),
            };
            input
        };
        let mut step = node.step(now, input, &mut outbox);
        let decided: Vec<Output> = step.by_ref().collect();
        let _ = step.finish();
        for output in &decided {
            if let Output::Run { job, action } = *output
                && matches!(action, Action::ExamineNetwork { .. })
                && then > Span::ZERO
            {
                let outcome = Outcome::Failed;
                inputs.push(Input::Done { job, outcome });
            }
        }
        all.extend(decided);
    }
}

fn asked(life: u32, stamp: u64) -> Sequence {
    Sequence {
        life: Some(Life::new(life)),
        stamp: Time::from_nanos(stamp).into(),
    }
}

const fn renew(from: ServerId, claims: Claims, asked: Sequence) -> (ServerId, Message) {
    (from, Message::Renew { claims, asked })
}

/// The claims that scripts ask votes for, the server that has them first, and another that wants them.
fn wanted() -> (Claims, ServerId, ServerId) {
    let (asker, rival) = (place(0), place(2));
    (Claims::NONE.with(Claim::Address(asker)), asker, rival)
}

/// Whether a voter that is told this gives the rival what it wants.
fn vote_went_to_rival(bug: Option<Bug>, told: &[(ServerId, Message)]) -> bool {
    let (claims, _, rival) = wanted();
    let nothing = (Members::NONE, Span::MAX);
    let outputs = outputs(Guarded, bug, false, nothing, told, None, Span::ZERO);
    outputs.iter().any(|output| {
        matches!(output, Output::Send { to, message: Message::Grant { claims: given, .. } }
            if *to == rival && *given == claims)
    })
}

fn runs(outputs: &[Output], wanted: Action) -> bool {
    outputs
        .iter()
        .any(|output| matches!(output, Output::Run { action, .. } if *action == wanted))
}

/// Whether a manager that does not hear `target`, and has asked the others, fences it.
fn fences_unheard(bug: Option<Bug>, target: ServerId) -> bool {
    let claims = Claims::NONE.with(Claim::Address(target));
    let told = [renew(target, claims, asked(1, 1))];
    let left = (Members::NONE, Span::MAX);
    let then = Span::from_secs(30);
    let outputs = outputs(Guarded, bug, true, left, &told, None, then);
    let asks = |output: &Output| {
        let message = match output {
            Output::Send { message, .. } => Some(message),
            _ => None,
        };
        matches!(message, Some(Message::Doubt { .. }))
    };
    assert!(outputs.iter().any(asks));
    runs(&outputs, Action::Fence { target })
}

/// Whether what the script is called holds.
fn script(name: &str, bug: Option<Bug>) -> bool {
    let (claims, asker, rival) = wanted();
    match name {
        "a late question frees no vote" => !vote_went_to_rival(
            bug,
            &[
                renew(asker, claims, asked(1, 2)),
                renew(asker, Claims::NONE, asked(1, 1)),
                renew(rival, claims, asked(1, 1)),
            ],
        ),
        "a fence frees no votes of a later life" => {
            let (target, life) = (asker, Life::new(1));
            let told = [
                renew(asker, claims, asked(2, 1)),
                (place(3), Message::Fenced { target, life }),
                renew(rival, claims, asked(1, 1)),
            ];
            !vote_went_to_rival(bug, &told)
        }
        "no address is put on without its lease" => {
            let nothing = (Members::NONE, Span::MAX);
            let then = Span::from_secs(30);
            let outputs = outputs(Guarded, bug, false, nothing, &[], None, then);
            !runs(&outputs, Action::AssignOwn)
        }
        "a real server's address is left to it" => {
            let (function, structure) = (rival, Structure::whole(4));
            let holds = Message::Holds {
                function,
                structure,
            };
            let serving = (Members::NONE.with(function), Span::MAX);
            let told = [(function, holds)];
            let outputs = outputs(Paper, bug, true, serving, &told, None, Span::ZERO);
            runs(&outputs, Action::Release { function })
        }
        _ => {
            assert_eq!(name, "nobody is fenced on one server's word");
            !fences_unheard(bug, rival)
        }
    }
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
            // They take no time; see below.
            Script(_) => {}
            Swarm(rules, seed, failure) => {
                assert_eq!(failures(rules, seed, None), [], "without {bug:?}");
                let found = failures(rules, seed, Some(*bug));
                assert!(found.contains(&failure), "{bug:?} only breaks {found:?}");
            }
            Quarrelling(seed) => {
                assert_eq!(shared(seed, None), None, "without {bug:?}");
                assert_ne!(shared(seed, Some(*bug)), None, "{bug:?} goes unnoticed");
            }
        }
    }
}

#[test]
fn every_script_notices_its_mistake() {
    for (bug, net) in CATCHES {
        if let Script(name) = net {
            assert!(script(name, None), "{name}: without {bug:?}");
            assert!(!script(name, Some(*bug)), "{name}: {bug:?} goes unnoticed");
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
            Script(name) => format!("| `{bug:?}` | a script of one node | {name} |"),
            Swarm(rules, seed, failure) => {
                let rules = rules.name();
                let failure = match failure {
                    Failure::Broken(invariant) => invariant.name().to_owned(),
                    NoProgress => "progress".to_owned(),
                };
                format!("| `{bug:?}` | swarm, {rules}, seed {seed} | `{failure}` |")
            }
            Quarrelling(seed) => {
                format!("| `{bug:?}` | a quarrel, seed {seed} | two have the same |")
            }
        };
        assert!(text.contains(&row), "{row}");
    }
}
