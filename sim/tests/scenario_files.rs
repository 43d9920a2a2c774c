//! The scenario files of the repository.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use tetrarch_core::{Span, Time};
use tetrarch_sim::parameters::Parameters;
use tetrarch_sim::scenario::{Bounds, Check, FaultAction, Metric, Scenario, ServerIndex, Trouble};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

fn toml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            toml_files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            found.push(path);
        }
    }
}

fn paper(file: &str) -> Scenario {
    Scenario::load(folder().join("paper").join(file)).unwrap()
}

/// The bounds on a metric, in milliseconds.
fn bounds_ms(scenario: &Scenario, of: &str, wanted: Metric) -> Option<(f64, f64)> {
    scenario
        .expects
        .iter()
        .find_map(|expect| match expect.check {
            Check::Metric {
                server,
                metric,
                bounds:
                    Bounds::Within {
                        at_least: Some(least),
                        at_most: Some(most),
                    },
            } if metric == wanted && scenario.group[server.index()] == of => {
                Some((least.as_secs_f64() * 1e3, most.as_secs_f64() * 1e3))
            }
            _ => None,
        })
}

fn assert_bounds(
    scenario: &Scenario,
    server: &str,
    metric: Metric,
    published_s: f64,
    tolerance_s: f64,
) {
    let (least, most) = bounds_ms(scenario, server, metric).unwrap();
    let message = format!("{}: {server} {}", scenario.name, metric.name());
    assert!(
        (least - (published_s - tolerance_s) * 1e3).abs() < 1e-3,
        "{message}"
    );
    assert!(
        (most - (published_s + tolerance_s) * 1e3).abs() < 1e-3,
        "{message}"
    );
}

#[test]
fn every_file_loads_and_is_written_as_an_equal_one() {
    let mut files = Vec::new();
    toml_files(&folder(), &mut files);
    assert!(files.len() >= 13, "{files:?}");
    for file in files {
        let mut scenario = Scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
        let text = scenario.to_toml();
        let mut again = Scenario::parse(&text, "again", Path::new("nowhere")).unwrap();
        for each in [&mut scenario, &mut again] {
            each.faults.iter_mut().for_each(|fault| fault.line = 0);
            each.expects.iter_mut().for_each(|expect| expect.line = 0);
        }
        assert_eq!(again, scenario, "{}", file.display());
    }
}

#[test]
fn one_server_in_trouble_expects_the_published_times() {
    let published = [
        ("s1t", Trouble::S1t, None, 3.2, 9.2),
        ("s2t", Trouble::S2t, Some(9.3), 63.3, 15.8),
        ("n1t", Trouble::N1t, Some(8.4), 53.6, 15.5),
        ("n2t", Trouble::N2t, Some(8.3), 154.8, 15.4),
    ];
    for (file, trouble, function, target, disconnection) in published {
        let scenario = paper(&format!("{file}.toml"));
        assert_eq!(scenario.group, ["mail", "web", "ftp", "proxy"]);
        assert_eq!(scenario.services[0], ["postfix", "dovecot"]);
        assert_eq!(scenario.parameters, Parameters::paper());
        assert_eq!(scenario.duration, Span::from_secs(300));
        let [fault] = scenario.faults.as_slice() else {
            panic!("{file} has {} faults", scenario.faults.len());
        };
        assert_eq!(fault.at, Time::ZERO + Span::from_secs(6));
        let server = ServerIndex(1);
        assert_eq!(fault.action, FaultAction::Trouble { trouble, server });

        let tolerance = |published: f64| (published * 0.005).max(0.3);
        for (metric, seconds) in [
            (Metric::Target, Some(target)),
            (Metric::Disconnection, Some(disconnection)),
            (Metric::Function, function),
        ] {
            match seconds {
                Some(s) => assert_bounds(&scenario, "web", metric, s, tolerance(s)),
                None => assert!(scenario.expects.iter().any(|expect| expect.check
                    == Check::Metric {
                        server,
                        metric,
                        bounds: Bounds::Absent
                    })),
            }
        }
        assert_eq!(scenario.expects.len(), 3);
    }
}

#[test]
fn two_servers_in_trouble_expect_the_published_times_or_a_good_end() {
    use Trouble::{N1t, N2t, S2t};
    let published = [
        (S2t, [(11.0, 63.5), (11.3, 65.0)]),
        (N1t, [(9.7, 53.2), (8.7, 53.8)]),
        (N2t, [(9.5, 154.9), (9.4, 155.3)]),
    ];
    for on_mail in [S2t, N1t, N2t] {
        for on_ftp in [S2t, N1t, N2t] {
            let file = format!("pair-{}-{}.toml", on_mail.name(), on_ftp.name());
            let scenario = paper(&file.to_lowercase());
            let troubles: Vec<(Time, Trouble, u8)> = scenario
                .faults
                .iter()
                .filter_map(|fault| match fault.action {
                    FaultAction::Trouble { trouble, server } => Some((fault.at, trouble, server.0)),
                    _ => None,
                })
                .collect();
            let at = Time::ZERO + Span::from_secs(6);
            assert_eq!(troubles, [(at, on_mail, 0), (at, on_ftp, 2)]);
            if on_mail == on_ftp {
                let (_, cells) = published
                    .iter()
                    .find(|(trouble, _)| *trouble == on_mail)
                    .unwrap();
                let tolerance = |published: f64| (published * 0.02).max(1.0);
                for (server, (function, target)) in ["mail", "ftp"].into_iter().zip(*cells) {
                    assert_bounds(
                        &scenario,
                        server,
                        Metric::Function,
                        function,
                        tolerance(function),
                    );
                    assert_bounds(&scenario, server, Metric::Target, target, tolerance(target));
                }
                assert_eq!(scenario.expects.len(), 4);
            } else {
                let at = scenario.end();
                let all: Vec<ServerIndex> = (0..4).map(ServerIndex).collect();
                let members = Check::Members {
                    members: all.clone(),
                    at,
                };
                let served = all.into_iter().map(|server| Check::Served {
                    function: server,
                    by: Some(server),
                    at,
                });
                let expected: Vec<Check> = [members].into_iter().chain(served).collect();
                let checks: Vec<Check> = scenario
                    .expects
                    .into_iter()
                    .map(|expect| expect.check)
                    .collect();
                assert_eq!(checks, expected);
            }
        }
    }
}

#[test]
fn the_documented_example_is_a_scenario() {
    let module = include_str!("../src/scenario/mod.rs");
    let documentation = module.lines().map_while(|line| line.strip_prefix("//!"));
    let example: Vec<&str> = documentation
        .skip_while(|line| *line != " ```toml")
        .skip(1)
        .take_while(|line| *line != " ```")
        .collect();
    let scenario = Scenario::parse(&example.join("\n"), "example", Path::new("nowhere"));
    let scenario = scenario.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((scenario.faults.len(), scenario.expects.len()), (1, 3));
}
