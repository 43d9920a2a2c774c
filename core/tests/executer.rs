//! The executer: the flag file, the copy, start and stop, and any order of inputs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use tetrarch_core::executer::ExecuterTimer::{Copy, Look};
use tetrarch_core::executer::{
    Executer, ExecuterDeadline, ExecuterInput as In, ExecuterOutput as Out, ExecuterPhase,
    ExecuterSettings, ExecuterSettingsError, ExecuterTimer,
};
use tetrarch_core::{Span, Time};

const FRESH: Out = Out::StartPrograms { fresh: true };
const OLD: Out = Out::StartPrograms { fresh: false };
const THERE: In = In::Flag { present: true };
const GONE: In = In::Flag { present: false };
const COPIED: In = In::Copied { ok: true };
const FAILED: In = In::Copied { ok: false };

/// Looks every 10 s, copies for 25 s at most.
fn settings() -> ExecuterSettings {
    ExecuterSettings::new(Span::from_secs(10), Span::from_secs(25)).unwrap()
}

fn at(s: u64) -> Time {
    Time::ZERO + Span::from_secs(s)
}

/// Feeds (second, input, expected output, expected second and timer of the deadline).
fn play(executer: &mut Executer, script: &[(u64, In, Option<Out>, u64, ExecuterTimer)]) {
    for (i, &(s, input, output, due, timer)) in script.iter().enumerate() {
        let step = executer.step(at(s), input);
        assert_eq!(step.output, output, "output of step {i}: {input:?}");
        let deadline = Some(ExecuterDeadline { at: at(due), timer });
        assert_eq!(step.deadline, deadline, "deadline of step {i}: {input:?}");
    }
}

/// An executer that was started at 0 s, saw the flag at once, and copies.
fn copying(has_local_copy: bool) -> Executer {
    let mut executer = Executer::new(settings(), has_local_copy);
    play(
        &mut executer,
        &[
            (0, In::Start, None, 0, Look),
            (0, THERE, Some(Out::CopyFromShared), 10, Look),
        ],
    );
    executer
}

#[test]
fn the_flag_starts_and_stops_the_programs() {
    let mut executer = Executer::new(settings(), false);
    play(
        &mut executer,
        &[
            (5, In::Start, None, 5, Look),
            (5, GONE, None, 15, Look),
            (15, THERE, Some(Out::CopyFromShared), 25, Look),
            (18, COPIED, Some(FRESH), 25, Look),
            (25, THERE, None, 35, Look),
            (35, GONE, Some(Out::StopPrograms), 45, Look),
            (36, In::Stopped, None, 45, Look),
            (45, GONE, None, 55, Look),
        ],
    );
    assert_eq!(executer.phase(), ExecuterPhase::Idle);
    assert!(executer.has_local_copy());
}

#[test]
fn nothing_happens_before_the_start_and_a_second_start_is_ignored() {
    let mut executer = Executer::new(settings(), true);
    for input in [THERE, GONE, COPIED, FAILED, In::Stopped, In::Deadline] {
        let step = executer.step(at(1), input);
        assert_eq!((step.output, step.deadline), (None, None), "{input:?}");
        assert_eq!(executer, Executer::new(settings(), true), "{input:?}");
    }
    play(
        &mut executer,
        &[
            (2, In::Start, None, 2, Look),
            (2, THERE, Some(Out::CopyFromShared), 12, Look),
            (3, COPIED, Some(FRESH), 12, Look),
            (4, In::Start, None, 12, Look),
        ],
    );
    assert_eq!(executer.phase(), ExecuterPhase::Running);
}

#[test]
fn a_failed_copy_is_replaced_by_the_local_one_only_if_there_is_one() {
    let mut with = copying(true);
    play(&mut with, &[(1, FAILED, Some(OLD), 10, Look)]);
    let mut without = copying(false);
    play(
        &mut without,
        &[
            // Not in a tight loop: the next look tries again.
            (1, FAILED, None, 10, Look),
            (10, THERE, Some(Out::CopyFromShared), 20, Look),
            (11, COPIED, Some(FRESH), 20, Look),
        ],
    );
}

