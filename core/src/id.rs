//! Names of servers, sets of servers, and the two management priorities.

use core::fmt;

/// The largest management group that the protocol runs.
pub const SERVERS_MAX: usize = 8;

/// A server of the group, by its place in the ring: 0 for the first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(u8);

impl ServerId {
    /// The server at `place` in the ring; none when the place is beyond [`SERVERS_MAX`].
    #[must_use]
    pub const fn new(place: usize) -> Option<Self> {
        if place < SERVERS_MAX {
            Some(Self(place as u8))
        } else {
            None
        }
    }

    /// The place in the ring, from 0; always below [`SERVERS_MAX`].
    #[must_use]
    pub const fn index(self) -> usize {
        // The mask restates the constructor's bound, so that table look-ups need no check.
        (self.0 & 7) as usize
    }

    /// Every server of a group of `size`, in ring order.
    pub fn all(size: usize) -> impl DoubleEndedIterator<Item = Self> + Clone {
        (0..size.min(SERVERS_MAX) as u8).map(Self)
    }

    /// The servers that follow this one in a ring of `size`, nearest first, without itself.
    pub fn after(self, size: usize) -> impl DoubleEndedIterator<Item = Self> + Clone {
        let (place, size) = (self.index(), size.clamp(1, SERVERS_MAX));
        (1..size).map(move |step| Self(((place + step) % size) as u8))
    }

    /// The servers that precede this one in a ring of `size`, nearest first, without itself.
    pub fn before(self, size: usize) -> impl DoubleEndedIterator<Item = Self> + Clone {
        self.after(size).rev()
    }

    /// How far `other` comes after this server: 0 for itself.
    ///
    /// Counted as in the largest ring. In a smaller one the distances are not consecutive, but their
    /// order is the ring's, and that is all they are good for.
    #[must_use]
    pub const fn distance(self, other: Self) -> usize {
        other.index().wrapping_sub(self.index()) % SERVERS_MAX
    }
}

/// The paper counts from one: the first server prints as `S1`.
impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S{}", self.index() + 1)
    }
}

/// The same in traces.
impl fmt::Debug for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of servers.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Members(u8);

impl Members {
    /// Nobody.
    pub const NONE: Self = Self(0);

    /// The set whose bits are `bits`: bit 0 is the first server of the ring.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The bits of the set: bit 0 is the first server of the ring.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The first `size` servers.
    #[must_use]
    pub fn first(size: usize) -> Self {
        ServerId::all(size).fold(Self::NONE, |set, server| set.with(server))
    }

    /// Whether `server` is in the set.
    #[must_use]
    pub const fn contains(self, server: ServerId) -> bool {
        self.0 >> server.index() & 1 == 1
    }

    /// The set with `server`.
    #[must_use]
    pub const fn with(self, server: ServerId) -> Self {
        Self(self.0 | 1 << server.index())
    }

    /// The set without `server`.
    #[must_use]
    pub const fn without(self, server: ServerId) -> Self {
        Self(self.0 & !(1 << server.index()))
    }

    /// The servers of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The servers of this set that are not in `other`.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// How many servers the set has.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The servers of the set in ring order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = ServerId> + Clone {
        ServerId::all(SERVERS_MAX).filter(move |server| self.contains(*server))
    }

    /// The servers of the set in ring order, beginning with those after `server`, which comes last.
    ///
    /// Decisions are made in this order, so that no server is first by its number alone.
    pub fn iter_after(self, server: ServerId) -> impl Iterator<Item = ServerId> + Clone {
        // The bit of the server after it comes first, its own last.
        let first = server.index() as u32 + 1;
        let mut left = self.0.rotate_right(first);
        core::iter::from_fn(move || {
            let step = (left != 0).then(|| left.trailing_zeros())?;
            left &= left - 1;
            Some(ServerId((first + step) as u8 % SERVERS_MAX as u8))
        })
    }
}

/// In traces: `{S1, S3}`.
impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Server management priority order: how a manager stands to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Acts: starts the virtual server and runs the background job.
    P1,
    /// Corroborates, and stands in when P1 is dead or silent.
    P2,
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
        })
    }
}

/// A set of a server's services, by their place in its management data (line 5): at most eight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceSet(u8);

impl ServiceSet {
    /// No service.
    pub const NONE: Self = Self(0);

    /// The set whose bits are `bits`: bit 0 is the first service.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The first `count` services: at least one and at most eight.
    #[must_use]
    pub const fn first(count: usize) -> Self {
        Self(match count {
            0 | 1 => 1,
            2..8 => (1 << count) - 1,
            _ => u8::MAX,
        })
    }

    /// The bits of the set: bit 0 is the first service.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec::Vec;

    fn s(number: usize) -> ServerId {
        ServerId::new(number - 1).unwrap()
    }

    #[test]
    fn names_are_those_of_the_paper() {
        assert_eq!(format!("{} {:?}", s(1), s(8)), "S1 S8");
        assert_eq!(format!("{} {}", Priority::P1, Priority::P2), "P1 P2");
        assert_eq!(
            format!("{:?}", Members::first(8).minus(Members::first(6))),
            "{S7, S8}"
        );
    }

    #[test]
    fn the_first_services_are_one_at_least_and_eight_at_most() {
        let bits = (0..10).map(|count| ServiceSet::first(count).bits());
        assert_eq!(
            bits.collect::<Vec<_>>(),
            [1, 1, 3, 7, 15, 31, 63, 127, 255, 255]
        );
        assert!(ServiceSet::NONE.is_empty() && !ServiceSet::from_bits(4).is_empty());
    }

    #[test]
    fn a_set_goes_round_from_the_server_after() {
        let set = [1, 3, 4, 8]
            .map(s)
            .into_iter()
            .fold(Members::NONE, Members::with);
        for (after, numbers) in [(3, [4, 8, 1, 3]), (8, [1, 3, 4, 8]), (5, [8, 1, 3, 4])] {
            let round: Vec<_> = set.iter_after(s(after)).take(9).collect();
            assert_eq!(round, numbers.map(s), "after S{after}");
        }
    }
}
