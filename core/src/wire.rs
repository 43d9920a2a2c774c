//! Messages as bytes: what members send each other over a network, and what records keep.
//!
//! Every message begins with the version of this layout and its kind; the rest has a fixed length for
//! each kind. Numbers of two bytes are little-endian.
//!
//! | byte | content |
//! |---|---|
//! | 0 | version, [`VERSION_MIN`] to [`VERSION`] |
//! | 1 | kind |
//! | from 2 | the fields of the kind, in this order |
//!
//! | kind | message | fields | bytes in all |
//! |---|---|---|---|
//! | 1 | [`Message::Sync`] | target, digest (2) | 5 |
//! | 2 | [`Message::Up`] | target | 3 |
//! | 3 | [`Message::Down`] | target, structure (24) | 27 |
//! | 4 | [`Message::Progress`] | target, flags, digest (2) | 6 |
//! | 5 | [`Message::Report`] | structure (24) | 26 |
//! | 6 | [`Message::Hello`] | structure (24) | 26 |
//! | 7 | [`Message::Welcome`] | held, structure (24) | 27 |
//! | 8 | [`Message::GiveBack`] | structure (24) | 26 |
//! | 9 | [`Message::Yield`] | agreed | 3 |
//! | 10 | [`Message::Resumed`] | | 2 |
//! | 11 | [`Message::Take`] | function | 3 |
//! | 12 | [`Message::Agree`] | target | 3 |
//! | 13 | [`Message::Renew`] | claims (2), stamp (8) | 12 |
//! | 14 | [`Message::Grant`] | claims (2), stamp (8) | 12 |
//!
//! | field | content |
//! |---|---|
//! | target, function | place of the server in the ring, 0 to 7 |
//! | flags | bit 0: serving, bit 1: restarting, all others 0 |
//! | agreed | 0 or 1 |
//! | claims | addresses, then images, each with bit n for the function of the server at place n |
//! | stamp | nanoseconds by the clock of whoever asked |
//! | held | bit n: the server at place n |
//! | structure | for each place in the ring the count of changes (8 times 2 bytes), then for each place the host of its function: 0 to 7, or 255 for nobody (8 bytes) |
//!
//! Reading is strict: whatever [`decode`] accepts, [`encode`] writes again byte for byte. So a message
//! has one form only, and nothing can hide in it.
//!
//! A change of this layout raises [`VERSION`]; a reader takes this version and those back to
//! [`VERSION_MIN`], so that two neighbouring versions can run in one ring while it is upgraded. There
//! has been one version so far.

use crate::id::{Members, SERVERS_MAX, ServerId};
use crate::lease::Claims;
use crate::message::Message;
use crate::structure::Structure;
use crate::time::{Stamp, Time};
use thiserror::Error;

/// The version of the layout that [`encode`] writes.
pub const VERSION: u8 = 1;

/// The oldest version of the layout that [`decode`] takes.
pub const VERSION_MIN: u8 = 1;

/// The length in bytes of the longest message.
pub const MESSAGE_BYTES_MAX: usize = HEAD_BYTES + 1 + STRUCTURE_BYTES;

const HEAD_BYTES: usize = 2;
const STRUCTURE_BYTES: usize = 3 * SERVERS_MAX;
const CLAIMS_BYTES: usize = 2;
const STAMP_BYTES: usize = 8;

const SERVING: u8 = 1;
const RESTARTING: u8 = 2;

/// Why bytes are not a message; each says what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum WireError {
    /// The version or the kind is not there.
    #[error("expected a message of {HEAD_BYTES} to {MESSAGE_BYTES_MAX} bytes, found {found}")]
    Head {
        /// The length found, in bytes.
        found: usize,
    },
    /// Written by a version that this one does not know.
    #[error("expected a message of version {VERSION_MIN} to {VERSION}, found version {found}")]
    Version {
        /// The first byte.
        found: u8,
    },
    /// The second byte is no kind of message.
    #[error("expected a kind of message from 1 to {}, found {found}", KINDS.len())]
    Kind {
        /// The second byte.
        found: u8,
    },
    /// Too short for its kind, or something follows.
    #[error("{kind}: expected {expected} bytes in all, found {found}")]
    Length {
        /// The message.
        kind: &'static str,
        /// The length of this kind of message, in bytes.
        expected: usize,
        /// The length found, in bytes.
        found: usize,
    },
    /// A server that no ring has.
    #[error("{kind}: expected a server's place from 0 to 7, found {found}")]
    Server {
        /// The message.
        kind: &'static str,
        /// The byte found.
        found: u8,
    },
    /// A flag that this version does not know.
    #[error("{kind}: expected flags of 0 to {most}, found {found}")]
    Flags {
        /// The message.
        kind: &'static str,
        /// All flags of this message together.
        most: u8,
        /// The byte found.
        found: u8,
    },
    /// A structure in which a function is served from outside every ring.
    #[error(
        "{kind}: expected the host of {function} to be 0 to 7, or 255 for nobody, found {found}"
    )]
    Host {
        /// The message.
        kind: &'static str,
        /// The function.
        function: ServerId,
        /// The byte found.
        found: u8,
    },
}