#[test]
fn a_copy_that_hangs_counts_as_failed() {
    let mut executer = copying(true);
    play(
        &mut executer,
        &[
            (10, THERE, None, 20, Look),
            (20, THERE, None, 25, Copy),
            // Early: nothing is due.
            (24, In::Deadline, None, 25, Copy),
            (25, In::Deadline, Some(OLD), 30, Look),
            // Its late end starts nothing a second time.
            (26, COPIED, None, 30, Look),
            (27, COPIED, None, 30, Look),
        ],
    );
    // A copy that ends after its time, before the driver got to the deadline, is late all the same.
    let mut late = copying(true);
    play(&mut late, &[(26, COPIED, Some(OLD), 10, Look)]);
    // One that takes exactly the longest time does not take longer.
    let mut just = copying(true);
    play(&mut just, &[(25, COPIED, Some(FRESH), 10, Look)]);
}

#[test]
fn a_hanging_copy_is_not_joined_by_a_second_one() {
    let mut executer = copying(false);
    play(
        &mut executer,
        &[
            (25, THERE, None, 35, Look),
            (35, THERE, None, 45, Look),
            // What this copy read is from before the flag was seen again: a new one is made.
            (40, COPIED, Some(Out::CopyFromShared), 45, Look),
            (45, THERE, None, 55, Look),
            (55, THERE, None, 65, Look),
            (65, In::Deadline, Some(OLD), 75, Look),
        ],
    );
}

#[test]
fn a_copy_that_never_ends_does_not_keep_the_local_copy_from_use() {
    let mut executer = copying(true);
    play(
        &mut executer,
        &[
            (25, In::Deadline, Some(OLD), 35, Look),
            (35, GONE, Some(Out::StopPrograms), 45, Look),
            (36, In::Stopped, None, 45, Look),
            (45, THERE, None, 55, Look),
            (70, THERE, Some(OLD), 80, Look),
        ],
    );
}

#[test]
fn the_flag_may_flap_while_copying() {
    let mut executer = copying(false);
    play(
        &mut executer,
        &[
            (1, GONE, None, 11, Look),
            (2, COPIED, None, 11, Look),
            (11, THERE, Some(Out::CopyFromShared), 21, Look),
            (12, GONE, None, 22, Look),
            (13, THERE, None, 23, Look),
            (14, GONE, None, 24, Look),
            (15, THERE, None, 25, Look),
            (16, FAILED, Some(Out::CopyFromShared), 25, Look),
            (17, COPIED, Some(FRESH), 25, Look),
        ],
    );
}

#[test]
fn the_flag_may_flap_while_stopping() {
    let mut executer = copying(false);
    play(
        &mut executer,
        &[
            (1, COPIED, Some(FRESH), 10, Look),
            (10, GONE, Some(Out::StopPrograms), 20, Look),
            (11, THERE, None, 21, Look),
            (12, GONE, None, 22, Look),
            (13, THERE, None, 23, Look),
            (14, In::Stopped, None, 23, Look),
            (14, In::Stopped, None, 23, Look),
            (23, THERE, Some(Out::CopyFromShared), 33, Look),
            (24, COPIED, Some(FRESH), 33, Look),
        ],
    );
}

#[test]
fn programs_that_die_are_stopped_and_started_at_the_next_look() {
    let mut executer = copying(false);
    play(
        &mut executer,
        &[
            (1, COPIED, Some(FRESH), 10, Look),
            (2, In::Stopped, Some(Out::StopPrograms), 10, Look),
            (3, In::Stopped, None, 10, Look),
            (10, THERE, Some(Out::CopyFromShared), 20, Look),
        ],
    );
}

#[test]
fn a_disk_that_gives_no_answer_changes_nothing() {
    let mut executer = copying(false);
    play(
        &mut executer,
        &[
            (1, COPIED, Some(FRESH), 10, Look),
            (10, In::Deadline, None, 20, Look),
            (50, In::Deadline, None, 60, Look),
            (51, In::Deadline, None, 60, Look),
        ],
    );
    assert_eq!(executer.phase(), ExecuterPhase::Running);
}

