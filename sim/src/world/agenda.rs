//! What happens next in the simulated system, in exact order of (time, insertion number).
//!
//! Three kinds of entries come in an order of their own, so that they need not be sorted:
//!
//! - The scenario's faults are known from the beginning. They count as inserted before all else.
//! - Messages are all as long on their way, so they arrive in the order in which they were sent.
//!   Nine of ten entries of a guarded group are such. One that is sent to many is one letter.
//! - The others are in the [`Queue`].

use std::collections::VecDeque;

use tetrarch_core::{Members, Message, ServerId, Time};

use super::happening::Happening;
use crate::queue::Queue;
use crate::scenario::Fault;

/// The pending entries.
#[derive(Clone, Debug)]
pub(crate) struct Agenda {
    queue: Queue<Numbered>,
    letters: VecDeque<Letter>,
    /// The faults by time, each with its place in the file.
    faults: Vec<(Time, u16)>,
    /// What waited for a server that goes on now.
    waited: VecDeque<Happening>,
    waited_until: Time,
    /// How many faults have struck.
    struck: usize,
    /// The next insertion number.
    next: u64,
}

/// An entry of the queue with its insertion number.
#[derive(Clone, Copy, Debug)]
struct Numbered {
    number: u64,
    happening: Happening,
}

/// A message on its way to one receiver or more, to which it goes in the order of the ring.
#[derive(Clone, Copy, Debug)]
struct Letter {
    at: Time,
    /// Its first insertion number: one for each receiver.
    number: u64,
    from: ServerId,
    /// The last of its receivers.
    last: ServerId,
    to: Members,
    message: Message,
}

/// The instant and insertion number of nothing.
const NEVER: (Time, u64) = (Time::MAX, u64::MAX);

/// Where the next entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Waited,
    Faults,
    Letters,
    Queue,
}

impl Agenda {
    /// With these faults to come, and nothing else.
    pub(crate) fn new(faults: &[Fault]) -> Self {
        let mut faults: Vec<(Time, u16)> = (0..).zip(faults).map(|(at, f)| (f.at, at)).collect();
        // Stable: faults of one instant strike in the order of the file.
        faults.sort_by_key(|(at, _)| *at);
        Self {
            queue: Queue::with_capacity(64),
            letters: VecDeque::with_capacity(64),
            faults,
            waited: VecDeque::new(),
            waited_until: Time::ZERO,
            struck: 0,
            next: 0,
        }
    }

    /// Back to the beginning. What has been allocated is kept.
    pub(crate) fn reset(&mut self) {
        self.queue.clear();
        self.letters.clear();
        self.waited.clear();
        self.struck = 0;
        self.next = 0;
    }

    #[inline]
    pub(crate) fn push(&mut self, at: Time, happening: Happening) {
        let number = self.next;
        self.next += 1;
        self.queue.push(at, Numbered { number, happening });
    }

    /// Puts a message on its way that arrives at `at`.
    #[inline]
    pub(crate) fn post(&mut self, at: Time, from: ServerId, to: ServerId, message: Message) {
        let number = self.next;
        if let Some(last) = self.letters.back_mut() {
            if at < last.at {
                return self.push(at, Happening::Deliver { to, from, message });
            }
            if last.takes(number, at, from, to) && last.message == message {
                last.to = last.to.with(to);
                last.last = to;
                self.next += 1;
                return;
            }
        }
        self.next += 1;
        self.letters.push_back(Letter {
            at,
            number,
            from,
            last: to,
            to: Members::NONE.with(to),
            message,
        });
    }

    /// Lets all this happen at `now`, before anything else.
    pub(crate) fn go_on(&mut self, now: Time, waited: Vec<Happening>) {
        self.waited.extend(waited);
        self.waited_until = now;
    }

    /// When the next entry is due.
    pub(crate) fn peek_time(&self) -> Option<Time> {
        self.first().map(|(at, _)| at)
    }

