//! A four-ary implicit heap of keys, with the events in a slab.

use tetrarch_core::Time;

/// Children of a node. Four keys of 16 bytes are one cache line, so a level costs one miss.
const ARITY: usize = 4;
/// The key of a place that holds no event; later than every real key, so that a line can be
/// searched without knowing how many of its places are in use.
const NONE: u128 = u128::MAX;

/// The four children of one node.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([u128; ARITY]);

/// Any number of pending events.
///
/// The root stands alone; node `i` is place `i % 4` of line `i / 4`. Line 0 holds the children of the
/// root and line `i + 1` those of node `i`.
#[derive(Clone, Debug)]
pub(super) struct Heap<E> {
    root: u128,
    lines: Vec<Line>,
    /// Nodes in use besides the root.
    nodes: usize,
    /// The next insertion number.
    next: u32,
    slab: Vec<E>,
    /// Slots of the slab that hold no pending event; the one freed last is used first.
    free: Vec<u32>,
}

impl<E> Default for Heap<E> {
    fn default() -> Self {
        Self {
            root: NONE,
            lines: Vec::new(),
            nodes: 0,
            next: 0,
            slab: Vec::new(),
            free: Vec::new(),
        }
    }
}

/// Time, then insertion number, then the slot, which takes no part in the order because the number
/// has decided before it.
#[inline]
fn key(time: Time, number: u32, slot: u32) -> u128 {
    (u128::from(time.as_nanos()) << 64) | (u128::from(number) << 32) | u128::from(slot)
}

#[inline]
fn time_of(key: u128) -> Time {
    Time::from_nanos((key >> 64) as u64)
}

/// The smallest key of a line and its place, without a branch that could be mispredicted.
#[inline]
fn earliest(line: &Line) -> (usize, u128) {
    let [a, b, c, d] = line.0;
    let (left, left_at) = if b < a { (b, 1) } else { (a, 0) };
    let (right, right_at) = if d < c { (d, 3) } else { (c, 2) };
    if right < left {
        (right_at, right)
    } else {
        (left_at, left)
    }
}

impl<E: Copy> Heap<E> {
    pub(super) fn reserve(&mut self, events: usize) {
        self.lines
            .reserve(events.div_ceil(ARITY).saturating_sub(self.lines.len()));
        self.slab.reserve(events.saturating_sub(self.slab.len()));
        self.free.reserve(events.saturating_sub(self.free.len()));
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.root == NONE
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.nodes + usize::from(self.root != NONE)
    }

    #[inline]
    pub(super) fn peek_time(&self) -> Option<Time> {
        (self.root != NONE).then(|| time_of(self.root))
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<(Time, &E)> {
        // The slot is the low half of the key's low half.
        let event = self.slab.get(self.root as u32 as usize);
        self.peek_time().zip(event)
    }

    pub(super) fn clear(&mut self) {
        self.root = NONE;
        self.lines.clear();
        self.nodes = 0;
        self.next = 0;
        self.slab.clear();
        self.free.clear();
    }

    pub(super) fn push(&mut self, time: Time, event: E) {
        if self.next == u32::MAX {
            self.renumber();
        }
        let slot = self.store(event);
        let key = key(time, self.next, slot);
        self.next += 1;
        if self.root == NONE {
            self.root = key;
            return;
        }
        let node = self.nodes;
        self.nodes += 1;
        if node / ARITY == self.lines.len() {
            self.lines.push(Line([NONE; ARITY]));
        }
        self.sift_up(node, key);
    }

    pub(super) fn pop(&mut self) -> Option<(Time, E)> {
        let first = self.root;
        if first == NONE {
            return None;
        }
        if self.nodes == 0 {
            self.root = NONE;
            // Numbers need to differ only among the events that are pending together.
            self.next = 0;
        } else {
            self.nodes -= 1;
            let last = self.lines[self.nodes / ARITY].0[self.nodes % ARITY];
            self.set(self.nodes, NONE);
            self.sift_down(last);
        }
        // The slot is the low half of the key's low half.
        let slot = first as u32;
        self.free.push(slot);
        Some((time_of(first), self.slab[slot as usize]))
    }

    /// Puts the event into a free slot and returns its number.
    #[inline]
    fn store(&mut self, event: E) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slab[slot as usize] = event;
            return slot;
        }
        let slot = self.slab.len();
        assert!(slot < u32::MAX as usize, "2^32 - 1 events are pending");
        self.slab.push(event);
        // Every slot is free at some time, and freeing must not allocate then.
        if self.free.capacity() < self.slab.len() {
            self.free.reserve(self.slab.capacity());
        }
        slot as u32
    }

    #[inline]
    fn set(&mut self, node: usize, key: u128) {
        self.lines[node / ARITY].0[node % ARITY] = key;
    }

    /// Finds the place of `key` on the way from the empty `node` to the root.
    #[inline]
    fn sift_up(&mut self, mut node: usize, key: u128) {
        while let Some(parent) = (node / ARITY).checked_sub(1) {
            let above = self.lines[parent / ARITY].0[parent % ARITY];
            if above <= key {
                self.set(node, key);
                return;
            }
            self.set(node, above);
            node = parent;
        }
        if self.root <= key {
            self.set(node, key);
        } else {
            self.set(node, self.root);
            self.root = key;
        }
    }

    /// Finds the place of `key` on the way down from the root, whose own key has gone.
    #[inline]
    fn sift_down(&mut self, key: u128) {
        let (place, child) = earliest(&self.lines[0]);
        if key <= child {
            self.root = key;
            return;
        }
        self.root = child;
        let mut hole = place;
        while let Some(line) = self.lines.get(hole + 1) {
            let (place, child) = earliest(line);
            if key <= child {
                break;
            }
            self.set(hole, child);
            hole = (hole + 1) * ARITY + place;
        }
        self.set(hole, key);
    }

    /// Numbers the pending events from zero again, in their order. Ascending keys are a valid heap.
    #[cold]
    fn renumber(&mut self) {
        let nodes = self.nodes;
        let mut keys: Vec<u128> = self.lines.iter().flat_map(|line| line.0).collect();
        keys.truncate(nodes);
        keys.push(self.root);
        keys.retain(|&key| key != NONE);
        keys.sort_unstable();
        self.next = 0;
        for (place, &old) in keys.iter().enumerate() {
            let new = key(time_of(old), self.next, old as u32);
            self.next += 1;
            match place.checked_sub(1) {
                None => self.root = new,
                Some(node) => self.set(node, new),
            }
        }
    }

    /// Pretends that `next` insertions have been made.
    #[cfg(test)]
    pub(super) fn set_next(&mut self, next: u32) {
        self.next = next;
    }

    /// The capacities of all that allocates.
    #[cfg(test)]
    pub(super) fn room(&self) -> [usize; 3] {
        [
            self.lines.capacity(),
            self.slab.capacity(),
            self.free.capacity(),
        ]
    }
}
