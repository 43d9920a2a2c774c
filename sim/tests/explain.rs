//! Every measured time is explained to the nanosecond.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tetrarch_core::{Span, Time};
use tetrarch_sim::explain::{Breakdown, Doing, Explanation, Reason, explain};
use tetrarch_sim::parameters::{Parameter, Parameters, TABLE, UnitKind, Value};
use tetrarch_sim::reproduce::{Table, experiments};
use tetrarch_sim::run::run;
use tetrarch_sim::scenario::{Fault, FaultAction, Metric, Scenario, ServerIndex, Trouble};

fn scenarios(folder: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../scenarios")
        .join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 13);
    files
}

/// The parts of a time, for a person who has to find out what is wrong with them.
fn listed(explanation: &Explanation, breakdown: &Breakdown) -> String {
    let lines = breakdown.parts.iter().map(|part| {
        let (from, span, keys) = (part.from, part.span(), part.explanation());
        format!(
            "\n{from} +{span} [{keys}] {}",
            part.text(&explanation.group)
        )
    });
    lines.collect()
}

fn assert_whole(name: &str, explanation: &Explanation) {
    let mut expected = 0;
    for measured in &explanation.measured {
        let metrics = Metric::ALL.iter();
        expected += metrics
            .filter(|metric| measured.get(**metric).is_some())
            .count();
    }
    assert_eq!(explanation.breakdowns.len(), expected, "{name}");
    for breakdown in &explanation.breakdowns {
        let what = format!("{name}: {} {:?}", breakdown.server, breakdown.metric);
        let measured = explanation.measured[breakdown.server.index()];
        assert_eq!(
            measured.get(breakdown.metric),
            Some(breakdown.measured),
            "{what}"
        );
        let sum = breakdown
            .parts
            .iter()
            .map(|part| part.span().as_nanos())
            .sum::<u64>();
        assert_eq!(sum, breakdown.measured.as_nanos(), "{what}");
        assert_eq!(breakdown.sum(), breakdown.measured, "{what}");
        assert_eq!(
            breakdown.unexplained(),
            Span::ZERO,
            "{what}: {}",
            listed(explanation, breakdown)
        );
        for pair in breakdown.parts.windows(2) {
            assert_eq!(pair[0].to, pair[1].from, "{what}: a gap");
        }
    }
}

/// A part with a single key lasts as long as that parameter says, unless it began before the time
/// that is measured.
fn assert_true_to_parameters(name: &str, explanation: &Explanation, parameters: &Parameters) {
    for part in explanation.breakdowns.iter().flat_map(|b| &b.parts) {
        let &[key] = part.keys() else { continue };
        let Value::Duration(value) = Parameter::find(key).unwrap().get(parameters) else {
            panic!("{name}: {key} is no duration");
        };
        let Reason::Parameters { whole, .. } = part.reason else {
            panic!("{name}: {part:?}");
        };
        match part.doing {
            // A question and its answer.
            Doing::ExamineServices => assert_eq!(whole, value.times(2), "{name}: {part:?}"),
            // The mean of ten clients is within a twentieth of half an interval, when all noticed.
            Doing::ClientWait => assert!(whole <= value, "{name}: {part:?}"),
            _ => assert_eq!(whole, value, "{name}: {part:?}"),
        }
    }
}

#[test]
fn every_time_of_the_paper_is_explained() {
    for file in scenarios("paper") {
        let scenario = Scenario::load(&file).unwrap();
        let explanation = explain(&scenario).unwrap();
        let name = file.display().to_string();
        assert!(!explanation.breakdowns.is_empty());
        assert_whole(&name, &explanation);
        assert_true_to_parameters(&name, &explanation, &scenario.parameters);
    }
}

#[test]
fn every_time_of_groups_in_deep_trouble_is_explained() {
    for file in scenarios("group") {
        let scenario = Scenario::load(&file).unwrap();
        let explanation = explain(&scenario).unwrap();
        assert_whole(&file.display().to_string(), &explanation);
    }
}

#[test]
fn every_pair_of_troubles_on_any_servers_is_explained() {
    for experiment in experiments(Table::Pairs).unwrap() {
        let explanation = explain(&experiment.scenario).unwrap();
        let name = format!("{:?}", experiment.troubles);
        assert_whole(&name, &explanation);
        assert_true_to_parameters(&name, &explanation, &experiment.scenario.parameters);
    }
}

