use alloc::vec::Vec;

use super::*;
use crate::config::{Config, Safety};
use crate::io::{Input, Outbox, Output};
use crate::time::Life;
use crate::timing::Timing;

const SECOND: Span = Span::from_secs(1);

fn s(number: usize) -> ServerId {
    ServerId::new(number - 1).unwrap()
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn node() -> Node {
    let timing = Timing {
        inter_monitoring: SECOND.times(100),
        reexamination_wait: SECOND,
        judgement_max: SECOND.times(100),
        hand_off: SECOND,
        poll_pause: SECOND,
        sync_grace: SECOND,
        join_wait: SECOND,
        examination_max: SECOND.times(100),
        job_max: SECOND.times(100),
        lease_term: SECOND.times(12),
        lease_margin: SECOND.times(2),
    };
    let config = Config::new(s(1), 3, 2, timing).unwrap();
    Node::new(config.with_safety(Safety::Guarded))
}

fn step(node: &mut Node, now: Time, input: Input) -> Vec<Output> {
    let mut out = Outbox::new();
    let mut step = node.step(now, input, &mut out);
    let outputs = step.by_ref().collect();
    let _ = step.finish();
    outputs
}

const fn started(holding: bool, silent: Span) -> Input {
    Input::Start {
        holding,
        serving: Members::NONE,
        silent,
        left: SECOND.times(10),
    }
}

/// What voters are asked for in `outputs`, if they are.
fn question(outputs: &[Output]) -> Option<(Sequence, Claims)> {
    outputs.iter().find_map(|output| match output {
        Output::Send {
            message: Message::Renew { asked, claims },
            ..
        } => Some((*asked, *claims)),
        _ => None,
    })
}

fn grant(asked: Time) -> Input {
    Input::Message {
        from: s(2),
        message: Message::Grant {
            claims: Claims::NONE.with(Claim::Address(s(1))),
            asked: Sequence {
                life: Some(Life::FIRST),
                stamp: asked.into(),
            },
        },
    }
}

#[test]
fn an_answer_that_comes_after_the_end_of_a_lease_does_not_hide_that_there_was_one() {
    let start = started(true, Span::MAX);
    let mut node = node();
    step(&mut node, at(100), start);
    step(&mut node, at(101), grant(at(100)));
    step(&mut node, at(104), Input::Deadline);
    let claim = Claim::Address(s(1));
    assert_eq!(node.leased_until(claim), at(110));
    // The programs stand still, and go on with an answer that would make the lease end later.
    let outputs = step(&mut node, at(111), grant(at(104)));
    assert!(outputs.contains(&Output::Note(Event::LeaseLost { claim })));
    let releases = |output: &Output| {
        matches!(
            output,
            Output::Run {
                action: Action::ReleaseOwn,
                ..
            }
        )
    };
    assert!(outputs.iter().any(releases), "{outputs:?}");
    assert_eq!(node.leased_until(claim), at(114), "for the next time");
}

#[test]
fn a_question_that_leaves_something_out_gives_its_votes_back() {
    let start = started(false, Span::MAX);
    let mut node = node();
    step(&mut node, at(100), start);
    let claim = Claim::Address(s(2));
    node.leases.wanted = Claims::NONE.with(claim);
    node.leases.next = at(101);
    node.timers.set(Timer::Lease, at(101));
    let (term, mut left_out) = (node.config.timing.lease_term, 0);
    for second in 101..120 {
        // The own vote goes to another server, and the second one's alone makes no lease.
        let claims = Claims::NONE.with(claim);
        node.register.request(at(second), s(3), claims, term);
        let asked = node.leases.last_stamp();
        node.leases.answered(Voter::Server(s(2)), asked, claims);
        let had = node.leases.voted(claim, 1).is_some();
        let outputs = step(&mut node, at(second), Input::Deadline);
        let asked = question(&outputs).map(|(_, claims)| claims);
        // The answer to this question is lost.
        if asked.is_some_and(|claims| !claims.contains(claim)) {
            assert!(had, "there was no vote to give back");
            assert_eq!(node.leases.voted(claim, 1), None);
            left_out += 1;
        }
    }
    assert!(left_out > 0, "nothing was left out");
}

#[test]
fn the_vote_of_a_voter_that_has_just_begun_to_vote_is_a_hold_too() {
    let start = started(true, Span::ZERO);
    let mut node = node();
    let claim = Claim::Address(s(1));
    let mut outputs = step(&mut node, at(100), start);
    for second in 101..130 {
        let asked = question(&outputs);
        if let Some((asked, claims)) = asked {
            let message = Message::Grant { claims, asked };
            let from = s(2);
            step(&mut node, at(second - 1), Input::Message { from, message });
        }
        outputs = step(&mut node, at(second), Input::Deadline);
        if second > 110 && node.leased_until(claim) > at(second) {
            let is_hold = |output: &Output| matches!(output, Output::Hold { claim: held, .. } if *held == claim);
            assert!(outputs.iter().any(is_hold), "{second}: {outputs:?}");
            return;
        }
    }
    panic!("it never votes for itself");
}

/// A node whose own address could not be taken off it at 104 s, after a manager had asked for that. Its last question
/// before that was at 104 s.
fn that_failed_to_drop_its_own() -> Node {
    let mut node = node();
    step(&mut node, at(100), started(true, Span::MAX));
    step(&mut node, at(101), grant(at(100)));
    step(&mut node, at(104), Input::Deadline);
    let (from, message) = (s(2), Message::Yield { agreed: true });
    let outputs = step(&mut node, at(104), Input::Message { from, message });
    let job = outputs.iter().find_map(|output| match output {
        Output::Run {
            job,
            action: Action::ReleaseOwn,
        } => Some(*job),
        _ => None,
    });
    let (job, outcome) = (job.unwrap(), Outcome::Failed);
    step(&mut node, at(104), Input::Done { job, outcome });
    node
}

fn holds(outputs: &[Output]) -> bool {
    let is_hold = |output: &Output| matches!(output, Output::Hold { .. });
    outputs.iter().any(is_hold)
}

#[test]
fn what_could_not_be_taken_off_is_asked_for_and_not_held_until_its_hold_is_over() {
    let mut node = that_failed_to_drop_its_own();
    let own = Claims::NONE.with(Claim::Address(s(1)));
    let mut asked = Vec::new();
    for second in 105..=118 {
        let outputs = step(&mut node, at(second), Input::Deadline);
        asked.extend(question(&outputs).map(|(_, claims)| (second, claims)));
        let last = node.leases.last_stamp();
        let outputs = step(&mut node, at(second), grant(last));
        assert!(!holds(&outputs), "{second}: {outputs:?}");
    }
    // What was held last was asked for at 104 s, and voters keep their votes for 12 s.
    assert_eq!(asked.last(), Some(&(116, Claims::NONE)), "{asked:?}");
    assert!(asked.len() > 2, "its votes are renewed: {asked:?}");
    assert!(asked.iter().rev().skip(1).all(|(_, claims)| *claims == own));
}

#[test]
fn what_is_wanted_again_before_it_was_given_up_is_held_again() {
    let mut node = that_failed_to_drop_its_own();
    let (from, structure) = (s(2), node.structure);
    let message = Message::GiveBack { structure };
    let outputs = step(&mut node, at(106), Input::Message { from, message });
    assert!(holds(&outputs), "{outputs:?}");
    for second in 107..=125 {
        let outputs = step(&mut node, at(second), Input::Deadline);
        let asked = question(&outputs).map(|(_, claims)| claims);
        assert!(asked.is_none_or(|claims| !claims.is_empty()), "{second}");
    }
}
