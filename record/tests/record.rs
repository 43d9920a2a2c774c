//! Records: whole ones come back and replay, damaged ones are told apart, nothing panics.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::io::{self, Write};

use common::{Lived, START, TIMING, Told, config, frames, id, live, lives};
use proptest::prelude::*;
use tetrarch_core::{
    Action, Command, Config, Deadline, Event, Input, JobId, Members, Message, Order, Outcome,
    Output, Owner, ServiceSet, Span, Time, Timer, Version,
};
use tetrarch_record::{End, Proof, ReadError, Reader, Replay, WriteError, Writer};

/// Replayed steps, and how the replay ended.
type Replayed = (Vec<(Lived, Proof)>, Result<Option<End>, ReadError>);

/// Plays a record to its end.
fn play(bytes: &[u8]) -> Replayed {
    let mut replay = match Replay::new(bytes) {
        Ok(replay) => replay,
        Err(error) => return (Vec::new(), Err(error)),
    };
    let mut steps = Vec::new();
    loop {
        match replay.next_step() {
            Ok(None) => return (steps, Ok(replay.end())),
            Err(error) => return (steps, Err(error)),
            Ok(Some(played)) => {
                assert_eq!(played.number, steps.len() as u64 + 1);
                let (proof, deadline) = (played.proof, played.deadline);
                let lived = Lived {
                    at: played.at,
                    input: played.input,
                    outputs: played.outputs,
                    deadline,
                };
                steps.push((lived, proof));
            }
        }
    }
}

/// All but the last step, whose sum may be lost, are proved; all are as they were.
fn assert_beginning(steps: &[(Lived, Proof)], lived: &[Lived]) {
    assert!(steps.len() <= lived.len());
    for (place, ((step, proof), original)) in steps.iter().zip(lived).enumerate() {
        assert_eq!(step, original);
        let is_last = place + 1 == steps.len();
        assert!(*proof == Proof::Same || (is_last && *proof == Proof::Missing));
    }
}

/// A short life in which something happens, for damage at every place of its record.
fn short_life() -> (Vec<Lived>, Vec<u8>) {
    let hello = Message::Up { target: id(2) };
    let told = [
        (1_000_000_000, Told::Input(Input::Deadline)),
        (
            700,
            Told::Input(Input::Message {
                from: id(0),
                message: hello,
            }),
        ),
        (1, Told::Finish(Outcome::Ok)),
        (200_000_000_000, Told::Input(Input::Deadline)),
    ];
    live(config(), &told)
}

/// Writes what `bytes` hold once more.
fn rewrite(bytes: &[u8], lived: &[Lived]) -> Vec<u8> {
    let mut reader = Reader::new(bytes).unwrap();
    let mut writer = Writer::new(Vec::new(), reader.config(), reader.software()).unwrap();
    let mut steps = lived.iter();
    while let Some(entry) = reader.next_entry().unwrap() {
        if let (Some(input), Some(step)) = (entry.input, steps.next()) {
            writer.input(entry.at, &input).unwrap();
            step.outputs.iter().for_each(|output| writer.output(output));
            writer.decided(step.deadline);
        }
    }
    writer.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_life_replays_to_the_same_outputs(life in lives(), size in 2..=8_usize, me in 0..8_usize) {
        let config = Config::new(id(me % size), size, 3, TIMING).unwrap();
        let (lived, bytes) = live(config, &life);
        let (steps, end) = play(&bytes);
        prop_assert_eq!(end.unwrap(), Some(End::Finished));
        prop_assert!(steps.iter().all(|(_, proof)| *proof == Proof::Same));
        let steps: Vec<Lived> = steps.into_iter().map(|(step, _)| step).collect();
        prop_assert_eq!(&steps, &lived);
        prop_assert_eq!(rewrite(&bytes, &lived), bytes);
    }

    #[test]
    fn random_damage_is_noticed(life in lives(), changes in prop::collection::vec((any::<usize>(), 1..=255_u8), 1..4)) {
        let (lived, mut bytes) = live(config(), &life);
        let original = bytes.clone();
        for (place, change) in changes {
            let place = place % bytes.len();
            bytes[place] ^= change;
        }
        let (steps, end) = play(&bytes);
        assert_beginning(&steps, &lived);
        prop_assert!(bytes == original || !matches!(end, Ok(Some(End::Finished | End::Cut))));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(play(&bytes).1.is_err());
    }

    #[test]
    fn random_bytes_after_a_header_never_panic(more in prop::collection::vec(any::<u8>(), 1..300)) {
        let (_, mut bytes) = live(config(), &[]);
        bytes.truncate(frames(&bytes)[0]);
        bytes.extend(more);
        let (steps, end) = play(&bytes);
        prop_assert!(steps.is_empty());
        prop_assert!(!matches!(end, Ok(Some(End::Finished | End::Cut))));
    }
}

