//! Nodes that are told things at random, and records of them.

#[path = "../../../core/tests/common/timing.rs"]
mod timing;

use proptest::prelude::*;
use tetrarch_core::{
    Claims, Command, Config, Deadline, Input, JobId, Life, Members, Message, Node, Order, Outbox,
    Outcome, Output, Owner, Sequence, ServerId, ServiceSet, Span, Structure, Time,
};
use tetrarch_record::Writer;
pub(crate) use timing::TIMING;

pub(crate) fn id(place: usize) -> ServerId {
    ServerId::new(place).unwrap()
}

pub(crate) fn config() -> Config {
    Config::new(id(1), 4, 3, TIMING).unwrap()
}

pub(crate) const START: Input = Input::Start {
    holding: true,
    serving: Members::NONE,
    silent: Span::MAX,
    left: Span::MAX,
};

/// What a node under test is told next: an input, or the end of the job that it began last.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Told {
    Input(Input),
    Finish(Outcome),
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Ok),
        Just(Outcome::Failed),
        any::<u8>().prop_map(|bits| Outcome::Services(ServiceSet::from_bits(bits))),
        (any::<u8>(), any::<u8>()).prop_map(|(addresses, images)| {
            let addresses = Members::from_bits(addresses);
            let images = Members::from_bits(images);
            Outcome::Granted(Claims { addresses, images })
        }),
    ]
}

fn servers() -> impl Strategy<Value = ServerId> {
    (0..8_usize).prop_map(id)
}

fn messages() -> impl Strategy<Value = Message> {
    let structure = (servers(), prop::option::of(servers()))
        .prop_map(|(function, host)| Structure::whole(4).with_host(function, host));
    prop_oneof![
        (servers(), any::<u16>()).prop_map(|(target, digest)| Message::Sync { target, digest }),
        structure.prop_map(|structure| Message::Report { structure }),
        any::<bool>().prop_map(|agreed| Message::Yield { agreed }),
        (any::<u8>(), any::<u8>(), any::<u64>()).prop_map(|(addresses, images, stamp)| {
            let addresses = Members::from_bits(addresses);
            let images = Members::from_bits(images);
            Message::Renew {
                claims: Claims { addresses, images },
                asked: Sequence {
                    life: (stamp & 1 == 0).then_some(Life::FIRST),
                    stamp: Time::from_nanos(stamp).into(),
                },
            }
        }),
        servers().prop_map(|function| Message::Take { function }),
    ]
}

fn told() -> impl Strategy<Value = Told> {
    let owners = [
        Owner::Watch,
        Owner::Recovery,
        Owner::Standby,
        Owner::Own,
        Owner::Vote,
    ];
    let done = (0..5_usize, servers(), any::<u16>(), outcomes());
    prop_oneof![
        6 => outcomes().prop_map(Told::Finish),
        4 => Just(Told::Input(Input::Deadline)),
        4 => (servers(), messages())
            .prop_map(|(from, message)| Told::Input(Input::Message { from, message })),
        1 => done.prop_map(move |(owner, subject, serial, outcome)| {
            let owner = owners[owner];
            let job = JobId { owner, subject, serial };
            Told::Input(Input::Done { job, outcome })
        }),
        1 => Just(Told::Input(Input::Command(Command::Stop))),
        1 => Just(Told::Input(Input::Command(Command::Leave))),
        1 => (servers(), 0..5_u8, any::<bool>()).prop_map(|(server, kind, on)| {
            let order = match kind {
                0 => Order::Maintenance { server, on },
                1 => Order::MaintenanceOfAll { on },
                2 => Order::Freeze { on },
                3 => Order::HandOver { server },
                _ => Order::HandBack { server },
            };
            Told::Input(Input::Command(Command::Order(order)))
        }),
        1 => (any::<bool>(), any::<u8>(), any::<u64>()).prop_map(|(holding, serving, silent)| {
            let serving = Members::from_bits(serving);
            let silent = Span::from_nanos(silent);
            Told::Input(Input::Start { holding, serving, silent, left: silent })
        }),
    ]
}

/// A life: spans in nanoseconds, and what the node is told after each.
pub(crate) fn lives() -> impl Strategy<Value = Vec<(u64, Told)>> {
    let span = prop_oneof![Just(0), 0..300_u64, 0..20_000_000_000_u64, any::<u64>()];
    prop::collection::vec((span, told()), 0..60)
}

/// One step of a life, as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lived {
    pub(crate) at: Time,
    pub(crate) input: Input,
    pub(crate) outputs: Vec<Output>,
    pub(crate) deadline: Option<Deadline>,
}

/// Lets a node live and records it; the record begins with `START` and is finished.
pub(crate) fn live(config: Config, life: &[(u64, Told)]) -> (Vec<Lived>, Vec<u8>) {
    let mut writer = Writer::new(Vec::new(), &config, "0.1.0 test").unwrap();
    let (mut node, mut outbox) = (Node::new(config), Outbox::new());
    let (mut lived, mut now) = (Vec::new(), Time::ZERO);
    let mut job = None;
    let told = life.iter().copied();
    for (ns, told) in [(0, Told::Input(START))].into_iter().chain(told) {
        now += Span::from_nanos(ns);
        let input = match (told, job) {
            (Told::Input(input), _) => input,
            (Told::Finish(outcome), Some(job)) => Input::Done { job, outcome },
            (Told::Finish(_), None) => Input::Deadline,
        };
        writer.input(now, &input).unwrap();
        let mut step = node.step(now, input, &mut outbox);
        let outputs: Vec<Output> = step.by_ref().collect();
        let deadline = step.finish();
        for output in &outputs {
            writer.output(output);
            if let Output::Run { job: begun, .. } = output {
                job = Some(*begun);
            }
        }
        writer.decided(deadline);
        lived.push(Lived {
            at: now,
            input,
            outputs,
            deadline,
        });
    }
    (lived, writer.finish().unwrap())
}

/// Where each frame of a good record begins, and where the file ends.
pub(crate) fn frames(bytes: &[u8]) -> Vec<usize> {
    let mut begin = 12 + usize::from(u16::from_le_bytes([bytes[10], bytes[11]])) + 4;
    let mut begins = vec![begin];
    while begin < bytes.len() {
        begin += 1 + usize::from(bytes[begin]) + 4;
        begins.push(begin);
    }
    begins
}
