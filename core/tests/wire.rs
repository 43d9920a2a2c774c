//! Messages as bytes: one form for each, nothing else accepted, nothing panics.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use tetrarch_core::wire::{MESSAGE_BYTES_MAX, VERSION, VERSION_MIN, WireError, decode, encode};
use tetrarch_core::{Claims, Members, Message, ServerId, Stamp, Structure, Time};

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
        servers().prop_map(|target| Message::Agree { target }),
        questions().prop_map(|(claims, stamp)| Message::Renew { claims, stamp }),
        questions().prop_map(|(claims, stamp)| Message::Grant { claims, stamp }),
    ]
}

fn questions() -> impl Strategy<Value = (Claims, Stamp)> {
    (any::<u8>(), any::<u8>(), any::<u64>()).prop_map(|(addresses, images, stamp)| {
        let addresses = Members::from_bits(addresses);
        let images = Members::from_bits(images);
        (Claims { addresses, images }, Time::from_nanos(stamp).into())
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

/// One message of each kind, and its bytes. When this fails, the layout has changed, and two members
/// of which only one has the change no longer understand each other: raise the version.
#[test]
fn the_layout_of_version_1_stays() {
    assert_eq!((VERSION_MIN, VERSION), (1, 1));
    let structure = (0..0x0102)
        .fold(Structure::whole(4), |structure, _| {
            structure.with_host(id(1), Some(id(0)))
        })
        .with_host(id(2), None);
    let table = "0000 0201 0100 0000 0000 0000 0000 0000 00 00 ff 03 ff ff ff ff";
    let (target, digest, function) = (id(5), 0x1234, id(7));
    let held = Members::NONE.with(id(0)).with(id(7));
    let golden = [
        (Message::Sync { target, digest }, "01 01 05 3412".to_owned()),
        (Message::Up { target }, "01 02 05".to_owned()),
        (
            Message::Down { target, structure },
            format!("01 03 05 {table}"),
        ),
        (
            Message::Progress {
                target,
                serving: true,
                restarting: false,
                digest,
            },
            "01 04 05 01 3412".to_owned(),
        ),
        (
            Message::Progress {
                target,
                serving: false,
                restarting: true,
                digest,
            },
            "01 04 05 02 3412".to_owned(),
        ),
        (Message::Report { structure }, format!("01 05 {table}")),
        (Message::Hello { structure }, format!("01 06 {table}")),
        (
            Message::Welcome { structure, held },
            format!("01 07 81 {table}"),
        ),
        (Message::GiveBack { structure }, format!("01 08 {table}")),
        (Message::Yield { agreed: true }, "01 09 01".to_owned()),
        (Message::Resumed, "01 0a".to_owned()),
        (Message::Take { function }, "01 0b 07".to_owned()),
    ];
    assert_written(&golden);
}

#[test]
fn the_layout_of_guarded_groups_stays() {
    let target = id(5);
    let claims = Claims {
        addresses: Members::from_bits(0x81),
        images: Members::from_bits(2),
    };
    let stamp = Time::from_nanos(0x0102_0304_0506_0708).into();
    let golden = [
        (Message::Agree { target }, "01 0c 05".to_owned()),
        (
            Message::Renew { claims, stamp },
            "01 0d 81 02 0807060504030201".to_owned(),
        ),
        (
            Message::Grant { claims, stamp },
            "01 0e 81 02 0807060504030201".to_owned(),
        ),
    ];
    assert_written(&golden);
}

fn assert_written(golden: &[(Message, String)]) {
    for (message, expected) in golden {
        assert_eq!(decode(&bytes_of(message)).as_ref(), Ok(message));
        let written: String = bytes_of(message)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(written, expected.replace(' ', ""), "{message:?}");
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
            "expected a message of version 1 to 1, found version 0",
        ),
        (
            &[2, 9],
            "expected a message of version 1 to 1, found version 2",
        ),
        (&[1], "expected a message of 2 to 27 bytes, found 1"),
        (&[1, 0], "expected a kind of message from 1 to 14, found 0"),
        (
            &[1, 15],
            "expected a kind of message from 1 to 14, found 15",
        ),
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
