//! One input as bytes. Strict: whatever [`decode`] accepts, [`encode`] writes again.

use tetrarch_core::wire::{self, MESSAGE_BYTES_MAX};
use tetrarch_core::{
    Claims, Command, Input, JobId, Members, Order, Outcome, Owner, ServerId, ServiceSet, Sighting,
    Span, Version,
};

use crate::bytes::{Buffer, take, take_byte};

/// The length of the longest input in bytes: a message with its kind and sender before it.
pub(crate) const INPUT_BYTES_MAX: usize = 2 + MESSAGE_BYTES_MAX;

const END: u8 = 0;
const START: u8 = 1;
const MESSAGE: u8 = 2;
const DONE: u8 = 3;
const DEADLINE: u8 = 4;
const COMMAND: u8 = 5;
const SPEAKS: u8 = 6;
const SEEN: u8 = 7;

const OWNERS: [Owner; 5] = [
    Owner::Watch,
    Owner::Recovery,
    Owner::Standby,
    Owner::Own,
    Owner::Vote,
];

/// The place of an owner in the table of owners.
pub(crate) const fn owner_byte(owner: Owner) -> u8 {
    match owner {
        Owner::Watch => 0,
        Owner::Recovery => 1,
        Owner::Standby => 2,
        Owner::Own => 3,
        Owner::Vote => 4,
    }
}

/// An input as bytes; none stands for the end of the record.
pub(crate) fn encode(input: Option<&Input>) -> Buffer<INPUT_BYTES_MAX> {
    let mut bytes = Buffer::new();
    match input {
        None => bytes.put(&[END]),
        Some(Input::Start {
            holding,
            serving,
            silent,
            left,
        }) => {
            bytes.put(&[START, u8::from(*holding), serving.bits()]);
            bytes.put(&silent.as_nanos().to_le_bytes());
            bytes.put(&left.as_nanos().to_le_bytes());
        }
        Some(Input::Message { from, message }) => {
            bytes.put(&[MESSAGE, from.index() as u8]);
            bytes.put(wire::encode(message, &mut [0; MESSAGE_BYTES_MAX]));
        }
        Some(Input::Done { job, outcome }) => {
            bytes.put(&[DONE, owner_byte(job.owner), job.subject.index() as u8]);
            bytes.put(&job.serial.to_le_bytes());
            match outcome {
                Outcome::Ok => bytes.put(&[0]),
                Outcome::Failed => bytes.put(&[1]),
                Outcome::Services(failing) => bytes.put(&[2, failing.bits()]),
                Outcome::Granted(claims) => {
                    bytes.put(&[3, claims.addresses.bits(), claims.images.bits()]);
                }
            }
        }
        Some(Input::Deadline) => bytes.put(&[DEADLINE]),
        Some(Input::Command(Command::Stop)) => bytes.put(&[COMMAND, 0]),
        Some(Input::Command(Command::Leave)) => bytes.put(&[COMMAND, 1]),
        Some(Input::Command(Command::Order(order))) => {
            bytes.put(&[COMMAND, 2]);
            bytes.put(&order_bytes(*order));
        }
        Some(Input::Seen(Sighting::Rival { function })) => {
            bytes.put(&[SEEN, 0, function.index() as u8]);
        }
        Some(Input::Seen(Sighting::Services(failing))) => bytes.put(&[SEEN, 1, failing.bits()]),
        Some(Input::Speaks { server, version }) => {
            bytes.put(&[SPEAKS, server.index() as u8, version.number()]);
        }
    }
    bytes
}

/// Reads an input that fills `bytes` from end to end; the inner none stands for the end of the record.
/// None when there is no such input.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Option<Input>> {
    let bytes = &mut bytes;
    let input = match take_byte(bytes)? {
        END => None,
        START => {
            let [holding, serving] = take(bytes)?;
            Some(Input::Start {
                holding: flag(holding)?,
                serving: Members::from_bits(serving),
                silent: Span::from_nanos(u64::from_le_bytes(take(bytes)?)),
                left: Span::from_nanos(u64::from_le_bytes(take(bytes)?)),
            })
        }
        MESSAGE => {
            let from = server(take_byte(bytes)?)?;
            let message = wire::decode(bytes).ok()?;
            *bytes = &[];
            Some(Input::Message { from, message })
        }
        DONE => {
            let [owner, subject, low, high] = take(bytes)?;
            let job = JobId {
                owner: *OWNERS.get(usize::from(owner))?,
                subject: server(subject)?,
                serial: u16::from_le_bytes([low, high]),
            };
            let outcome = outcome_of(bytes)?;
            Some(Input::Done { job, outcome })
        }
        DEADLINE => Some(Input::Deadline),
        SEEN => {
            let [kind, what] = take(bytes)?;
            Some(Input::Seen(match kind {
                0 => Sighting::Rival {
                    function: server(what)?,
                },
                1 => Sighting::Services(ServiceSet::from_bits(what)),
                _ => return None,
            }))
        }
        SPEAKS => {
            let [place, version] = take(bytes)?;
            Some(Input::Speaks {
                server: server(place)?,
                version: Version::new(version)?,
            })
        }
        COMMAND => match take_byte(bytes)? {
            0 => Some(Input::Command(Command::Stop)),
            1 => Some(Input::Command(Command::Leave)),
            2 => Some(Input::Command(Command::Order(order_of(take(bytes)?)?))),
            _ => return None,
        },
        _ => return None,
    };
    bytes.is_empty().then_some(input)
}

fn outcome_of(bytes: &mut &[u8]) -> Option<Outcome> {
    Some(match take_byte(bytes)? {
        0 => Outcome::Ok,
        1 => Outcome::Failed,
        2 => Outcome::Services(ServiceSet::from_bits(take_byte(bytes)?)),
        3 => {
            let [addresses, images] = take(bytes)?;
            Outcome::Granted(Claims {
                addresses: Members::from_bits(addresses),
                images: Members::from_bits(images),
            })
        }
        _ => return None,
    })
}

fn order_bytes(order: Order) -> [u8; 3] {
    let place = |server: ServerId| server.index() as u8;
    match order {
        Order::Maintenance { server, on } => [0, place(server), u8::from(on)],
        Order::MaintenanceOfAll { on } => [1, 0, u8::from(on)],
        Order::Freeze { on } => [2, 0, u8::from(on)],
        Order::HandOver { server } => [3, place(server), 0],
        Order::HandBack { server } => [4, place(server), 0],
    }
}

fn order_of(bytes: [u8; 3]) -> Option<Order> {
    Some(match bytes {
        [0, place, on] => Order::Maintenance {
            server: server(place)?,
            on: flag(on)?,
        },
        [1, 0, on] => Order::MaintenanceOfAll { on: flag(on)? },
        [2, 0, on] => Order::Freeze { on: flag(on)? },
        [3, place, 0] => Order::HandOver {
            server: server(place)?,
        },
        [4, place, 0] => Order::HandBack {
            server: server(place)?,
        },
        _ => return None,
    })
}

fn server(place: u8) -> Option<ServerId> {
    ServerId::new(usize::from(place))
}

const fn flag(byte: u8) -> Option<bool> {
    match byte {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}
