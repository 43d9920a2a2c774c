//! What goes over a connection: frames with their length in front.
//!
//! | bytes | content |
//! |---|---|
//! | 2 | length of the rest, big-endian, 1 to [`FRAME_BYTES_MAX`] |
//! | 1 | kind |
//! | rest | 0: sequence number (8), then a message as in [`tetrarch_core::wire`]; 3: the oldest and the newest version that the sender speaks, safety (0 paper, 1 guarded), digest of the ring (8), digest of the timing (8), life (8), as a greeting; 1: number (4), then 1 and the failing services, 2, or 3 and whether the flag file shall be there (0 or 1), as a request; 2: number (4), then 1 if it was done and 0 if not, as its answer; 4: number (4), as a question how things stand; 5: number (4), then a [`Report`], as its answer |
//!
//! A greeting keeps its form in all versions, so that programs of any two of them can say which they speak.

use tetrarch_core::wire::{self, MESSAGE_BYTES_MAX, WireError};
use tetrarch_core::{Message, Safety, ServiceSet};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::greeting::{Greeting, Settings, Versions};
use crate::link::Request;
use crate::report::Report;

/// The longest frame without its length, in bytes. Newer versions may need more than today's longest
/// message.
pub const FRAME_BYTES_MAX: usize = 128;

const LENGTH_BYTES: usize = 2;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The first frame of a connection.
    Greeting(Greeting),
    /// A message of the protocol.
    Message {
        /// Counts the messages of the sender's agent to this receiver, over all connections.
        sequence: u64,
        /// What it says.
        message: Message,
    },
    /// A request, with a number that its answer repeats.
    Ask {
        /// The number.
        number: u32,
        /// What is asked.
        request: Request,
    },
    /// The answer to a request.
    Answer {
        /// The number of the request.
        number: u32,
        /// Whether what was asked has been done.
        done: bool,
    },
    /// How do things stand? With a number that the answer repeats.
    Question {
        /// The number.
        number: u32,
    },
    /// The answer to a question.
    Report {
        /// The number of the question.
        number: u32,
        /// How things stand.
        report: Report,
    },
}

/// Why a connection gives no frame.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The connection failed or has ended.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// No frame has this length.
    #[error("expected a frame of 1 to {FRAME_BYTES_MAX} bytes, found {0}")]
    Length(usize),
    /// What should be a message is none.
    #[error(transparent)]
    Message(#[from] WireError),
    /// No frame is of this kind, or this form.
    #[error(
        "expected a greeting, a message, a request, a question or an answer, found a frame of kind {0}"
    )]
    Kind(u8),
}

impl Frame {
    /// The bytes of the frame, with its length in front.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; LENGTH_BYTES];
        match self {
            Self::Greeting(Greeting { settings, life }) => {
                bytes.extend([
                    3,
                    settings.versions.oldest,
                    settings.versions.newest,
                    u8::from(settings.safety == Safety::Guarded),
                ]);
                for number in [settings.ring, settings.timing, *life] {
                    bytes.extend(number.to_be_bytes());
                }
            }
            Self::Message { sequence, message } => {
                bytes.push(0);
                bytes.extend(sequence.to_be_bytes());
                bytes.extend(wire::encode(message, &mut [0; MESSAGE_BYTES_MAX]));
            }
            Self::Ask { number, request } => {
                bytes.push(1);
                bytes.extend(number.to_be_bytes());
                match request {
                    Request::RestartServices { failing } => bytes.extend([1, failing.bits()]),
                    Request::RestartServer => bytes.push(2),
                    Request::SetFlag { present } => bytes.extend([3, u8::from(*present)]),
                }
            }
            Self::Answer { number, done } => {
                bytes.push(2);
                bytes.extend(number.to_be_bytes());
                bytes.push(u8::from(*done));
            }
            Self::Question { number } => {
                bytes.push(4);
                bytes.extend(number.to_be_bytes());
            }
            Self::Report { number, report } => {
                bytes.push(5);
                bytes.extend(number.to_be_bytes());
                bytes.extend(report.encode());
            }
        }
        let length = (bytes.len() - LENGTH_BYTES) as u16;
        bytes[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    /// Reads a frame that fills `bytes`, its length left out.
    ///
    /// # Errors
    ///
    /// When it is of no known kind or form.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        match *bytes {
            [3, oldest, newest, safety @ (0 | 1), ref numbers @ ..] if oldest <= newest => {
                let versions = Versions { oldest, newest };
                greeting(versions, safety, numbers).ok_or(FrameError::Kind(3))
            }
            [0, ref rest @ ..] => {
                let (sequence, message) = rest.split_first_chunk().ok_or(FrameError::Kind(0))?;
                Ok(Self::Message {
                    sequence: u64::from_be_bytes(*sequence),
                    message: wire::decode(message)?,
                })
            }
            [1, a, b, c, d, 1, failing] => Ok(Self::Ask {
                number: u32::from_be_bytes([a, b, c, d]),
                request: Request::RestartServices {
                    failing: ServiceSet::from_bits(failing),
                },
            }),
            [1, a, b, c, d, 2] => Ok(Self::Ask {
                number: u32::from_be_bytes([a, b, c, d]),
                request: Request::RestartServer,
            }),
            [1, a, b, c, d, 3, present @ (0 | 1)] => Ok(Self::Ask {
                number: u32::from_be_bytes([a, b, c, d]),
                request: Request::SetFlag {
                    present: present == 1,
                },
            }),
            [2, a, b, c, d, done @ (0 | 1)] => Ok(Self::Answer {
                number: u32::from_be_bytes([a, b, c, d]),
                done: done == 1,
            }),
            [4, a, b, c, d] => Ok(Self::Question {
                number: u32::from_be_bytes([a, b, c, d]),
            }),
            [5, a, b, c, d, ref report @ ..] => Ok(Self::Report {
                number: u32::from_be_bytes([a, b, c, d]),
                report: Report::decode(report).ok_or(FrameError::Kind(5))?,
            }),
            [kind, ..] => Err(FrameError::Kind(kind)),
            [] => Err(FrameError::Length(0)),
        }
    }

    /// Reads the next frame of a connection.
    ///
    /// # Errors
    ///
    /// When the connection ends or fails, or something else than a frame comes; nothing after that
    /// can be read.
    pub async fn read(source: &mut (impl AsyncRead + Unpin)) -> Result<Self, FrameError> {
        let length = usize::from(source.read_u16().await?);
        let mut bytes = [0; FRAME_BYTES_MAX];
        let bytes = bytes
            .get_mut(..length)
            .filter(|bytes| !bytes.is_empty())
            .ok_or(FrameError::Length(length))?;
        source.read_exact(bytes).await?;
        Self::decode(bytes)
    }
}

