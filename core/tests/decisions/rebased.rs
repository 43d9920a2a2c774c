//! A node that is moved in time goes on as if nothing had happened: what `Node::rebased` promises to
//! checkers that take such nodes for one state.

use std::collections::BTreeMap;

use tetrarch_core::{
    Deadline, Input, JobId, Message, Node, Outbox, Output, Owner, ServerId, Span, Time,
};

use crate::world::Seen;

/// The instant that the moved nodes take for the present one; far from all others.
const BASE: Time = Time::from_nanos(1 << 50);

/// A serial that no job under way has.
const NO_SERIAL: u16 = 0;

/// The serial of every job that was under way when a node was moved.
const MOVED_SERIAL: u16 = 1;

/// For so many steps a node and the moved one are compared, before the next one is moved.
const STEPS_COMPARED: usize = 8;

/// A node that was moved in time, and the instant that it took for [`BASE`].
struct Moved {
    node: Node,
    now: Time,
    /// The latest ticket of each part.
    serials: BTreeMap<(Owner, ServerId), u16>,
    steps: usize,
}

/// One server's node before the step that comes next, and its twin in another time.
#[derive(Default)]
pub(crate) struct Twin {
    before: Option<Node>,
    moved: Option<Moved>,
    pub(crate) compared: usize,
}

impl Twin {
    /// Takes the same step with the node that was moved in time, and compares what comes out.
    pub(crate) fn compare(&mut self, seen: &Seen<'_>) {
        let before = self.before.replace(seen.node.clone());
        // Of waits that are over only the end is kept, not their order: a node that is stepped late
        // is not compared.
        let due = |node: &Node| node.view().deadline().map_or(Time::MAX, |one| one.at);
        if before.as_ref().is_some_and(|node| due(node) < seen.now) {
            self.moved = None;
        }
        if let (Some(before), Some(moved)) = (before, &mut self.moved) {
            moved.compare(&before, seen);
            self.compared += 1;
        }
        let is_old = |moved: &Moved| moved.steps >= STEPS_COMPARED;
        if due(seen.node) < seen.now {
            self.moved = None;
        } else if self.moved.as_ref().is_none_or(is_old) {
            let node = seen.node.rebased(seen.now, BASE);
            assert_eq!(node.rebased(BASE, BASE), node, "moved twice: {seen:?}");
            self.moved = Some(Moved {
                node,
                now: seen.now,
                serials: BTreeMap::new(),
                steps: 0,
            });
        }
    }
}

impl Moved {
    fn compare(&mut self, before: &Node, seen: &Seen<'_>) {
        let input = self.moved_input(before, seen.input);
        let mut outbox = Outbox::new();
        let mut step = self.node.step(self.at(seen.now), input, &mut outbox);
        let outputs: Vec<Output> = step.by_ref().collect();
        let deadline = step.finish();
        for output in &outputs {
            if let Output::Run { job, .. } = output {
                self.serials.insert((job.owner, job.subject), job.serial);
            }
        }
        let outputs: Vec<Output> = outputs.into_iter().map(without_serial).collect();
        let expected = seen.outputs.iter().map(|output| moved(*output, self.now));
        let expected: Vec<Output> = expected.map(without_serial).collect();
        assert_eq!(outputs, expected, "{seen:?}");
        let of = |deadline: Deadline| (self.at(deadline.at), deadline.timer);
        let deadline = deadline.map(|deadline| (deadline.at, deadline.timer));
        assert_eq!(deadline, seen.deadline.map(of), "{seen:?}");
        self.steps += 1;
    }

    fn at(&self, time: Time) -> Time {
        time.rebased(self.now, BASE)
    }

    fn moved_input(&self, before: &Node, input: Input) -> Input {
        match input {
            Input::Message { from, message } => Input::Message {
                from,
                message: message.rebased(self.now, BASE),
            },
            Input::Done { job, outcome } => {
                let known = self.serials.get(&(job.owner, job.subject));
                let serial = if before.view().waits_for(job) {
                    *known.unwrap_or(&MOVED_SERIAL)
                } else {
                    NO_SERIAL
                };
                let job = JobId { serial, ..job };
                Input::Done { job, outcome }
            }
            other => other,
        }
    }
}

fn moved(output: Output, now: Time) -> Output {
    match output {
        Output::Send { to, message } => Output::Send {
            to,
            message: message.rebased(now, BASE),
        },
        Output::Hold { claim, until } => Output::Hold {
            claim,
            until: until.rebased(now, BASE),
        },
        other => other,
    }
}

fn without_serial(output: Output) -> Output {
    match output {
        Output::Run { job, action } => Output::Run {
            job: JobId {
                serial: NO_SERIAL,
                ..job
            },
            action,
        },
        Output::Cancel { job } => Output::Cancel {
            job: JobId {
                serial: NO_SERIAL,
                ..job
            },
        },
        other => other,
    }
}

#[test]
fn a_message_moves_with_its_stamp() {
    let at = |seconds: u64| Time::ZERO + Span::from_secs(seconds);
    let claims = tetrarch_core::Claims::NONE;
    let of = |seconds: u64| {
        let asked = tetrarch_core::Sequence {
            life: None,
            stamp: at(seconds).into(),
        };
        [
            Message::Renew { claims, asked },
            Message::Grant { claims, asked },
        ]
    };
    for (now, before) in [(7, 5), (7, 7), (7, 9)] {
        assert_eq!(
            of(before).map(|one| one.rebased(at(now), at(107))),
            of(before + 100)
        );
    }
}
