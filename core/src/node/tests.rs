//! What a node shows of itself, in states that the drivers' inputs do not lead to.

use super::*;
use crate::config::Safety;
use crate::timing::Timing;

fn started(safety: Safety, holding: bool) -> Node {
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
        lease_margin: second,
    };
    let me = ServerId::new(1).unwrap();
    let config = Config::new(me, 4, 3, timing).unwrap().with_safety(safety);
    let mut node = Node::new(config);
    let start = Input::Start {
        holding,
        serving: Members::NONE,
        silent: Span::MAX,
        left: Span::MAX,
    };
    take(&mut node, 0, start);
    node
}

fn take(node: &mut Node, second: u64, input: Input) {
    let mut outbox = Outbox::new();
    let mut step = node.step(Time::ZERO + Span::from_secs(second), input, &mut outbox);
    step.by_ref().for_each(drop);
    let _ = step.finish();
}

#[test]
fn whatever_waits_without_a_timer_is_stuck() {
    let me = ServerId::new(1).unwrap();
    let joined = || {
        let mut node = started(Safety::Paper, false);
        take(&mut node, 1, Input::Deadline);
        node
    };
    let resuming = || {
        let mut node = started(Safety::Paper, true);
        let function = ServerId::new(2).unwrap();
        let message = Message::Take { function };
        let from = ServerId::new(3).unwrap();
        take(&mut node, 0, Input::Message { from, message });
        node
    };
    let guarded = || started(Safety::Guarded, true);
    let target = ServerId::new(2).unwrap();
    for (mut node, timer, part) in [
        (
            started(Safety::Paper, true),
            Timer::Watch(target),
            (Owner::Watch, target),
        ),
        (resuming(), Timer::Standby(target), (Owner::Standby, target)),
        (joined(), Timer::Own, (Owner::Own, me)),
        (started(Safety::Paper, false), Timer::Join, (Owner::Own, me)),
        (guarded(), Timer::Vote, (Owner::Vote, me)),
        (guarded(), Timer::Lease, (Owner::Own, me)),
    ] {
        assert_eq!(node.view().stuck(), None);
        node.timers.clear(timer);
        assert_eq!(node.view().stuck(), Some(part), "without {timer:?}");
        node.membership = Membership::default();
        assert_eq!(node.view().stuck(), None, "not running");
    }
}
