//! A driver of one node that looks at every step: what must hold whatever a node is told.

use tetrarch_core::{Config, Input, JobId, Node, Outbox, Output, Rotate, Rotation, Time};

/// The jobs that are remembered; a node has at most one at once for each part and subject.
const JOBS_MAX: usize = 64;

/// A node, what it waits for, and the time.
pub(crate) struct Driver {
    pub(crate) node: Node,
    pub(crate) now: Time,
    /// The jobs under way, in the order of their beginnings.
    pub(crate) jobs: Vec<JobId>,
    /// The turns of the ring under which every step must come out alike.
    rotations: Vec<Rotation>,
    outbox: Outbox,
}

impl Driver {
    pub(crate) fn new(config: Config, rotations: Vec<Rotation>) -> Self {
        Self {
            node: Node::new(config),
            now: Time::ZERO,
            jobs: Vec::new(),
            rotations,
            outbox: Outbox::new(),
        }
    }

    /// What the node that has this one's place in the turned ring makes of the turned input.
    fn turned_step(&self, input: Input, rotation: Rotation) -> (Node, Vec<Output>) {
        let mut node = self.node.rotated(rotation);
        let mut outbox = Outbox::new();
        let mut step = node.step(self.now, input.rotated(rotation), &mut outbox);
        let outputs = step.by_ref().collect();
        let _ = step.finish();
        (node, outputs)
    }

    /// Steps the node, its twin and those of turned rings, and looks at all of them.
    pub(crate) fn step(&mut self, input: Input) {
        let rotations = self.rotations.iter();
        let turned: Vec<_> = rotations
            .map(|rotation| (*rotation, self.turned_step(input, *rotation)))
            .collect();

        let mut twin = self.node.clone();
        let mut twin_outbox = Outbox::new();
        let mut twin_step = twin.step(self.now, input, &mut twin_outbox);
        let expected: Vec<Output> = twin_step.by_ref().collect();
        let expected_deadline = twin_step.finish();

        let mut step = self.node.step(self.now, input, &mut self.outbox);
        let outputs: Vec<Output> = step.by_ref().collect();
        let deadline = step.finish();
        assert_eq!(outputs, expected);
        assert_eq!(deadline, expected_deadline);
        assert_eq!(self.node, twin);
        assert_eq!(self.node.view().deadline(), deadline);
        assert_eq!(self.node.view().stuck(), None, "after {input:?}");
        for (rotation, (node, turned)) in turned {
            let expected: Vec<_> = outputs.iter().map(|one| one.rotated(rotation)).collect();
            assert_eq!(turned, expected, "after {input:?}, {rotation:?}");
            let expected = self.node.rotated(rotation);
            assert_eq!(node, expected, "after {input:?}, {rotation:?}");
            let expected = deadline.map(|deadline| deadline.rotated(rotation));
            assert_eq!(node.view().deadline(), expected);
        }
        let version = self.node.config().version();
        for output in outputs {
            match output {
                Output::Run { job, .. } => {
                    assert!(!self.jobs.contains(&job), "a ticket was given out twice");
                    self.jobs.push(job);
                }
                Output::Cancel { job } => self.jobs.retain(|known| *known != job),
                Output::Send { message, .. } => assert!(message.since() <= version),
                Output::Hold { .. } | Output::Announce { .. } | Output::Note(_) => {}
            }
        }
        // Jobs of a node that was stopped are nobody's; the oldest go first.
        let surplus = self.jobs.len().saturating_sub(JOBS_MAX);
        self.jobs.drain(..surplus);
    }
}
