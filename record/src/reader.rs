//! Reads a record, whole or damaged, in bounded memory.

use std::io::{self, BufReader, ErrorKind, Read};

use crc32fast::Hasher;
use tetrarch_core::{Config, Input, Span, Time};

use crate::bytes::{take, take_varint};
use crate::error::ReadError;
use crate::header::{self, Header};
use crate::{BODY_BYTES_MAX, BODY_BYTES_MIN, input};

/// What one frame of a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When the node took the input, or when the last step was if the record ends here.
    pub at: Time,
    /// The input; none where the record ends.
    pub input: Option<Input>,
    /// The [`Sum`](crate::Sum) of what the node decided on the input before; 0 in the first entry.
    pub decided: u32,
}

/// How a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With the frame that ends a record.
    Finished,
    /// After a whole frame, but without the one that ends a record: the program was ended.
    Cut,
    /// Within a frame: the program or the machine was ended while it was being written.
    Torn {
        /// Where that frame begins in the file, in bytes.
        offset: u64,
    },
}

/// Reads the entries of a record, in their order and in bounded memory, whatever the file's length.
#[derive(Debug)]
pub struct Reader<R> {
    source: BufReader<R>,
    header: Header,
    checksum: u32,
    offset: u64,
    last: Time,
    is_first: bool,
    end: Option<End>,
    has_failed: bool,
}

/// A frame whose checksum is right.
struct Frame {
    body: [u8; BODY_BYTES_MAX],
    length: usize,
    checksum: u32,
}

/// Why there is no frame.
enum NoFrame {
    End(End),
    Io(io::Error),
    Corrupt(&'static str),
}

impl From<io::Error> for NoFrame {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<R: Read> Reader<R> {
    /// Reads the header of a record.
    ///
    /// # Errors
    ///
    /// When there is no record of this version, or its header is cut off or damaged.
    pub fn new(source: R) -> Result<Self, ReadError> {
        let mut source = BufReader::new(source);
        let (header, checksum, offset) = header::read(&mut source)?;
        Ok(Self {
            source,
            header,
            checksum,
            offset,
            last: Time::ZERO,
            is_first: true,
            end: None,
            has_failed: false,
        })
    }

    /// The configuration of the node.
    pub const fn config(&self) -> &Config {
        &self.header.config
    }

    /// The version of the software that wrote the record.
    pub fn software(&self) -> &str {
        &self.header.software
    }

    /// How the record ends, once all entries have been read.
    pub const fn end(&self) -> Option<End> {
        self.end
    }

    /// The next entry; none at the end of the record, whatever that is.
    ///
    /// # Errors
    ///
    /// When the source fails, or a frame is damaged and others follow. After an error there are no more
    /// entries.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        if self.end.is_some() || self.has_failed {
            return Ok(None);
        }
        let entry = self.frame().and_then(|frame| self.entry(&frame));
        let offset = self.offset;
        match entry {
            Ok(entry) => Ok(Some(entry)),
            Err(NoFrame::End(end)) => {
                self.end = Some(end);
                Ok(None)
            }
            Err(NoFrame::Corrupt(why)) => {
                self.has_failed = true;
                Err(ReadError::Corrupt { offset, why })
            }
            Err(NoFrame::Io(error)) => {
                self.has_failed = true;
                Err(error.into())
            }
        }
    }

    fn frame(&mut self) -> Result<Frame, NoFrame> {
        let torn = NoFrame::End(End::Torn {
            offset: self.offset,
        });
        let mut bytes = [0; 1 + BODY_BYTES_MAX + 4];
        if fill(&mut self.source, &mut bytes[..1])? == 0 {
            return Err(NoFrame::End(End::Cut));
        }
        let length = usize::from(bytes[0]);
        if length == 0 && self.only_zeros_follow()? {
            return Err(torn);
        }
        if !(BODY_BYTES_MIN..=BODY_BYTES_MAX).contains(&length) {
            return Err(NoFrame::Corrupt("no frame has this length"));
        }
        let (summed, whole) = (1 + length, 1 + length + 4);
        if fill(&mut self.source, &mut bytes[1..whole])? < whole - 1 {
            return Err(torn);
        }
        let mut hasher = Hasher::new_with_initial(self.checksum);
        hasher.update(&bytes[..summed]);
        let checksum = hasher.finalize();
        if checksum.to_le_bytes() != bytes[summed..whole] {
            let is_last = fill(&mut self.source, &mut [0])? == 0;
            return Err(if is_last {
                torn
            } else {
                NoFrame::Corrupt("the checksum of the frame differs")
            });
        }
        let mut body = [0; BODY_BYTES_MAX];
        body[..length].copy_from_slice(&bytes[1..summed]);
        Ok(Frame {
            body,
            length,
            checksum,
        })
    }

    fn entry(&mut self, frame: &Frame) -> Result<Entry, NoFrame> {
        let mut body = &frame.body[..frame.length];
        let corrupt = NoFrame::Corrupt;
        let delta =
            take_varint(&mut body).ok_or(corrupt("the frame does not begin with a time"))?;
        let ns = self.last.as_nanos().checked_add(delta);
        let ns = ns.ok_or(corrupt("the time of the frame is beyond all times"))?;
        let decided = take(&mut body).ok_or(corrupt("the frame is too short"))?;
        let decided = u32::from_le_bytes(decided);
        if self.is_first && decided != 0 {
            return Err(corrupt("the first frame has the sum of a step before it"));
        }
        let input = input::decode(body).ok_or(corrupt("the frame holds no input"))?;
        let is_end = input.is_none();
        if is_end && delta != 0 {
            return Err(corrupt("the record ends later than its last input"));
        }
        if is_end && fill(&mut self.source, &mut [0])? != 0 {
            return Err(corrupt("something follows the end of the record"));
        }
        self.checksum = frame.checksum;
        self.offset += 1 + frame.length as u64 + 4;
        self.last = Time::ZERO + Span::from_nanos(ns);
        self.is_first = false;
        self.end = is_end.then_some(End::Finished);
        Ok(Entry {
            at: self.last,
            input,
            decided,
        })
    }

    fn only_zeros_follow(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 512];
        loop {
            let found = fill(&mut self.source, &mut bytes)?;
            if bytes[..found].iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            if found < bytes.len() {
                return Ok(true);
            }
        }
    }
}

/// Reads until `bytes` is full or the source ends; tells how many bytes were read.
pub(crate) fn fill(source: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut found = 0;
    while found < bytes.len() {
        match source.read(&mut bytes[found..]) {
            Ok(0) => break,
            Ok(more) => found += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
