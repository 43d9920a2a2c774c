#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use tetrarch_core::{Span, Time};

use super::heap::Heap;
use super::{Queue, REFILL_AT, WINDOW_MAX};

/// The rule itself, too slow to be wrong: the first of the earliest.
#[derive(Default)]
struct Naive(Vec<(Time, u32)>);

impl Naive {
    fn push(&mut self, time: Time, event: u32) {
        self.0.push((time, event));
    }

    fn first(&self) -> Option<usize> {
        // `min_by_key` returns the first of several minima, which is the one inserted first.
        (0..self.0.len()).min_by_key(|&place| self.0[place].0)
    }

    fn pop(&mut self) -> Option<(Time, u32)> {
        self.first().map(|place| self.0.remove(place))
    }

    fn peek_time(&self) -> Option<Time> {
        self.first().map(|place| self.0[place].0)
    }
}

#[derive(Clone, Debug)]
enum Act {
    /// Insert this many events at times of this many distinct values, from this one on.
    Push {
        count: usize,
        from: u64,
        distinct: u64,
    },
    Pop(usize),
    /// Take one out and insert one later, this often: the steady state of a simulation.
    Hold {
        count: usize,
        delays: Vec<u64>,
    },
    Clear,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let delay = prop_oneof![Just(0_u64), 0..5_u64, 0..1_000_u64, Just(u64::MAX)];
    let act = prop_oneof![
        4 => (0..90_usize, prop_oneof![Just(0), any::<u64>(), Just(u64::MAX - 2)], 1..9_u64)
            .prop_map(|(count, from, distinct)| Act::Push { count, from, distinct }),
        4 => (0..90_usize).prop_map(Act::Pop),
        4 => (0..200_usize, proptest::collection::vec(delay, 1..8))
            .prop_map(|(count, delays)| Act::Hold { count, delays }),
        1 => Just(Act::Clear),
    ];
    proptest::collection::vec(act, 1..14)
}

/// A queue and the rule, side by side.
#[derive(Default)]
struct Pair {
    queue: Queue<u32>,
    naive: Naive,
    events: u32,
}

impl Pair {
    fn push(&mut self, nanos: u64) {
        self.events += 1;
        self.queue.push(Time::from_nanos(nanos), self.events);
        self.naive.push(Time::from_nanos(nanos), self.events);
        self.agree();
    }

    fn pop(&mut self) -> Option<u64> {
        let next = self.naive.pop();
        assert_eq!(self.queue.pop(), next);
        self.agree();
        next.map(|(time, _)| time.as_nanos())
    }