/// Name and length of the fields in bytes of each kind of message, from kind 1 on.
const KINDS: [(&str, usize); 14] = [
    ("Sync", 3),
    ("Up", 1),
    ("Down", 1 + STRUCTURE_BYTES),
    ("Progress", 4),
    ("Report", STRUCTURE_BYTES),
    ("Hello", STRUCTURE_BYTES),
    ("Welcome", 1 + STRUCTURE_BYTES),
    ("GiveBack", STRUCTURE_BYTES),
    ("Yield", 1),
    ("Resumed", 0),
    ("Take", 1),
    ("Agree", 1),
    ("Renew", CLAIMS_BYTES + STAMP_BYTES),
    ("Grant", CLAIMS_BYTES + STAMP_BYTES),
];

/// Writes `message` into `buffer` and returns the bytes that it takes there.
pub fn encode<'a>(message: &Message, buffer: &'a mut [u8; MESSAGE_BYTES_MAX]) -> &'a [u8] {
    let mut bytes = Bytes {
        buffer,
        length: HEAD_BYTES,
    };
    let kind = match message {
        Message::Sync { target, digest } => bytes.server(*target).put(digest.to_le_bytes()).is(1),
        Message::Up { target } => bytes.server(*target).is(2),
        Message::Down { target, structure } => bytes.server(*target).structure(structure).is(3),
        Message::Progress {
            target,
            serving,
            restarting,
            digest,
        } => {
            let serving = if *serving { SERVING } else { 0 };
            let restarting = if *restarting { RESTARTING } else { 0 };
            let flags = [serving | restarting];
            let digest = digest.to_le_bytes();
            bytes.server(*target).put(flags).put(digest).is(4)
        }
        Message::Report { structure } => bytes.structure(structure).is(5),
        Message::Hello { structure } => bytes.structure(structure).is(6),
        Message::Welcome { structure, held } => bytes.put([held.bits()]).structure(structure).is(7),
        Message::GiveBack { structure } => bytes.structure(structure).is(8),
        Message::Yield { agreed } => bytes.put([u8::from(*agreed)]).is(9),
        Message::Resumed => bytes.is(10),
        Message::Take { function } => bytes.server(*function).is(11),
        Message::Agree { target } => bytes.server(*target).is(12),
        Message::Renew { claims, stamp } => bytes.question(*claims, *stamp).is(13),
        Message::Grant { claims, stamp } => bytes.question(*claims, *stamp).is(14),
    };
    bytes.finish(kind)
}

/// A message being written. The buffer is as long as the longest message, so nothing is cut off.
struct Bytes<'a> {
    buffer: &'a mut [u8; MESSAGE_BYTES_MAX],
    length: usize,
}

impl<'a> Bytes<'a> {
    fn put<const N: usize>(&mut self, bytes: [u8; N]) -> &mut Self {
        self.buffer[self.length..self.length + N].copy_from_slice(&bytes);
        self.length += N;
        self
    }

    fn server(&mut self, server: ServerId) -> &mut Self {
        self.put([server.index() as u8])
    }

    fn structure(&mut self, structure: &Structure) -> &mut Self {
        for changes in structure.all_changes() {
            self.put(changes.to_le_bytes());
        }
        self.put(*structure.all_hosts())
    }

    fn question(&mut self, claims: Claims, stamp: Stamp) -> &mut Self {
        self.put([claims.addresses.bits(), claims.images.bits()])
            .put(Time::from(stamp).as_nanos().to_le_bytes())
    }

    /// All fields are there; this is their message's kind.
    const fn is(&self, kind: u8) -> u8 {
        kind
    }

    fn finish(self, kind: u8) -> &'a [u8] {
        self.buffer[0] = VERSION;
        self.buffer[1] = kind;
        &self.buffer[..self.length]
    }
}