#[test]
fn the_explained_run_is_the_run() {
    for file in scenarios("paper").into_iter().chain(scenarios("group")) {
        let scenario = Scenario::load(&file).unwrap();
        let measured = run(&scenario).unwrap().measured;
        assert_eq!(explain(&scenario).unwrap().measured, measured);
    }
}

/// The paper's system with one experiment's troubles, and `changes` on top of its parameters.
fn changed(file: &str, changes: &[(&str, &str)]) -> Scenario {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/paper");
    let mut scenario = Scenario::load(dir.join(file)).unwrap();
    for (key, value) in changes {
        scenario.parameters.set_text(key, value).unwrap();
    }
    scenario.parameters.validate().unwrap();
    scenario
}

fn parts_of(explanation: &Explanation, server: usize, metric: Metric) -> Vec<(Doing, u64)> {
    let breakdown = explanation
        .breakdowns
        .iter()
        .find(|b| b.server.index() == server && b.metric == metric)
        .unwrap();
    let parts = breakdown.parts.iter();
    parts
        .map(|part| (part.doing, part.span().as_nanos() / 1_000_000))
        .collect()
}

#[test]
fn the_function_time_of_s2t_is_made_of_what_it_is_known_to_be_made_of() {
    let explanation = explain(&changed("s2t.toml", &[("link_delay", "0s")])).unwrap();
    let expected = [
        (Doing::Launch, 200),
        (Doing::RestartServices, 650),
        (Doing::FindEnd, 200),
        (Doing::Settle, 2000),
        (Doing::Call, 200),
        (Doing::Resume, 5200),
        (Doing::Assign, 650),
        (Doing::FindEnd, 200),
    ];
    assert_eq!(parts_of(&explanation, 1, Metric::Function), expected);
}

#[test]
fn a_look_for_another_holder_of_the_address_is_told() {
    let timing = [("link_delay", "0s"), ("address_claim", "450ms")];
    let explanation = explain(&changed("n1t.toml", &timing)).unwrap();
    let expected = [(Doing::Claim, 450), (Doing::Assign, 650)];
    let function = parts_of(&explanation, 1, Metric::Function);
    assert!(
        function.windows(2).any(|two| two == expected),
        "{function:?}"
    );
    let disconnection = parts_of(&explanation, 1, Metric::Disconnection);
    assert!(
        disconnection.windows(2).any(|two| two == expected),
        "{disconnection:?}"
    );
}

#[test]
fn a_file_server_twice_as_fast_halves_both_the_read_and_what_is_lost_to_the_other() {
    let fast = [("file_server_rate", "2 Gbit/s"), ("link_delay", "0s")];
    let explanation = explain(&changed("pair-n2t-n2t.toml", &fast)).unwrap();
    for server in [0, 2] {
        let expected = [
            (Doing::NetworkSilent, 2000),
            (Doing::Launch, 200),
            (Doing::ReadImage, 650),
            (Doing::ShareImage, 650),
            (Doing::Resume, 3900),
            (Doing::Assign, 650),
            (Doing::FindEnd, 200),
        ];
        assert_eq!(parts_of(&explanation, server, Metric::Function), expected);
    }
}

#[test]
fn a_shorter_judgement_is_seen_in_the_target_time_of_n2t_alone() {
    let explanation = explain(&changed("n2t.toml", &[("judgement_max", "50s")])).unwrap();
    let target = parts_of(&explanation, 1, Metric::Target);
    assert!(target.contains(&(Doing::AwaitReturn, 50_000)), "{target:?}");
    assert!(!target.iter().any(|(doing, _)| *doing == Doing::Pause));
    let function = parts_of(&explanation, 1, Metric::Function);
    assert!(
        !function
            .iter()
            .any(|(doing, _)| *doing == Doing::AwaitReturn)
    );
}