    /// Takes the next entry, unless it is due after `end`.
    #[inline]
    pub(crate) fn pop_until(&mut self, end: Time) -> Option<(Time, Happening)> {
        let (at, lane) = self.first().filter(|(at, _)| *at <= end)?;
        let happening = match lane {
            Lane::Waited => self.waited.pop_front()?,
            Lane::Faults => {
                let (_, place) = *self.faults.get(self.struck)?;
                self.struck += 1;
                Happening::Fault { place }
            }
            Lane::Letters => self.next_letter()?,
            Lane::Queue => self.queue.pop()?.1.happening,
        };
        Some((at, happening))
    }

    #[inline]
    fn first(&self) -> Option<(Time, Lane)> {
        if !self.waited.is_empty() {
            return Some((self.waited_until, Lane::Waited));
        }
        // The end of time stands for nothing: nothing that is due then ever happens.
        let letter = self.letters.front();
        let (letter, letter_number) = letter.map_or(NEVER, |letter| (letter.at, letter.number));
        let queued = self.queue.peek();
        let (queued, queued_number) = queued.map_or(NEVER, |(at, entry)| (at, entry.number));
        let fault = self
            .faults
            .get(self.struck)
            .map_or(Time::MAX, |(at, _)| *at);
        let (at, lane) = if (queued, queued_number) < (letter, letter_number) {
            (queued, Lane::Queue)
        } else {
            (letter, Lane::Letters)
        };
        let (at, lane) = if fault <= at {
            (fault, Lane::Faults)
        } else {
            (at, lane)
        };
        (at < Time::MAX).then_some((at, lane))
    }

    #[inline]
    fn next_letter(&mut self) -> Option<Happening> {
        let letter = self.letters.front_mut()?;
        let Letter { from, message, .. } = *letter;
        let to = letter.to.iter_after(from).next()?;
        letter.to = letter.to.without(to);
        letter.number += 1;
        if letter.to.is_empty() {
            self.letters.pop_front();
        }
        Some(Happening::Deliver { to, from, message })
    }
}

impl Letter {
    /// Whether what is sent now can go with it: nothing has been inserted since, and its receiver
    /// comes after those that it has.
    #[inline]
    fn takes(&self, number: u64, at: Time, from: ServerId, to: ServerId) -> bool {
        number == self.number + self.to.len() as u64
            && (at, from) == (self.at, self.from)
            && from.distance(self.last) < from.distance(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::FaultAction;
    use proptest::prelude::*;

    fn s(place: usize) -> ServerId {
        ServerId::new(place).unwrap()
    }

    proptest! {
        /// Against a plain list that is sorted anew for every entry.
        #[test]
        fn entries_come_by_time_and_insertion(
            faults in proptest::collection::vec(0..9_u64, 0..5),
            acts in proptest::collection::vec((0..9_u64, 0..4_usize, 0..4_usize, 0..2_usize), 0..60),
        ) {
            let at = Time::from_nanos;
            let faults: Vec<Fault> = faults
                .into_iter()
                .map(|ns| Fault { at: at(ns), action: FaultAction::Heal, line: 0 })
                .collect();
            let mut plain: Vec<(Time, Happening)> = (0..)
                .zip(&faults)
                .map(|(place, fault)| (fault.at, Happening::Fault { place }))
                .collect();
            let mut agenda = Agenda::new(&faults);
            for (ns, from, to, what) in acts {
                match what {
                    0 if from != to => {
                        let message = Message::Up { target: s(0) };
                        let (from, to) = (s(from), s(to));
                        agenda.post(at(ns), from, to, message);
                        plain.push((at(ns), Happening::Deliver { to, from, message }));
                    }
                    0 => {
                        plain.sort_by_key(|(at, _)| *at);
                        let first = plain.first().copied();
                        prop_assert_eq!(agenda.peek_time(), first.map(|(at, _)| at));
                        prop_assert_eq!(agenda.pop_until(at(5)), first.filter(|(due, _)| *due <= at(5)));
                        if first.is_some_and(|(due, _)| due <= at(5)) {
                            plain.remove(0);
                        }
                    }
                    _ => {
                        let happening = Happening::ReadComplete { change: from as u32 };
                        agenda.push(at(ns), happening);
                        plain.push((at(ns), happening));
                    }
                }
            }
            plain.sort_by_key(|(at, _)| *at);
            let left: Vec<_> = std::iter::from_fn(|| agenda.pop_until(Time::MAX)).collect();
            prop_assert_eq!(left, plain);
        }
    }
}
