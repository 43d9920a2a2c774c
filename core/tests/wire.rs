//! Messages as bytes: one form for each, nothing else accepted, nothing panics.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use tetrarch_core::wire::{
    MESSAGE_BYTES_MAX, VERSION, VERSION_MIN, WireError, decode, decode_as, encode,
};
use tetrarch_core::{
    Claims, Life, Members, Message, Order, Orders, Sequence, ServerId, ServiceSet, Structure, Time,
    Version,
};

fn id(place: usize) -> ServerId {
    ServerId::new(place).unwrap()
}

fn bytes_of(message: &Message) -> Vec<u8> {
    encode(message, &mut [0; MESSAGE_BYTES_MAX]).to_vec()
}

fn servers() -> impl Strategy<Value = ServerId> {
    (0..8_usize).prop_map(id)
}

/// Structures with any hosts; some entries change often, so that both bytes of a count are used.
fn structures() -> impl Strategy<Value = Structure> {
    let change = (0..8_usize, prop::option::of(0..8_usize), 1..600_usize);
    (1..=8_usize, prop::collection::vec(change, 0..4)).prop_map(|(size, changes)| {
        let repeated = changes.iter().flat_map(|(function, host, times)| {
            std::iter::repeat_n((id(*function), host.map(id)), *times)
        });
        repeated.fold(Structure::whole(size), |structure, (function, host)| {
            structure.with_host(function, host)
        })
    })
}

fn messages() -> impl Strategy<Value = Message> {
    let flags = (servers(), any::<bool>(), any::<bool>(), any::<u16>());
    prop_oneof![
        (servers(), any::<u16>()).prop_map(|(target, digest)| Message::Sync { target, digest }),
        servers().prop_map(|target| Message::Up { target }),
        (servers(), structures())
            .prop_map(|(target, structure)| Message::Down { target, structure }),
        flags.prop_map(|(target, serving, restarting, digest)| Message::Progress {
            target,
            serving,
            restarting,
            digest
        }),
        structures().prop_map(|structure| Message::Report { structure }),
        structures().prop_map(|structure| Message::Hello { structure }),
        (structures(), any::<u8>()).prop_map(|(structure, held)| Message::Welcome {
            structure,
            held: Members::from_bits(held)
        }),
        structures().prop_map(|structure| Message::GiveBack { structure }),
        any::<bool>().prop_map(|agreed| Message::Yield { agreed }),
        Just(Message::Resumed),
        servers().prop_map(|function| Message::Take { function }),
        (servers(), prop::option::of(sequences()))
            .prop_filter("nobody says a stamp without a life", |(_, said)| {
                said.is_none_or(|said| said.life.is_some())
            })
            .prop_map(|(target, said)| Message::Agree { target, said }),
        (servers(), structures()).prop_map(|(function, structure)| Message::Holds {
            function,
            structure
        }),
        any::<u8>().prop_map(|bits| Message::Services {
            failing: ServiceSet::from_bits(bits)
        }),
        servers().prop_map(|target| Message::Doubt { target }),
        (servers(), any::<u32>()).prop_map(|(target, life)| Message::Unheard {
            target,
            life: Life::new(life)
        }),
        (servers(), any::<u32>()).prop_map(|(target, life)| Message::Fenced {
            target,
            life: Life::new(life)
        }),
        orders().prop_map(|orders| Message::Orders { orders }),
        any::<bool>().prop_map(|leaving| Message::Invite { leaving }),
        Just(Message::Decline),
        Just(Message::Offer),
        Just(Message::Dropped),
        (claims(), sequences()).prop_map(|(claims, asked)| Message::Renew { claims, asked }),
        (claims(), sequences()).prop_map(|(claims, asked)| Message::Grant { claims, asked }),
    ]
}

