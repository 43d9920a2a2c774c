//! A driver of one node that looks at every step: what must hold whatever a node is told.

use tetrarch_core::{Config, Input, JobId, Node, Outbox, Output, Time};

/// The jobs that are remembered; a node has at most one at once for each part and subject.
const JOBS_MAX: usize = 64;

/// A node, what it waits for, and the time.
pub(crate) struct Driver {
    pub(crate) node: Node,
    pub(crate) now: Time,
    /// The jobs under way, in the order of their beginnings.
    pub(crate) jobs: Vec<JobId>,
    outbox: Outbox,
}

impl Driver {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            node: Node::new(config),
            now: Time::ZERO,
            jobs: Vec::new(),
            outbox: Outbox::new(),
        }
    }

    /// Steps the node and its twin, and looks at both.
    pub(crate) fn step(&mut self, input: Input) {
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
        for output in outputs {
            match output {
                Output::Run { job, .. } => {
                    assert!(!self.jobs.contains(&job), "a ticket was given out twice");
                    self.jobs.push(job);
                }
                Output::Cancel { job } => self.jobs.retain(|known| *known != job),
                Output::Send { .. } | Output::Note(_) => {}
            }
        }
        // Jobs of a node that was stopped are nobody's; the oldest go first.
        let surplus = self.jobs.len().saturating_sub(JOBS_MAX);
        self.jobs.drain(..surplus);
    }
}
