//! Hold models: a queue in its steady state, where each event taken out puts a later one in.
//!
//! The number of pending events stays the same, which is the classical way to measure a queue alone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use tetrarch_core::{Span, Time};
use tetrarch_sim::queue::Queue;

/// An event of 32 bytes, about the size of a message with its address.
pub type Payload = [u64; 4];

/// How much later than the event taken out the new one is.
#[derive(Clone, Copy, Debug)]
pub enum Mix {
    /// Exponential with a mean of one second, as PHOLD has it.
    Exponential,
    /// Like a management group: 10 of 16 about 9 to 10 s, 3 about 1 s, 3 about 0.2 ms.
    Group,
}

/// A repeatable stream of delays.
#[derive(Clone, Debug)]
pub struct Delays {
    state: u64,
    /// Drawn once, so that neither logarithms nor branches are measured along with the queue.
    table: Vec<u64>,
}

/// Entries of the table; a power of two.
const DRAWN: usize = 4096;

impl Delays {
    /// The stream of `mix`; always the same one.
    #[must_use]
    pub fn new(mix: Mix) -> Self {
        let mut delays = Self {
            state: 88_172_645_463_325_252,
            table: Vec::new(),
        };
        delays.table = (0..DRAWN).map(|_| draw(mix, delays.random())).collect();
        delays
    }

    /// Xorshift: enough for spreading delays, and far cheaper than any queue.
    #[inline]
    fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// The next delay.
    #[inline]
    pub fn next_span(&mut self) -> Span {
        let random = self.random();
        // The low bits make equal times rare, the high bits choose the entry.
        Span::from_nanos(self.table[(random >> 52) as usize % DRAWN] + random % 65_536)
    }
}

/// One delay in nanoseconds.
fn draw(mix: Mix, random: u64) -> u64 {
    let unit = ((random >> 11) as f64 + 1.0) / 9_007_199_254_740_993.0;
    match mix {
        Mix::Exponential => (-unit.ln() * 1e9) as u64,
        Mix::Group => match random % 16 {
            0..=9 => 9_000_000_000 + (unit * 1e9) as u64,
            10..=12 => 1_000_000_000,
            _ => 200_000,
        },
    }
}

/// A queue that can be held.
pub trait Hold {
    /// A queue with `pending` events and the delays that follow.
    fn fill(pending: usize, mix: Mix) -> Self;
    /// Takes one event out and puts a later one in, `count` times.
    fn hold(&mut self, count: u64);
}

/// Tetrarch's queue.
#[derive(Clone, Debug)]
pub struct Own {
    queue: Queue<Payload>,
    delays: Delays,
}

impl Hold for Own {
    fn fill(pending: usize, mix: Mix) -> Self {
        let mut delays = Delays::new(mix);
        let mut queue = Queue::with_capacity(pending);
        for event in 0..pending as u64 {
            queue.push(Time::ZERO + delays.next_span(), [event; 4]);
        }
        Self { queue, delays }
    }

    fn hold(&mut self, count: u64) {
        for _ in 0..count {
            if let Some((now, event)) = self.queue.pop() {
                let due = now + self.delays.next_span();
                self.queue.push(due, black_box(event));
            }
        }
    }
}

/// The yardstick: the standard library's binary heap of (time, insertion number, event).
#[derive(Clone, Debug)]
pub struct Standard {
    heap: BinaryHeap<Reverse<(Time, u64, Payload)>>,
    inserted: u64,
    delays: Delays,
}

impl Hold for Standard {
    fn fill(pending: usize, mix: Mix) -> Self {
        let mut delays = Delays::new(mix);
        let mut heap = BinaryHeap::with_capacity(pending);
        for event in 0..pending as u64 {
            heap.push(Reverse((
                Time::ZERO + delays.next_span(),
                event,
                [event; 4],
            )));
        }
        Self {
            heap,
            inserted: pending as u64,
            delays,
        }
    }

    fn hold(&mut self, count: u64) {
        for _ in 0..count {
            if let Some(Reverse((now, _, event))) = self.heap.pop() {
                let due = now + self.delays.next_span();
                self.heap
                    .push(Reverse((due, self.inserted, black_box(event))));
                self.inserted += 1;
            }
        }
    }
}
