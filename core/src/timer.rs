//! The timers of a node: a small table, indexed by what each wake-up is for.

use crate::id::{Members, SERVERS_MAX, ServerId};
use crate::time::Time;

/// What a wake-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The management program of a target: the next cycle, S.file overdue, an examination or a sign
    /// of life that does not come.
    Watch(ServerId),
    /// The background job of a target: a wait of it, or a command that does not end.
    Recovery(ServerId),
    /// The virtual server of a function: a hand-off, or a job that does not end.
    Standby(ServerId),
    /// Signs of life to the other managers while this server acts.
    Beat,
    /// Joining the ring: waiting for answers, or asking again.
    Join,
    /// This server's own virtual IP address: a job that does not end.
    Own,
    /// Leases: the next question to the voters, or the end of a lease.
    Lease,
    /// The votes of the witness: an answer that does not come.
    Vote,
    /// What this server has seen by itself: until then nothing more is said of it.
    Seen,
}

const COUNT: usize = 3 * SERVERS_MAX + 6;

impl Timer {
    /// Every timer that a node has, in the order of their table.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..COUNT).map(Self::of_slot)
    }

    fn slot(self) -> usize {
        match self {
            Self::Watch(target) => target.index(),
            Self::Recovery(target) => SERVERS_MAX + target.index(),
            Self::Standby(function) => 2 * SERVERS_MAX + function.index(),
            Self::Beat => 3 * SERVERS_MAX,
            Self::Join => 3 * SERVERS_MAX + 1,
            Self::Own => 3 * SERVERS_MAX + 2,
            Self::Lease => 3 * SERVERS_MAX + 3,
            Self::Vote => 3 * SERVERS_MAX + 4,
            Self::Seen => 3 * SERVERS_MAX + 5,
        }
    }

    fn of_slot(slot: usize) -> Self {
        let about = |first: usize, timer: fn(ServerId) -> Self| {
            ServerId::new(slot - first).map_or(Self::Own, timer)
        };
        match slot {
            0..8 => about(0, Self::Watch),
            8..16 => about(8, Self::Recovery),
            16..24 => about(16, Self::Standby),
            24 => Self::Beat,
            25 => Self::Join,
            26 => Self::Own,
            27 => Self::Lease,
            28 => Self::Vote,
            _ => Self::Seen,
        }
    }

    /// The place of a slot among timers of one instant, at the node of `me`: by what they are for,
    /// and then in the order in which their servers follow `me` in the ring.
    #[inline]
    const fn turn(slot: usize, me: ServerId) -> usize {
        const FIRST_OWN: usize = 3 * SERVERS_MAX;
        match slot {
            0..FIRST_OWN => slot & !7 | slot.wrapping_sub(me.index()) & 7,
            _ => slot,
        }
    }
}

/// The timers that are set. Setting one again moves it.
///
/// A node in good health has two timers of 30 set, and moves them with nearly every input. So the
/// earliest one is not kept: it is looked for once a step, among those that are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Timers {
    /// [`Time::MAX`] where no timer is set, so that equal timers compare equal.
    at: [Time; COUNT],
    /// One bit for each slot that is set.
    set: u32,
}

const _: () = assert!(COUNT <= u32::BITS as usize, "a bit for each slot");

impl Timers {
    pub(crate) const fn new() -> Self {
        Self {
            at: [Time::MAX; COUNT],
            set: 0,
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, timer: Timer, at: Time) {
        let slot = timer.slot();
        self.at[slot] = at;
        // The end of time never comes, so a timer for it is none.
        let bit = u32::from(at < Time::MAX);
        self.set = self.set & !(1 << slot) | bit << slot;
    }

    #[inline]
    pub(crate) fn clear(&mut self, timer: Timer) {
        let slot = timer.slot();
        self.at[slot] = Time::MAX;
        self.set &= !(1 << slot);
    }

    /// When `timer` is due, if it is set.
    pub(crate) fn due(&self, timer: Timer) -> Option<Time> {
        Some(self.at[timer.slot()]).filter(|at| *at < Time::MAX)
    }

    #[inline]
    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.set >> timer.slot() & 1 == 1
    }

    /// The first of these servers, each set for one kind of timer in the order of the table, whose
    /// timer is not set; with the place of its set.
    #[inline]
    pub(crate) fn first_missing(&self, sets: [Members; 3]) -> Option<(usize, ServerId)> {
        let [first, second, third] = sets.map(Members::bits);
        let wanted = u32::from_le_bytes([first, second, third, 0]);
        let missing = wanted & !self.set;
        let lost = |kind: usize, server: ServerId| missing >> (kind * SERVERS_MAX + server.index());
        (missing != 0)
            .then(|| ServerId::all(SERVERS_MAX))?
            .find_map(|server| {
                let kind = (0..3).find(|kind| lost(*kind, server) & 1 == 1)?;
                Some((kind, server))
            })
    }

