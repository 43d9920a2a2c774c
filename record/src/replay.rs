//! Feeds a record to a fresh node and proves that it decides the same again.

use std::io::Read;

use tetrarch_core::{Config, Deadline, Input, Node, Outbox, Output, Time};

use crate::error::ReadError;
use crate::reader::{End, Entry, Reader};
use crate::sum::Sum;

/// Whether a replayed step decided what the recorded one did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The sums are the same.
    Same,
    /// The sums differ.
    Different {
        /// The sum in the record.
        recorded: u32,
        /// The sum of the replayed step.
        replayed: u32,
    },
    /// The record ends before it says what the step decided.
    Missing,
}

/// One replayed step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// The number of the step, from 1.
    pub number: u64,
    /// When the node took the input.
    pub at: Time,
    /// The input.
    pub input: Input,
    /// What the node decided, in its order.
    pub outputs: Vec<Output>,
    /// When the node wants to be woken next.
    pub deadline: Option<Deadline>,
    /// Whether the recorded step decided the same.
    pub proof: Proof,
}

/// A record being replayed, step by step, in bounded memory.
///
/// The sum of a step stands in the frame after it, so the replay reads one frame ahead.
#[derive(Debug)]
pub struct Replay<R> {
    reader: Reader<R>,
    /// The entry to be played next.
    ahead: Option<Entry>,
    /// What went wrong when the entry ahead was read, kept until all before it has been played.
    failed: Option<ReadError>,
    node: Node,
    outbox: Outbox,
    number: u64,
}

impl<R: Read> Replay<R> {
    /// Reads the header of the record and its first frame.
    ///
    /// # Errors
    ///
    /// When there is no record of this version, or its header is cut off or damaged.
    pub fn new(source: R) -> Result<Self, ReadError> {
        let reader = Reader::new(source)?;
        let mut replay = Self {
            node: Node::new(*reader.config()),
            reader,
            ahead: None,
            failed: None,
            outbox: Outbox::new(),
            number: 0,
        };
        replay.look_ahead();
        Ok(replay)
    }

    /// The configuration of the node.
    pub const fn config(&self) -> &Config {
        self.reader.config()
    }

    /// The version of the software that wrote the record.
    pub fn software(&self) -> &str {
        self.reader.software()
    }

    /// How the record ends, once all steps have been played.
    pub const fn end(&self) -> Option<End> {
        self.reader.end()
    }

    /// The node as it is after the last step that was played.
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// Plays the next step; none once the record has ended.
    ///
    /// # Errors
    ///
    /// When the source fails, or a frame is damaged and others follow. All steps before that have been
    /// played by then.
    pub fn next_step(&mut self) -> Result<Option<Played>, ReadError> {
        let Some(Entry {
            at,
            input: Some(input),
            ..
        }) = self.ahead
        else {
            return self.failed.take().map_or(Ok(None), Err);
        };
        self.look_ahead();
        let (outputs, deadline) = play(&mut self.node, at, input, &mut self.outbox);
        let replayed = Sum::of(&outputs, deadline);
        let proof = match self.ahead {
            None => Proof::Missing,
            Some(Entry { decided, .. }) if decided == replayed => Proof::Same,
            Some(Entry { decided, .. }) => Proof::Different {
                recorded: decided,
                replayed,
            },
        };
        self.number += 1;
        Ok(Some(Played {
            number: self.number,
            at,
            input,
            outputs,
            deadline,
            proof,
        }))
    }

    /// When the next step was taken.
    pub(crate) fn next_at(&self) -> Option<Time> {
        self.ahead.and_then(|entry| entry.input.map(|_| entry.at))
    }

    fn look_ahead(&mut self) {
        match self.reader.next_entry() {
            Ok(entry) => self.ahead = entry,
            Err(error) => {
                self.ahead = None;
                self.failed = Some(error);
            }
        }
    }
}

/// Lets `node` take one input.
pub(crate) fn play(
    node: &mut Node,
    at: Time,
    input: Input,
    outbox: &mut Outbox,
) -> (Vec<Output>, Option<Deadline>) {
    let mut step = node.step(at, input, outbox);
    let outputs = step.by_ref().collect();
    (outputs, step.finish())
}
