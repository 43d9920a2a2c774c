//! Messages as bytes: what members send each other over a network, and what records keep.
//!
//! Every message begins with the version of this layout and its kind; the rest has a fixed length for
//! each kind. Numbers of two bytes are little-endian.
//!
//! | byte | content |
//! |---|---|
//! | 0 | the oldest version that can say it, [`VERSION_MIN`] to [`VERSION`] |
//! | 1 | kind |
//! | from 2 | the fields of the kind, in this order |
//!
//! Version 1:
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
//! Version 2 (kinds 20 to 39 are kept for what servers see, 40 and more for the operator's orders):
//!
//! | kind | message | fields | bytes in all |
//! |---|---|---|---|
//! | 12 | [`Message::Agree`] | target, stamp (8), life (4) | 15 |
//! | 13 | [`Message::Renew`] | claims (2), stamp (8), life (4) | 16 |
//! | 14 | [`Message::Grant`] | claims (2), stamp (8), life (4) | 16 |
//! | 40 | [`Message::Orders`] | orders (18) | 20 |
//! | 41 | [`Message::Invite`] | leaving | 3 |
//! | 42 | [`Message::Decline`] | - | 2 |
//! | 43 | [`Message::Offer`] | - | 2 |
//! | 44 | [`Message::Dropped`] | - | 2 |
//! | 20 | [`Message::Holds`] | function, structure (24) | 27 |
//! | 21 | [`Message::Services`] | services | 3 |
//! | 22 | [`Message::Doubt`] | target | 3 |
//! | 23 | [`Message::Unheard`] | target, life (4) | 7 |
//! | 24 | [`Message::Fenced`] | target, life (4) | 7 |
//!
//! | field | content |
//! |---|---|
//! | target, function | place of the server in the ring, 0 to 7 |
//! | flags | bit 0: serving, bit 1: restarting, all others 0 |
//! | agreed, leaving | 0 or 1 |
//! | orders | for each place in the ring eight times a count, and 4 in maintenance, and where its function shall be: 0 anywhere, 1 away, 2 at home (8 times 2 bytes), then a count that is odd while all is frozen (2 bytes) |
//! | claims | addresses, then images, each with bit n for the function of the server at place n |
//! | stamp | nanoseconds by the clock of whoever asked |
//! | life | which life of the programs of whoever asked |
//! | services | bit n: the service at place n of the sender's list |
//! | held | bit n: the server at place n |
//! | structure | for each place in the ring the count of changes (8 times 2 bytes), then for each place the host of its function: 0 to 7, or 255 for nobody (8 bytes) |
//!
//! Reading is strict: whatever [`decode`] accepts, [`encode`] writes again byte for byte. So a message
//! has one form only, and nothing can hide in it.
//!
//! A message is written in the oldest version that can say it ([`Message::since`]), so a message that
//! all versions know looks the same in all of them. A change of this layout raises [`VERSION`]; a reader
//! takes this version and those back to [`VERSION_MIN`], so that two neighbouring versions can run in
//! one ring while it is upgraded. What a field that an older version has not stands for when it is not
//! there is none, and each says what follows from that.

use crate::id::{Members, SERVERS_MAX, ServerId, ServiceSet};
use crate::lease::Claims;
use crate::message::{Message, Version};
use crate::orders::{ORDERS_BYTES, Orders};
use crate::structure::Structure;
use crate::time::{Life, Sequence, Time};
use thiserror::Error;

/// The newest version of the layout.
pub const VERSION: u8 = 2;

/// The oldest version of the layout that [`decode`] takes.
pub const VERSION_MIN: u8 = 1;

/// The length in bytes of the longest message.
pub const MESSAGE_BYTES_MAX: usize = HEAD_BYTES + 1 + STRUCTURE_BYTES;

