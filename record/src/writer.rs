//! Writes a record while a node runs.

use std::io::Write;

use crc32fast::Hasher;
use tetrarch_core::{Config, Deadline, Input, Output, Time};

use crate::bytes::Buffer;
use crate::error::WriteError;
use crate::sum::Sum;
use crate::{BODY_BYTES_MAX, header, input};

/// Appends what a node is told, and the sums of what it decides, to a file or anything else.
///
/// For each step a driver calls [`Writer::input`] before the step, [`Writer::output`] for each output
/// in its order, and [`Writer::decided`] with the wake-up. Each input is one write, in front of the
/// step; whether it goes further than the sink is for the driver to decide (see [`Writer::sink`]).
#[derive(Debug)]
pub struct Writer<W> {
    sink: W,
    checksum: u32,
    last: Time,
    /// The outputs of the step that is under way.
    sum: Sum,
    /// The sum of the step that was finished last.
    decided: u32,
    is_broken: bool,
}

impl<W: Write> Writer<W> {
    /// Begins a record of the node with `config`, written by the version `software` of a program.
    ///
    /// # Errors
    ///
    /// When `software` is not 1 to [`SOFTWARE_BYTES_MAX`](crate::SOFTWARE_BYTES_MAX) printable ASCII
    /// characters, or the sink does not take the header.
    pub fn new(mut sink: W, config: &Config, software: &str) -> Result<Self, WriteError> {
        let header = header::encode(config, software)?;
        sink.write_all(header.bytes.as_slice())?;
        Ok(Self {
            sink,
            checksum: header.checksum,
            last: Time::ZERO,
            sum: Sum::default(),
            decided: 0,
            is_broken: false,
        })
    }

    /// Appends an input that the node is about to take at `now`.
    ///
    /// # Errors
    ///
    /// When `now` is before the last input, or the sink does not take the frame. After the latter every
    /// call fails: half a frame may have been written, and nothing after it could be read.
    pub fn input(&mut self, now: Time, input: &Input) -> Result<(), WriteError> {
        self.frame(now, Some(input))
    }

    /// Adds an output of the step to its sum.
    pub fn output(&mut self, output: &Output) {
        self.sum.add(output);
    }

    /// Ends the step with the wake-up that it asked for.
    pub fn decided(&mut self, deadline: Option<Deadline>) {
        self.decided = std::mem::take(&mut self.sum).finish(deadline);
    }

    /// Ends the record with the sum of the last step, and hands the sink out.
    ///
    /// # Errors
    ///
    /// When the sink does not take the frame, or an earlier write has failed.
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.frame(self.last, None)?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    /// The sink, for a driver that wants to flush or synchronise it.
    pub fn sink(&mut self) -> &mut W {
        &mut self.sink
    }

    fn frame(&mut self, now: Time, input: Option<&Input>) -> Result<(), WriteError> {
        if self.is_broken {
            return Err(WriteError::Broken);
        }
        if now < self.last {
            return Err(WriteError::Backwards {
                last: self.last,
                found: now,
            });
        }
        let mut body = Buffer::<BODY_BYTES_MAX>::new();
        body.varint(now.since(self.last).as_nanos());
        body.put(&self.decided.to_le_bytes());
        body.put(input::encode(input).as_slice());
        let mut frame = Buffer::<{ 1 + BODY_BYTES_MAX + 4 }>::new();
        frame.put(&[body.as_slice().len() as u8]);
        frame.put(body.as_slice());
        let mut hasher = Hasher::new_with_initial(self.checksum);
        hasher.update(frame.as_slice());
        let checksum = hasher.finalize();
        frame.put(&checksum.to_le_bytes());
        if let Err(error) = self.sink.write_all(frame.as_slice()) {
            self.is_broken = true;
            return Err(error.into());
        }
        (self.checksum, self.last) = (checksum, now);
        Ok(())
    }
}