    fn agree(&self) {
        assert_eq!(self.queue.len(), self.naive.0.len());
        assert_eq!(self.queue.is_empty(), self.naive.0.is_empty());
        assert_eq!(self.queue.peek_time(), self.naive.peek_time());
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Push {
                count,
                from,
                distinct,
            } => {
                // A stride prime to the range mixes the order of the times.
                for i in 0..*count as u64 {
                    self.push(from.saturating_add(i.wrapping_mul(7919) % distinct));
                }
            }
            Act::Pop(count) => {
                for _ in 0..*count {
                    self.pop();
                }
            }
            Act::Hold { count, delays } => {
                for delay in delays.iter().cycle().take(*count) {
                    let Some(now) = self.pop() else { break };
                    self.push(now.saturating_add(*delay));
                }
            }
            Act::Clear => {
                self.queue.clear();
                self.naive.0.clear();
                self.agree();
            }
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_the_linear_scan(acts in acts()) {
        let mut pair = Pair::default();
        for act in &acts {
            pair.act(act);
        }
        while pair.pop().is_some() {}
    }
}

/// Inserts `count` events of the same time and checks that they leave as they came.
fn leaves_as_it_came(count: u32) {
    let mut queue = Queue::new();
    for event in 0..count {
        queue.push(Time::from_nanos(5), event);
    }
    for event in 0..count {
        assert_eq!(queue.pop(), Some((Time::from_nanos(5), event)));
    }
    assert_eq!(queue.pop(), None);
}

#[test]
fn events_at_the_same_time_come_out_in_insertion_order() {
    for count in [1, 2, WINDOW_MAX, WINDOW_MAX + 1, 10_000] {
        leaves_as_it_came(count as u32);
    }
}

#[test]
fn ties_keep_their_order_when_they_cross_between_window_and_heap() {
    let mut queue = Queue::new();
    let mut next_in = 0;
    let mut next_out = 0;
    // Fill far into the heap, run down past the way back, and fill again, always the same time.
    for (target, rounds) in [(200, 3), (REFILL_AT - 1, 1), (150, 2), (0, 1)] {
        for _ in 0..rounds {
            while queue.len() < target {
                queue.push(Time::ZERO, next_in);
                next_in += 1;
            }
            while queue.len() > target {
                assert_eq!(queue.pop(), Some((Time::ZERO, next_out)));
                next_out += 1;
            }
            let (near, far) = (queue.window.len(), queue.heap.len());
            assert_eq!(if target > WINDOW_MAX { near } else { far }, 0);
        }
    }
    assert_eq!((next_in, next_out), (335, 335));
}

#[test]
fn an_event_earlier_than_the_last_one_taken_is_the_next() {
    let mut queue = Queue::new();
    queue.push(Time::from_nanos(10), 'a');
    queue.push(Time::from_nanos(30), 'c');
    assert_eq!(queue.pop(), Some((Time::from_nanos(10), 'a')));
    queue.push(Time::from_nanos(3), 'b');
    assert_eq!(queue.pop(), Some((Time::from_nanos(3), 'b')));
    assert_eq!(queue.pop(), Some((Time::from_nanos(30), 'c')));
}

#[test]
fn the_last_instant_of_all_is_a_time_like_any_other() {
    let mut queue = Queue::new();
    for event in 0..100_u32 {
        queue.push(Time::MAX, event);
    }
    queue.push(Time::from_nanos(u64::MAX - 1), 100);
    assert_eq!(queue.pop(), Some((Time::from_nanos(u64::MAX - 1), 100_u32)));
    for event in 0..100 {
        assert_eq!(queue.pop(), Some((Time::MAX, event)));
    }
}

#[test]
fn order_survives_the_end_of_the_insertion_numbers() {
    let mut heap = Heap::default();
    let mut naive = Naive::default();
    heap.set_next(u32::MAX - 50);
    for event in 0..300_u32 {
        let time = Time::from_nanos(u64::from(event * 37 % 10));
        heap.push(time, event);
        naive.push(time, event);
        // Never the last one, because an empty heap starts its numbers again by itself.
        if event % 3 == 2 {
            assert_eq!(heap.pop(), naive.pop());
        }
        assert_eq!(heap.len(), naive.0.len());
    }
    while !heap.is_empty() {
        assert_eq!(heap.pop(), naive.pop());
    }
    assert!(naive.0.is_empty());
}

#[test]
fn room_asked_for_changes_no_order() {
    for capacity in [0, 1, WINDOW_MAX, 1_000] {
        let mut queue = Queue::with_capacity(capacity);
        assert!(queue.is_empty() && queue.peek_time().is_none());
        for event in (0..500_u64).rev() {
            queue.push(Time::from_nanos(event), event);
        }
        for event in 0..500 {
            assert_eq!(queue.pop(), Some((Time::from_nanos(event), event)));
        }
    }
}

#[test]
fn the_steady_state_allocates_nothing() {
    for pending in [1, 40, WINDOW_MAX, 5_000] {
        let mut queue = Queue::new();
        for run in 0..2 {
            for event in 0..pending as u64 {
                queue.push(Time::from_nanos(event), event);
            }
            let room = queue.room();
            for hold in 0..20_000 {
                let (now, event) = queue.pop().unwrap();
                let delay = Span::from_nanos(hold * 7919 % 10_007);
                queue.push(now + delay, event);
                // Room that never changes is memory that is never asked for again.
                assert_eq!(queue.room(), room, "{pending} pending, hold {hold}");
            }
            while queue.pop().is_some() {}
            assert_eq!(queue.room(), room, "{pending} pending, run {run}");
            queue.clear();
        }
    }
}
