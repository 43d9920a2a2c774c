//! Any scenario that a program builds is written as a file that loads as the same scenario.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use tetrarch_core::{Damping, Failback, Members, Order, Span, Time, Version};
use tetrarch_sim::check::Invariant;
use tetrarch_sim::parameters::{Parameters, TABLE};
use tetrarch_sim::scenario::{
    Bounds, Check, Equipment, Expect, Fault, FaultAction, Metric, Operation, Policy, Safety,
    Scenario, ServerIndex, Sightings, Trouble,
};
use tetrarch_sim::units::Ratio;

const NAMES: [&str; 8] = [
    "mail",
    "web",
    "ftp",
    "proxy",
    "dns-1",
    "X",
    "7",
    "a-long--name",
];

fn server(size: usize) -> impl Strategy<Value = ServerIndex> {
    (0..size).prop_map(|index| ServerIndex(u8::try_from(index).unwrap()))
}

fn instant(duration: Span) -> impl Strategy<Value = Time> {
    (0..=duration.as_nanos()).prop_map(Time::from_nanos)
}

fn all(size: usize) -> Vec<ServerIndex> {
    (0..u8::try_from(size).unwrap()).map(ServerIndex).collect()
}

/// Two servers.
fn way(size: usize) -> impl Strategy<Value = (ServerIndex, ServerIndex)> {
    (server(size), 1..size).prop_map(move |(from, by)| {
        let to = (from.index() + by) % size;
        (from, ServerIndex(u8::try_from(to).unwrap()))
    })
}

fn link_fault(size: usize) -> impl Strategy<Value = FaultAction> {
    let share = || (0u32..=1_000_000).prop_map(Ratio::from_ppm);
    let span = || (1_000_000..=86_400_000_000_000_u64).prop_map(Span::from_nanos);
    prop_oneof![
        way(size).prop_map(|(from, to)| FaultAction::Cut { from, to }),
        (way(size), span(), span()).prop_map(|((from, to), down, up)| FaultAction::Flap {
            from,
            to,
            down,
            up
        }),
        (way(size), share()).prop_map(|((from, to), percent)| FaultAction::LinkLoss {
            from,
            to,
            percent
        }),
        (way(size), span()).prop_map(|((from, to), by)| FaultAction::LinkDelay { from, to, by }),
        (share(), span()).prop_map(|(percent, by)| FaultAction::Late { percent, by }),
        share().prop_map(FaultAction::Doubled),
        share().prop_map(FaultAction::Loss),
    ]
}

fn action(size: usize) -> impl Strategy<Value = FaultAction> {
    let still = prop_oneof![
        server(size).prop_map(FaultAction::AgentPause),
        server(size).prop_map(FaultAction::AgentResume),
        server(size).prop_map(FaultAction::Pause),
        server(size).prop_map(FaultAction::Resume),
        server(size).prop_map(FaultAction::ResumeFails),
        (server(size), -500_000..=500_000_i32)
            .prop_map(|(server, ppm)| FaultAction::ClockDrift { server, ppm }),
    ];
    let partition = (Just(all(size)).prop_shuffle(), 1..size).prop_map(|(order, at)| {
        FaultAction::Partition(vec![order[..at].into(), order[at..].into()])
    });
    prop_oneof![
        (select(Trouble::ALL), server(size))
            .prop_map(|(trouble, server)| FaultAction::Trouble { trouble, server }),
        server(size).prop_map(FaultAction::Crash),
        server(size).prop_map(FaultAction::Destroy),
        server(size).prop_map(FaultAction::Repair),
        server(size).prop_map(FaultAction::AgentStop),
        server(size).prop_map(FaultAction::AgentStart),
        server(size).prop_map(FaultAction::VirtualServerFails),
        server(size).prop_map(FaultAction::FileServerCut),
        server(size).prop_map(FaultAction::FenceFails),
        (server(size), select(Version::ALL))
            .prop_map(|(server, version)| FaultAction::Upgrade { server, version }),
        link_fault(size),
        still,
        partition,
        Just(FaultAction::Heal),
        Just(FaultAction::FileServerDown),
        Just(FaultAction::FileServerUp),
        (1u32..=1000).prop_map(FaultAction::FileServerSlow),
        operation(size).prop_map(FaultAction::Operation),
    ]
}