#[test]
fn a_tail_torn_at_any_byte_is_told_and_the_rest_is_used() {
    let (lived, bytes) = short_life();
    let begins = frames(&bytes);
    for length in 0..bytes.len() {
        let (steps, end) = play(&bytes[..length]);
        assert_beginning(&steps, &lived);
        let whole = begins.iter().filter(|begin| **begin <= length).count();
        assert_eq!(steps.len(), whole.saturating_sub(1), "{length}");
        match begins.iter().rev().find(|begin| **begin <= length) {
            None => assert!(end.is_err()),
            Some(begin) if *begin == length => assert_eq!(end.unwrap(), Some(End::Cut)),
            Some(begin) => {
                let offset = *begin as u64;
                assert_eq!(end.unwrap(), Some(End::Torn { offset }), "{length}");
            }
        }
    }
}

#[test]
fn a_tail_of_zeros_is_torn() {
    let (lived, bytes) = short_life();
    let begins = frames(&bytes);
    for zeros in [1, 4, 4096] {
        let mut longer = bytes[..begins[3]].to_vec();
        longer.resize(longer.len() + zeros, 0);
        let (steps, end) = play(&longer);
        assert_eq!(steps.len(), 3);
        assert_beginning(&steps, &lived);
        let offset = begins[3] as u64;
        assert_eq!(end.unwrap(), Some(End::Torn { offset }));
    }
}

