//! What faults of links do to messages: every one that is sent, and when it arrives.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use tetrarch_core::{Input, Message, Output, ServerId, Span, Time};
use tetrarch_sim::observer::Observer;
use tetrarch_sim::scenario::Scenario;
use tetrarch_sim::simulation::Simulation;

/// A message at one end of a link.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen {
    at: Time,
    from: ServerId,
    to: ServerId,
    message: Message,
}

#[derive(Debug, Default)]
struct Ends {
    sent: Vec<Seen>,
    arrived: Vec<Seen>,
}

impl Observer for Ends {
    fn input(&mut self, at: Time, to: ServerId, input: &Input) {
        if let Input::Message { from, message } = *input {
            self.arrived.push(Seen {
                at,
                from,
                to,
                message,
            });
        }
    }

    fn output(&mut self, at: Time, from: ServerId, output: &Output) {
        if let Output::Send { to, message } = *output {
            self.sent.push(Seen {
                at,
                from,
                to,
                message,
            });
        }
    }
}

impl Ends {
    fn on(seen: &[Seen], from: usize, to: usize) -> Vec<Seen> {
        let is_there =
            |seen: &&Seen| seen.at > STRUCK && (seen.from.index(), seen.to.index()) == (from, to);
        seen.iter().filter(is_there).copied().collect()
    }

    fn sent(&self, from: usize, to: usize) -> Vec<Seen> {
        Self::on(&self.sent, from, to)
    }

    fn arrived(&self, from: usize, to: usize) -> Vec<Seen> {
        Self::on(&self.arrived, from, to)
    }

    /// Whether each of these messages arrived once, in the order of sending, after `took` each.
    fn is_whole(&self, from: usize, to: usize, took: Span) -> bool {
        let expected = self.sent(from, to).into_iter();
        let expected = expected.map(|sent| (sent.at + took, sent.message));
        let (end, arrived) = (Time::ZERO + DURATION, self.arrived(from, to));
        arrived
            .into_iter()
            .map(|seen| (seen.at, seen.message))
            .eq(expected.filter(|(at, _)| *at <= end))
    }
}

/// When the fault strikes: nothing is on its way then.
const STRUCK: Time = Time::from_nanos(1_000_000_000);
const DURATION: Span = Span::from_secs(120);
/// What a message takes on a whole link, in the paper's parameters.
const USUAL: Span = Span::from_nanos(100_000);

/// Two minutes of a guarded group of three, which talks all the time, with this fault from 1 s on.
fn with(fault: &str) -> Ends {
    let text = format!(
        "name = \"n\"\npurpose = \"p\"\ngroup = [\"s1\", \"s2\", \"s3\"]\nsafety = \"guarded\"\n\
         duration = \"120s\"\n[[fault]]\nat = \"1s\"\n{fault}\n"
    );
    let scenario = Scenario::parse(&text, "s.toml", Path::new(".")).unwrap();
    let mut simulation = Simulation::new(&scenario, Ends::default()).unwrap();
    simulation.run_until(Time::ZERO + DURATION);
    let ends = simulation.into_observer();
    assert!(ends.sent(0, 1).len() > 30 && ends.sent(1, 0).len() > 30);
    ends
}

const WAY: &str = "from = \"s1\"\nto = \"s2\"";

#[test]
fn on_whole_links_every_message_arrives_once_and_in_time() {
    let ends = with("fault = \"heal\"");
    assert!(ends.is_whole(0, 1, USUAL) && ends.is_whole(1, 0, USUAL));
}

#[test]
fn link_loss_takes_its_share_of_one_direction() {
    let all = with(&format!("fault = \"link-loss\"\n{WAY}\npercent = 100"));
    assert_eq!(all.arrived(0, 1), []);
    assert!(all.is_whole(1, 0, USUAL) && all.is_whole(0, 2, USUAL));
    let half = with(&format!("fault = \"link-loss\"\n{WAY}\npercent = 50"));
    let (sent, arrived) = (half.sent(0, 1).len(), half.arrived(0, 1).len());
    assert!(
        sent / 3 < arrived && arrived < sent * 2 / 3,
        "{arrived} of {sent}"
    );
}

#[test]
fn link_delay_makes_one_direction_slow_and_keeps_its_order() {
    let ends = with(&format!("fault = \"link-delay\"\n{WAY}\nby = \"1500ms\""));
    assert!(ends.is_whole(0, 1, USUAL + Span::from_millis(1_500)));
    assert!(ends.is_whole(1, 0, USUAL) && ends.is_whole(0, 2, USUAL));
}

#[test]
fn a_flapping_link_loses_what_is_sent_while_it_is_down() {
    let ends = with(&format!(
        "fault = \"flap\"\n{WAY}\ndown = \"3s\"\nup = \"5s\""
    ));
    let is_down = |at: Time| (at - STRUCK).as_nanos() % 8_000_000_000 < 3_000_000_000;
    let expected = ends.sent(0, 1).into_iter().filter(|sent| !is_down(sent.at));
    let expected: Vec<_> = expected
        .map(|sent| (sent.at + USUAL, sent.message))
        .collect();
    let arrived = ends.arrived(0, 1).into_iter();
    let arrived: Vec<_> = arrived.map(|seen| (seen.at, seen.message)).collect();
    assert!(
        arrived == expected,
        "{} of {}",
        arrived.len(),
        expected.len()
    );
    assert!(arrived.len() < ends.sent(0, 1).len());
    assert!(ends.is_whole(1, 0, USUAL));
}

#[test]
fn late_messages_are_overtaken_and_none_is_lost() {
    let ends = with("fault = \"late\"\npercent = 50\nby = \"900ms\"");
    let sent = ends.sent(0, 1);
    let arrived = ends.arrived(0, 1);
    let mut in_order = 0;
    for (place, message) in arrived.iter().enumerate() {
        let of = |sent: &&Seen| {
            let least = sent.at + USUAL;
            sent.message == message.message
                && (least..=least + Span::from_millis(900)).contains(&message.at)
        };
        let first = sent.iter().find(of);
        assert!(
            first.is_some(),
            "{message:?} is later than that, or was not sent"
        );
        in_order += usize::from(sent[place].message == message.message);
    }
    assert!(
        sent.len() - arrived.len() <= 5,
        "still on their way at the end"
    );
    assert!(in_order < arrived.len(), "nothing was overtaken");
}

#[test]
fn doubled_messages_arrive_twice() {
    let ends = with("fault = \"doubled\"\npercent = 100");
    let twice = |seen: Vec<Seen>| seen.into_iter().flat_map(|seen| [seen.message; 2]);
    let expected: Vec<Message> = twice(ends.sent(0, 1)).collect();
    let arrived: Vec<Message> = ends.arrived(0, 1).iter().map(|seen| seen.message).collect();
    assert!(expected.starts_with(&arrived), "not in pairs");
    assert!(
        arrived.len() + 4 > expected.len(),
        "more than the last are missing"
    );
}
