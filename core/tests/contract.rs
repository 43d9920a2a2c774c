//! The contract of the node: whatever a driver, a peer or a broken clock throws at it, it neither
//! panics nor waits without end, equal nodes given equal inputs stay equal, and so do those that are
//! equal but for their place in the ring.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use tetrarch_core::{
    Claims, Command, Config, Input, JobId, Members, Message, Node, Outbox, Outcome, Output, Owner,
    Rotate, Rotation, Safety, ServerId, ServiceSet, Span, Structure, Time, Timing,
};

fn timing() -> Timing {
    Timing {
        inter_monitoring: Span::from_secs(10),
        reexamination_wait: Span::from_secs(2),
        judgement_max: Span::from_secs(105),
        hand_off: Span::from_millis(200),
        poll_pause: Span::from_secs(1),
        sync_grace: Span::from_secs(3),
        join_wait: Span::from_secs(1),
        examination_max: Span::from_secs(10),
        job_max: Span::from_secs(120),
        lease_term: Span::from_secs(6),
        lease_margin: Span::from_millis(600),
    }
}

fn id(place: usize) -> ServerId {
    ServerId::new(place % 8).unwrap()
}

/// One thing that a driver may do; places and numbers are taken modulo what fits.
#[derive(Clone, Debug)]
enum Move {
    Wait(u64),
    ToDeadline,
    Deadline,
    Finish(usize, u8),
    Forged(u8, usize, u16, u8),
    Message(usize, usize, u8, Vec<(usize, Option<usize>)>, u16),
    Stop,
    Start(bool, u8),
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        2 => (0..200_000_u64).prop_map(Move::Wait),
        6 => Just(Move::ToDeadline),
        1 => Just(Move::Deadline),
        8 => (any::<usize>(), any::<u8>()).prop_map(|(which, how)| Move::Finish(which, how)),
        1 => (any::<u8>(), any::<usize>(), any::<u16>(), any::<u8>())
            .prop_map(|(owner, subject, serial, how)| Move::Forged(owner, subject, serial, how)),
        6 => (
            any::<usize>(),
            any::<usize>(),
            any::<u8>(),
            prop::collection::vec((0..8_usize, prop::option::of(0..8_usize)), 0..4),
            any::<u16>(),
        )
            .prop_map(|(from, about, kind, changes, digest)| {
                Move::Message(from, about, kind, changes, digest)
            }),
        1 => Just(Move::Stop),
        1 => (any::<bool>(), any::<u8>()).prop_map(|(holding, serving)| {
            Move::Start(holding, serving)
        }),
    ]
}

fn outcome(how: u8, places: usize) -> Outcome {
    match how % 5 {
        0 => Outcome::Ok,
        1 => Outcome::Failed,
        4 => Outcome::Granted(claims(u16::from(how) * 257, places)),
        2 => Outcome::Services(ServiceSet::NONE),
        _ => Outcome::Services(ServiceSet::from_bits(how)),
    }
}

fn claims(bits: u16, places: usize) -> Claims {
    let [addresses, images] = bits.to_le_bytes();
    Claims {
        addresses: members(addresses, places),
        images: members(images, places),
    }
}

fn members(bits: u8, places: usize) -> Members {
    ServerId::all(places)
        .filter(|server| bits >> server.index() & 1 == 1)
        .fold(Members::NONE, Members::with)
}

/// Servers that are spoken of have one of the first `places` places.
fn message(
    size: usize,
    places: usize,
    about: usize,
    kind: u8,
    changes: &[(usize, Option<usize>)],
    digest: u16,
) -> Message {
    let id = |place| id(place % places);
    let target = id(about);
    let structure = changes
        .iter()
        .fold(Structure::whole(size), |structure, (function, host)| {
            structure.with_host(id(*function), host.map(id))
        });
    match kind % 14 {
        0 => Message::Sync { target, digest },
        1 => Message::Up { target },
        2 => Message::Down { target, structure },
        3 | 4 => Message::Progress {
            target,
            serving: kind > 127,
            restarting: digest > 9999,
            digest,
        },
        5 => Message::Report { structure },
        6 => Message::Hello { structure },
        7 => Message::Welcome {
            structure,
            held: members(digest as u8, places),
        },
        8 => Message::GiveBack { structure },
        9 if kind > 127 => Message::Yield {
            agreed: digest > 9999,
        },
        9 => Message::Resumed,
        10 => Message::Take { function: target },
        11 => Message::Agree { target },
        12 => Message::Renew {
            claims: claims(digest, places),
            stamp: Time::from_nanos(u64::from(digest)),
        },
        _ => Message::Grant {
            claims: claims(digest, places),
            stamp: Time::from_nanos(u64::from(kind)),
        },
    }
}

