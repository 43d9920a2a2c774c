//! Any steps of one node: no panic, no wait without an end, and equal nodes stay equal.

use tetrarch_core::wire;
use tetrarch_core::{
    Command, Config, Input, JobId, Members, Node, Outbox, Outcome, Output, Owner, ServerId,
    ServiceSet, Span, Time, Timing,
};

/// The steps that one input of the fuzzer is read for; more would only be slow.
const STEPS_MAX: usize = 400;

/// The jobs that may be under way at once; a node has at most one for each part and subject.
const JOBS_MAX: usize = 64;

/// The paper's timing.
pub(crate) const TIMING: Timing = Timing {
    inter_monitoring: Span::from_secs(10),
    reexamination_wait: Span::from_secs(2),
    judgement_max: Span::from_secs(105),
    hand_off: Span::from_millis(200),
    poll_pause: Span::from_secs(1),
    sync_grace: Span::from_secs(3),
    join_wait: Span::from_secs(1),
    examination_max: Span::from_secs(10),
    job_max: Span::from_secs(120),
    lease_term: Span::from_secs(6),
    lease_margin: Span::from_millis(600),
};

/// Bytes handed out one after the other.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn server(&mut self) -> Option<ServerId> {
        ServerId::new(usize::from(self.byte()? & 7))
    }

    /// At most `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// The configuration of a node of any group.
    pub(crate) fn config(&mut self) -> Option<Config> {
        let size = 2 + usize::from(self.byte()? % 7);
        let me = ServerId::new(usize::from(self.byte()?) % size)?;
        Config::new(me, size, self.byte()? & 3, TIMING).ok()
    }

    fn outcome(&mut self) -> Option<Outcome> {
        Some(match self.byte()? & 3 {
            0 => Outcome::Ok,
            1 => Outcome::Failed,
            2 => Outcome::Services(ServiceSet::NONE),
            _ => Outcome::Services(ServiceSet::from_bits(self.byte()?)),
        })
    }
}

/// A node, what it waits for, and the time.
struct Driver {
    node: Node,
    now: Time,
    jobs: Vec<JobId>,
    outbox: Outbox,
}

/// Bytes as what a driver does with a node: waits, messages, results, stops and starts.
pub fn steps(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let Some(config) = bytes.config() else {
        return;
    };
    let mut driver = Driver {
        node: Node::new(config),
        now: Time::ZERO,
        jobs: Vec::new(),
        outbox: Outbox::new(),
    };
    for _ in 0..STEPS_MAX {
        if driver.play(&mut bytes).is_none() {
            return;
        }
    }
}

impl Driver {
    /// Does what the next bytes say; none when there are none left.
    fn play(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        match bytes.byte()? % 10 {
            0 => {
                let ms = u64::from(bytes.byte()?) * u64::from(bytes.byte()?) * 4;
                self.now += Span::from_millis(ms);
            }
            1 | 2 => {
                if let Some(deadline) = self.node.view().deadline() {
                    self.now = self.now.max(deadline.at);
                    self.step(Input::Deadline);
                }
            }
            3 => self.step(Input::Deadline),
            4 | 5 => self.finish(bytes)?,
            6 => self.forge(bytes)?,
            7 | 8 => self.deliver(bytes)?,
            _ => self.restart(bytes)?,
        }
        Some(())
    }

    /// A job ends.
    fn finish(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let (which, outcome) = (usize::from(bytes.byte()?), bytes.outcome()?);
        if !self.jobs.is_empty() {
            let job = self.jobs.remove(which % self.jobs.len());
            self.step(Input::Done { job, outcome });
        }
        Some(())
    }

    /// A result comes that nobody waits for.
    fn forge(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let owners = [Owner::Watch, Owner::Recovery, Owner::Standby, Owner::Own];
        let job = JobId {
            owner: owners[usize::from(bytes.byte()? & 3)],
            subject: bytes.server()?,
            serial: u16::from(bytes.byte()?),
        };
        let outcome = bytes.outcome()?;
        if !self.jobs.contains(&job) {
            self.step(Input::Done { job, outcome });
        }
        Some(())
    }

    /// A message arrives; its bytes are as they would be on a network, but for their version.
    fn deliver(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let from = bytes.server()?;
        // The length of each kind is found by trying, which is cheap: only one fits.
        let start = bytes.0;
        for length in 1..wire::MESSAGE_BYTES_MAX {
            let body = start.get(..length)?;
            let mut message = vec![wire::VERSION];
            message.extend_from_slice(body);
            if let Ok(message) = wire::decode(&message) {
                bytes.take(length);
                self.step(Input::Message { from, message });
                return Some(());
            }
        }
        bytes.take(1);
        Some(())
    }

    fn restart(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let how = bytes.byte()?;
        if how & 1 == 0 {
            self.step(Input::Command(Command::Stop));
        } else {
            self.jobs.clear();
            self.step(Input::Start {
                holding: how & 2 == 0,
                serving: Members::from_bits(if how & 4 == 0 { 0 } else { bytes.byte()? }),
                silent: Span::from_secs(u64::from(how)),
            });
        }
        Some(())
    }

    /// Steps the node and a twin, and looks at both.
    fn step(&mut self, input: Input) {
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
                Output::Send { .. } | Output::Hold { .. } | Output::Note(_) => {}
            }
        }
        // Jobs of a node that was stopped are nobody's; the oldest go first.
        let surplus = self.jobs.len().saturating_sub(JOBS_MAX);
        self.jobs.drain(..surplus);
    }
}
