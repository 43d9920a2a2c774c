//! The same scenario and seed give the same trace, byte for byte, and events keep their order.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::thread;

use tetrarch_core::Time;
use tetrarch_sim::queue::Queue;
use tetrarch_sim::run::{Run, run_with};
use tetrarch_sim::scenario::Scenario;
use tetrarch_sim::trace::Printed;

/// Trouble in two servers while the links lose messages, so that the dice matter; then all is healed.
const LOSSY: &str = r#"
name = "double trouble with lost messages"
purpose = "Runs whose dice matter."
group = ["mail", "web", "ftp", "proxy"]
duration = "600s"
seed = 7
[[fault]]
at = "3s"
fault = "loss"
percent = 25
[[fault]]
at = "6s"
trouble = "N2t"
server = "mail"
[[fault]]
at = "6s"
trouble = "S2t"
server = "web"
[[fault]]
at = "300s"
fault = "heal"
"#;

fn lossy() -> Scenario {
    Scenario::parse(LOSSY, "lossy.toml", Path::new(".")).unwrap()
}

fn paper(name: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/paper");
    Scenario::load(folder.join(name)).unwrap()
}

fn simulate(scenario: &Scenario, seed: u64) -> Run {
    run_with(scenario, &scenario.parameters, seed).unwrap()
}

fn printed(scenario: &Scenario, seed: u64) -> String {
    let run = simulate(scenario, seed);
    Printed {
        lines: &run.lines,
        group: &scenario.group,
    }
    .to_string()
}

#[test]
fn a_run_repeats_byte_for_byte() {
    for scenario in [lossy(), paper("s2t.toml"), paper("pair-n1t-s2t.toml")] {
        let first = printed(&scenario, scenario.seed);
        assert!(first.lines().count() > 100);
        assert_eq!(first, printed(&scenario, scenario.seed));
        assert_eq!(
            simulate(&scenario, scenario.seed),
            simulate(&scenario, scenario.seed)
        );
    }
}

#[test]
fn runs_on_several_threads_at_once_are_the_runs_of_one_thread() {
    let scenario = lossy();
    let alone: Vec<String> = (0..8).map(|seed| printed(&scenario, seed)).collect();
    let together: Vec<String> = thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|seed| {
                scope.spawn({
                    let scenario = &scenario;
                    move || printed(scenario, seed)
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(alone, together);
}

#[test]
fn without_loss_the_seed_does_not_matter_and_with_loss_it_does() {
    let scenario = paper("pair-n2t-s2t.toml");
    assert_eq!(printed(&scenario, 1), printed(&scenario, u64::MAX));
    assert_ne!(printed(&lossy(), 1), printed(&lossy(), 2));
}

#[test]
fn a_trace_never_goes_back_in_time() {
    let run = simulate(&lossy(), 7);
    assert!(run.lines.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[test]
fn events_come_in_the_order_of_time_and_then_of_insertion() {
    let mut queue = Queue::with_capacity(4);
    // Instants that repeat, out of order, with gaps of many sizes.
    let instants: Vec<u64> = (0..500_u64)
        .map(|n| (n * n * 7919) % 97 * 1_000_003)
        .collect();
    for (number, at) in instants.iter().enumerate() {
        queue.push(Time::from_nanos(*at), number);
    }
    let mut expected: Vec<(u64, usize)> = instants
        .iter()
        .enumerate()
        .map(|(number, at)| (*at, number))
        .collect();
    expected.sort_unstable();
    let mut found = Vec::new();
    while let Some((at, number)) = queue.pop() {
        found.push((at.as_nanos(), number));
    }
    assert_eq!(found, expected);
}

#[test]
fn an_event_added_at_the_present_instant_comes_after_those_already_there() {
    let mut queue = Queue::with_capacity(4);
    let now = Time::from_nanos(5);
    queue.push(now, 'a');
    queue.push(now, 'b');
    assert_eq!(queue.pop(), Some((now, 'a')));
    queue.push(now, 'c');
    assert_eq!(queue.pop(), Some((now, 'b')));
    assert_eq!(queue.pop(), Some((now, 'c')));
    assert_eq!(queue.pop(), None);
}
