//! The event queue: what happens next, in exact order of (time, insertion number).
//!
//! Two shapes of load decide how it is built.
//!
//! - One management group keeps some 5 to 40 events pending and most new ones are later than nearly
//!   all of those. A window, a small sorted array that grows at either end, handles them with a
//!   few moves inside the first-level cache and without any tree.
//! - A simulation of everything at once keeps up to millions pending. Past 64 of them they
//!   move to a heap: four-ary, its 16-byte keys in cache lines of their own and the events
//!   themselves in a slab that sifting never touches.
//!
//! When the heap has run down to 16 events they move back. The gap between the two limits
//! keeps a load that hovers about one of them from moving to and fro. At any instant all events are
//! in one of the two places, so the order needs no merging.
//!
//! `benches/README.md` has the measurements that chose this structure.

mod heap;
#[cfg(test)]
mod tests;
mod window;

use heap::Heap;
use tetrarch_core::Time;
use window::Window;

/// The largest number of pending events that stays in the window.
const WINDOW_MAX: usize = 64;
/// The number of events left in the heap that sends them back to the window.
const REFILL_AT: usize = 16;

/// A priority queue of events, earliest first; events of the same time come out in the order in
/// which they went in.
///
/// There is no rule that a new event must not be earlier than the last one taken out: it simply
/// becomes the next. Once the queue has been as long as it ever gets it allocates no more, except
/// once every 2³² insertions.
///
/// ```
/// use tetrarch_core::Time;
/// use tetrarch_sim::queue::Queue;
///
/// let mut queue = Queue::new();
/// queue.push(Time::from_nanos(20), 'b');
/// queue.push(Time::from_nanos(10), 'a');
/// queue.push(Time::from_nanos(20), 'c');
/// assert_eq!(queue.peek_time(), Some(Time::from_nanos(10)));
/// let order: String = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
/// assert_eq!(order, "abc");
/// ```
#[derive(Clone, Debug)]
pub struct Queue<E> {
    window: Window<E>,
    heap: Heap<E>,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self {
            window: Window::default(),
            heap: Heap::default(),
        }
    }
}

impl<E: Copy> Queue<E> {
    /// An empty queue. It allocates with the first insertion.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty queue with room for `events` pending events.
    #[must_use]
    pub fn with_capacity(events: usize) -> Self {
        let mut queue = Self::default();
        queue.window.reserve();
        if events > WINDOW_MAX {
            queue.heap.reserve(events);
        }
        queue
    }

    /// Adds `event`, due at `time`.
    ///
    /// # Panics
    ///
    /// When 2³² - 1 events are pending, which takes more than 64 GiB.
    #[inline]
    pub fn push(&mut self, time: Time, event: E) {
        if self.heap.is_empty() {
            if self.window.len() < WINDOW_MAX {
                self.window.push(time, event);
                return;
            }
            self.spill();
        }
        self.heap.push(time, event);
    }

    /// Takes the earliest event, with its time; `None` when nothing is pending.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, E)> {
        if self.heap.is_empty() {
            return self.window.pop();
        }
        let next = self.heap.pop();
        if self.heap.len() == REFILL_AT {
            self.refill();
        }
        next
    }

    /// When the earliest event is due; `None` when nothing is pending.
    #[inline]
    #[must_use]
    pub fn peek_time(&self) -> Option<Time> {
        self.window.peek_time().or_else(|| self.heap.peek_time())
    }

    /// The earliest event, with its time; `None` when nothing is pending.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> Option<(Time, &E)> {
        self.window.peek().or_else(|| self.heap.peek())
    }

    /// How many events are pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.window.len() + self.heap.len()
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops every pending event and keeps the memory for the next run.
    pub fn clear(&mut self) {
        self.window.clear();
        self.heap.clear();
    }

    /// Moves the full window into the empty heap. The window is sorted, so numbering its events in
    /// the order of their leaving keeps the order of insertion among equal times.
    #[cold]
    fn spill(&mut self) {
        while let Some((time, event)) = self.window.pop() {
            self.heap.push(time, event);
        }
    }

    /// Moves what is left in the heap back to the window, in order.
    #[cold]
    fn refill(&mut self) {
        while let Some((time, event)) = self.heap.pop() {
            self.window.push(time, event);
        }
    }

    /// The capacities of all that allocates.
    #[cfg(test)]
    fn room(&self) -> [usize; 4] {
        let [lines, slab, free] = self.heap.room();
        [self.window.room(), lines, slab, free]
    }
}
