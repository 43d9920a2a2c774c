#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::scenario::{Fault, FaultAction};

fn scenario(file: &str) -> Scenario {
    Scenario::load(format!("../scenarios/paper/{file}.toml")).unwrap()
}

fn on(threads: usize, runs: u32) -> Repetition {
    Repetition {
        threads: Some(threads),
        ..Repetition::new(runs, 42)
    }
}

fn time(repeated: &Repeated, server: usize, metric: Metric) -> Repeats {
    let wanted = |times: &&Repeats| times.server.index() == server && times.metric == metric;
    *repeated.times.iter().find(wanted).unwrap()
}

#[test]
fn the_result_is_the_same_on_any_number_of_threads() {
    let mut scenario = scenario("s2t");
    scenario.faults.push(Fault {
        at: Time::ZERO,
        action: FaultAction::Loss("0.2".parse().unwrap()),
        line: 0,
    });
    let one = on(1, 60).run(&scenario, |_| {}).unwrap();
    for threads in [2, 8] {
        let other = on(threads, 60).run(&scenario, |_| {}).unwrap();
        assert_eq!(one, other);
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }
}

#[test]
fn without_spread_every_run_is_the_nominal_one() {
    let scenario = scenario("pair-s2t-n2t");
    let nominal = run(&scenario).unwrap();
    let repetition = Repetition {
        spread: Ratio::NONE,
        ..on(2, 5)
    };
    let repeated = repetition.run(&scenario, |_| {}).unwrap();
    assert_eq!(repeated.inputs, 5 * nominal.inputs);
    assert_eq!(repeated.times.len(), 6);
    for times in &repeated.times {
        let nominal = nominal.measured[times.server.index()].get(times.metric);
        let statistics = times.statistics.unwrap();
        assert_eq!(Some(statistics.mean), nominal);
        assert_eq!(
            (statistics.min, statistics.max),
            (statistics.mean, statistics.mean)
        );
        assert_eq!(statistics.margin, Some(Span::ZERO));
    }
}

#[test]
fn the_confidence_interval_shrinks_as_runs_are_added() {
    let scenario = scenario("n2t");
    let margin = |runs| {
        let repeated = repeat(&scenario, runs, 1, None, |_| {}).unwrap();
        let target = time(&repeated, 1, Metric::Target);
        assert_eq!((target.present, target.absent), (runs, 0));
        target.statistics.unwrap().margin.unwrap().as_secs_f64()
    };
    let (few, many) = (margin(25), margin(400));
    // A quarter, within what the draws themselves scatter.
    assert!(many < few / 2.5 && many > few / 6.0, "{few} {many}");
}

#[test]
fn the_mean_stays_near_the_nominal_run_and_the_runs_scatter() {
    let scenario = scenario("n1t");
    let nominal = run(&scenario).unwrap().measured[1].target.unwrap();
    let repeated = repeat(&scenario, 200, 3, None, |_| {}).unwrap();
    let target = time(&repeated, 1, Metric::Target).statistics.unwrap();
    let apart = (target.mean.as_secs_f64() - nominal.as_secs_f64()).abs();
    assert!(apart < 0.6, "{} {nominal}", target.mean);
    // 2 % of a restart is about a second.
    let deviation = target.deviation.unwrap().as_secs_f64();
    assert!((0.5..2.0).contains(&deviation), "{deviation}");
    assert!(target.min < target.p5 && target.p5 < target.p50);
    assert!(target.p50 < target.p95 && target.p95 < target.max);
}

#[test]
fn absent_times_are_counted_and_only_servers_in_trouble_are_listed() {
    let repeated = repeat(&scenario("s1t"), 20, 3, Some(1), |_| {}).unwrap();
    assert_eq!(repeated.times.len(), 3);
    let function = time(&repeated, 1, Metric::Function);
    assert_eq!((function.present, function.absent), (0, 20));
    assert_eq!(function.statistics, None);
}

#[test]
fn the_first_failing_run_can_be_had_again() {
    let scenario = scenario("n2t");
    let repetition = on(2, 40);
    let repeated = repetition.run(&scenario, |_| {}).unwrap();
    let first = repeated
        .unmet
        .first
        .expect("2 % of 150 s is more than 0.5 %");
    assert!(repeated.unmet.runs > 0 && repeated.unmet.runs < 40);
    for number in 0..=first {
        let variant = repetition.variant(&scenario, number).unwrap();
        assert_eq!(run(&variant).unwrap().unmet.is_empty(), number < first);
    }
    assert_eq!(repeated.violations, Failures::default());
}

#[test]
fn the_shift_moves_all_faults_together_over_the_whole_waiting_time() {
    let scenario = scenario("pair-n1t-n1t");
    let repetition = Repetition {
        shift_faults: true,
        ..on(1, 1)
    };
    let mut earliest = Time::MAX;
    let mut latest = Time::ZERO;
    for number in 0..300 {
        let shifted = repetition.variant(&scenario, number).unwrap();
        let plain = on(1, 1).variant(&scenario, number).unwrap();
        assert_eq!(shifted.parameters, plain.parameters);
        assert_eq!(plain.faults, scenario.faults);
        let at = shifted.faults[0].at;
        assert!(shifted.faults.iter().all(|fault| fault.at == at));
        (earliest, latest) = (earliest.min(at), latest.max(at));
    }
    // 6 s, less and plus half of 10 s.
    let (from, to) = (earliest.as_secs_f64(), latest.as_secs_f64());
    assert!(
        (1.0..1.2).contains(&from) && to > 10.8 && to <= 11.0,
        "{from} {to}"
    );
}

#[test]
fn no_fault_is_shifted_out_of_the_run() {
    let mut scenario = scenario("s1t");
    scenario.faults[0].at = Time::ZERO + Span::from_secs(1);
    for share in [-1.0, 0.0, 1.0] {
        let mut shifted = scenario.clone();
        shift_faults(&mut shifted, share);
        let at = shifted.faults[0].at.as_secs_f64();
        assert!((at - (3.0 + 3.0 * share)).abs() < 1e-6, "{at}");
    }
    scenario.faults[0].at = scenario.end();
    shift_faults(&mut scenario, 1.0);
    assert_eq!(scenario.faults[0].at, scenario.end());
    scenario.faults.clear();
    shift_faults(&mut scenario, 1.0);
    assert!(scenario.faults.is_empty());
}

#[test]
fn no_runs_are_refused() {
    let refused = repeat(&scenario("s1t"), 0, 1, None, |_| {});
    assert!(matches!(refused, Err(RepeatError::NoRuns)));
}

#[test]
fn progress_ends_with_all_runs() {
    let most = AtomicU32::new(0);
    let tell = |done| {
        most.fetch_max(done, Ordering::Relaxed);
    };
    repeat(&scenario("s1t"), 9, 1, Some(2), tell).unwrap();
    assert_eq!(most.into_inner(), 9);
}
