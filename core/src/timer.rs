//! The timers of a node: a small table, indexed by what each wake-up is for.

use crate::id::{SERVERS_MAX, ServerId};
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
}

const COUNT: usize = 3 * SERVERS_MAX + 3;

impl Timer {
    fn slot(self) -> usize {
        match self {
            Self::Watch(target) => target.index(),
            Self::Recovery(target) => SERVERS_MAX + target.index(),
            Self::Standby(function) => 2 * SERVERS_MAX + function.index(),
            Self::Beat => 3 * SERVERS_MAX,
            Self::Join => 3 * SERVERS_MAX + 1,
            Self::Own => 3 * SERVERS_MAX + 2,
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
            _ => Self::Own,
        }
    }
}

/// The timers that are set. Setting one again moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Timers {
    at: [Time; COUNT],
    /// The slot of the earliest timer; of several at one instant the first in the table.
    first: u8,
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Self {
            at: [Time::MAX; COUNT],
            first: 0,
        }
    }

    pub(crate) fn set(&mut self, timer: Timer, at: Time) {
        let slot = timer.slot();
        let was_first = usize::from(self.first) == slot;
        self.at[slot] = at;
        let first = usize::from(self.first);
        if (at, slot) < (self.at[first], first) {
            self.first = slot as u8;
        } else if was_first {
            self.find_first();
        }
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        let slot = timer.slot();
        self.at[slot] = Time::MAX;
        if usize::from(self.first) == slot {
            self.find_first();
        }
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.at[timer.slot()] < Time::MAX
    }

    /// The earliest timer.
    pub(crate) fn first(&self) -> Option<(Time, Timer)> {
        let slot = usize::from(self.first);
        let at = self.at[slot];
        (at < Time::MAX).then(|| (at, Timer::of_slot(slot)))
    }

    /// Takes the earliest timer that is due at `now`.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<Timer> {
        let (at, timer) = self.first()?;
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
        self.find_first();
    }

    fn find_first(&mut self) {
        let mut first = 0;
        for slot in 1..COUNT {
            if self.at[slot] < self.at[first] {
                first = slot;
            }
        }
        self.first = first as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(timers.take_due(at(2)), None);
        assert_eq!(timers.take_due(at(9)), Some(Timer::Own));
        assert_eq!(timers.take_due(at(9)), Some(Timer::Beat));
        assert_eq!(timers.take_due(at(9)), Some(Timer::Join));
        assert_eq!(timers.take_due(at(9)), None);
        assert_eq!(timers, Timers::new());
    }

    #[test]
    fn setting_again_moves_and_clearing_forgets() {
        let mut timers = Timers::new();
        timers.set(Timer::Join, Time::from_nanos(5));
        timers.set(Timer::Join, Time::from_nanos(50));
        assert_eq!(timers.take_due(Time::from_nanos(49)), None);
        timers.set(Timer::Beat, Time::from_nanos(7));
        timers.clear(Timer::Beat);
        assert_eq!(timers.first(), Some((Time::from_nanos(50), Timer::Join)));
    }
}
