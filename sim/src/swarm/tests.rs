use super::*;
use crate::run::run;

fn settings(safety: Span) -> Settings {
    Settings {
        safety,
        ..Settings::default()
    }
}

#[test]
fn reports_do_not_depend_on_the_number_of_threads() {
    let settings = settings(Span::from_secs(7_200));
    let reports = |threads| swarm(&settings, 5, 60, Some(threads), |_| {}).unwrap();
    let one = reports(1);
    assert_eq!(one.len(), 60);
    assert!(one.iter().map(|report| report.seed).eq(5..65));
    assert_eq!(one, reports(2));
    assert_eq!(one, reports(7));
}

#[test]
fn a_seed_is_the_same_alone_and_among_others() {
    let settings = settings(Span::from_secs(3_600));
    let all = swarm(&settings, 0, 20, Some(1), |_| {}).unwrap();
    let alone = swarm(&settings, 13, 1, Some(1), |_| {}).unwrap();
    assert_eq!(all[13], alone[0]);
    assert_ne!(all[12].inputs, all[13].inputs);
}

#[test]
fn settings_without_sense_are_refused() {
    let good = Settings::default();
    for (bad, text) in [
        (
            Settings {
                safety: Span::ZERO,
                ..good
            },
            "safety phase is",
        ),
        (
            Settings {
                safety: Span::from_secs(101 * 86_400),
                ..good
            },
            "safety phase is",
        ),
        (
            Settings {
                fault_every: Span::from_millis(999),
                ..good
            },
            "between faults is",
        ),
        (
            Settings {
                fault_every: Span::from_secs(1),
                ..good
            },
            "too many faults",
        ),
    ] {
        let error = swarm(&bad, 0, 1, Some(1), |_| {}).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
    let error = swarm(&good, u64::MAX, 2, Some(1), |_| {}).unwrap_err();
    assert!(error.to_string().contains("beyond"), "{error}");
}

/// A seed with broken links in which a virtual IP address had two holders.
fn limit() -> Drawn {
    let settings = settings(Span::from_secs(14_400));
    let two = Failure::Broken(Invariant::OneHolder);
    (0..100)
        .map(|seed| (seed, draw(&settings, seed).unwrap()))
        .find(|(seed, drawn)| {
            let report = judge(*seed, drawn).unwrap();
            report.limits().any(|limit| limit == two)
        })
        .unwrap()
        .1
}

#[test]
fn a_limit_of_the_paper_shrinks_to_a_small_scenario_that_still_breaks() {
    let drawn = limit();
    let two = Failure::Broken(Invariant::OneHolder);
    let shrunk = shrink(&drawn.plan, two).unwrap().unwrap();
    assert_eq!(shrunk, shrink(&drawn.plan, two).unwrap().unwrap());
    let (small, was) = (&shrunk.plan, &drawn.plan);
    assert!(small.faults.len() <= 4, "{small:?}");
    assert!(small.faults.len() < was.faults.len());
    assert!(small.size <= was.size);
    assert!(small.safety < was.safety);
    // What is kept is the file, so the file must fail.
    let text = shrunk.scenario().to_toml();
    let read = crate::scenario::Scenario::parse(&text, "shrunk", std::path::Path::new("."));
    let violations = run(&read.unwrap()).unwrap().violations;
    let broken = violations
        .iter()
        .any(|found| found.invariant == Invariant::OneHolder);
    assert!(broken, "{text}");
}

#[test]
fn an_expectation_that_cannot_be_met_shrinks_to_what_it_takes() {
    // A hundredth of the bound is less than a start of a server, so destroying one is enough.
    let settings = Settings {
        bound_percent: 1,
        ..settings(Span::from_secs(14_400))
    };
    let reports = swarm(&settings, 0, 40, None, |_| {}).unwrap();
    let stuck: Vec<u64> = reports
        .iter()
        .filter(|report| report.failures().any(|f| f == Failure::NoProgress))
        .map(|report| report.seed)
        .collect();
    assert!((1..40).contains(&stuck.len()), "{stuck:?}");
    for seed in stuck.into_iter().take(3) {
        let plan = draw(&settings, seed).unwrap().plan;
        let small = shrink(&plan, Failure::NoProgress).unwrap().unwrap();
        assert!(small.plan.faults.len() <= 3, "{seed}: {:?}", small.plan);
        assert!(!run(&small.scenario()).unwrap().unmet.is_empty());
        assert!(small.plan.safety < plan.safety);
    }
}

#[test]
fn what_does_not_fail_is_not_shrunk() {
    let plan = draw(&settings(Span::from_secs(600)), 1).unwrap().plan;
    let endless = Failure::Broken(Invariant::NoEndlessWait);
    assert_eq!(shrink(&plan, endless).unwrap(), None);
}
