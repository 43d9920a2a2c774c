use super::*;
use crate::config::Config;
use crate::rotation::{Rotate, Rotation};
use crate::timing::Timing;

fn node(me: ServerId, size: usize) -> Node {
    let second = Span::from_secs(1);
    let timing = Timing {
        inter_monitoring: second,
        reexamination_wait: second,
        judgement_max: second,
        hand_off: second,
        poll_pause: second,
        sync_grace: second,
        join_wait: second,
        examination_max: second,
        job_max: second,
        lease_term: Span::from_secs(6),
        lease_margin: Span::from_millis(600),
    };
    Node::new(Config::new(me, size, 3, timing).unwrap())
}

#[test]
fn of_two_that_act_exactly_one_goes_on_and_not_because_of_its_number() {
    let size = 6;
    let place = |place: usize| ServerId::new(place % size).unwrap();
    let target = place(3);
    let goes_on = |first: ServerId, second: ServerId, target: ServerId| {
        let first_yields = node(first, size).outranked(second, target, false);
        assert_ne!(
            first_yields,
            node(second, size).outranked(first, target, false)
        );
        if first_yields { second } else { first }
    };
    // P1, P2, and then the others, the nearest before the target first.
    let ranking = [2, 4, 1, 0, 5].map(place);
    for pair in ranking.windows(2) {
        for rotation in Rotation::all(size) {
            let [better, worse] = [pair[0], pair[1]].map(|server| server.rotated(rotation));
            assert_eq!(goes_on(better, worse, target.rotated(rotation)), better);
        }
    }
}
