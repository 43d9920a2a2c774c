//! Two neighbouring versions in one ring.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use tetrarch_core::{Input, Message, Output, ServerId, Time, Version};
use tetrarch_sim::observer::Observer;
use tetrarch_sim::run::run_watched;
use tetrarch_sim::scenario::Scenario;

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
