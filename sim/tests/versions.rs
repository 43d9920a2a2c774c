//! Two neighbouring versions in one ring.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use tetrarch_core::{Input, Message, Output, ServerId, Span, Time, Version};
use tetrarch_sim::observer::Observer;
use tetrarch_sim::run::run_watched;
use tetrarch_sim::scenario::Scenario;
use tetrarch_sim::simulation::Simulation;

/// Which versions were said to speak, and what was said in the newest.
#[derive(Default)]
struct Said {
    told: Vec<Version>,
    in_newest: Vec<(Time, ServerId, ServerId)>,
}

impl Observer for Said {
    fn input(&mut self, _: Time, _: ServerId, input: &Input) {
        if let Input::Speaks { version, .. } = input {
            self.told.push(*version);
        }
    }

    fn output(&mut self, now: Time, from: ServerId, output: &Output) {
        if let Output::Send { to, message } = output
            && message.since() == Version::NEWEST
            && matches!(message, Message::Renew { .. } | Message::Grant { .. })
        {
            self.in_newest.push((now, from, *to));
        }
    }
}

fn scenario(name: &str) -> Scenario {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/upgrade/");
    Scenario::load(format!("{folder}{name}")).unwrap()
}

/// Servers speak the newest version to each other as soon as both have it, and never before: all that
/// is sent in it is between servers that had been upgraded by then.
#[test]
fn the_newest_version_is_spoken_between_those_who_know_it() {
    let scenario = scenario("rolling-guarded.toml");
    let (run, said) = run_watched(
        &scenario,
        &scenario.parameters,
        scenario.seed,
        Said::default(),
    )
    .unwrap();
    assert_eq!((run.unmet, run.violations), (vec![], vec![]));
    assert!(said.told.contains(&Version::V1) && said.told.contains(&Version::V2));
    let knows = |server, at| {
        let faults = &scenario.faults;
        scenario.equipment.version_at(faults, server, at) == Version::NEWEST
    };
    let too_early = said.in_newest.iter().filter(|(at, from, to)| {
        // The questions of a start go out before it is known who speaks what.
        let has_just_started = scenario.faults.iter().any(|fault| fault.at == *at);
        !(knows(*from, *at) && (knows(*to, *at) || has_just_started))
    });
    assert_eq!(too_early.count(), 0);
    let pairs: std::collections::BTreeSet<_> = said
        .in_newest
        .iter()
        .map(|(_, from, to)| (*from, *to))
        .collect();
    assert_eq!(
        pairs.len(),
        12,
        "in the end everybody speaks it to everybody"
    );
}

/// An order goes to a server that can take it: none of version 1 has ever heard of one.
#[test]
fn an_order_is_withdrawn_where_it_is_known() {
    let text = "name = \"n\"\npurpose = \"p\"\ngroup = [\"s1\", \"s2\", \"s3\"]\nduration = \"60s\"\n\
                [versions]\ns1 = 1\ns2 = 1\n\
                [[fault]]\nat = \"20s\"\nfault = \"freeze\"\n\
                [[fault]]\nat = \"30s\"\nfault = \"maintenance-begin\"\nserver = \"s1\"\n\
                [[fault]]\nat = \"40s\"\nfault = \"thaw\"\n";
    let scenario = Scenario::parse(text, "s.toml", std::path::Path::new(".")).unwrap();
    let mut simulation = Simulation::new(&scenario, ()).unwrap();
    let third = ServerId::new(2).unwrap();
    let mut orders_at = |seconds| {
        simulation.run_until(Time::ZERO + Span::from_secs(seconds));
        simulation.nodes()[third.index()].view().orders()
    };
    assert!(orders_at(35).is_frozen());
    let maintained = orders_at(36).maintained();
    assert!(maintained.contains(ServerId::new(0).unwrap()));
    assert!(!orders_at(45).is_frozen());
}