const HEAD_BYTES: usize = 2;
const STRUCTURE_BYTES: usize = 3 * SERVERS_MAX;
const CLAIMS_BYTES: usize = 2;
const STAMP_BYTES: usize = 8;
const LIFE_BYTES: usize = 4;

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
    #[error("expected a message of version {VERSION_MIN} to {newest}, found version {found}")]
    Version {
        /// The newest version that the reader speaks.
        newest: u8,
        /// The first byte.
        found: u8,
    },
    /// The second byte is no kind of message that came with this version.
    #[error("expected a kind of message of version {version}, found {found}")]
    Kind {
        /// The first byte.
        version: u8,
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
    /// Orders that put a function where none can be.
    #[error("{kind}: expected each function away, at home or anywhere")]
    Orders {
        /// The message.
        kind: &'static str,
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

/// A kind of message in the form that it has in a version.
struct Kind {
    version: Version,
    number: u8,
    name: &'static str,
    /// The length of the fields in bytes.
    length: usize,
}

const fn kind(version: Version, number: u8, name: &'static str, length: usize) -> Kind {
    Kind {
        version,
        number,
        name,
        length,
    }
}

const KINDS: &[Kind] = &[
    kind(Version::V1, 1, "Sync", 3),
    kind(Version::V1, 2, "Up", 1),
    kind(Version::V1, 3, "Down", 1 + STRUCTURE_BYTES),
    kind(Version::V1, 4, "Progress", 4),
    kind(Version::V1, 5, "Report", STRUCTURE_BYTES),
    kind(Version::V1, 6, "Hello", STRUCTURE_BYTES),
    kind(Version::V1, 7, "Welcome", 1 + STRUCTURE_BYTES),
    kind(Version::V1, 8, "GiveBack", STRUCTURE_BYTES),
    kind(Version::V1, 9, "Yield", 1),
    kind(Version::V1, 10, "Resumed", 0),
    kind(Version::V1, 11, "Take", 1),
    kind(Version::V1, 12, "Agree", 1),
    kind(Version::V1, 13, "Renew", CLAIMS_BYTES + STAMP_BYTES),
    kind(Version::V1, 14, "Grant", CLAIMS_BYTES + STAMP_BYTES),
    kind(Version::V2, 12, "Agree", 1 + STAMP_BYTES + LIFE_BYTES),
    kind(
        Version::V2,
        13,
        "Renew",
        CLAIMS_BYTES + STAMP_BYTES + LIFE_BYTES,
    ),
    kind(
        Version::V2,
        14,
        "Grant",
        CLAIMS_BYTES + STAMP_BYTES + LIFE_BYTES,
    ),
    kind(Version::V2, 40, "Orders", ORDERS_BYTES),
    kind(Version::V2, 41, "Invite", 1),
    kind(Version::V2, 42, "Decline", 0),
    kind(Version::V2, 43, "Offer", 0),
    kind(Version::V2, 44, "Dropped", 0),
    kind(Version::V2, 20, "Holds", 1 + STRUCTURE_BYTES),
    kind(Version::V2, 21, "Services", 1),
    kind(Version::V2, 22, "Doubt", 1),
    kind(Version::V2, 23, "Unheard", 1 + LIFE_BYTES),
    kind(Version::V2, 24, "Fenced", 1 + LIFE_BYTES),
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
        Message::Agree { target, said } => {
            let bytes = bytes.server(*target);
            let said = said.filter(|said| said.life.is_some());
            said.iter().for_each(|said| bytes.sequence(*said));
            bytes.is(12)
        }
        Message::Renew { claims, asked } => bytes.question(*claims, *asked).is(13),
        Message::Grant { claims, asked } => bytes.question(*claims, *asked).is(14),
        Message::Orders { orders } => bytes.put(orders.to_bytes()).is(40),
        Message::Invite { leaving } => bytes.put([u8::from(*leaving)]).is(41),
        Message::Decline => bytes.is(42),
        Message::Offer => bytes.is(43),
        Message::Dropped => bytes.is(44),
        Message::Holds {
            function,
            structure,
        } => bytes.server(*function).structure(structure).is(20),
        Message::Services { failing } => bytes.put([failing.bits()]).is(21),
        Message::Doubt { target } => bytes.server(*target).is(22),
        Message::Unheard { target, life } => bytes.server(*target).life(*life).is(23),
        Message::Fenced { target, life } => bytes.server(*target).life(*life).is(24),
    };
    bytes.finish(message.since(), kind)
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

    fn question(&mut self, claims: Claims, asked: Sequence) -> &mut Self {
        self.put([claims.addresses.bits(), claims.images.bits()]);
        self.sequence(asked);
        self
    }

    fn sequence(&mut self, said: Sequence) {
        self.put(Time::from(said.stamp).as_nanos().to_le_bytes());
        if let Some(life) = said.life {
            self.life(life);
        }
    }

    fn life(&mut self, life: Life) -> &mut Self {
        self.put(life.number().to_le_bytes())
    }

    /// All fields are there; this is their message's kind.
    const fn is(&self, kind: u8) -> u8 {
        kind
    }

    fn finish(self, version: Version, kind: u8) -> &'a [u8] {
        self.buffer[0] = version.number();
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
    decode_as(bytes, Version::NEWEST)
}

/// Reads a message as programs do that speak no newer version than `newest`.
///
/// # Errors
///
/// As [`decode`], and when the message is of a newer version.
pub fn decode_as(bytes: &[u8], newest: Version) -> Result<Message, WireError> {
    let found = bytes.len();
    let (version, rest) = bytes.split_first().ok_or(WireError::Head { found })?;
    let known = Version::new(*version).filter(|version| *version <= newest);
    let unknown = WireError::Version {
        newest: newest.number(),
        found: *version,
    };
    let version = known.ok_or(unknown)?;
    let (number, fields) = rest.split_first().ok_or(WireError::Head { found })?;
    let unknown = WireError::Kind {
        version: version.number(),
        found: *number,
    };
    let is_it = |kind: &&Kind| (kind.version, kind.number) == (version, *number);
    let kind = KINDS.iter().find(is_it).ok_or(unknown)?;
    let wrong_length = WireError::Length {
        kind: kind.name,
        expected: HEAD_BYTES + kind.length,
        found,
    };
    if fields.len() != kind.length {
        return Err(wrong_length);
    }
    let read = Fields { kind: kind.name };
    read.message(*number, fields, wrong_length)
}

/// Reads the fields of one kind of message, whose lengths have been checked.
struct Fields {
    kind: &'static str,
}

impl Fields {
    fn message(&self, number: u8, fields: &[u8], wrong: WireError) -> Result<Message, WireError> {
        Ok(match (number, fields) {
            (1, [target, digest @ ..]) => Message::Sync {
                target: self.server(*target)?,
                digest: number_of(digest),
            },
            (2, [target]) => Message::Up {
                target: self.server(*target)?,
            },
            (3, [target, structure @ ..]) => Message::Down {
                target: self.server(*target)?,
                structure: self.structure(structure)?,
            },
            (4, [target, flags, digest @ ..]) => self.progress(*target, *flags, digest)?,
            (5, structure) => Message::Report {
                structure: self.structure(structure)?,
            },
            (6, structure) => Message::Hello {
                structure: self.structure(structure)?,
            },
            (7, [held, structure @ ..]) => Message::Welcome {
                structure: self.structure(structure)?,
                held: Members::from_bits(*held),
            },
            (8, structure) => Message::GiveBack {
                structure: self.structure(structure)?,
            },
            (9, [agreed]) => Message::Yield {
                agreed: self.flag(*agreed)?,
            },
            (10, []) => Message::Resumed,
            (11, [function]) => Message::Take {
                function: self.server(*function)?,
            },
            (40, orders) => Message::Orders {
                orders: self.orders(orders)?,
            },
            (41, [leaving]) => Message::Invite {
                leaving: self.flag(*leaving)?,
            },
            (42, []) => Message::Decline,
            (43, []) => Message::Offer,
            (44, []) => Message::Dropped,
            _ => return self.of_later(number, fields).unwrap_or(Err(wrong)),
        })
    }

    fn server(&self, found: u8) -> Result<ServerId, WireError> {
        let kind = self.kind;
        ServerId::new(usize::from(found)).ok_or(WireError::Server { kind, found })
    }

    /// The messages of guarded groups, and those of version 2. Lengths and kinds have been compared with the table
    /// above, so there is always one.
    fn of_later(&self, number: u8, fields: &[u8]) -> Option<Result<Message, WireError>> {
        Some(match (number, fields) {
            (12, [target, said @ ..]) => self.server(*target).map(|target| Message::Agree {
                target,
                said: (!said.is_empty()).then(|| sequence_of(said)),
            }),
            (13, [addresses, images, asked @ ..]) => Ok(Message::Renew {
                claims: claims_of(*addresses, *images),
                asked: sequence_of(asked),
            }),
            (14, [addresses, images, asked @ ..]) => Ok(Message::Grant {
                claims: claims_of(*addresses, *images),
                asked: sequence_of(asked),
            }),
            (20, [function, structure @ ..]) => self.server(*function).and_then(|function| {
                let structure = self.structure(structure)?;
                Ok(Message::Holds {
                    function,
                    structure,
                })
            }),
            (21, [failing]) => Ok(Message::Services {
                failing: ServiceSet::from_bits(*failing),
            }),
            (22, [target]) => self.server(*target).map(|target| Message::Doubt { target }),
            (23, [target, life @ ..]) => self.server(*target).map(|target| Message::Unheard {
                target,
                life: life_of(life),
            }),
            (24, [target, life @ ..]) => self.server(*target).map(|target| Message::Fenced {
                target,
                life: life_of(life),
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

    fn orders(&self, bytes: &[u8]) -> Result<Orders, WireError> {
        let all = bytes.first_chunk().and_then(Orders::from_bytes);
        all.ok_or(WireError::Orders { kind: self.kind })
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

/// A stamp and, where the version has it, a life.
fn sequence_of(bytes: &[u8]) -> Sequence {
    let (stamp, life) = bytes.split_at(STAMP_BYTES);
    let ns = stamp
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    Sequence {
        stamp: Time::from_nanos(ns).into(),
        life: (!life.is_empty()).then(|| life_of(life)),
    }
}

fn life_of(bytes: &[u8]) -> Life {
    let bytes = bytes.iter().rev();
    Life::new(bytes.fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn number_of(bytes: &[u8]) -> u16 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u16::from(*byte))
}