struct Driver {
    node: Node,
    /// How many places the servers have that inputs speak of; those beyond the ring are nonsense.
    places: usize,
    /// The turns of the ring under which every step must come out alike.
    rotations: Vec<Rotation>,
    now: Time,
    jobs: Vec<JobId>,
    outbox: Outbox,
}

impl Driver {
    fn new(config: Config, places: usize, rotations: Vec<Rotation>) -> Self {
        Self {
            node: Node::new(config),
            places,
            rotations,
            now: Time::ZERO,
            jobs: Vec::new(),
            outbox: Outbox::new(),
        }
    }

    fn id(&self, place: usize) -> ServerId {
        id(place % self.places)
    }

    /// What the node that has this one's place in the turned ring makes of the turned input.
    fn turned_step(&self, input: Input, rotation: Rotation) -> (Node, Vec<Output>) {
        let mut node = self.node.rotated(rotation);
        let mut outbox = Outbox::new();
        let mut step = node.step(self.now, input.rotated(rotation), &mut outbox);
        let outputs = step.by_ref().collect();
        let _ = step.finish();
        (node, outputs)
    }

    fn step(&mut self, input: Input) {
        let rotations = self.rotations.iter();
        let turned: Vec<_> = rotations
            .map(|rotation| (*rotation, self.turned_step(input, *rotation)))
            .collect();

        let mut twin = self.node.clone();
        let mut twin_outbox = Outbox::new();
        let mut twin_step = twin.step(self.now, input, &mut twin_outbox);
        let expected: Vec<Output> = twin_step.by_ref().collect();
        let expected_deadline = twin_step.finish();

        let mut step = self.node.step(self.now, input, &mut self.outbox);
        let outputs: Vec<Output> = step.by_ref().collect();
        let deadline = step.finish();
        assert_eq!(outputs, expected);
        assert_eq!(deadline, expected_deadline);
        assert_eq!(self.node, twin);
        assert_eq!(self.node.view().deadline(), deadline);
        assert_eq!(self.node.view().stuck(), None, "after {input:?}");

        for (rotation, (node, turned)) in turned {
            let expected: Vec<_> = outputs.iter().map(|one| one.rotated(rotation)).collect();
            assert_eq!(turned, expected, "after {input:?}, {rotation:?}");
            assert_eq!(
                node,
                self.node.rotated(rotation),
                "after {input:?}, {rotation:?}"
            );
            let expected = deadline.map(|deadline| deadline.rotated(rotation));
            assert_eq!(node.view().deadline(), expected);
        }

        for output in outputs {
            match output {
                Output::Run { job, .. } => {
                    assert!(!self.jobs.contains(&job), "a ticket was given out twice");
                    self.jobs.push(job);
                }
                Output::Cancel { job } => self.jobs.retain(|known| *known != job),
                Output::Send { .. } | Output::Hold { .. } | Output::Note(_) => {}
            }
        }
    }