/// Faults beyond the paper's experiments: a manager dies with its target, a host with its guests,
/// the file server fails, messages get lost.
const HARD: &[&str] = &[
    r#"[[fault]]
at = "6s"
fault = "crash"
server = "web"
[[fault]]
at = "14s"
fault = "crash"
server = "mail""#,
    r#"[[fault]]
at = "6s"
fault = "destroy"
server = "web"
[[fault]]
at = "300s"
fault = "crash"
server = "mail"
[[fault]]
at = "500s"
fault = "repair"
server = "web""#,
    r#"[[fault]]
at = "6s"
trouble = "N2t"
server = "web"
[[fault]]
at = "10s"
fault = "file-server-down"
[[fault]]
at = "40s"
fault = "file-server-up""#,
    r#"[[fault]]
at = "3s"
fault = "file-server-slow"
factor = 3
[[fault]]
at = "6s"
trouble = "N1t"
server = "web"
[[fault]]
at = "9s"
trouble = "S2t"
server = "ftp""#,
    r#"[[fault]]
at = "3s"
fault = "virtual-server-fails"
server = "web"
[[fault]]
at = "6s"
trouble = "N2t"
server = "web""#,
    r#"[[fault]]
at = "2s"
fault = "loss"
percent = 20
[[fault]]
at = "6s"
trouble = "S2t"
server = "web""#,
    r#"[[fault]]
at = "6s"
fault = "crash"
server = "mail"
[[fault]]
at = "6s"
fault = "crash"
server = "web"
[[fault]]
at = "7s"
fault = "crash"
server = "ftp"
[[fault]]
at = "8s"
fault = "crash"
server = "proxy"
[[fault]]
at = "100s"
fault = "repair"
server = "ftp""#,
];

#[test]
fn times_beyond_the_papers_experiments_are_explained_too() {
    for faults in HARD {
        let text = format!(
            "name = \"hard\"\npurpose = \"more than the paper\"\n\
             group = [\"mail\", \"web\", \"ftp\", \"proxy\"]\nduration = \"900s\"\n{faults}\n"
        );
        let scenario = Scenario::parse(&text, "hard.toml", Path::new(".")).unwrap();
        let explanation = explain(&scenario).unwrap();
        assert_whole(faults, &explanation);
        assert!(!explanation.gantt.lanes.is_empty());
    }
}

#[test]
fn a_fault_that_hurts_nobody_has_no_lanes_but_those_of_the_clients() {
    let text = "name = \"calm\"\npurpose = \"calm\"\ngroup = [\"mail\", \"web\"]\n\
                duration = \"60s\"\n[[fault]]\nat = \"6s\"\nfault = \"file-server-down\"\n";
    let scenario = Scenario::parse(text, "calm.toml", Path::new(".")).unwrap();
    let explanation = explain(&scenario).unwrap();
    assert!(explanation.breakdowns.is_empty());
    let labels: Vec<&str> = explanation
        .gantt
        .lanes
        .iter()
        .map(|lane| lane.label.as_str())
        .collect();
    assert_eq!(labels, ["clients of mail", "clients of web"]);
    let story: Vec<&str> = explanation.story.iter().map(|s| s.text.as_str()).collect();
    assert_eq!(
        story,
        [
            "the ring is mail, web: each server is P1 of the other",
            "quiet until 1.000 s: 2 examinations find their targets healthy",
            "the scenario: the file server is down",
            "quiet until 56.001 s: 10 examinations find their targets healthy",
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the parameters are, every nanosecond has its part.
    #[test]
    fn parts_add_up_whatever_the_parameters(
        factors in prop::collection::vec(200_u64..3000, TABLE.len()),
        first in 0_u8..4,
        apart in 0_u8..4,
        troubles in (0_usize..4, 0_usize..4),
        struck_ms in (3000_u64..14_000, 0_u64..30_000),
    ) {
        let mut scenario = changed("s1t.toml", &[]);
        for (row, factor) in TABLE.iter().zip(&factors) {
            // The longest waits stay longer than what they wait for, or nothing ever succeeds.
            if row.unit == UnitKind::Duration && !row.key.ends_with("_max") {
                let paper = row.paper().amount();
                let value = Value::Duration(Span::from_nanos(paper * factor / 1000));
                row.set(&mut scenario.parameters, value).unwrap();
            }
        }
        let p = &mut scenario.parameters;
        p.server_restart = p.server_restart.max(p.server_start);
        p.network_examination_abnormal =
            p.network_examination_abnormal.max(p.network_examination_normal);
        p.lease_term = p.lease_term.max(p.lease_margin + Span::from_millis(1));
        p.validate().unwrap();
        let strike = |ms: u64, trouble: usize, server: u8| Fault {
            at: Time::ZERO + Span::from_millis(ms),
            action: FaultAction::Trouble {
                trouble: Trouble::ALL[trouble],
                server: ServerIndex(server % 4),
            },
            line: 0,
        };
        scenario.faults = vec![strike(struck_ms.0, troubles.0, first)];
        if apart > 0 {
            let later = struck_ms.0 + struck_ms.1;
            scenario.faults.push(strike(later, troubles.1, first + apart));
        }
        scenario.duration = Span::from_secs(600);
        let explanation = explain(&scenario).unwrap();
        assert_whole("random", &explanation);
        assert_true_to_parameters("random", &explanation, &scenario.parameters);
    }
}
