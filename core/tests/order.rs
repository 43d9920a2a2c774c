//! Guarded groups need no order of messages: what comes late, or twice, frees no vote and makes no
//! lease.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/timing.rs"]
mod timing;

use proptest::prelude::*;
use tetrarch_core::{
    Claim, Claims, Config, Input, Life, Members, Message, Node, Outbox, Output, Register, Safety,
    Sequence, ServerId, Span, Time,
};
use timing::TIMING;

fn id(place: usize) -> ServerId {
    ServerId::new(place).unwrap()
}

fn at(ms: u64) -> Time {
    Time::ZERO + Span::from_millis(ms)
}

fn asked(life: u32, stamp: Time) -> Sequence {
    Sequence {
        life: Some(Life::new(life)),
        stamp: stamp.into(),
    }
}

const TERM: Span = Span::from_secs(6);

/// A voter that has just begun, and has never given a vote.
fn voter() -> Register {
    Register::new(Time::ZERO, Span::MAX, TERM)
}

#[test]
fn a_late_question_frees_nothing_and_is_not_answered() {
    let claim = Claims::NONE.with(Claim::Address(id(0)));
    let mut voter = voter();
    let later = voter.question(at(2), id(0), asked(1, at(2)), claim, TERM);
    assert_eq!(later, Some(claim));
    let late = voter.question(at(3), id(0), asked(1, at(1)), Claims::NONE, TERM);
    assert_eq!(late, None);
    assert_eq!(voter.holder(at(3), Claim::Address(id(0))), Some(id(0)));
}

#[test]
fn a_question_of_an_earlier_life_is_late_whatever_its_clock_said() {
    let claim = Claims::NONE.with(Claim::Address(id(0)));
    let mut voter = voter();
    let now = voter.question(at(2), id(0), asked(2, at(1)), claim, TERM);
    assert_eq!(now, Some(claim));
    let late = voter.question(at(3), id(0), asked(1, at(900)), Claims::NONE, TERM);
    assert_eq!(late, None);
}

#[test]
fn a_question_that_comes_twice_is_answered_twice() {
    let claim = Claims::NONE.with(Claim::Address(id(0)));
    let mut voter = voter();
    for ms in [2, 3] {
        let answer = voter.question(at(ms), id(0), asked(1, at(1)), claim, TERM);
        assert_eq!(answer, Some(claim));
    }
}

#[test]
fn a_server_whose_numbering_began_anew_gets_votes_after_a_term() {
    let claim = Claims::NONE.with(Claim::Address(id(0)));
    let mut voter = voter();
    voter.question(at(1), id(0), asked(7, at(9)), claim, TERM);
    let mut again = |ms| voter.question(at(ms), id(0), asked(1, at(0)), claim, TERM);
    assert_eq!(again(6000), None);
    assert_eq!(again(6001), Some(claim));
}

/// What a server asks for at some time, how long its question takes to each of three voters, and
/// whether it comes once more.
#[derive(Clone, Debug)]
struct Asking {
    by: usize,
    ms: u64,
    wants: bool,
    delays_ms: [u64; 3],
    again_ms: Option<u64>,
}

fn askings() -> impl Strategy<Value = Vec<Asking>> {
    let asking = (
        0..2_usize,
        0..20_000_u64,
        any::<bool>(),
        prop::array::uniform3(prop_oneof![Just(0), 0..10_000_u64]),
        prop::option::of(0..10_000_u64),
    );
    let asking = asking.prop_map(|(by, ms, wants, delays_ms, again_ms)| Asking {
        by,
        ms,
        wants,
        delays_ms,
        again_ms,
    });
    prop::collection::vec(asking, 1..12)
}

/// Until when a server has a thing by two votes of three, at each of its questions: the answers take
/// no time, and count from the question on. One that wanted it no more has given it up by then.
fn leases(askings: &[Asking]) -> Vec<(usize, Time, Time)> {
    let claim = Claims::NONE.with(Claim::Address(id(7)));
    let mut arrivals: Vec<(u64, usize, usize)> = Vec::new();
    for (number, asking) in askings.iter().enumerate() {
        for (voter, delay) in asking.delays_ms.iter().enumerate() {
            arrivals.push((asking.ms + delay, number, voter));
            if let Some(again) = asking.again_ms {
                arrivals.push((asking.ms + delay + again, number, voter));
            }
        }
    }
    arrivals.sort_unstable();
    let mut voters = [voter(); 3];
    let mut votes = vec![[None; 3]; askings.len()];
    for (ms, number, voter) in arrivals {
        let asking = &askings[number];
        let wanted = if asking.wants { claim } else { Claims::NONE };
        let said = asked(1, at(asking.ms));
        let from = id(asking.by);
        let granted = voters[voter].question(at(ms), from, said, wanted, TERM);
        if granted == Some(claim) {
            votes[number][voter].get_or_insert(at(ms));
        }
    }
    let mut leases = Vec::new();
    for (asking, votes) in askings.iter().zip(votes) {
        let mut came: Vec<Time> = votes.into_iter().flatten().collect();
        came.sort_unstable();
        let mine = |other: &&Asking| other.by == asking.by && other.ms > asking.ms;
        let given_up = askings.iter().filter(mine).find(|other| !other.wants);
        let until = at(asking.ms) + TERM;
        let until = given_up.map_or(until, |other| until.min(at(other.ms)));
        if let Some(from) = came.get(1).filter(|from| **from < until) {
            leases.push((asking.by, *from, until));
        }
    }
    leases
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn two_servers_never_have_one_thing_at_once(mut askings in askings()) {
        askings.sort_by_key(|asking| asking.ms);
        askings.dedup_by_key(|asking| (asking.by, asking.ms));
        let leases = leases(&askings);
        for (by, from, until) in &leases {
            for (other, since, to) in &leases {
                prop_assert!(by == other || until <= since || to <= from, "{leases:?}");
            }
        }
    }
}

/// A node as a voter: what it sends when it is told this.
fn answers(
    node: &mut Node,
    now: Time,
    from: usize,
    asked: Sequence,
    claims: Claims,
) -> Vec<Output> {
    let message = Message::Renew { claims, asked };
    let from = id(from);
    let mut outbox = Outbox::new();
    let mut step = node.step(now, Input::Message { from, message }, &mut outbox);
    let outputs = step.by_ref().collect();
    let _ = step.finish();
    outputs
}

#[test]
fn a_node_answers_no_late_question() {
    let config = Config::new(id(1), 4, 3, TIMING).unwrap();
    let mut node = Node::new(config.with_safety(Safety::Guarded));
    let mut outbox = Outbox::new();
    let start = Input::Start {
        holding: false,
        serving: Members::NONE,
        silent: Span::MAX,
        left: Span::MAX,
    };
    let mut step = node.step(at(1), start, &mut outbox);
    step.by_ref().for_each(drop);
    let _ = step.finish();
    let claims = Claims::NONE.with(Claim::Address(id(0)));
    let said = asked(1, at(5));
    let expected = Message::Grant {
        claims,
        asked: said,
    };
    let answer = answers(&mut node, at(6), 0, said, claims);
    assert!(answer.contains(&Output::Send {
        to: id(0),
        message: expected
    }));
    let late = answers(&mut node, at(7), 0, asked(1, at(4)), Claims::NONE);
    assert_eq!(late, []);
}