    fn play(&mut self, size: usize, play: Move) {
        match play {
            Move::Wait(ms) => self.now += Span::from_millis(ms),
            Move::ToDeadline => {
                if let Some(deadline) = self.node.view().deadline() {
                    self.now = self.now.max(deadline.at);
                    self.step(Input::Deadline);
                }
            }
            Move::Deadline => self.step(Input::Deadline),
            Move::Finish(which, how) => {
                if !self.jobs.is_empty() {
                    let job = self.jobs.remove(which % self.jobs.len());
                    self.step(Input::Done {
                        job,
                        outcome: outcome(how, self.places),
                    });
                }
            }
            Move::Forged(owner, subject, serial, how) => {
                let owners = [
                    Owner::Watch,
                    Owner::Recovery,
                    Owner::Standby,
                    Owner::Own,
                    Owner::Vote,
                ];
                let job = JobId {
                    owner: owners[usize::from(owner % 5)],
                    subject: self.id(subject),
                    serial,
                };
                if !self.jobs.contains(&job) {
                    self.step(Input::Done {
                        job,
                        outcome: outcome(how, self.places),
                    });
                }
            }
            Move::Message(from, about, kind, changes, digest) => {
                let message = message(size, self.places, about, kind, &changes, digest);
                self.step(Input::Message {
                    from: self.id(from),
                    message,
                });
            }
            Move::Stop => self.step(Input::Command(Command::Stop)),
            Move::Start(holding, serving) => {
                self.jobs.clear();
                self.step(Input::Start {
                    holding,
                    serving: members(serving, self.places),
                    silent: Span::from_secs(u64::from(serving)),
                });
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_inputs_leave_a_sound_node(
        size in 2..=8_usize,
        me in 0..8_usize,
        guests in 0..4_u8,
        safety in prop::sample::select(Safety::ALL),
        holding in any::<bool>(),
        plays in prop::collection::vec(moves(), 1..150),
    ) {
        let me = id(me % size);
        let config = Config::new(me, size, guests, timing()).unwrap().with_safety(safety);
        let mut driver = Driver::new(config, 8, Vec::new());
        driver.step(Input::Start { holding, serving: Members::NONE, silent: Span::MAX });
        for play in plays {
            driver.play(size, play);
        }
        prop_assert!(driver.node.view().awake().len() <= usize::from(guests.max(8)));
    }

    /// No server is special: when the ring, a node's state and its inputs are turned, its outputs,
    /// their order and its next state turn with them.
    #[test]
    fn a_turned_ring_does_the_same(
        size in 2..=8_usize,
        me in 0..8_usize,
        guests in 0..4_u8,
        safety in prop::sample::select(Safety::ALL),
        holding in any::<bool>(),
        plays in prop::collection::vec(moves(), 1..150),
    ) {
        let me = id(me % size);
        let config = Config::new(me, size, guests, timing()).unwrap().with_safety(safety);
        let mut driver = Driver::new(config, size, Rotation::all(size).collect());
        driver.step(Input::Start { holding, serving: Members::NONE, silent: Span::MAX });
        for play in plays {
            driver.play(size, play);
        }
    }
}

#[test]
fn a_node_that_has_not_been_started_ignores_everything() {
    let mut node = Node::new(Config::new(id(0), 4, 3, timing()).unwrap());
    let untouched = node.clone();
    let mut outbox = Outbox::new();
    let hello = Message::Hello {
        structure: Structure::whole(4),
    };
    for input in [
        Input::Deadline,
        Input::Message {
            from: id(1),
            message: hello,
        },
    ] {
        let mut step = node.step(Time::ZERO, input, &mut outbox);
        assert_eq!(step.next(), None);
        assert_eq!(step.finish(), None);
    }
    assert_eq!(node, untouched);
}

#[test]
fn a_result_that_nobody_waits_for_is_counted_and_ignored() {
    let mut node = Node::new(Config::new(id(0), 4, 3, timing()).unwrap());
    let mut outbox = Outbox::new();
    let mut step = node.step(
        Time::ZERO,
        Input::Start {
            holding: true,
            serving: Members::NONE,
            silent: Span::MAX,
        },
        &mut outbox,
    );
    let job = step
        .by_ref()
        .filter_map(|output| match output {
            Output::Run { job, .. } => Some(job),
            _ => None,
        })
        .last()
        .unwrap();
    let _ = step.finish();
    let stale = JobId {
        serial: job.serial.wrapping_sub(7),
        ..job
    };
    let mut step = node.step(
        Time::ZERO,
        Input::Done {
            job: stale,
            outcome: Outcome::Failed,
        },
        &mut outbox,
    );
    assert_eq!(step.next(), None);
    let _ = step.finish();
    assert_eq!(node.view().stale_results(), 1);
}

#[test]
fn impossible_configurations_are_refused() {
    for (me, size) in [(0, 0), (0, 1), (0, 9), (5, 4)] {
        assert!(
            Config::new(id(me), size, 3, timing()).is_err(),
            "S{me} of {size}"
        );
    }
    let zero = Timing {
        inter_monitoring: Span::ZERO,
        ..timing()
    };
    let error = Config::new(id(0), 4, 3, zero).unwrap_err();
    assert_eq!(
        error.to_string(),
        "inter_monitoring must be longer than zero"
    );
}