fn operation(size: usize) -> impl Strategy<Value = Operation> {
    (server(size), any::<bool>(), 0..6_u8).prop_map(|(place, on, kind)| {
        let server = place.id().unwrap();
        match kind {
            0 => Operation::Order(Order::Maintenance { server, on }),
            1 => Operation::Order(Order::MaintenanceOfAll { on }),
            2 => Operation::Order(Order::Freeze { on }),
            3 => Operation::Order(Order::HandOver { server }),
            4 => Operation::Order(Order::HandBack { server }),
            _ => Operation::Leave {
                server: place,
                restart: on,
            },
        }
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let span = || any::<u32>().prop_map(|ns| Span::from_nanos(u64::from(ns)));
    let failback = prop_oneof![
        Just(Failback::Automatic),
        Just(Failback::Manual),
        span().prop_map(Failback::Delayed),
    ];
    let damping = (any::<u8>(), span(), span(), span());
    let damping = damping.prop_map(|(recoveries_max, window, hold, hold_max)| Damping {
        recoveries_max,
        window,
        hold,
        hold_max,
    });
    (failback, option::of(damping)).prop_map(|(failback, damping)| Policy { failback, damping })
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let within = (any::<u32>(), any::<u32>(), 0..3).prop_map(|(least, more, which)| {
        let least = Span::from_nanos(u64::from(least));
        let most = least + Span::from_nanos(u64::from(more));
        Bounds::Within {
            at_least: (which != 0).then_some(least),
            at_most: (which != 1).then_some(most),
        }
    });
    prop_oneof![Just(Bounds::Absent), within]
}

fn check(size: usize, duration: Span) -> impl Strategy<Value = Check> {
    let at = || prop_oneof![Just(Time::ZERO + duration), instant(duration)];
    prop_oneof![
        (server(size), select(Metric::ALL), bounds()).prop_map(|(server, metric, bounds)| {
            Check::Metric {
                server,
                metric,
                bounds,
            }
        }),
        (server(size), option::of(server(size)), at())
            .prop_map(|(function, by, at)| Check::Served { function, by, at }),
        (server(size), any::<u32>(), at()).prop_map(|(function, ns, at)| Check::Outage {
            function,
            at_most: Span::from_nanos(u64::from(ns)),
            at,
        }),
        (subsequence(all(size), 0..=size).prop_shuffle(), at())
            .prop_map(|(members, at)| Check::Members { members, at }),
        (select(Invariant::ALL), option::of(server(size)))
            .prop_map(|(invariant, subject)| Check::Violation { invariant, subject }),
    ]
}

/// The paper's parameters with some of the times, rates and shares made others.
fn parameters() -> impl Strategy<Value = Parameters> {
    let changes = [
        ("server_restart", "1m0.000001s"),
        ("link_delay", "3ns"),
        ("link_rate", "2.5 Gbit/s"),
        ("resume_shared", "0.333333"),
        ("host_memory", "65536 MB"),
        ("client_access", "0 B"),
        ("judgement_max", "1d"),
    ];
    subsequence(changes.to_vec(), 0..=changes.len()).prop_map(|changes| {
        let mut parameters = Parameters::paper();
        for (key, text) in changes {
            parameters.set_text(key, text).unwrap();
        }
        parameters
    })
}

/// The group and its services, the default ones for some servers.
fn servers(size: usize) -> impl Strategy<Value = (Vec<String>, Vec<Vec<String>>)> {
    let services = prop_oneof![
        Just(Vec::new()),
        "[a-zA-Z0-9._@-]{1,64}".prop_map(|name| vec![name]),
        Just(vec!["one".to_owned(), "two@3.service".to_owned()]),
    ];
    let group = subsequence(NAMES.to_vec(), size).prop_shuffle();
    (group, vec(services, size)).prop_map(|(group, mut services)| {
        let group: Vec<String> = group.into_iter().map(str::to_owned).collect();
        for (server, list) in group.iter().zip(&mut services) {
            if list.is_empty() {
                list.push(server.clone());
            }
        }
        (group, services)
    })
}

/// Versions of the servers of a group of `size`; there are no others.
fn equipment(size: usize) -> impl Strategy<Value = Equipment> {
    let seen = (any::<bool>(), any::<bool>());
    let seen = seen.prop_map(|(rivals, services)| Sightings { rivals, services });
    let versions = vec(select(Version::ALL), size);
    let fences = any::<u8>();
    (versions, seen, fences).prop_map(move |(some, sightings, fences)| {
        let mut versions = Equipment::of(Safety::default()).versions;
        versions[..some.len()].copy_from_slice(&some);
        let beyond = Members::from_bits(fences).minus(Members::first(size));
        Equipment {
            versions,
            sightings,
            fences: Members::from_bits(fences).minus(beyond),
        }
    })
}

fn prose() -> impl Strategy<Value = (String, String)> {
    let name = "[!-~][ -~äß]{0,30}[!-~]";
    let purpose = "[!-~]([ -~äß]{0,20}\n){0,3}[!-~]";
    (name, purpose)
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let size_and_duration = (2usize..=8, 1u64..=Scenario::DURATION_MAX.as_nanos());
    size_and_duration.prop_flat_map(|(size, nanos)| {
        let duration = Span::from_nanos(nanos);
        let fault = (instant(duration), action(size));
        let fault = fault.prop_map(|(at, action)| Fault {
            at,
            action,
            line: 0,
        });
        let expect = check(size, duration).prop_map(|check| Expect { check, line: 0 });
        let heads = (
            prose(),
            servers(size),
            parameters(),
            (equipment(size), policy()),
            any::<u64>(),
        );
        (heads, vec(fault, 0..6), vec(expect, 0..6)).prop_map(move |(head, faults, expects)| {
            let ((name, purpose), (group, services), parameters, settings, seed) = head;
            let (equipment, policy) = settings;
            Scenario {
                name,
                purpose,
                group,
                services,
                parameters,
                safety: Safety::default(),
                policy,
                equipment,
                seed,
                duration,
                faults,
                expects,
            }
        })
    })
}

proptest! {
    #[test]
    fn every_scenario_loads_as_it_was_written(scenario in scenario()) {
        let text = scenario.to_toml();
        let loaded = Scenario::parse(&text, "written", Path::new("nowhere"));
        let mut loaded = loaded.unwrap_or_else(|error| panic!("{error}\n{text}"));
        let lines: Vec<&str> = text.lines().collect();
        for fault in &mut loaded.faults {
            prop_assert_eq!(lines[fault.line as usize - 1], "[[fault]]");
            fault.line = 0;
        }
        for expect in &mut loaded.expects {
            prop_assert_eq!(lines[expect.line as usize - 1], "[[expect]]");
            expect.line = 0;
        }
        prop_assert_eq!(loaded, scenario);
    }
}

#[test]
fn what_is_the_default_is_not_written() {
    let text = "name = \"n\"\npurpose = \"p\"\ngroup = [\"a\", \"c\"]\nduration = \"9s\"\n";
    let scenario = Scenario::parse(text, "s", Path::new("")).unwrap();
    assert_eq!(scenario.to_toml(), text);
    assert!(
        TABLE
            .iter()
            .all(|row| !scenario.to_toml().contains(row.key))
    );
}