#[test]
fn settings_of_zero_are_refused() {
    let s = Span::from_secs(1);
    assert_eq!(
        ExecuterSettings::new(Span::ZERO, s),
        Err(ExecuterSettingsError::LookEvery)
    );
    assert_eq!(
        ExecuterSettings::new(s, Span::ZERO),
        Err(ExecuterSettingsError::CopyMax)
    );
    let default = ExecuterSettings::default();
    assert_eq!(
        ExecuterSettings::new(default.look_every(), default.copy_max()),
        Ok(default)
    );
}

fn input() -> impl Strategy<Value = In> {
    prop_oneof![
        1 => Just(In::Start),
        4 => Just(THERE),
        2 => Just(GONE),
        3 => Just(COPIED),
        2 => Just(FAILED),
        2 => Just(In::Stopped),
        3 => Just(In::Deadline),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_sequence_keeps_the_promises(
        inputs in prop::collection::vec((0_u64..30, input()), 0..80),
        had_copy in any::<bool>(),
    ) {
        let mut executer = Executer::new(settings(), had_copy);
        let mut s = 0;
        let (mut started, mut flag, mut local) = (false, false, had_copy);
        let (mut may_start, mut stopping, mut copies_open) = (true, false, 0);
        for (pause, input) in inputs {
            s += pause;
            started |= input == In::Start;
            if started {
                match input {
                    In::Flag { present } => flag = present,
                    In::Copied { ok } if copies_open > 0 => {
                        copies_open -= 1;
                        local |= ok;
                    }
                    In::Stopped if stopping => (may_start, stopping) = (true, false),
                    _ => {}
                }
            }
            let step = executer.step(at(s), input);
            match step.output {
                Some(Out::StartPrograms { fresh }) => {
                    prop_assert!(flag, "started without the flag");
                    prop_assert!(may_start, "started twice without a stop between");
                    prop_assert!(local, "started without any complete copy");
                    prop_assert!(!fresh || input == COPIED);
                    may_start = false;
                }
                Some(Out::StopPrograms) => {
                    prop_assert!(!may_start && !stopping, "stopped what does not run");
                    stopping = true;
                }
                Some(Out::CopyFromShared) => {
                    prop_assert!(flag && may_start, "copied for nothing");
                    copies_open += 1;
                    prop_assert_eq!(copies_open, 1, "two copies at once");
                }
                None => {}
            }
            prop_assert_eq!(executer.has_local_copy(), local);
            prop_assert_eq!(step.deadline.is_some(), started);
            if let Some(deadline) = step.deadline {
                prop_assert!(deadline.at <= at(s) + settings().look_every());
            }
            if !flag {
                prop_assert!(may_start || stopping, "runs on without the flag");
            }
        }
    }

    /// After any disorder: the flag stays, the driver does its duty, and the programs run.
    #[test]
    fn after_any_disorder_the_programs_run_again(
        inputs in prop::collection::vec((0_u64..30, input()), 0..40),
    ) {
        let mut executer = Executer::new(settings(), false);
        let mut s = 0;
        let mut copy_open = false;
        for (pause, input) in inputs {
            s += pause;
            copy_open &= !matches!(input, In::Copied { .. });
            copy_open |= executer.step(at(s), input).output == Some(Out::CopyFromShared);
        }
        let mut next = Some(In::Start);
        let mut looks = 0;
        while !matches!(executer.phase(), ExecuterPhase::Running) {
            let input = next.take().unwrap_or_else(|| {
                if copy_open {
                    COPIED
                } else if executer.phase() == ExecuterPhase::Stopping {
                    In::Stopped
                } else {
                    looks += 1;
                    s += 10;
                    THERE
                }
            });
            copy_open &= input != COPIED;
            copy_open |= executer.step(at(s), input).output == Some(Out::CopyFromShared);
            prop_assert!(looks <= 2, "not running after two looks");
        }
    }
}