    /// The earliest timer of the node of `me`, [`Timer::turn`] deciding between several at one
    /// instant.
    #[inline]
    pub(crate) fn first(&self, me: ServerId) -> Option<(Time, Timer)> {
        let mut left = self.set;
        let (mut first, mut first_at) = (0, Time::MAX);
        while left != 0 {
            let slot = left.trailing_zeros() as usize;
            left &= left - 1;
            let at = self.at[slot];
            let comes_before = || Timer::turn(slot, me) < Timer::turn(first, me);
            if at < first_at || at == first_at && comes_before() {
                (first, first_at) = (slot, at);
            }
        }
        (first_at < Time::MAX).then(|| (first_at, Timer::of_slot(first)))
    }

    /// Takes the earliest timer of the node of `me` that is due at `now`.
    #[inline]
    pub(crate) fn take_due(&mut self, now: Time, me: ServerId) -> Option<Timer> {
        let (at, timer) = self.first(me)?;
        if at > now {
            return None;
        }
        self.clear(timer);
        Some(timer)
    }

    /// The same timers with `base` in the place of the instant `now`.
    pub(crate) fn rebase(&mut self, now: Time, base: Time) {
        for at in self.at.iter_mut().filter(|at| **at < Time::MAX) {
            *at = at.rebased(now, base);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn s(number: usize) -> ServerId {
        ServerId::new(number - 1).unwrap()
    }

    #[test]
    fn slots_and_timers_correspond() {
        for slot in 0..COUNT {
            assert_eq!(Timer::of_slot(slot).slot(), slot);
        }
    }

    #[test]
    fn due_timers_come_by_time_and_then_by_place() {
        let mut timers = Timers::new();
        let at = Time::from_nanos;
        timers.set(Timer::Join, at(5));
        timers.set(Timer::Beat, at(5));
        timers.set(Timer::Own, at(3));
        assert_eq!(timers.take_due(at(2), s(1)), None);
        assert_eq!(timers.take_due(at(9), s(1)), Some(Timer::Own));
        assert_eq!(timers.take_due(at(9), s(1)), Some(Timer::Beat));
        assert_eq!(timers.take_due(at(9), s(1)), Some(Timer::Join));
        assert_eq!(timers.take_due(at(9), s(1)), None);
        assert_eq!(timers, Timers::new());
    }

    #[test]
    fn of_one_kind_at_one_instant_the_next_in_the_ring_comes_first() {
        let mut timers = Timers::new();
        let at = Time::from_nanos(5);
        for timer in [1, 2, 4].map(s).map(Timer::Recovery) {
            timers.set(timer, at);
        }
        timers.set(Timer::Watch(s(1)), at);
        let mut take = || timers.take_due(at, s(3));
        assert_eq!(take(), Some(Timer::Watch(s(1))));
        assert_eq!(take(), Some(Timer::Recovery(s(4))));
        assert_eq!(take(), Some(Timer::Recovery(s(1))));
        assert_eq!(take(), Some(Timer::Recovery(s(2))));
    }

    #[test]
    fn setting_again_moves_and_clearing_forgets() {
        let mut timers = Timers::new();
        timers.set(Timer::Join, Time::from_nanos(5));
        timers.set(Timer::Join, Time::from_nanos(50));
        assert_eq!(timers.take_due(Time::from_nanos(49), s(1)), None);
        timers.set(Timer::Beat, Time::from_nanos(7));
        timers.clear(Timer::Beat);
        assert_eq!(
            timers.first(s(1)),
            Some((Time::from_nanos(50), Timer::Join))
        );
        assert_eq!(timers.due(Timer::Join), Some(Time::from_nanos(50)));
        assert_eq!(timers.due(Timer::Beat), None);
    }

    #[test]
    fn moved_timers_keep_their_distance_and_those_not_set_stay_so() {
        let at = Time::from_nanos;
        for base in [3, 100] {
            let mut timers = Timers::new();
            timers.set(Timer::Join, at(9));
            timers.rebase(at(5), at(base));
            assert_eq!(timers.due(Timer::Join), Some(at(base + 4)));
            timers.clear(Timer::Join);
            assert_eq!(timers, Timers::new());
        }
    }

    #[test]
    fn a_timer_for_the_end_of_time_is_none() {
        let mut timers = Timers::new();
        timers.set(Timer::Join, Time::from_nanos(5));
        timers.set(Timer::Join, Time::MAX);
        assert_eq!(timers.first(s(1)), None);
        assert_eq!(timers, Timers::new());
    }

    proptest! {
        #[test]
        fn the_first_is_the_least_in_time_and_then_in_turn(
            acts in proptest::collection::vec((0..COUNT, 0..6_u64), 0..80),
            me in 1..=SERVERS_MAX,
        ) {
            let me = s(me);
            let mut timers = Timers::new();
            let mut plain = [Time::MAX; COUNT];
            for (slot, at) in acts {
                let timer = Timer::of_slot(slot);
                if at == 5 {
                    timers.clear(timer);
                    plain[slot] = Time::MAX;
                } else {
                    timers.set(timer, Time::from_nanos(at));
                    plain[slot] = Time::from_nanos(at);
                }
                let least = (0..COUNT).min_by_key(|slot| (plain[*slot], Timer::turn(*slot, me))).unwrap();
                let first = (plain[least] < Time::MAX).then(|| (plain[least], Timer::of_slot(least)));
                prop_assert_eq!(timers.first(me), first);
                prop_assert_eq!(timers.is_set(timer), plain[slot] < Time::MAX);
            }
        }
    }
}
