//! Monitor rings: the bare traffic of management groups in good health.
//!
//! Servers stand in rings of four. Every 10 s each one starts a cycle: it sends a sync message, which
//! reaches its neighbour after 0.2 ms, and examines that neighbour for 1.0 s. That is three events a
//! cycle: the start, the arrival, the end of the examination, which also sets the next start. The
//! servers of a group run in step; groups start at different milliseconds of the first ten seconds.
//!
//! Nothing is decided in it, so what is measured is the simulator and not the model.

use std::hint::black_box;

use tetrarch_core::{Span, Time};
use tetrarch_sim::queue::Queue;

/// Servers of a group.
pub const GROUP: usize = 4;
/// From the sending of a sync message to its arrival, in nanoseconds.
pub const SYNC_DELAY_NS: u64 = 200_000;
/// Length of an examination, in nanoseconds.
pub const EXAMINATION_NS: u64 = 1_000_000_000;
/// From the end of an examination to the start of the next cycle, in nanoseconds.
pub const PAUSE_NS: u64 = 9_000_000_000;
/// Events of one server in an hour: 360 cycles of three.
pub const EVENTS_PER_SERVER_HOUR: u64 = 1_080;

/// When a group starts its first cycle: after 1 to 10 000 whole milliseconds, in nanoseconds.
///
/// Several groups share each instant in large runs, which gives a parallel simulator something to do
/// at once. The instant is never zero, because not every simulator can schedule for its own start.
#[must_use]
pub fn first_start_ns(group: usize) -> u64 {
    // Fibonacci hashing spreads consecutive numbers evenly.
    let spread = (group as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    (1 + spread % 10_000) * 1_000_000
}

/// The neighbour that a server examines, counted over all groups.
#[must_use]
pub fn neighbour(server: usize) -> usize {
    server / GROUP * GROUP + (server + 1) % GROUP
}

/// What a server keeps of its own work and of its neighbour's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Server {
    /// Cycles started.
    pub cycles: u64,
    /// Examinations finished.
    pub examinations: u64,
    /// Sync messages received.
    pub syncs: u64,
    /// When the last of them arrived, in nanoseconds.
    pub last_sync_ns: u64,
}

impl Server {
    /// The events that this server has processed.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.cycles + self.examinations + self.syncs
    }
}

/// What happens, and to which server.
#[derive(Clone, Copy, Debug)]
enum Event {
    Start(u32),
    Sync(u32),
    Examined(u32),
}

/// Processes one event.
#[inline]
fn step(servers: &mut [Server], queue: &mut Queue<Event>, now: Time, event: Event) {
    match event {
        Event::Start(at) => {
            servers[at as usize].cycles += 1;
            let to = neighbour(at as usize) as u32;
            queue.push(now + Span::from_nanos(SYNC_DELAY_NS), Event::Sync(to));
            queue.push(now + Span::from_nanos(EXAMINATION_NS), Event::Examined(at));
        }
        Event::Sync(at) => {
            let server = &mut servers[at as usize];
            server.syncs += 1;
            server.last_sync_ns = now.as_nanos();
        }
        Event::Examined(at) => {
            servers[at as usize].examinations += 1;
            queue.push(now + Span::from_nanos(PAUSE_NS), Event::Start(at));
        }
    }
}

/// Processes all events up to `end`.
fn run(servers: &mut [Server], queue: &mut Queue<Event>, end: Time) -> u64 {
    while queue.peek_time().is_some_and(|time| time <= end) {
        if let Some((now, event)) = queue.pop() {
            step(servers, queue, now, event);
        }
    }
    black_box(servers).iter().map(Server::events).sum()
}

/// The bare model on Tetrarch's queue, one group after the other, as the simulator runs groups.
#[must_use]
pub fn by_group(servers: usize, span_s: u64) -> u64 {
    let end = Time::ZERO + Span::from_secs(span_s);
    let mut queue = Queue::new();
    let mut events = 0;
    for group in 0..servers / GROUP {
        queue.clear();
        let mut members = [Server::default(); GROUP];
        let start = Time::from_nanos(first_start_ns(group));
        for member in 0..GROUP {
            queue.push(start, Event::Start(member as u32));
        }
        events += run(&mut members, &mut queue, end);
    }
    events
}

/// The bare model on Tetrarch's queue, all groups in one queue, as the other simulators run it.
#[must_use]
pub fn at_once(servers: usize, span_s: u64) -> u64 {
    let end = Time::ZERO + Span::from_secs(span_s);
    let mut queue = Queue::with_capacity(2 * servers);
    for server in 0..servers {
        let start = Time::from_nanos(first_start_ns(server / GROUP));
        queue.push(start, Event::Start(server as u32));
    }
    run(&mut vec![Server::default(); servers], &mut queue, end)
}
