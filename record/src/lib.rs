//! Records of what a node was told, and replays that prove what it decided.
//!
//! A node decides from its inputs alone, so its inputs with their times are all that a record needs: a
//! fresh node given the same inputs decides the same again. A record also holds a checksum of what the
//! node decided at each step, so that a replay can prove that it is the same, without storing it.
//!
//! One file holds one life of one node, from [`Input::Start`](tetrarch_core::Input::Start) on.
//! [`Writer`] appends to it, [`Reader`] reads it, [`Replay`] feeds it to a node and compares, and
//! [`WhatIf`] replays it under changed settings as long as that means anything.
//!
//! # Layout
//!
//! Numbers are little-endian; a *varint* holds seven bits a byte, the lowest first, in as few bytes as
//! possible. Whatever a reader accepts, a writer writes again byte for byte.
//!
//! The header:
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `TETRAREC` |
//! | 2 | version of this layout, [`VERSION`] |
//! | 2 | length of the settings that follow, up to the checksum |
//! | 4 | the node's place in the ring, the size of the group, the room for virtual servers, the safety setting (0 paper, 1 guarded) |
//! | 2 | the version of the protocol that the node speaks, the servers that can be fenced (bit n: place n) |
//! | 4 | which life of the server's programs this is |
//! | 88 | the eleven spans of [`Timing`](tetrarch_core::Timing) in nanoseconds, in the order of its fields, 8 bytes each |
//! | 1 + n | the version of the software: its length, up to [`SOFTWARE_BYTES_MAX`], and its text |
//! | 4 | CRC-32 of all of this |
//!
//! Then one frame for each input:
//!
//! | bytes | content |
//! |---|---|
//! | 1 | length of the frame's body |
//! | 1 to 10 | varint: nanoseconds since the frame before, or since the start of the clock |
//! | 4 | sum of what the node decided on the input before; 0 in the first frame |
//! | 1 to 29 | the input |
//! | 4 | CRC-32 of all bytes of the file up to here, checksums left out |
//!
//! | input | bytes |
//! |---|---|
//! | end of the record | 0 |
//! | Start | 1, whether the own address is held (0 or 1), functions served (bit n: place n), `silent` and `left` in nanoseconds (8 each) |
//! | Message | 2, sender, the message as in [`tetrarch_core::wire`] |
//! | Done | 3, owner of the job (0 watch, 1 recovery, 2 standby, 3 own, 4 vote), subject, serial (2), then 0 ok, 1 failed, 2 and the failing services, or 3 and the claims granted (2) |
//! | Deadline | 4 |
//! | Command | 5, then 0 for stop |
//! | Seen | 7, then 0 and the function that has a rival, or 1 and the failing services |
//! | Speaks | 6, server, the version of the protocol that it speaks |
//!
//! An input is on the disk before the node takes it, so an input that ends the program is there to be
//! found; what the node decided on it goes into the next frame, or into the frame that ends the record.
//! Each checksum continues the one before, so that a frame that is missing, doubled, out of place or
//! from another file is noticed like a changed byte.
//!
//! # What may happen to a file
//!
//! | found | told as | rest |
//! |---|---|---|
//! | the frame that ends the record, and nothing after it | [`End::Finished`] | used |
//! | the file ends after a whole frame | [`End::Cut`] | used |
//! | the file ends within a frame, the last frame is damaged, or only zeros follow | [`End::Torn`] | used |
//! | anything else | [`ReadError::Corrupt`] with the offset | used up to there |
//!
//! The sum of what a node decided is the CRC-32 of the outputs of the step in their order and of the
//! wake-up that it asked for, each in a fixed form; see [`Sum`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod bytes;
mod error;
mod header;
mod input;
mod reader;
mod replay;
mod sum;
mod what_if;
mod writer;

pub use error::{ReadError, WriteError};
pub use header::SOFTWARE_BYTES_MAX;
pub use reader::{End, Entry, Reader};
pub use replay::{Played, Proof, Replay};
pub use sum::Sum;
pub use what_if::{Divergence, Moment, WhatIf};
pub use writer::Writer;

/// The version of the layout that [`Writer`] writes and [`Reader`] takes.
pub const VERSION: u16 = 2;

/// The longest body of a frame in bytes: the span since the last frame, a sum and an input.
const BODY_BYTES_MAX: usize = bytes::VARINT_BYTES_MAX + 4 + input::INPUT_BYTES_MAX;

/// The shortest body of a frame in bytes.
const BODY_BYTES_MIN: usize = 1 + 4 + 1;