/// Reads a message that fills `bytes` from end to end.
///
/// # Errors
///
/// When the version or the kind is unknown, the length is not that of the kind, or a server, a host or
/// a flag is none.
pub fn decode(bytes: &[u8]) -> Result<Message, WireError> {
    let found = bytes.len();
    let (version, rest) = bytes.split_first().ok_or(WireError::Head { found })?;
    if !(VERSION_MIN..=VERSION).contains(version) {
        return Err(WireError::Version { found: *version });
    }
    let (number, fields) = rest.split_first().ok_or(WireError::Head { found })?;
    let unknown = WireError::Kind { found: *number };
    let place = usize::from(*number).checked_sub(1).ok_or(unknown)?;
    let (kind, length) = *KINDS.get(place).ok_or(unknown)?;
    let wrong_length = WireError::Length {
        kind,
        expected: HEAD_BYTES + length,
        found,
    };
    if fields.len() != length {
        return Err(wrong_length);
    }
    let read = Fields { kind };
    Ok(match (number, fields) {
        (1, [target, digest @ ..]) => Message::Sync {
            target: read.server(*target)?,
            digest: number_of(digest),
        },
        (2, [target]) => Message::Up {
            target: read.server(*target)?,
        },
        (3, [target, structure @ ..]) => Message::Down {
            target: read.server(*target)?,
            structure: read.structure(structure)?,
        },
        (4, [target, flags, digest @ ..]) => read.progress(*target, *flags, digest)?,
        (5, structure) => Message::Report {
            structure: read.structure(structure)?,
        },
        (6, structure) => Message::Hello {
            structure: read.structure(structure)?,
        },
        (7, [held, structure @ ..]) => Message::Welcome {
            structure: read.structure(structure)?,
            held: Members::from_bits(*held),
        },
        (8, structure) => Message::GiveBack {
            structure: read.structure(structure)?,
        },
        (9, [agreed]) => Message::Yield {
            agreed: read.flag(*agreed)?,
        },
        (10, []) => Message::Resumed,
        (11, [function]) => Message::Take {
            function: read.server(*function)?,
        },
        _ => {
            return read
                .of_guarded(*number, fields)
                .unwrap_or(Err(wrong_length));
        }
    })
}

/// Reads the fields of one kind of message, whose lengths have been checked.
struct Fields {
    kind: &'static str,
}

impl Fields {
    fn server(&self, found: u8) -> Result<ServerId, WireError> {
        let kind = self.kind;
        ServerId::new(usize::from(found)).ok_or(WireError::Server { kind, found })
    }

    /// The messages that only guarded groups send. Lengths and kinds have been compared with the table
    /// above, so there is always one.
    fn of_guarded(&self, number: u8, fields: &[u8]) -> Option<Result<Message, WireError>> {
        Some(match (number, fields) {
            (12, [target]) => self.server(*target).map(|target| Message::Agree { target }),
            (13, [addresses, images, stamp @ ..]) => Ok(Message::Renew {
                claims: claims_of(*addresses, *images),
                stamp: stamp_of(stamp),
            }),
            (14, [addresses, images, stamp @ ..]) => Ok(Message::Grant {
                claims: claims_of(*addresses, *images),
                stamp: stamp_of(stamp),
            }),
            _ => return None,
        })
    }

    fn flag(&self, found: u8) -> Result<bool, WireError> {
        let kind = self.kind;
        match found {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(WireError::Flags {
                kind,
                most: 1,
                found,
            }),
        }
    }

    fn progress(&self, target: u8, flags: u8, digest: &[u8]) -> Result<Message, WireError> {
        if flags & !(SERVING | RESTARTING) != 0 {
            return Err(WireError::Flags {
                kind: self.kind,
                most: SERVING | RESTARTING,
                found: flags,
            });
        }
        Ok(Message::Progress {
            target: self.server(target)?,
            serving: flags & SERVING != 0,
            restarting: flags & RESTARTING != 0,
            digest: number_of(digest),
        })
    }

    fn structure(&self, bytes: &[u8]) -> Result<Structure, WireError> {
        let (mut changes, mut hosts) = ([0; SERVERS_MAX], [0; SERVERS_MAX]);
        let (counts, places) = bytes.split_at(2 * SERVERS_MAX);
        for (count, pair) in changes.iter_mut().zip(counts.chunks_exact(2)) {
            *count = number_of(pair);
        }
        hosts.copy_from_slice(places);
        Structure::from_entries(changes, hosts).map_err(|function| WireError::Host {
            kind: self.kind,
            function,
            found: hosts[function.index()],
        })
    }
}

const fn claims_of(addresses: u8, images: u8) -> Claims {
    Claims {
        addresses: Members::from_bits(addresses),
        images: Members::from_bits(images),
    }
}

fn stamp_of(bytes: &[u8]) -> Stamp {
    let ns = bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    Time::from_nanos(ns).into()
}

fn number_of(bytes: &[u8]) -> u16 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u16::from(*byte))
}
