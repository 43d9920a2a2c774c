//! A small sorted array with room at both ends.

use tetrarch_core::Time;

use super::WINDOW_MAX;

/// Places in the array: twice the pending events, so that it is moved to make room only once in
/// dozens of insertions.
const PLACES: usize = 2 * WINDOW_MAX;
/// Where the earliest event lies after a move. Room before it lets events that are earlier than
/// the median shift the few events before them and not the many after them.
const HEAD_AFTER_MOVE: usize = PLACES / 8;

/// At most [`WINDOW_MAX`] pending events in ascending order of time, equal times in order of
/// insertion. Their places say the order, so no insertion number is stored.
#[derive(Clone, Debug)]
pub(super) struct Window<E> {
    /// Empty before the first insertion, [`PLACES`] long after it; live from `head` up to `tail`.
    places: Vec<(Time, E)>,
    head: usize,
    tail: usize,
}

impl<E> Default for Window<E> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            head: HEAD_AFTER_MOVE,
            tail: HEAD_AFTER_MOVE,
        }
    }
}

impl<E: Copy> Window<E> {
    /// Allocates the array now instead of with the first insertion.
    pub(super) fn reserve(&mut self) {
        self.places
            .reserve_exact(PLACES.saturating_sub(self.places.len()));
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.tail - self.head
    }

    #[inline]
    pub(super) fn peek_time(&self) -> Option<Time> {
        self.peek().map(|(time, _)| time)
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<(Time, &E)> {
        self.places
            .get(self.head..self.tail)?
            .first()
            .map(|(time, event)| (*time, event))
    }

    pub(super) fn clear(&mut self) {
        self.head = HEAD_AFTER_MOVE;
        self.tail = HEAD_AFTER_MOVE;
    }

    /// Inserts an event; the caller sees to it that fewer than [`WINDOW_MAX`] are here.
    #[inline]
    pub(super) fn push(&mut self, time: Time, event: E) {
        let entry = (time, event);
        if self.places.len() < PLACES {
            // Any value will do for the places that are not live, and this one needs no `Default`.
            self.places.resize(PLACES, entry);
        }
        let middle = (self.head + self.tail) / 2;
        if self.head > 0 && self.head < self.tail && time < self.places[middle].0 {
            self.push_from_head(entry);
        } else {
            self.push_from_tail(entry);
        }
    }

    /// Lets every event that goes before `entry` move one place towards the front.
    #[inline]
    fn push_from_head(&mut self, entry: (Time, E)) {
        self.head -= 1;
        let live = &mut self.places[self.head..self.tail];
        let mut place = 0;
        // Equal times were inserted earlier, so they go before it as well.
        while place + 1 < live.len() && live[place + 1].0 <= entry.0 {
            live[place] = live[place + 1];
            place += 1;
        }
        live[place] = entry;
    }

    /// Lets every event that goes after `entry` move one place towards the back.
    #[inline]
    fn push_from_tail(&mut self, entry: (Time, E)) {
        if self.tail == PLACES {
            self.move_to_front();
        }
        self.tail += 1;
        let live = &mut self.places[self.head..self.tail];
        let mut place = live.len() - 1;
        while place > 0 && live[place - 1].0 > entry.0 {
            live[place] = live[place - 1];
            place -= 1;
        }
        live[place] = entry;
    }

    fn move_to_front(&mut self) {
        let len = self.len();
        self.places
            .copy_within(self.head..self.tail, HEAD_AFTER_MOVE);
        self.head = HEAD_AFTER_MOVE;
        self.tail = HEAD_AFTER_MOVE + len;
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<(Time, E)> {
        let entry = *self.places.get(self.head..self.tail)?.first()?;
        self.head += 1;
        Some(entry)
    }

    /// The capacity of the array.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.places.capacity()
    }
}