fn orders() -> impl Strategy<Value = Orders> {
    let order = (servers(), 0..5_u8, any::<bool>()).prop_map(|(server, kind, on)| match kind {
        0 => Order::Maintenance { server, on },
        1 => Order::MaintenanceOfAll { on },
        2 => Order::Freeze { on },
        3 => Order::HandOver { server },
        _ => Order::HandBack { server },
    });
    prop::collection::vec(order, 0..6).prop_map(|given| {
        given
            .into_iter()
            .fold(Orders::NONE, |orders, order| orders.with(order, 8))
    })
}

fn claims() -> impl Strategy<Value = Claims> {
    (any::<u8>(), any::<u8>()).prop_map(|(addresses, images)| {
        let addresses = Members::from_bits(addresses);
        let images = Members::from_bits(images);
        Claims { addresses, images }
    })
}

fn sequences() -> impl Strategy<Value = Sequence> {
    (prop::option::of(any::<u32>()), any::<u64>()).prop_map(|(life, stamp)| Sequence {
        life: life.map(Life::new),
        stamp: Time::from_nanos(stamp).into(),
    })
}

/// Bytes that look like a message, so that the checks behind the first two are reached.
fn near_messages() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<usize>(), any::<u8>()), 0..3);
    (messages(), changes, 0..3_usize, any::<bool>()).prop_map(|(message, changes, by, longer)| {
        let mut bytes = bytes_of(&message);
        for (place, byte) in changes {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        let length = if longer {
            bytes.len() + by
        } else {
            bytes.len().saturating_sub(by)
        };
        bytes.resize(length, 0);
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn every_message_comes_back(message in messages()) {
        prop_assert_eq!(decode(&bytes_of(&message)), Ok(message));
    }

    /// What a server is told that speaks an older version is what that version can say, and nothing
    /// of it is lost on the way.
    #[test]
    fn every_version_gets_what_it_can_read(message in messages()) {
        for version in Version::ALL {
            let Some(said) = message.in_version(*version) else {
                prop_assert!(message.since() > *version);
                continue;
            };
            prop_assert!(said.since() <= *version);
            prop_assert_eq!(decode_as(&bytes_of(&said), *version), Ok(said));
            if message.since() <= *version {
                prop_assert_eq!(said, message);
            }
        }
    }

    #[test]
    fn what_is_accepted_is_written_again_byte_for_byte(bytes in near_messages()) {
        if let Ok(message) = decode(&bytes) {
            prop_assert_eq!(bytes_of(&message), bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(message) = decode(&bytes) {
            prop_assert_eq!(bytes_of(&message), bytes);
        }
    }

    #[test]
    fn no_message_is_the_beginning_of_another(message in messages(), more in 1..40_usize) {
        let mut bytes = bytes_of(&message);
        for length in 0..bytes.len() {
            prop_assert!(decode(&bytes[..length]).is_err());
        }
        bytes.resize(bytes.len() + more, 0);
        prop_assert!(decode(&bytes).is_err());
    }
}

/// One message of each kind that version 1 has.
fn of_version_1() -> Vec<Message> {
    let structure = (0..0x0102)
        .fold(Structure::whole(4), |structure, _| {
            structure.with_host(id(1), Some(id(0)))
        })
        .with_host(id(2), None);
    let (target, digest, function) = (id(5), 0x1234, id(7));
    let held = Members::NONE.with(id(0)).with(id(7));
    let progress = |serving, restarting| Message::Progress {
        target,
        serving,
        restarting,
        digest,
    };
    let (claims, asked) = (some_claims(), sequence(None));
    vec![
        Message::Sync { target, digest },
        Message::Up { target },
        Message::Down { target, structure },
        progress(true, false),
        progress(false, true),
        Message::Report { structure },
        Message::Hello { structure },
        Message::Welcome { structure, held },
        Message::GiveBack { structure },
        Message::Yield { agreed: true },
        Message::Resumed,
        Message::Take { function },
        Message::Agree { target, said: None },
        Message::Renew { claims, asked },
        Message::Grant { claims, asked },
    ]
}

/// One message of each kind that is new, or has another form, in version 2.
fn of_version_2() -> Vec<Message> {
    let target = id(5);
    let (claims, asked) = (some_claims(), sequence(Some(Life::new(0x0a0b_0c0d))));
    vec![
        Message::Agree {
            target,
            said: Some(asked),
        },
        Message::Renew { claims, asked },
        Message::Grant { claims, asked },
        Message::Holds {
            function: target,
            structure: Structure::whole(4),
        },
        Message::Services {
            failing: ServiceSet::from_bits(0x81),
        },
        Message::Doubt { target },
        Message::Unheard {
            target,
            life: Life::new(0x0102_0304),
        },
        Message::Fenced {
            target,
            life: Life::new(0x0102_0304),
        },
        Message::Orders {
            orders: Orders::NONE
                .with(Order::Freeze { on: true }, 8)
                .with(Order::HandOver { server: target }, 8),
        },
        Message::Invite { leaving: true },
        Message::Decline,
        Message::Offer,
        Message::Dropped,
    ]
}

fn some_claims() -> Claims {
    Claims {
        addresses: Members::from_bits(0x81),
        images: Members::from_bits(2),
    }
}

fn sequence(life: Option<Life>) -> Sequence {
    let stamp = Time::from_nanos(0x0102_0304_0506_0708).into();
    Sequence { life, stamp }
}

fn bytes_of_hex(line: &str) -> Vec<u8> {
    let digits = line.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// When this fails, the layout has changed, and two members of which only one has the change no longer
/// understand each other: raise the version, and leave the files of older versions as they are.
#[test]
fn the_layouts_of_all_versions_stay() {
    assert_eq!((VERSION_MIN, VERSION), (1, 2));
    for (version, messages, golden) in [
        (Version::V1, of_version_1(), include_str!("version-1.hex")),
        (Version::V2, of_version_2(), include_str!("version-2.hex")),
    ] {
        let hex = |message| -> String {
            let bytes = bytes_of(message);
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let written: Vec<String> = messages.iter().map(hex).collect();
        assert_eq!(written.join("\n"), golden.trim_end(), "{version:?}");
        for (message, line) in messages.iter().zip(golden.lines()) {
            let bytes = bytes_of_hex(line);
            assert_eq!(message.since(), version);
            assert_eq!(decode_as(&bytes, version).as_ref(), Ok(message));
            assert_eq!(decode(&bytes).as_ref(), Ok(message));
        }
    }
}

/// The kinds of older versions and no others are understood by a reader that is older.
#[test]
fn an_older_reader_refuses_what_it_does_not_know_with_an_error() {
    for message in of_version_2() {
        let error = decode_as(&bytes_of(&message), Version::V1).unwrap_err();
        assert_eq!(
            error,
            WireError::Version {
                newest: 1,
                found: 2
            }
        );
    }
}

#[test]
fn errors_say_what_was_expected() {
    let mut structure = bytes_of(&Message::Report {
        structure: Structure::whole(4),
    });
    structure[2 + 16 + 3] = 8;
    let cases: [(&[u8], &str); 10] = [
        (&[], "expected a message of 2 to 27 bytes, found 0"),
        (
            &[0, 9],
            "expected a message of version 1 to 2, found version 0",
        ),
        (
            &[3, 9],
            "expected a message of version 1 to 2, found version 3",
        ),
        (&[1], "expected a message of 2 to 27 bytes, found 1"),
        (&[1, 0], "expected a kind of message of version 1, found 0"),
        (&[2, 1], "expected a kind of message of version 2, found 1"),
        (&[1, 9], "Yield: expected 3 bytes in all, found 2"),
        (&[1, 9, 2], "Yield: expected flags of 0 to 1, found 2"),
        (
            &[1, 2, 8],
            "Up: expected a server's place from 0 to 7, found 8",
        ),
        (
            &[1, 4, 0, 4, 0, 0],
            "Progress: expected flags of 0 to 3, found 4",
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(decode(bytes).unwrap_err().to_string(), expected);
    }
    assert_eq!(
        decode(&structure),
        Err(WireError::Host {
            kind: "Report",
            function: id(3),
            found: 8
        })
    );
}
