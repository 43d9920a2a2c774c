//! The contract of the node: whatever a driver, a peer or a broken clock throws at it, it neither
//! panics nor waits without end, equal nodes given equal inputs stay equal, and so do those that are
//! equal but for their place in the ring.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/driver.rs"]
mod driver;
#[path = "common/timing.rs"]
mod timing;

use driver::Driver;
use proptest::prelude::*;
use tetrarch_core::{
    Claims, Command, Config, Input, JobId, Life, Members, Message, Node, Order, Orders, Outbox,
    Outcome, Output, Owner, Rotation, Safety, Sequence, ServerId, ServiceSet, Sighting, Span,
    Structure, Time, Timing, Version,
};
use timing::TIMING;

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
    Rival(usize),
    Services(u8),
    Speaks(usize, bool),
    Stop,
    Leave,
    Order(usize, u8, bool),
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
        1 => any::<usize>().prop_map(Move::Rival),
        1 => any::<u8>().prop_map(Move::Services),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(server, old)| Move::Speaks(server, old)),
        1 => Just(Move::Stop),
        1 => Just(Move::Leave),
        1 => (any::<usize>(), any::<u8>(), any::<bool>())
            .prop_map(|(server, kind, on)| Move::Order(server, kind, on)),
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

fn order(server: ServerId, kind: u8, on: bool) -> Order {
    match kind % 5 {
        0 => Order::Maintenance { server, on },
        1 => Order::MaintenanceOfAll { on },
        2 => Order::Freeze { on },
        3 => Order::HandOver { server },
        _ => Order::HandBack { server },
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

fn sequence(kind: u8, stamp: u16) -> Sequence {
    let life = Life::new(1 + u32::from(kind & 1));
    Sequence {
        life: (kind & 2 == 0).then_some(life),
        stamp: Time::from_nanos(u64::from(stamp)).into(),
    }
}

/// What is said of orders and planned hand-overs.
fn of_operations(kind: u8, target: ServerId, digest: u16) -> Message {
    match kind % 24 {
        18 => Message::Orders {
            orders: Orders::NONE.with(order(target, digest as u8, kind > 127), 8),
        },
        19 => Message::Invite {
            leaving: kind > 127,
        },
        20 => Message::Decline,
        21 => Message::Offer,
        _ => Message::Dropped,
    }
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
    match kind % 24 {
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
        11 => Message::Agree {
            target,
            said: (kind > 127).then(|| sequence(kind, digest)),
        },
        13 => Message::Holds {
            function: target,
            structure,
        },
        14 => Message::Services {
            failing: ServiceSet::from_bits(digest as u8),
        },
        15 => Message::Doubt { target },
        18..=22 => of_operations(kind, target, digest),
        16 => Message::Unheard {
            target,
            life: Life::new(u32::from(digest & 3)),
        },
        17 => Message::Fenced {
            target,
            life: Life::new(u32::from(digest & 3)),
        },
        12 => Message::Renew {
            claims: claims(digest, places),
            asked: sequence(kind, digest),
        },
        _ => Message::Grant {
            claims: claims(digest, places),
            asked: sequence(kind, u16::from(kind)),
        },
    }
}

/// A driver and how many places the servers have that its inputs speak of; those beyond the ring are
/// nonsense.
struct Player {
    driver: Driver,
    places: usize,
}

impl Player {
    fn id(&self, place: usize) -> ServerId {
        id(place % self.places)
    }

    fn step(&mut self, input: Input) {
        self.driver.step(input);
    }

    /// A result comes that nobody waits for.
    fn forge(&mut self, owner: u8, subject: usize, serial: u16, how: u8) {
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
        if !self.driver.jobs.contains(&job) {
            self.step(Input::Done {
                job,
                outcome: outcome(how, self.places),
            });
        }
    }

    fn play(&mut self, size: usize, play: Move) {
        match play {
            Move::Wait(ms) => self.driver.now += Span::from_millis(ms),
            Move::ToDeadline => {
                if let Some(deadline) = self.driver.node.view().deadline() {
                    self.driver.now = self.driver.now.max(deadline.at);
                    self.step(Input::Deadline);
                }
            }
            Move::Deadline => self.step(Input::Deadline),
            Move::Finish(which, how) => {
                if !self.driver.jobs.is_empty() {
                    let job = self.driver.jobs.remove(which % self.driver.jobs.len());
                    self.step(Input::Done {
                        job,
                        outcome: outcome(how, self.places),
                    });
                }
            }
            Move::Forged(owner, subject, serial, how) => self.forge(owner, subject, serial, how),
            Move::Message(from, about, kind, changes, digest) => {
                let message = message(size, self.places, about, kind, &changes, digest);
                self.step(Input::Message {
                    from: self.id(from),
                    message,
                });
            }
            Move::Rival(function) => self.step(Input::Seen(Sighting::Rival {
                function: self.id(function),
            })),
            Move::Services(bits) => {
                let failing = ServiceSet::from_bits(bits);
                self.step(Input::Seen(Sighting::Services(failing)));
            }
            Move::Speaks(server, old) => self.step(Input::Speaks {
                server: self.id(server),
                version: if old { Version::V1 } else { Version::NEWEST },
            }),
            Move::Stop => self.step(Input::Command(Command::Stop)),
            Move::Leave => self.step(Input::Command(Command::Leave)),
            Move::Order(server, kind, on) => {
                let order = order(self.id(server), kind, on);
                self.step(Input::Command(Command::Order(order)));
            }
            Move::Start(holding, serving) => {
                self.driver.jobs.clear();
                self.step(Input::Start {
                    holding,
                    serving: members(serving, self.places),
                    silent: Span::from_secs(u64::from(serving)),
                    left: Span::MAX,
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
        let config = Config::new(me, size, guests, TIMING).unwrap().with_safety(safety).with_fenceable(Members::first(8));
        let mut player = Player { driver: Driver::new(config, Vec::new()), places: 8 };
        player.step(Input::Start { holding, serving: Members::NONE, silent: Span::MAX, left: Span::MAX });
        for play in plays {
            player.play(size, play);
        }
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
        let config = Config::new(me, size, guests, TIMING).unwrap().with_safety(safety).with_fenceable(Members::first(8));
        let driver = Driver::new(config, Rotation::all(size).collect());
        let mut player = Player { driver, places: size };
        player.step(Input::Start { holding, serving: Members::NONE, silent: Span::MAX, left: Span::MAX });
        for play in plays {
            player.play(size, play);
        }
    }
}

#[test]
fn a_node_that_has_not_been_started_ignores_everything() {
    let mut node = Node::new(Config::new(id(0), 4, 3, TIMING).unwrap());
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
    let mut node = Node::new(Config::new(id(0), 4, 3, TIMING).unwrap());
    let mut outbox = Outbox::new();
    let mut step = node.step(
        Time::ZERO,
        Input::Start {
            holding: true,
            serving: Members::NONE,
            silent: Span::MAX,
            left: Span::MAX,
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
#[cfg(debug_assertions)]
#[should_panic = "a step was dropped with outputs left"]
fn a_step_that_nobody_looked_at_is_noticed() {
    let mut node = Node::new(Config::new(id(0), 4, 3, TIMING).unwrap());
    let mut outbox = Outbox::new();
    let start = Input::Start {
        holding: true,
        serving: Members::NONE,
        silent: Span::MAX,
        left: Span::MAX,
    };
    drop(node.step(Time::ZERO, start, &mut outbox));
}

#[test]
fn impossible_configurations_are_refused() {
    for (me, size) in [(0, 0), (0, 1), (0, 9), (5, 4)] {
        assert!(
            Config::new(id(me), size, 3, TIMING).is_err(),
            "S{me} of {size}"
        );
    }
    let zero = Timing {
        inter_monitoring: Span::ZERO,
        ..TIMING
    };
    let error = Config::new(id(0), 4, 3, zero).unwrap_err();
    assert_eq!(
        error.to_string(),
        "inter_monitoring must be longer than zero"
    );
}
