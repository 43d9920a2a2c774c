//! A node allocates nothing while it works, and is small.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "common/timing.rs"]
mod timing;

use tetrarch_core::{
    Action, Config, Input, Members, Message, Node, Outbox, Outcome, Output, ServerId, ServiceSet,
    Span, Time,
};
use timing::TIMING;

const SIZE: usize = 4;

/// A driver as simple as can be: the earliest of what is pending goes first. A dead server takes no
/// input and answers no examination.
struct Group {
    nodes: Vec<Node>,
    outbox: Outbox,
    pending: Vec<(Time, ServerId, Input)>,
    wakes: [Time; SIZE],
    dead: Members,
    steps: u64,
    allocations: u64,
    served: Members,
}

impl Group {
    fn new() -> Self {
        let node = |me| Node::new(Config::new(me, SIZE, 3, TIMING).unwrap());
        let start = Input::Start {
            holding: true,
            serving: Members::NONE,
            silent: Span::MAX,
            left: Span::MAX,
        };
        Self {
            nodes: ServerId::all(SIZE).map(node).collect(),
            outbox: Outbox::new(),
            pending: ServerId::all(SIZE)
                .map(|server| (Time::ZERO, server, start))
                .collect(),
            wakes: [Time::MAX; SIZE],
            dead: Members::NONE,
            steps: 0,
            allocations: 0,
            served: Members::NONE,
        }
    }

    fn run_until(&mut self, end: Time) {
        loop {
            let next = (0..self.pending.len()).min_by_key(|place| self.pending[*place].0);
            let sleeper = (0..SIZE).min_by_key(|place| self.wakes[*place]).unwrap();
            let due = next.map(|place| self.pending[place].0);
            if due.is_some_and(|due| due <= self.wakes[sleeper]) {
                if due > Some(end) {
                    return;
                }
                let (now, server, input) = self.pending.remove(next.unwrap());
                self.step(now, server, input);
            } else {
                let now = self.wakes[sleeper];
                if now > end {
                    return;
                }
                self.step(now, ServerId::new(sleeper).unwrap(), Input::Deadline);
            }
        }
    }

    fn step(&mut self, now: Time, server: ServerId, input: Input) {
        if self.dead.contains(server) {
            self.wakes[server.index()] = Time::MAX;
            return;
        }
        let mut outputs = [None; 64];
        let (node, outbox) = (&mut self.nodes[server.index()], &mut self.outbox);
        let mut deadline = None;
        let counted = allocation_counter::measure(|| {
            let mut step = node.step(now, input, outbox);
            for (place, output) in outputs.iter_mut().zip(step.by_ref()) {
                *place = Some(output);
            }
            deadline = step.finish();
        });
        self.steps += 1;
        self.allocations += counted.count_total;
        self.wakes[server.index()] = deadline.map_or(Time::MAX, |deadline| deadline.at);
        for output in outputs.into_iter().flatten() {
            self.carry_out(now, server, output);
        }
    }

    fn carry_out(&mut self, now: Time, server: ServerId, output: Output) {
        match output {
            Output::Send { to, message } => {
                let at = now + Span::from_millis(1);
                let from = server;
                self.pending
                    .push((at, to, Input::Message { from, message }));
            }
            Output::Run { job, action } => {
                let outcome = self.outcome(action);
                let at = now + Span::from_millis(500);
                self.pending
                    .push((at, server, Input::Done { job, outcome }));
            }
            Output::Note(tetrarch_core::Event::Served { function }) => {
                self.served = self.served.with(function);
            }
            Output::Cancel { .. }
            | Output::Hold { .. }
            | Output::Announce { .. }
            | Output::Note(_) => {}
        }
    }

    fn outcome(&self, action: Action) -> Outcome {
        match action {
            Action::ExamineNetwork { target } | Action::ExamineServices { target }
                if self.dead.contains(target) =>
            {
                Outcome::Failed
            }
            Action::ExamineServices { .. } => Outcome::Services(ServiceSet::NONE),
            _ => Outcome::Ok,
        }
    }
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| {
        std::hint::black_box(vec![1_u8; 100]);
    });
    assert_eq!(counted.count_total, 1);
}

#[test]
fn no_step_allocates_in_health_or_in_trouble() {
    let mut group = Group::new();
    group.run_until(Time::ZERO + Span::from_secs(3600));
    assert!(group.steps > 5000, "{}", group.steps);
    assert_eq!(group.allocations, 0);

    // Two neighbours at once, which brings recovery, standing in, giving up and a new structure.
    let lost = Members::NONE
        .with(ServerId::new(1).unwrap())
        .with(ServerId::new(2).unwrap());
    group.dead = lost;
    group.run_until(Time::ZERO + Span::from_secs(7200));
    assert_eq!(group.served, lost, "both functions were taken over");
    let left = group.nodes[0].view().structure().members();
    assert_eq!(left.len(), 2, "both servers were given up");
    assert_eq!(group.allocations, 0);
}

#[test]
fn nodes_inputs_and_outputs_are_small() {
    // A million nodes at once, or their states in a model checker, must fit into memory, and the
    // four of a group into the first-level cache.
    let sizes = [
        ("Node", size_of::<Node>(), 1664),
        ("Input", size_of::<Input>(), 32),
        ("Output", size_of::<Output>(), 32),
        ("Message", size_of::<Message>(), 32),
    ];
    for (name, size, most) in sizes {
        println!("{name}: {size} bytes");
        assert!(size <= most, "{name} has {size} bytes, more than {most}");
    }
}