fn greeting(versions: Versions, safety: u8, numbers: &[u8]) -> Option<Frame> {
    let (ring, rest) = numbers.split_first_chunk()?;
    let (timing, life) = rest.split_first_chunk()?;
    Some(Frame::Greeting(Greeting {
        settings: Settings {
            versions,
            safety: if safety == 1 {
                Safety::Guarded
            } else {
                Safety::Paper
            },
            ring: u64::from_be_bytes(*ring),
            timing: u64::from_be_bytes(*timing),
        },
        life: u64::from_be_bytes(life.try_into().ok()?),
    }))
}

const _: () = assert!(9 + MESSAGE_BYTES_MAX <= FRAME_BYTES_MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tetrarch_core::{Members, ServerId};

    use crate::happened::Kind;
    use crate::report::Activity;

    fn report() -> Report {
        let [one, two] = [0, 7].map(|place| ServerId::new(place).unwrap());
        let mut report = Report {
            activity: Activity::Managing,
            holds_own_address: true,
            frozen: true,
            finds_no_taker: true,
            maintained: Members::from_bits(4),
            away: Members::from_bits(0b1000_0001),
            members: Members::from_bits(0b1011),
            serving: Members::from_bits(0b0100),
            recovering: Members::from_bits(0b1000_0000),
            first: Members::from_bits(2),
            second: Members::from_bits(8),
            ..Report::STOPPED
        };
        report.hosts[7] = Some(one);
        report.hosts[0] = Some(two);
        report.events[3] = Some((Kind::Served, u32::MAX));
        report
    }

    fn frames() -> [Frame; 9] {
        let target = ServerId::new(3).unwrap();
        let failing = ServiceSet::from_bits(5);
        [
            Frame::Greeting(Greeting {
                settings: Settings {
                    versions: Versions {
                        oldest: 1,
                        newest: 200,
                    },
                    safety: Safety::Guarded,
                    ring: 2,
                    timing: u64::MAX,
                },
                life: 3,
            }),
            Frame::Message {
                sequence: 1 << 40,
                message: Message::Up { target },
            },
            Frame::Ask {
                number: 7,
                request: Request::RestartServices { failing },
            },
            Frame::Ask {
                number: u32::MAX,
                request: Request::RestartServer,
            },
            Frame::Ask {
                number: 0,
                request: Request::SetFlag { present: true },
            },
            Frame::Answer {
                number: 7,
                done: true,
            },
            Frame::Answer {
                number: 8,
                done: false,
            },
            Frame::Question { number: 9 },
            Frame::Report {
                number: 9,
                report: report(),
            },
        ]
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        let bytes: Vec<u8> = frames().iter().flat_map(Frame::encode).collect();
        let mut source = &bytes[..];
        for frame in frames() {
            assert_eq!(Frame::read(&mut source).await.unwrap(), frame);
        }
        assert!(matches!(
            Frame::read(&mut source).await,
            Err(FrameError::Io(_))
        ));
    }

    #[tokio::test]
    async fn lengths_beyond_the_limit_are_refused_unread() {
        for length in [0, FRAME_BYTES_MAX as u16 + 1, u16::MAX] {
            let mut source = &length.to_be_bytes()[..];
            let read = Frame::read(&mut source).await;
            assert!(matches!(read, Err(FrameError::Length(found)) if found == usize::from(length)));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_written_again(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..FRAME_BYTES_MAX),
                // Of arbitrary bytes hardly any are a report, so some are made of a good one.
                (prop::sample::subsequence((0..62usize).collect::<Vec<_>>(), 0..4), any::<u8>()).prop_map(|(places, byte)| {
                    let mut bytes = Frame::Report { number: 9, report: report() }.encode().split_off(LENGTH_BYTES);
                    for place in places {
                        bytes[place] = byte;
                    }
                    bytes
                }),
            ],
        ) {
            if let Ok(frame) = Frame::decode(&bytes) {
                prop_assert_eq!(&frame.encode()[LENGTH_BYTES..], &bytes[..]);
            }
        }
    }
}