#[test]
fn a_flipped_bit_is_told_with_the_place_of_its_frame() {
    let (lived, bytes) = short_life();
    let begins = frames(&bytes);
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << bit;
            let (steps, end) = play(&damaged);
            assert_beginning(&steps, &lived);
            let Some(frame) = begins.iter().rposition(|begin| *begin <= place) else {
                assert!(steps.is_empty() && end.is_err(), "byte {place}, bit {bit}");
                continue;
            };
            assert_eq!(steps.len(), frame, "byte {place}, bit {bit}");
            let begin = begins[frame] as u64;
            match end {
                Err(ReadError::Corrupt { offset, .. }) => assert_eq!(offset, begin),
                // A length that is too large points beyond the end, and the last frame may be torn.
                Ok(Some(End::Torn { offset })) => {
                    assert_eq!(offset, begin);
                    assert!(place == begins[frame] || frame + 2 >= begins.len());
                }
                other => panic!("byte {place}, bit {bit}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_frame_that_is_missing_doubled_or_out_of_place_is_told() {
    let (lived, bytes) = short_life();
    let begins = frames(&bytes);
    let head = &bytes[..begins[0]];
    let frame = |place: usize| &bytes[begins[place]..begins[place + 1]];
    for (order, expected) in [
        (&[0, 2, 3, 4, 5][..], 1),
        (&[0, 1, 1, 2, 3, 4, 5], 2),
        (&[0, 2, 1, 3, 4, 5], 1),
        (&[1, 2, 3, 4, 5], 0),
    ] {
        let frames = order.iter().flat_map(|place| frame(*place));
        let mixed: Vec<u8> = head.iter().chain(frames).copied().collect();
        let (steps, end) = play(&mixed);
        assert_eq!(steps.len(), expected, "{order:?}");
        assert_beginning(&steps, &lived);
        let wanted = begins[expected] as u64;
        assert!(matches!(end, Err(ReadError::Corrupt { offset, .. }) if offset == wanted));
    }
}

#[test]
fn something_after_the_end_is_told() {
    let (_, mut bytes) = short_life();
    bytes.push(0);
    let error = play(&bytes).1.unwrap_err().to_string();
    assert!(
        error.ends_with("something follows the end of the record"),
        "{error}"
    );
}

#[test]
fn files_that_are_no_records_are_told_apart() {
    let (_, bytes) = short_life();
    let refused = |bytes: &[u8]| Reader::new(bytes).unwrap_err().to_string();
    let expected = "expected a record, which begins with \"TETRAREC\"";
    assert_eq!(refused(b""), expected);
    assert_eq!(refused(b"name = \"a scenario\"\n"), expected);
    assert_eq!(
        refused(&bytes[..20]),
        "the record ends within its header; expected 160 bytes, found 20"
    );
    let mut newer = bytes.clone();
    newer[8] = 3;
    assert_eq!(
        refused(&newer),
        "expected a record of version 2, found version 3"
    );
    let mut long = bytes;
    long[11] = 0xff;
    assert_eq!(
        refused(&long),
        "the header of the record is damaged: no header has the length that it states"
    );
}

/// A record of every kind of input, each with an output of another kind. No node is asked, so that
/// only the layout counts.
fn every_kind() -> Vec<u8> {
    let (owner, subject, serial) = (Owner::Standby, id(3), 0x0102);
    let job = JobId {
        owner,
        subject,
        serial,
    };
    let (failing, message) = (ServiceSet::from_bits(5), Message::Up { target: id(2) });
    let done = |outcome| Input::Done { job, outcome };
    let (target, to) = (id(2), id(0));
    let action = Action::RestartServices { target, failing };
    let members = Members::first(3);
    let note = Output::Note(Event::StructureChanged { members });
    let at = Time::from_nanos(7);
    let deadline = |timer| Some(Deadline { at, timer });
    let told = Input::Message { from: to, message };
    let mut writer = Writer::new(Vec::new(), &config(), "0.1.0").unwrap();
    let mut now = Time::ZERO;
    let mut step = |ns, input, output: Option<Output>, deadline| {
        now += Span::from_nanos(ns);
        writer.input(now, &input).unwrap();
        output.iter().for_each(|output| writer.output(output));
        writer.decided(deadline);
    };
    step(0, START, None, None);
    step(1, told, Some(Output::Send { to, message }), None);
    step(
        127,
        done(Outcome::Ok),
        Some(Output::Run { job, action }),
        deadline(Timer::Beat),
    );
    step(
        128,
        done(Outcome::Failed),
        Some(Output::Cancel { job }),
        deadline(Timer::Watch(target)),
    );
    step(
        u64::MAX / 2,
        done(Outcome::Services(failing)),
        Some(note),
        None,
    );
    step(0, Input::Deadline, None, deadline(Timer::Own));
    let (server, version) = (id(1), Version::V1);
    step(0, Input::Speaks { server, version }, None, None);
    step(0, Input::Command(Command::Leave), None, None);
    let order = Order::HandOver { server };
    step(0, Input::Command(Command::Order(order)), None, None);
    step(0, Input::Command(Command::Stop), None, None);
    writer.finish().unwrap()
}

/// When this fails, the layout or the form of sums has changed: raise the version.
#[test]
fn the_layout_of_version_2_stays() {
    let bytes = every_kind();
    let mut lines = String::new();
    let mut begin = 0;
    for end in frames(&bytes) {
        let line: String = bytes[begin..end]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        lines.push_str(&line);
        lines.push('\n');
        begin = end;
    }
    assert_eq!(lines, include_str!("version-2.hex"), "found:\n{lines}");
}

#[test]
fn a_record_that_says_something_else_disproves_the_replay() {
    let mut writer = Writer::new(Vec::new(), &config(), "0.1.0").unwrap();
    writer.input(Time::ZERO, &START).unwrap();
    // The outputs of the first step are left out of its sum.
    writer.decided(None);
    writer.input(Time::ZERO, &Input::Deadline).unwrap();
    let (steps, end) = play(&writer.finish().unwrap());
    assert!(matches!(steps[0].1, Proof::Different { recorded, replayed } if recorded != replayed));
    assert_eq!(end.unwrap(), Some(End::Finished));
}

/// Takes so many bytes and then fails.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 {
            return Err(io::Error::other("the disk is full"));
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_stops_for_good_at_the_first_failure() {
    let mut writer = Writer::new(Full(163), &config(), "0.1.0").unwrap();
    let error = writer.input(Time::ZERO, &START).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot write the record: the disk is full"
    );
    writer.sink().0 = 1000;
    let again = writer.input(Time::ZERO, &START);
    assert!(matches!(again, Err(WriteError::Broken)));
    assert!(matches!(writer.finish(), Err(WriteError::Broken)));
}

#[test]
fn a_writer_refuses_what_a_reader_would() {
    let mut writer = Writer::new(Vec::new(), &config(), "0.1.0").unwrap();
    let second = Time::ZERO + Span::from_secs(1);
    writer.input(second, &START).unwrap();
    let error = writer.input(Time::ZERO, &Input::Deadline).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected an instant not before 1.000 s, found 0.000 s"
    );
    // The refused input has left no trace.
    writer.input(second, &Input::Deadline).unwrap();
    let bytes = writer.finish().unwrap();
    assert!(matches!(play(&bytes), (steps, Ok(Some(End::Finished))) if steps.len() == 2));
    for software in ["", "a\nb", "\u{1b}[31m", "é", &"v".repeat(65)] {
        assert!(matches!(
            Writer::new(Vec::new(), &config(), software),
            Err(WriteError::Software { .. })
        ));
    }
}
