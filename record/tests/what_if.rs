//! Replays under changed settings: the same as long as nothing depends on the change, then told where.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{TIMING, Told, config, frames, id, live, lives};
use proptest::prelude::*;
use tetrarch_core::{Config, Input, Members, Message, Outcome, Output, Span, Timing};
use tetrarch_record::{Divergence, End, Moment, Replay, WhatIf};

const S: u64 = 1_000_000_000;

/// How many steps were the same, and where the nodes parted.
fn what_if(bytes: &[u8], timing: Timing) -> (u64, Option<Divergence>, Option<End>) {
    let replay = Replay::new(bytes).unwrap();
    let old = *replay.config();
    let changed = Config::new(old.me(), old.size(), old.guests_max(), timing).unwrap();
    let mut what_if = WhatIf::new(replay, changed);
    let (mut same, mut diverged) = (0, None);
    while let Some(moment) = what_if.next_moment().unwrap() {
        assert!(diverged.is_none(), "a replay went on after a divergence");
        match moment {
            Moment::Same(played) => {
                same += 1;
                assert_eq!(played.number, same);
            }
            Moment::Diverged(divergence) => diverged = Some(divergence),
        }
    }
    (same, diverged, what_if.replay().end())
}

/// A start without an address, the end of the wait for answers, and then one wake-up that comes late.
fn quiet_life() -> Vec<u8> {
    let report = Told::Input(Input::Message {
        from: id(0),
        message: Message::Up { target: id(3) },
    });
    let start = Told::Input(Input::Start {
        holding: false,
        serving: Members::NONE,
        silent: Span::MAX,
        left: Span::MAX,
    });
    let told = [
        (0, start),
        (S + 5, Told::Input(Input::Deadline)),
        (0, Told::Finish(Outcome::Ok)),
        (S, report),
        (40 * S, Told::Input(Input::Deadline)),
    ];
    live(config(), &told).1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn unchanged_settings_never_part(life in lives()) {
        let (lived, bytes) = live(config(), &life);
        let (same, diverged, end) = what_if(&bytes, TIMING);
        prop_assert_eq!(diverged, None);
        prop_assert_eq!((same, end), (lived.len() as u64, Some(End::Finished)));
    }

    #[test]
    fn changed_settings_never_panic(life in lives(), ms in 1..60_000_u64, which in 0..5_usize) {
        let (lived, bytes) = live(config(), &life);
        let span = Span::from_millis(ms);
        let mut timing = TIMING;
        *[
            &mut timing.inter_monitoring,
            &mut timing.join_wait,
            &mut timing.sync_grace,
            &mut timing.poll_pause,
            &mut timing.job_max,
        ][which] = span;
        let (same, diverged, _) = what_if(&bytes, timing);
        let parted = diverged.map_or(lived.len() as u64 + 1, |divergence| divergence.number);
        prop_assert_eq!(parted, same + 1);
    }
}

#[test]
fn a_shorter_wait_shows_where_it_ends() {
    let bytes = quiet_life();
    let changed = Timing {
        join_wait: Span::from_millis(300),
        ..TIMING
    };
    let (same, diverged, _) = what_if(&bytes, changed);
    let diverged = diverged.unwrap();
    assert_eq!((same, diverged.number, diverged.input), (2, 3, None));
    assert_eq!(diverged.at.as_nanos(), 300_000_000);
    assert_eq!(diverged.recorded, []);
    let manages = |output: &Output| matches!(output, Output::Run { .. } | Output::Note(_));
    assert!(diverged.changed.iter().any(manages));
}

#[test]
fn a_longer_wait_shows_where_the_recorded_one_ended() {
    let bytes = quiet_life();
    let changed = Timing {
        join_wait: Span::from_secs(2),
        ..TIMING
    };
    let (same, diverged, _) = what_if(&bytes, changed);
    let diverged = diverged.unwrap();
    assert_eq!((same, diverged.number), (2, 3));
    assert_eq!(diverged.input, Some(Input::Deadline));
    assert_eq!(diverged.changed, []);
    assert_ne!(diverged.recorded, []);
}

#[test]
fn a_setting_that_nothing_depended_on_changes_nothing() {
    let bytes = quiet_life();
    let changed = Timing {
        judgement_max: Span::from_secs(1),
        ..TIMING
    };
    let (same, diverged, end) = what_if(&bytes, changed);
    assert_eq!((diverged, end), (None, Some(End::Finished)));
    assert_eq!(same + 2, frames(&bytes).len() as u64);
}
