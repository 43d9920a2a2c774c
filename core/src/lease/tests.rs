use super::*;

fn s(number: usize) -> ServerId {
    ServerId::new(number - 1).unwrap()
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

const TERM: Span = Span::from_secs(6);

#[test]
fn a_vote_is_given_to_one_at_a_time_and_ends() {
    let mut register = Register::new(at(1), Span::MAX, TERM);
    let both = Claims::both(s(2));
    let address = Claims::NONE.with(Claim::Address(s(2)));
    assert_eq!(register.request(at(1), s(2), address, TERM), address);
    let image = Claims::NONE.with(Claim::Image(s(2)));
    assert_eq!(register.request(at(6), s(1), both, TERM), image);
    assert_eq!(register.holder(at(6), Claim::Address(s(2))), Some(s(2)));
    assert_eq!(register.request(at(7), s(1), both, TERM), both);
    assert_eq!(
        register.request(at(8), s(2), address, TERM),
        Claims::NONE,
        "the first holder came too late"
    );
}

#[test]
fn what_is_no_longer_wanted_is_free_at_once() {
    let mut register = Register::new(at(1), Span::MAX, TERM);
    let both = Claims::both(s(2));
    register.request(at(1), s(1), both, TERM);
    register.request(at(2), s(1), Claims::NONE, TERM);
    assert_eq!(register.request(at(2), s(3), both, TERM), both);
}

#[test]
fn a_voter_that_forgot_its_votes_waits_until_they_have_ended() {
    let mut register = Register::new(at(10), Span::from_secs(2), TERM);
    let both = Claims::both(s(2));
    assert!(register.is_silent(at(13)) && !register.is_silent(at(14)));
    assert_eq!(register.request(at(13), s(1), both, TERM), Claims::NONE);
    assert_eq!(register.request(at(14), s(1), both, TERM), both);
}

#[test]
fn a_lease_ends_with_the_vote_that_makes_the_majority() {
    let mut leases = Leases::new();
    let claim = Claim::Address(s(2));
    let claims = Claims::NONE.with(claim);
    leases.wanted = claims;
    leases.stamp(at(9));
    leases.answered(Voter::Server(s(2)), at(9), claims);
    leases.answered(Voter::Server(s(1)), at(3), claims);
    assert_eq!(leases.until(claim, 3, TERM), Time::ZERO);
    leases.answered(Voter::Witness, at(5), claims);
    assert_eq!(leases.until(claim, 3, TERM), at(9));
    leases.answered(Voter::Server(s(4)), at(7), claims);
    assert_eq!(leases.until(claim, 3, TERM), at(11));
    leases.answered(Voter::Server(s(4)), at(6), Claims::NONE);
    assert_eq!(leases.until(claim, 3, TERM), at(11), "an old answer");
    leases.answered(Voter::Server(s(4)), at(8), Claims::NONE);
    assert_eq!(leases.until(claim, 3, TERM), at(9), "a refusal");
    leases.give_up(claims);
    assert_eq!(leases.until(claim, 3, TERM), Time::ZERO);
}

#[test]
fn an_answer_does_not_bring_back_what_was_given_up_after_the_question() {
    let mut leases = Leases::new();
    let claim = Claim::Address(s(2));
    let claims = Claims::NONE.with(claim);
    let asked = leases.stamp(at(1));
    leases.give_up(claims);
    let again = leases.stamp(at(1));
    assert!(again > asked);
    leases.answered(Voter::Witness, asked, claims);
    assert_eq!(leases.until(claim, 1, TERM), Time::ZERO);
    leases.answered(Voter::Witness, again, claims);
    assert_eq!(leases.until(claim, 1, TERM), again + TERM);
    leases.answered(Voter::Witness, at(5), claims);
    assert_eq!(leases.until(claim, 1, TERM), again + TERM, "never asked");
}

#[test]
fn what_was_inherited_lasts_as_long_as_it_was_said_to() {
    let mut leases = Leases::new();
    leases.inherit(Claims::both(s(1)), at(4));
    assert_eq!(leases.until(Claim::Image(s(1)), 3, TERM), at(4));
    assert_eq!(leases.until(Claim::Image(s(2)), 3, TERM), Time::ZERO);
    leases.rebase(at(4), at(100), TERM);
    assert_eq!(leases.until(Claim::Image(s(1)), 3, TERM), Time::ZERO);
}

#[test]
fn a_register_that_is_moved_in_time_keeps_what_has_not_ended() {
    let mut register = Register::new(at(1), Span::MAX, TERM);
    register.request(at(1), s(1), Claims::both(s(1)), TERM);
    register.request(at(4), s(2), Claims::both(s(2)), TERM);
    let moved = register.rebased(at(7), at(100));
    assert_eq!(moved.holder(at(100), Claim::Image(s(1))), None);
    assert_eq!(moved.holder(at(102), Claim::Image(s(2))), Some(s(2)));
    assert_eq!(moved.holder(at(103), Claim::Image(s(2))), None);
}

#[test]
fn leases_that_are_moved_in_time_end_as_much_later() {
    let claims = Claims::both(s(2));
    let mut leases = Leases::new();
    leases.inherit(Claims::both(s(1)), at(9));
    let asked = leases.stamp(at(4));
    leases.answered(Voter::Witness, asked, claims);
    leases.next = at(6);
    leases.rebase(at(5), at(105), TERM);
    assert_eq!(leases.until(Claim::Image(s(1)), 1, TERM), at(109));
    assert_eq!(leases.until(Claim::Image(s(2)), 1, TERM), at(110));
    assert_eq!(leases.next, at(106));
    leases.next = Time::MAX;
    leases.rebase(at(111), at(5), TERM);
    assert_eq!(
        leases,
        Leases {
            wanted: Claims::both(s(1)),
            ..Leases::new()
        }
    );
}

#[test]
fn an_answer_counts_also_when_time_has_moved_since_the_question() {
    let claim = Claim::Address(s(2));
    let mut leases = Leases::new();
    leases.stamp(at(4));
    leases.rebase(at(6), at(106), TERM);
    let answer = leases.answered(Voter::Witness, at(104), Claims::NONE.with(claim));
    assert!(answer.is_some());
    assert_eq!(leases.until(claim, 1, TERM), at(110));
    let unasked = leases.answered(Voter::Witness, at(105), Claims::NONE);
    assert!(unasked.is_none(), "never asked");
}

#[test]
fn a_stamp_of_this_instant_is_remembered_when_time_moves() {
    let mut leases = Leases::new();
    leases.stamp(at(4));
    leases.rebase(at(4), at(100), TERM);
    assert!(
        leases.stamp(at(100)) > at(100),
        "two questions with one stamp"
    );
    leases.rebase(at(105), at(5), TERM);
    assert_eq!(leases.stamp(at(5)), at(5));
}

#[test]
fn claims_tell_addresses_and_images() {
    let claims = Claims::both(s(2)).with(Claim::Address(s(3)));
    assert_eq!(alloc::format!("{claims:?}"), "{S2, S3}+{S2}");
}

#[test]
fn a_vote_that_ends_now_is_forgotten_when_time_moves() {
    let claims = Claims::both(s(2));
    let mut leases = Leases::new();
    let asked = leases.stamp(at(4));
    leases.answered(Voter::Witness, asked, claims);
    leases.rebase(at(4) + TERM, at(100), TERM);
    assert_eq!(leases.until(Claim::Image(s(2)), 1, TERM), Time::ZERO);
    let register = Register::new(Time::ZERO, Span::MAX, TERM);
    let moved = register.rebased(Time::ZERO, at(100));
    assert_eq!(moved, Register::new(at(100), Span::MAX, TERM));
}

#[test]
fn what_a_question_leaves_out_is_not_leased_by_earlier_votes() {
    let mut leases = Leases::new();
    let (contested, kept) = (Claim::Address(s(2)), Claim::Image(s(2)));
    let both = Claims::both(s(2));
    leases.wanted = both;
    let early = leases.stamp(at(1));
    for voter in [1, 2] {
        leases.answered(Voter::Server(s(voter)), early, both);
    }
    assert_eq!(leases.until(contested, 2, TERM), at(7));
    let asked = leases.stamp(at(2));
    leases.leave_out(Claims::NONE.with(contested), asked);
    // Whoever has heard the question has freed its vote, and its answer may be lost.
    assert_eq!(leases.until(contested, 2, TERM), Time::ZERO);
    assert_eq!(leases.until(kept, 2, TERM), at(7));
    // An answer to the question before comes late.
    assert!(leases.answered(Voter::Server(s(3)), early, both).is_none());
    assert!(
        leases
            .answered(Voter::Server(s(3)), asked, Claims::NONE.with(kept))
            .is_some()
    );
    assert_eq!(leases.until(contested, 1, TERM), Time::ZERO);
}
